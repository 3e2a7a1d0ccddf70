"""The HTTP API: one module a resource; no rule of the domain and no SQL."""
