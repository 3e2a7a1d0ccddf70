"""The routes of the API but for the batch, one module a resource."""
