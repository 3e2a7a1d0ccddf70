"""A batch as columns: the checks, the plan and the store work on whole columns, not customer by
customer, for a call into C over a thousand values costs little more than one over a single one.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast

from msgspec import UNSET, Raw, Struct

from enrol.customers.model import (
    CLAIM_FIELDS,
    CONTACT_FIELDS,
    Customer,
    CustomerClaims,
    CustomerContact,
    CustomerDid,
    CustomerWallet,
)

Texts = Sequence[str | None]
Profile = dict[str, Sequence[Any]]

_parts_of: Final = attrgetter("customer_wallet", "customer_claims", "customer_did")
_fields_of: Final[dict[type[Struct], Callable[[Any], tuple[Any, ...]]]] = {
    struct: attrgetter(*struct.__struct_fields__)
    for struct in (CustomerWallet, CustomerClaims, CustomerDid, CustomerContact)
}
_no_claims: Final = CustomerClaims()
_no_contact: Final = CustomerContact()

# The members of an item that are its profile, before and behind its contact.
_BEFORE: Final = ("external_customer_id", "status", "risk_score", "onboarding_level")
_BEHIND: Final = ("tags", "metadata")
_profile_of: Final = attrgetter(*_BEFORE, *_BEHIND, "customer_contact")
_OWN: Final = len(_BEFORE) + len(_BEHIND)
PARTS: Final = 3
PROFILE_MEMBERS: Final = _OWN + 1 + len(CONTACT_FIELDS)
"""Members of an item, and of its contact, beside its three parts."""


class WalletColumns(NamedTuple):
    """The wallets of a batch; ``places`` are the customers' places in the batch's columns."""

    places: Sequence[int]
    addresses: Sequence[str]
    namespaces: Sequence[str]
    verified: Sequence[bool | None]
    created_by: Texts


class DidColumns(NamedTuple):
    """The DIDs of a batch; ``places`` as in `WalletColumns`."""

    places: Sequence[int]
    dids: Sequence[str]
    created_by: Texts
    updated_by: Texts


class Columns(NamedTuple):
    """The customers of a batch that decoded.

    ``items`` are their indexes in ``customerData``. ``claims`` has one column a claim, in the
    order of `CLAIM_FIELDS`, each with one entry a customer. ``absent`` counts the optional
    members that were not sent at all (null was), ``without_claims`` the customers that have
    no claims object. ``profile`` has the columns of `PROFILE_FIELDS`, each with one entry a
    customer, the metadata as text; None: no customer of the batch has any of it.
    """

    items: Sequence[int]
    wallets: WalletColumns
    dids: DidColumns
    claims: dict[str, Texts]
    absent: int = 0
    without_claims: int = 0
    profile: Profile | None = None


def columns_of(customers: Sequence[Customer], items: Sequence[int]) -> Columns:
    """Turn customers into columns; absent and null are both None from here on.

    Raises `UnicodeDecodeError` for metadata that are no UTF-8.
    """
    return with_profile(part_columns(customers, items), customers)


def part_columns(customers: Sequence[Customer], items: Sequence[int]) -> Columns:
    """The columns of the three parts alone: most batches have no more."""
    parts = _transposed(map(_parts_of, customers), PARTS)
    absent = sum(part.count(UNSET) for part in parts)
    wallets, wallet_places, absent_in_wallets = _part_columns(CustomerWallet, parts[0])
    dids, did_places, absent_in_dids = _part_columns(CustomerDid, parts[2])
    claims = [claims or _no_claims for claims in parts[1]]
    claim_columns, absent_in_claims = _columns(CustomerClaims, claims)
    # Whoever sent no claims did not leave out any one of them.
    without_claims = len(claims) - sum(map(bool, parts[1]))
    absent_in_claims -= len(CLAIM_FIELDS) * without_claims
    return Columns(
        items,
        WalletColumns(wallet_places, *wallets),
        DidColumns(did_places, *dids),
        dict(zip(CLAIM_FIELDS, claim_columns, strict=True)),
        absent + absent_in_wallets + absent_in_dids + absent_in_claims,
        without_claims,
    )


def with_profile(columns: Columns, customers: Sequence[Customer]) -> Columns:
    """The columns with those of the profile, where any member of it was sent."""
    own = _transposed(map(_profile_of, customers), _OWN + 1)
    absent = sum(column.count(UNSET) for column in own)
    if absent == len(own) * len(customers):
        return columns
    # Whoever sent no contact left out all of its members.
    contacts, absent_in_contacts = _columns(
        CustomerContact, [one or _no_contact for one in own[-1]]
    )
    plain = [
        [None if value is UNSET else value for value in column] if UNSET in column else column
        for column in own[:-1]
    ]
    profile: Profile = {
        **dict(zip(_BEFORE, plain, strict=False)),
        **dict(zip(CONTACT_FIELDS, contacts, strict=True)),
        "tags": plain[-2],
        "metadata": list(map(_metadata_text, plain[-1])),
    }
    return columns._replace(absent=columns.absent + absent + absent_in_contacts, profile=profile)


def _metadata_text(raw: Raw | None) -> str | None:
    text = None if raw is None else bytes(raw).decode()
    return None if text == "null" else text


def take(columns: Columns, kept: Sequence[bool]) -> Columns:
    """The columns of those customers whose flag is set."""
    new_place = dict(zip(compress(range(len(kept)), kept), range(len(kept)), strict=False))
    wallets, dids = columns.wallets, columns.dids
    return Columns(
        list(compress(columns.items, kept)),
        WalletColumns(*_taken(wallets, kept, new_place)),
        DidColumns(*_taken(dids, kept, new_place)),
        {field: list(compress(column, kept)) for field, column in columns.claims.items()},
        profile=_part_of(columns.profile, lambda column: list(compress(column, kept))),
    )


def cut(columns: Columns, start: int, stop: int) -> Columns:
    """The columns of the customers at the places from ``start`` up to ``stop``."""
    wallets, dids = columns.wallets, columns.dids
    return Columns(
        columns.items[: stop - start],
        WalletColumns(*_cut(wallets, start, stop)),
        DidColumns(*_cut(dids, start, stop)),
        {field: column[start:stop] for field, column in columns.claims.items()},
        profile=_part_of(columns.profile, lambda column: column[start:stop]),
    )


def part_bounds(part: WalletColumns | DidColumns, start: int, stop: int) -> slice:
    """Which entries of a part belong to the customers from ``start`` up to ``stop``."""
    return slice(bisect_left(part.places, start), bisect_left(part.places, stop))


def _part_of(
    profile: Profile | None, part: Callable[[Sequence[Any]], Sequence[Any]]
) -> Profile | None:
    """A part of every column; None where nothing is left in any."""
    if profile is None:
        return None
    parts = {field: part(column) for field, column in profile.items()}
    return parts if any(column.count(None) < len(column) for column in parts.values()) else None


def _cut(part: WalletColumns | DidColumns, start: int, stop: int) -> list[Any]:
    bounds = part_bounds(part, start, stop)
    places = [place - start for place in part.places[bounds]]
    return [places, *(column[bounds] for column in part[1:])]


def _taken(
    part: WalletColumns | DidColumns, kept: Sequence[bool], new_place: dict[int, int]
) -> list[Any]:
    flags = [kept[place] for place in part.places]
    places = [new_place[place] for place in compress(part.places, flags)]
    return [places, *(list(compress(column, flags)) for column in part[1:])]


def _part_columns(
    struct: type[Struct], parts: Sequence[Any]
) -> tuple[list[Any], Sequence[int], int]:
    """The columns of a part that some customers have, the places of these, and what is absent."""
    if all(parts):
        present, places = parts, cast(Sequence[int], range(len(parts)))
    else:
        present = [part for part in parts if part]
        places = [place for place, part in enumerate(parts) if part]
    columns, absent = _columns(struct, present)
    return columns, places, absent


def _columns(struct: type[Struct], values: Sequence[Any]) -> tuple[list[Any], int]:
    columns = _transposed(map(_fields_of[struct], values), len(struct.__struct_fields__))
    absent = 0
    for place, column in enumerate(columns):
        if UNSET in column:
            absent += column.count(UNSET)
            columns[place] = [None if value is UNSET else value for value in column]
    return columns, absent


def _transposed(rows: Iterable[tuple[Any, ...]], width: int) -> list[Any]:
    return list(zip(*rows, strict=True)) or [()] * width
