"""One module a revision, frozen once it is released: what it knows of a table, it says itself."""
