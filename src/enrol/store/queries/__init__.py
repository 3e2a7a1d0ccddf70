"""Statements and the functions that ask them, one module a resource, for both databases."""
