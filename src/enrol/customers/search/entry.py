"""What the index holds of one customer: its facets, its words, and its places in the orders."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from enrol.customers.search.words import name_key, name_words

# The fields whose words a search finds.
NAMES: Final = (
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
)

# A facet is a letter for what it is, and its value. These have none:
LIVE: Final = b"+"
DELETED: Final = b"-"
ANY_FINDING: Final = b"F"
# Customers whose place in an order is not told by their number: see `Entry`.
LATE: Final = b"<"
CHANGED: Final = b">"
# With the first letter of the name: it parts the order by name.
LETTER: Final = b"N"
LETTERS: Final = ("", *"0123456789abcdefghijklmnopqrstuvwxyz")
# Of the index itself: words that many in a chunk have, and beginnings of words.
WORD: Final = b"W"
PREFIX: Final = b"P"

# Columns of a customer with one value, NULL being one too.
SINGLE: Final = {
    "type": b"t",
    "status": b"s",
    "risk_score": b"r",
    "onboarding_level": b"o",
    "country_of_residence": b"c",
    "nationality": b"n",
}
NAMESPACE: Final = b"w"
TAG: Final = b"g"
FINDING: Final = b"f"
MOST_VALUE_BYTES: Final = 48

# The orders that customers are listed in.
BY_CREATED: Final = 0
BY_UPDATED: Final = 1
BY_NAME: Final = 2
BY_DELETED: Final = 3
TIME_BYTES: Final = 8
ID_BYTES: Final = 16


class Entry(NamedTuple):
    """One customer as the index knows it. Times are Unix milliseconds."""

    id: bytes
    created_at: int
    facets: frozenset[bytes]
    words: str
    # The places in orders of their own: pairs of order and key.
    orders: frozenset[tuple[int, bytes]]


def facet(kind: bytes, value: str) -> bytes:
    """The facet of a value; a long value by its hash, for it is part of a key."""
    text = value.encode()
    if len(text) > MOST_VALUE_BYTES:
        text = b"\0" + blake2b(text, digest_size=16).digest()
    return kind + text


def time_key(at: int, customer_id: bytes) -> bytes:
    """The key of a customer in an order by time."""
    return at.to_bytes(TIME_BYTES, "big") + customer_id


def entry_of(
    customer: Mapping[str, Any],
    namespaces: Iterable[str],
    tags: Iterable[str],
    findings: Iterable[str],
    *,
    late: bool,
) -> Entry:
    """The entry of a stored customer. ``late``: its number is not in the order of creation."""
    facets = {facet(kind, customer[column] or "") for column, kind in SINGLE.items()}
    facets.update(facet(NAMESPACE, namespace) for namespace in namespaces)
    facets.update(facet(TAG, tag) for tag in tags)
    codes = {facet(FINDING, code) for code in findings}
    facets |= codes | ({ANY_FINDING} if codes else set())
    customer_id, created_at = customer["id"], customer["created_at"]
    updated_at, deleted_at = customer["updated_at"], customer["deleted_at"]
    key = _name_key(customer)
    facets.add(LETTER + key[:1])
    orders = {(BY_NAME, key + b"\0" + customer_id)}
    if late:
        facets.add(LATE)
        orders.add((BY_CREATED, time_key(created_at, customer_id)))
    if updated_at is not None:
        facets.add(CHANGED)
    if late or updated_at is not None:
        orders.add((BY_UPDATED, time_key(updated_at or created_at, customer_id)))
    if deleted_at is not None:
        facets.add(DELETED)
        orders.add((BY_DELETED, time_key(deleted_at, customer_id)))
    elif customer["merged_into"] is None:
        facets.add(LIVE)
    words = name_words(customer[field] for field in NAMES)
    return Entry(
        customer_id,
        created_at,
        frozenset(facets),
        f" {' '.join(words)} " if words else "",
        frozenset(orders),
    )


def no_entry(customer_id: bytes, created_at: int) -> Entry:
    """What is left of a customer that is gone: the place of its number."""
    return Entry(customer_id, created_at, frozenset(), "", frozenset())


def _name_key(customer: Mapping[str, Any]) -> bytes:
    name = customer["name"]
    if not name:
        name = " ".join(filter(None, (customer["given_name"], customer["family_name"])))
    return name_key(name)
