"""Customers in one file, sent while it is made."""
