"""Wallets and DIDs of a customer: list them, add one, change one, take one away."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from enrol.api.bodies import JSON_OR_PATCH, read_json
from enrol.api.changing import (
    Decided,
    actor_of,
    change_customer,
    customer_bytes,
    decided_of,
    find_customer,
    require_live,
)
from enrol.api.http import JSON, encode_json
from enrol.api.resources.customers import Reads, reading_key
from enrol.api.server import Server
from enrol.api.views import DidView, WalletView, did_view, entity_tag, wallet_view
from enrol.customers.editing.acting import Actor, Plan
from enrol.customers.editing.notes import DIDS, WALLETS, Part
from enrol.customers.editing.parts import (
    MOST_PARTS,
    CheckedPart,
    DidPatch,
    TooManyParts,
    WalletPatch,
    check_part,
    find_part,
    plan_added_did,
    plan_added_wallet,
    plan_changed_part,
    plan_removed_part,
)
from enrol.customers.model import CustomerDid, CustomerWallet
from enrol.problems import Problem
from enrol.store.protocol import CustomerRecord, KeyRecord

WRITE: Final = "customers:write"
WALLETS_PATH: Final = "/customers/{customer_id:str}/wallets"
WALLET_PATH: Final = f"{WALLETS_PATH}/{{wallet_id:str}}"
DIDS_PATH: Final = "/customers/{customer_id:str}/dids"
DID_PATH: Final = f"{DIDS_PATH}/{{did_id:str}}"

Row = Mapping[str, Any]
View = TypeVar("View")


@get(WALLETS_PATH, operation_id="listWallets", tags=["wallets"])
async def list_wallets(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[list[WalletView]]:
    """All wallets of a customer, those added first before others."""
    record = await _read(server, request, customer_id)
    return _answer(record, [wallet_view(row) for row in record.wallets])


@get(DIDS_PATH, operation_id="listDids", tags=["dids"])
async def list_dids(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[list[DidView]]:
    """All DIDs of a customer, those added first before others."""
    record = await _read(server, request, customer_id)
    return _answer(record, [did_view(row) for row in record.dids])


@get(WALLET_PATH, operation_id="getWallet", tags=["wallets"])
async def get_wallet(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    wallet_id: FromPath[str],
) -> Response[WalletView]:
    """One wallet of a customer."""
    record = await _read(server, request, customer_id)
    return _answer(record, wallet_view(_found(record, WALLETS, wallet_id)))


@get(DID_PATH, operation_id="getDid", tags=["dids"])
async def get_did(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    did_id: FromPath[str],
) -> Response[DidView]:
    """One DID of a customer."""
    record = await _read(server, request, customer_id)
    return _answer(record, did_view(_found(record, DIDS, did_id)))


@post(WALLETS_PATH, status_code=200, operation_id="addWallet", tags=["wallets"])
async def add_wallet(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[WalletView]:
    """Add a wallet to a customer; one that it has already stays as it is."""
    key = await _writing_key(server, request)
    sent = await read_json(server, request, CustomerWallet)
    checked = _checked(server, key, sent)
    wallet_id = server.mint().bytes

    def plan(actor: Actor, record: CustomerRecord) -> Plan:
        return plan_added_wallet(actor, record, sent, checked, wallet_id)

    record = await _change(server, request, key, customer_id, plan)
    value = f"{sent.blockchain_namespace}:{checked.canonical}"
    return _answer(record, wallet_view(_there(record, WALLETS, value)))


@post(DIDS_PATH, status_code=200, operation_id="addDid", tags=["dids"])
async def add_did(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[DidView]:
    """Add a DID to a customer; one that it has already stays as it is."""
    key = await _writing_key(server, request)
    sent = await read_json(server, request, CustomerDid)
    checked = _checked(server, key, sent)
    did_id = server.mint().bytes

    def plan(actor: Actor, record: CustomerRecord) -> Plan:
        return plan_added_did(actor, record, sent, checked, did_id)

    record = await _change(server, request, key, customer_id, plan)
    return _answer(record, did_view(_there(record, DIDS, sent.did)))


@patch(WALLET_PATH, operation_id="updateWallet", tags=["wallets"])
async def update_wallet(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    wallet_id: FromPath[str],
) -> Response[WalletView]:
    """Say whether ownership of a wallet is proved."""
    key = await _writing_key(server, request)
    sent = await read_json(server, request, WalletPatch, media_types=JSON_OR_PATCH)

    def plan(actor: Actor, record: CustomerRecord) -> Plan:
        row = _found(record, WALLETS, wallet_id)
        return plan_changed_part(actor, record, WALLETS, row, sent)

    record = await _change(server, request, key, customer_id, plan)
    return _answer(record, wallet_view(_found(record, WALLETS, wallet_id)))


@patch(DID_PATH, operation_id="updateDid", tags=["dids"])
async def update_did(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    did_id: FromPath[str],
) -> Response[DidView]:
    """Say who wrote a DID last."""
    key = await _writing_key(server, request)
    sent = await read_json(server, request, DidPatch, media_types=JSON_OR_PATCH)

    def plan(actor: Actor, record: CustomerRecord) -> Plan:
        return plan_changed_part(actor, record, DIDS, _found(record, DIDS, did_id), sent)

    record = await _change(server, request, key, customer_id, plan)
    return _answer(record, did_view(_found(record, DIDS, did_id)))


@delete(WALLET_PATH, status_code=200, operation_id="removeWallet", tags=["wallets"])
async def remove_wallet(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    wallet_id: FromPath[str],
) -> Response[bytes]:
    """Take a wallet from a customer, be it the last; another may have it then."""
    return await _remove(server, request, customer_id, WALLETS, wallet_id)


@delete(DID_PATH, status_code=200, operation_id="removeDid", tags=["dids"])
async def remove_did(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    did_id: FromPath[str],
) -> Response[bytes]:
    """Take a DID from a customer, be it the last; another may have it then."""
    return await _remove(server, request, customer_id, DIDS, did_id)


async def _read(server: Server, request: Reads, customer_id: str) -> CustomerRecord:
    key = await reading_key(server, request)
    return await find_customer(server, key, customer_bytes(customer_id))


async def _writing_key(server: Server, request: Reads) -> KeyRecord:
    return await server.access.key_of(request.headers.get("authorization"), WRITE)


def _checked(server: Server, key: KeyRecord, sent: CustomerWallet | CustomerDid) -> CheckedPart:
    """Raises `Problem` ``body.invalid`` with every fault."""
    checked = check_part(sent, server.limits, server.latest_date(), lenient=key.lenient)
    if checked.refusals:
        raise Problem("body.invalid", faults=checked.refusals)
    return checked


async def _change(
    server: Server,
    request: Reads,
    key: KeyRecord,
    customer_id: str,
    plan: Callable[[Actor, CustomerRecord], Plan],
) -> CustomerRecord:
    """Change a customer, which is there, and give it as it is then."""
    actor = actor_of(server, key)

    def decide(records: Sequence[CustomerRecord]) -> Decided:
        require_live(records[0])
        try:
            planned = plan(actor, records[0])
        except TooManyParts as error:
            words = f"A customer has at most {MOST_PARTS:,} of them."
            raise Problem(f"{error}.too_many", words) from None
        return decided_of(planned)

    if_match = request.headers.get("if-match")
    return await change_customer(server, key, customer_bytes(customer_id), decide, if_match)


async def _remove(
    server: Server, request: Reads, customer_id: str, part: Part, part_id: str
) -> Response[bytes]:
    key = await _writing_key(server, request)

    def plan(actor: Actor, record: CustomerRecord) -> Plan:
        return plan_removed_part(actor, record, part, _found(record, part, part_id))

    record = await _change(server, request, key, customer_id, plan)
    told = encode_json(UUID(part_id))
    return Response(told, media_type=JSON, headers={"ETag": entity_tag(record)})


def _found(record: CustomerRecord, part: Part, part_id: str) -> Row:
    """The part with the ID of a path. Raises `Problem` where there is none."""
    try:
        wanted = UUID(part_id).bytes
    except ValueError:
        raise Problem(f"{part.member}.unknown") from None
    for row in part.rows(record):
        if row["id"] == wanted:
            return row
    raise Problem(f"{part.member}.unknown")


def _there(record: CustomerRecord, part: Part, value: str) -> Row:
    """The part with a value. Raises `Problem` where somebody removed it this moment."""
    row = find_part(record, part, value)
    if row is None:
        raise Problem(f"{part.member}.unknown")
    return row


def _answer(record: CustomerRecord, view: View) -> Response[View]:
    return Response(view, headers={"ETag": entity_tag(record)})


HANDLERS: Final = (
    *(list_wallets, add_wallet, get_wallet, update_wallet, remove_wallet),
    *(list_dids, add_did, get_did, update_did, remove_did),
)
