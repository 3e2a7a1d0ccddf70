"""Whose any number of wallets, DIDs and IDs are."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple
from uuid import UUID

from msgspec import Raw

from enrol.api.resources.lookup import (
    MOST_ASKED,
    MOST_BYTES,
    MOST_SHOWN,
    LookupAnswer,
    LookupData,
    LookupRequest,
    LookupWallet,
)
from enrol.client.calls import Call, encoded, reader, telling
from enrol.client.errors import NotEncodable

# Room for the names of the lists.
CALL_BYTES: Final = MOST_BYTES - 1024
KINDS: Final = dict(
    zip(LookupRequest.__struct_fields__, LookupRequest.__struct_encode_fields__, strict=True)
)
_ANSWER: Final = reader(LookupAnswer)


class _Value(NamedTuple):
    """A value in JSON, and its place among the caller's of its kind."""

    kind: str
    place: int
    json: bytes


def look_up_customers(
    *,
    wallets: Iterable[str | LookupWallet] = (),
    ids: Iterable[str | UUID] = (),
    dids: Iterable[str] = (),
    subs: Iterable[str] = (),
    external_customer_ids: Iterable[str] = (),
    include_customers: bool = False,
) -> Generator[Call[LookupAnswer], LookupAnswer, LookupAnswer]:
    """Whose these are: for each, in order, the customer's ID or None; any number is cut into calls.
    A wallet is an address in any spelling, or a `LookupWallet` that names its namespace;
    ``ambiguous_wallets`` are the places of those that are several customers', of whom one is given.
    ``include_customers`` gives each customer found as well, once, in no order."""
    given = _values(
        wallets=wallets,
        ids=map(str, ids),
        dids=dids,
        subs=subs,
        external_customer_ids=external_customer_ids,
    )
    found: dict[str, list[UUID | None]] = {kind: [] for kind in KINDS}
    ambiguous: list[int] = []
    customers = {}
    for values in _cut(given, MOST_SHOWN if include_customers else MOST_ASKED):
        call = _call(values, include_customers=include_customers)
        answer = yield call
        for kind, ids_found in found.items():
            ids_found += getattr(answer.data, kind)
        first = call.firsts.get("wallets", 0)
        ambiguous += [first + place for place in answer.ambiguous_wallets]
        customers.update({customer.id: customer for customer in answer.customers or ()})
    return LookupAnswer(
        data=LookupData(**found),
        ambiguous_wallets=ambiguous,
        customers=[*customers.values()] if include_customers else None,
    )


def _values(**given: Iterable[object]) -> Iterator[_Value]:
    for kind, values in given.items():
        if isinstance(values, str):
            # It would be looked up letter by letter.
            raise TypeError(f"{kind} is a text: a list of them is meant")
        for place, value in enumerate(values):
            try:
                yield _Value(kind, place, encoded(value))
            except NotEncodable as error:
                raise NotEncodable(error.reason, f"The value {place} of {kind}") from None


def _cut(values: Iterator[_Value], most: int) -> Iterator[list[_Value]]:
    """The values of each call, no more than it may have, and no more bytes."""
    taken: list[_Value] = []
    size = 0
    for value in values:
        more = len(value.json) + len(",")
        if taken and (len(taken) == most or size + more > CALL_BYTES):
            yield taken
            taken, size = [], 0
        taken.append(value)
        size += more
    if taken:
        yield taken


def _call(values: list[_Value], *, include_customers: bool) -> Call[LookupAnswer]:
    lists: dict[str, list[bytes]] = {}
    firsts: dict[str, int] = {}
    for value in values:
        lists.setdefault(KINDS[value.kind], []).append(value.json)
        firsts.setdefault(KINDS[value.kind], value.place)
    members = (b'"%s":[%s]' % (kind.encode(), b",".join(each)) for kind, each in lists.items())
    call = telling(
        "POST /customers/lookup",
        body=Raw(b"{" + b",".join(members) + b"}"),
        query={"include": "customers" if include_customers else None},
        parse=lambda answer: _counted(_ANSWER(answer), lists),
    )
    return replace(call, firsts=firsts)


def _counted(answer: LookupAnswer, lists: dict[str, list[bytes]]) -> LookupAnswer:
    if any(len(getattr(answer.data, k)) != len(lists.get(KINDS[k], ())) for k in KINDS):
        raise ValueError
    return answer
