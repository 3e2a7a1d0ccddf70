"""One module a DID method, called by its name: a method joins with its file.

Each module has ``faults(dids)``: a `ColumnCheck`. Its DIDs are of the method and fit the syntax of
DID Core, so they are ASCII. It is on the hot path: a column that is right should cost one look.
"""
