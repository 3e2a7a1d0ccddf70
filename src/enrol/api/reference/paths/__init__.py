"""The routes in words, one module a resource: each brings its `Resource` to the document."""
