"""The routes that make and change one customer."""
