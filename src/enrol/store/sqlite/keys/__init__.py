"""The unique keys of a SQLite file."""
