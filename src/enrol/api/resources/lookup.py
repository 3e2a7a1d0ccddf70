"""Whose wallets, DIDs and IDs these are: up to 10,000 in one call."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, post
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from enrol.api.bodies import edge_request, read_json
from enrol.api.lists.pages import answer_with
from enrol.api.resources.customers import Reads, reading_key
from enrol.api.server import Server
from enrol.api.views import CustomerView
from enrol.customers.enrolment import DID, EXTERNAL, SUB
from enrol.customers.faults import Fault
from enrol.customers.wallets.registry import NAMESPACES
from enrol.problems import Problem
from enrol.settings import MIB
from enrol.store.protocol import KeyRecord
from enrol.store.queries.lookup import (
    WalletAsked,
    find_by_keys,
    find_live,
    keys_of_values,
    keys_of_wallets,
)

MOST_ASKED: Final = 10_000
MOST_SHOWN: Final = 1_000
MOST_BYTES: Final = 4 * MIB
# Each may be an object of two texts.
MOST_VALUES: Final = 4 * MOST_ASKED
# More are hashed in a thread, so that the loop goes on answering small calls.
THREAD_WALLETS: Final = 500
QUERY: Final = {"include": ("customers",)}


# A DID may hold a key whole. What is longer is nobody's, whatever the settings say.
Asked = Annotated[str, Meta(max_length=65_536, pattern=r"^[^\u0000]*$")]


class LookupWallet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A wallet whose namespace is known."""

    wallet: Asked
    blockchain_namespace: str


class LookupRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What to look for. A wallet is a text in any spelling, or an object that names its
    namespace."""

    wallets: list[Asked | LookupWallet] = []
    ids: list[Asked] = []
    dids: list[Asked] = []
    subs: list[Asked] = []
    external_customer_ids: list[Asked] = []


class LookupData(Struct, frozen=True, kw_only=True, rename="camel"):
    """For each value that was asked, in the same order: the ID of its customer, or null."""

    wallets: list[UUID | None]
    ids: list[UUID | None]
    dids: list[UUID | None]
    subs: list[UUID | None]
    external_customer_ids: list[UUID | None]


class LookupAnswer(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What was found."""

    data: LookupData
    ambiguous_wallets: list[int]
    customers: list[CustomerView] | None = None


@post("/customers/lookup", status_code=200, operation_id="lookUpCustomers", tags=["customers"])
async def look_up_customers(server: NamedDependency[Server], request: Reads) -> Response[Any]:
    """The customers of wallets, DIDs and IDs."""
    key = await reading_key(server, request)
    shows = "include" in edge_request(request).query(QUERY)
    asked = await read_json(
        server, request, LookupRequest, most_bytes=MOST_BYTES, most_values=MOST_VALUES
    )
    if faults := list(_faults(asked, MOST_SHOWN if shows else MOST_ASKED)):
        raise Problem("body.invalid", faults=faults)
    keys = await _keys(server, key, asked)
    owners = await find_by_keys(server.store, key.project, [one for kind in keys for one in kind])
    live = await _find_ids(server, key, asked.ids)
    ends = iter(owners)
    wallets, dids, subs, externals = ([next(ends) for _ in kind] for kind in keys)
    found = LookupData(
        wallets=_firsts(wallets),
        ids=live,
        dids=_firsts(dids),
        subs=_firsts(subs),
        external_customer_ids=_firsts(externals),
    )
    answer = LookupAnswer(
        data=found,
        ambiguous_wallets=[place for place, several in enumerate(wallets) if len(several) > 1],
        customers=[] if shows else None,
    )
    if not shows:
        return Response(answer)
    return await answer_with(
        server, key, edge_request(request), _found_ids(found), answer, "customers"
    )


def _faults(asked: LookupRequest, most: int) -> Sequence[Fault]:
    """What the shape does not say: how many in all, and which namespaces there are."""
    lists = (asked.wallets, asked.ids, asked.dids, asked.subs, asked.external_customer_ids)
    if sum(len(each) for each in lists) > most:
        return [Fault(None, "", "field.value", f"At most {most} values in all.")]
    return [
        Fault(None, f"/wallets/{place}/blockchainNamespace", "namespace.unknown")
        for place, wallet in enumerate(asked.wallets)
        if isinstance(wallet, LookupWallet) and wallet.blockchain_namespace not in NAMESPACES
    ]


async def _keys(
    server: Server, key: KeyRecord, asked: LookupRequest
) -> tuple[list[list[bytes]], ...]:
    """The unique keys that each wallet, DID, ``sub`` and host's ID may have."""

    def hashed() -> tuple[list[list[bytes]], ...]:
        secret, project = server.store.secret, key.project
        wallets = [
            WalletAsked(each)
            if isinstance(each, str)
            else WalletAsked(each.wallet, each.blockchain_namespace)
            for each in asked.wallets
        ]
        return (
            keys_of_wallets(secret, project, wallets, lenient=key.lenient),
            keys_of_values(secret, project, DID, asked.dids),
            keys_of_values(secret, project, SUB, asked.subs),
            keys_of_values(secret, project, EXTERNAL, asked.external_customer_ids),
        )

    if len(asked.wallets) <= THREAD_WALLETS:
        return hashed()
    return await asyncio.get_running_loop().run_in_executor(server.planner, hashed)


async def _find_ids(server: Server, key: KeyRecord, texts: Sequence[str]) -> list[UUID | None]:
    ids = [_uuid(text) for text in texts]
    asked = {each.bytes for each in ids if each is not None}
    live = await find_live(server.store, key.project, sorted(asked)) if asked else set()
    return [each if each is not None and each.bytes in live else None for each in ids]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _firsts(owners: Sequence[Sequence[bytes]]) -> list[UUID | None]:
    return [UUID(bytes=several[0]) if several else None for several in owners]


def _found_ids(found: LookupData) -> list[bytes]:
    """Each customer that was found, once."""
    lists = (found.wallets, found.ids, found.dids, found.subs, found.external_customer_ids)
    return list(dict.fromkeys(each.bytes for one in lists for each in one if each is not None))


HANDLERS: Final = (look_up_customers,)
