"""The API's description of itself: one OpenAPI document, and the pages that are made from it."""
