"""A stored customer as an item of ``customerData``, and as a row of CSV with the same in it."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw

from enrol.customers.model import CLAIM_FIELDS, CLAIM_NAMES, CONTACT_FIELDS

PICTURE: Final = "picture_base64"
TAG_SEPARATOR: Final = ";"
# What a spreadsheet takes for the beginning of a formula.
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
# The columns of a customer that are its claims, but for the picture, which is as large as all else.
CLAIMS: Final = {
    "claims_created_by" if field == "created_by" else field: name
    for field, name in zip(CLAIM_FIELDS, CLAIM_NAMES, strict=True)
    if field != PICTURE
}
CONTACT: Final = tuple(field for field in CONTACT_FIELDS if field != "email")
OWN: Final = {
    "external_customer_id": "externalCustomerId",
    "status": "status",
    "risk_score": "riskScore",
    "onboarding_level": "onboardingLevel",
}
COLUMNS: Final = (*CLAIMS, *CONTACT, *OWN, "tags", "metadata")
"""The columns of a customer's row that an item is made of."""

WALLET: Final = ("wallet", "blockchainNamespace", "verified", "createdBy")
DID: Final = ("did", "createdBy", "updatedBy")

# As `enrol import` reads them, which a test holds: the part, the name in it, and the column.
CELLS: Final[tuple[tuple[str, str, str], ...]] = (
    ("", "externalCustomerId", "externalCustomerId"),
    *(("customerWallet", name, name) for name in WALLET[:3]),
    ("customerWallet", "createdBy", "walletCreatedBy"),
    ("customerDid", "did", "did"),
    ("customerDid", "createdBy", "didCreatedBy"),
    ("customerDid", "updatedBy", "didUpdatedBy"),
    *(("customerClaims", name, name) for name in CLAIM_NAMES),
    *(("customerContact", name, name) for name in CONTACT_FIELDS),
    *(("", name, name) for name in ("status", "riskScore", "onboardingLevel")),
    *(("", name, name) for name in ("tags", "metadata")),
)

_CLAIM_NAMES: Final = tuple(CLAIMS.values())
_OWN_NAMES: Final = tuple(OWN.values())
_CONTACT_START: Final = len(CLAIMS)
_OWN_START: Final = _CONTACT_START + len(CONTACT)
_OWN_END: Final = _OWN_START + len(OWN)
_encode: Final = msgspec.json.Encoder().encode
_tags: Final = msgspec.json.Decoder(list[str]).decode

Item = dict[str, Any]


class Parts(NamedTuple):
    """What stands beside a customer's row: the first wallet, DID and email address, the values of
    the first two as `WALLET` and `DID` name them, and the picture."""

    wallet: Sequence[Any] | None = None
    did: Sequence[Any] | None = None
    email: str | None = None
    picture: str | None = None


def item_of(row: Sequence[Any], parts: Parts) -> Item:
    """The item of a customer; ``row`` has the values of `COLUMNS`. Absent is what is not known."""
    item: Item = {}
    if parts.wallet is not None:
        item["customerWallet"] = wallet = _present(WALLET, parts.wallet)
        if "verified" in wallet:
            # SQLite knows no booleans.
            wallet["verified"] = bool(wallet["verified"])
    claims = _present(_CLAIM_NAMES, row)
    if parts.picture is not None:
        claims["pictureBase64"] = parts.picture
    if claims:
        item["customerClaims"] = claims
    if parts.did is not None:
        item["customerDid"] = _present(DID, parts.did)
    contact = _present(CONTACT, row[_CONTACT_START:_OWN_START])
    if parts.email is not None:
        contact["email"] = parts.email
    if contact:
        item["customerContact"] = contact
    item |= _present(_OWN_NAMES, row[_OWN_START:_OWN_END])
    tags, metadata = row[_OWN_END:]
    if tags is not None:
        item["tags"] = Raw(tags)
    if metadata is not None:
        item["metadata"] = Raw(metadata)
    return item


def json_lines(items: Iterable[Item]) -> bytes:
    """A line of JSON each."""
    return b"".join(line for item in items for line in (_encode(item), b"\n"))


def csv_header() -> bytes:
    """The names of the columns."""
    return _written([name for _, _, name in CELLS]).encode()


def csv_lines(items: Iterable[Item], *, for_spreadsheets: bool = False) -> bytes:
    """A record of RFC 4180 each. ``for_spreadsheets``: no cell is a formula, for an apostrophe
    stands before whatever begins as one; such a file is to be looked at, and not imported."""
    lines = []
    for item in items:
        if "tags" in item:
            item = {**item, "tags": tags_cell(_tags(item["tags"]))}
        cells = _cells(item)
        if for_spreadsheets:
            cells = [f"'{cell}" if cell.startswith(FORMULAS) else cell for cell in cells]
        lines.append(_written(cells))
    return "".join(lines).encode()


def tags_cell(tags: Sequence[str]) -> str:
    """Tags in one cell: with semicolons between them, or as a JSON array where they would not come
    back the same."""
    plain = TAG_SEPARATOR.join(tags)
    return plain if read_tags(plain) == list(tags) else _encode(tags).decode()


def read_tags(cell: str) -> list[str]:
    """The tags of a cell: those of a JSON array of texts, or the texts between semicolons."""
    if cell.startswith("["):
        try:
            return _tags(cell)
        except msgspec.DecodeError:
            pass
    return [tag.strip() for tag in cell.split(TAG_SEPARATOR) if tag.strip()]


def _present(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip(names, values, strict=False) if value is not None}


_NOTHING: Final[Mapping[str, Any]] = {}


def _cells(item: Item) -> list[str]:
    values = [(item.get(part, _NOTHING) if part else item).get(name) for part, name, _ in CELLS]
    return list(map(_cell, values))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else bytes(value).decode()


class _Line:
    """What `csv` writes to: it gives back what it is given."""

    def write(self, text: str) -> str:
        return text


_writer: Final = csv.writer(_Line())


def _written(cells: Sequence[str]) -> str:
    line: Any = _writer.writerow(cells)
    return str(line)
