"""Files of customers, and their import over HTTP. docs/importing.md is its guide."""
