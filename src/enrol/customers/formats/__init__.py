"""What a text of a customer may look like: one module a format, none of which knows the claims."""
