"""One module a blockchain namespace (CAIP-2), called by its name: a chain joins with its file.

Each module has:

- ``canonical(address)``: a `Check`. It is on the hot path, and takes nothing but a plain address;
- ``describe(address)``: the `Description` of an address that ``canonical`` takes;
- ``CAIP_NAMESPACES``: the CAIP-2 namespaces under which CAIP-10 writes its accounts.
"""
