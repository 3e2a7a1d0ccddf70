"""Stored customers as they are sent: what is exported can be imported. Pure."""
