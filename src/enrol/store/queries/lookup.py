"""Whose a wallet, a DID, a ``sub`` or a host's own ID is: however many, in one question.

A customer that was deleted has no unique keys, so that it is not found.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple

from enrol.customers.enrolment import DID, EXTERNAL, SUB, WALLET
from enrol.customers.plan import key_hash, key_hashes
from enrol.customers.wallets.lookup import lookup_spellings
from enrol.customers.wallets.registry import NAMESPACES
from enrol.store.protocol import Store

FIND_LIVE: Final = """
SELECT id FROM customers
WHERE project = $1 AND id = ANY($2) AND deleted_at IS NULL AND erased_at IS NULL
"""


class WalletAsked(NamedTuple):
    """An address in any spelling, and its namespace where it is known."""

    address: str
    namespace: str | None = None


async def find_by_did(store: Store, project: int, did: str) -> bytes | None:
    """The customer that has a DID."""
    return await _find_one(store, project, DID, did)


async def find_by_sub(store: Store, project: int, sub: str) -> bytes | None:
    """The customer whose claim ``sub`` this is."""
    return await _find_one(store, project, SUB, sub)


async def find_by_external_id(store: Store, project: int, external_id: str) -> bytes | None:
    """The customer that the host knows by this ID."""
    return await _find_one(store, project, EXTERNAL, external_id)


async def find_by_keys(
    store: Store, project: int, asked: Sequence[Sequence[bytes]]
) -> list[list[bytes]]:
    """For each asked value, by all the keys that it may have, the customers that have one of them,
    in the order of the keys."""
    found = await store.find_identifiers(project, sorted({*chain.from_iterable(asked)}))
    return [list(dict.fromkeys(found[key] for key in keys if key in found)) for keys in asked]


async def find_live(store: Store, project: int, ids: Sequence[bytes]) -> set[bytes]:
    """Which of these IDs are those of customers that are not deleted."""
    return {row[0] for row in await store.fetch(FIND_LIVE, project, list(ids))}


def keys_of_values(
    secret: bytes, project: int, kind: int, values: Sequence[str]
) -> list[list[bytes]]:
    """The one key that each DID, ``sub`` or host's ID may have."""
    return [[key] for key in key_hashes(secret, project, kind, values)]


def keys_of_wallets(
    secret: bytes, project: int, wallets: Sequence[WalletAsked], *, lenient: bool
) -> list[list[bytes]]:
    """The keys that each wallet may have. Only a lenient project stores what is no address."""
    accounts = [
        [
            f"{namespace}:{spelling}"
            for namespace, spelling in lookup_spellings(
                wallet.address,
                NAMESPACES if wallet.namespace is None else (wallet.namespace,),
                as_sent=lenient,
            )
        ]
        for wallet in wallets
    ]
    hashes = iter(key_hashes(secret, project, WALLET, chain.from_iterable(accounts)))
    return [[next(hashes) for _ in each] for each in accounts]


async def _find_one(store: Store, project: int, kind: int, value: str) -> bytes | None:
    key = key_hash(store.secret, project, kind, value)
    return (await store.find_identifiers(project, [key])).get(key)
