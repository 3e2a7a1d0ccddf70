"""What can be wrong with a batch or one of its customers: every fault code, once.

A fault names the place (a JSON Pointer relative to the customer) and the code, never the value.
"""

from typing import Final, NamedTuple


class FaultKind(NamedTuple):
    """A fault's sentence, and whether a lenient project takes the value all the same."""

    detail: str
    format: bool = False


FAULTS: Final[dict[str, FaultKind]] = {
    # The shape: refused everywhere.
    "query.unknown": FaultKind("This query parameter is not known."),
    "query.value": FaultKind("This query parameter has a value that is not right."),
    "field.unknown": FaultKind("This field is not known."),
    "field.missing": FaultKind("This field is required."),
    "field.type": FaultKind("This value has the wrong type."),
    "field.duplicate": FaultKind("This key stands twice in the same object."),
    "field.empty": FaultKind("This value must not be empty."),
    "text.nul": FaultKind("Text must not contain the NUL character."),
    "text.surrogate": FaultKind("Text must not contain a lone surrogate."),
    "text.too_long": FaultKind("This text is longer than the limit."),
    "item.empty": FaultKind("A customer needs a wallet, a claim or a DID."),
    # Values out of a closed list: refused everywhere.
    "customer_type.unknown": FaultKind('The type must be "Individual" or "Company".'),
    "namespace.unknown": FaultKind("This blockchain namespace is not known."),
    "country.unknown": FaultKind(
        "The country must be an ISO 3166-1 alpha-3 code, ANT or XKX, in upper case."
    ),
    # Formats: a lenient project stores the value and records a finding.
    "wallet.length": FaultKind("The address has the wrong length for its namespace.", True),
    "wallet.alphabet": FaultKind(
        "The address has a character that its namespace does not use.", True
    ),
    "wallet.prefix": FaultKind("The address has the wrong prefix for its namespace.", True),
    "wallet.checksum": FaultKind("The checksum of the address is wrong.", True),
    "did.syntax": FaultKind("The value is not a DID as DID Core 1.0 section 3.1 writes it.", True),
    "birthdate.format": FaultKind(
        "The birthdate must be YYYY-MM-DD, YYYY, 0000-MM-DD or an RFC 3339 date-time.", True
    ),
    "birthdate.future": FaultKind("The birthdate lies in the future.", True),
    "zoneinfo.unknown": FaultKind("The zone is not in the IANA time zone database.", True),
    "locale.syntax": FaultKind("The locale is not a well-formed BCP 47 language tag.", True),
    "url.syntax": FaultKind("The value is not an http or https URL.", True),
    "picture.base64": FaultKind("The picture is not valid base64.", True),
    "picture.type": FaultKind("The picture is not a PNG, JPEG, WebP or GIF image.", True),
    "picture.too_large": FaultKind("The picture is larger than the limit."),
    # Uniqueness within the project.
    "duplicate.wallet": FaultKind("Another item of this batch has the same wallet."),
    "duplicate.did": FaultKind("Another item of this batch has the same DID."),
    "duplicate.sub": FaultKind("Another item of this batch has the same sub."),
    "conflict.wallet": FaultKind("Wallet already attached to another identity"),
    "conflict.did": FaultKind("DID already attached to another customer."),
    "conflict.sub": FaultKind("sub already used by another customer."),
}


class Fault(NamedTuple):
    """One fault of one item of a batch.

    ``item`` is the index in ``customerData`` (None: the fault is of the body as a whole),
    ``pointer`` an RFC 6901 pointer relative to the item (``/customerWallet/wallet``; empty for
    the item itself), ``code`` a key of `FAULTS`.
    ``hint`` is added to the code's sentence; it never holds a value that was sent.
    ``customer_id`` is the stored customer that a conflict is with.
    """

    item: int | None
    pointer: str
    code: str
    hint: str = ""
    customer_id: str | None = None

    @property
    def base(self) -> str:
        """The pointer of the item in the body."""
        return "" if self.item is None else f"/customerData/{self.item}"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        sentence = FAULTS[self.code].detail
        return f"{sentence} {self.hint}" if self.hint else sentence
