"""Wallets and DIDs of a customer: list them, add one, change one, take one away."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from uuid import UUID

from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from enrol.api.bodies import JSON_OR_PATCH, read_json
from enrol.api.changing import customer_bytes, find_customer
from enrol.api.resources.customers import Reads, reading_key
from enrol.api.resources.editing.changing import REPRESENTATION, Caller, Change, require_there
from enrol.api.server import Server
from enrol.api.views import DidView, WalletView, did_view, entity_tag, wallet_view
from enrol.customers.editing.acting import Plan
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
from enrol.store.protocol import CustomerRecord

WALLETS_PATH: Final = "/customers/{customer_id:str}/wallets"
WALLET_PATH: Final = f"{WALLETS_PATH}/{{wallet_id:str}}"
DIDS_PATH: Final = "/customers/{customer_id:str}/dids"
DID_PATH: Final = f"{DIDS_PATH}/{{did_id:str}}"

Row = Mapping[str, Any]
View = TypeVar("View")
VIEWS: Final[dict[Part, Callable[[Row], WalletView | DidView]]] = {
    WALLETS: wallet_view,
    DIDS: did_view,
}


@get(WALLETS_PATH, operation_id="listWallets", tags=["customers"])
async def list_wallets(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[list[WalletView]]:
    """All wallets of a customer, those added first before others."""
    record = await _read(server, request, customer_id)
    return _answer(record, [wallet_view(row) for row in record.wallets])


@get(DIDS_PATH, operation_id="listDids", tags=["customers"])
async def list_dids(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[list[DidView]]:
    """All DIDs of a customer, those added first before others."""
    record = await _read(server, request, customer_id)
    return _answer(record, [did_view(row) for row in record.dids])


@get(WALLET_PATH, operation_id="getWallet", tags=["customers"])
async def get_wallet(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    wallet_id: FromPath[str],
) -> Response[WalletView]:
    """One wallet of a customer."""
    record = await _read(server, request, customer_id)
    return _answer(record, wallet_view(_found(record, WALLETS, wallet_id)))


@get(DID_PATH, operation_id="getDid", tags=["customers"])
async def get_did(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    did_id: FromPath[str],
) -> Response[DidView]:
    """One DID of a customer."""
    record = await _read(server, request, customer_id)
    return _answer(record, did_view(_found(record, DIDS, did_id)))


@post(WALLETS_PATH, status_code=200, operation_id="addWallet", tags=["customers"])
async def add_wallet(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[bytes]:
    """Add a wallet to a customer; one that it has already stays as it is."""
    caller = await Caller.of(server, request)
    wanted = customer_bytes(customer_id)
    sent = await read_json(server, request, CustomerWallet)
    checked, minted = _checked(caller, sent), server.mint().bytes

    def plan(record: CustomerRecord) -> Plan:
        return plan_added_wallet(caller.actor, record, sent, checked, minted)

    value = f"{sent.blockchain_namespace}:{checked.canonical}"
    return await _add(caller, wanted, WALLETS, value, plan)


@post(DIDS_PATH, status_code=200, operation_id="addDid", tags=["customers"])
async def add_did(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[bytes]:
    """Add a DID to a customer; one that it has already stays as it is."""
    caller = await Caller.of(server, request)
    wanted = customer_bytes(customer_id)
    sent = await read_json(server, request, CustomerDid)
    checked, minted = _checked(caller, sent), server.mint().bytes

    def plan(record: CustomerRecord) -> Plan:
        return plan_added_did(caller.actor, record, sent, checked, minted)

    return await _add(caller, wanted, DIDS, sent.did, plan)


@patch(WALLET_PATH, operation_id="updateWallet", tags=["customers"])
async def update_wallet(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    wallet_id: FromPath[str],
) -> Response[bytes]:
    """Say whether ownership of a wallet is proved."""
    caller = await Caller.of(server, request)
    body = await read_json(server, request, WalletPatch, media_types=JSON_OR_PATCH)
    return await _update(caller, customer_id, WALLETS, wallet_id, body)


@patch(DID_PATH, operation_id="updateDid", tags=["customers"])
async def update_did(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    did_id: FromPath[str],
) -> Response[bytes]:
    """Say who wrote a DID last."""
    caller = await Caller.of(server, request)
    body = await read_json(server, request, DidPatch, media_types=JSON_OR_PATCH)
    return await _update(caller, customer_id, DIDS, did_id, body)


@delete(WALLET_PATH, status_code=200, operation_id="removeWallet", tags=["customers"])
async def remove_wallet(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    wallet_id: FromPath[str],
) -> Response[bytes]:
    """Take a wallet from a customer, be it the last; another may have it then."""
    caller = await Caller.of(server, request)
    return await _remove(caller, customer_id, WALLETS, wallet_id)


@delete(DID_PATH, status_code=200, operation_id="removeDid", tags=["customers"])
async def remove_did(
    server: NamedDependency[Server],
    request: Reads,
    customer_id: FromPath[str],
    did_id: FromPath[str],
) -> Response[bytes]:
    """Take a DID from a customer, be it the last; another may have it then."""
    caller = await Caller.of(server, request)
    return await _remove(caller, customer_id, DIDS, did_id)


async def _read(server: Server, request: Reads, customer_id: str) -> CustomerRecord:
    key = await reading_key(server, request)
    return await find_customer(server, key, customer_bytes(customer_id))


def _checked(caller: Caller, sent: CustomerWallet | CustomerDid) -> CheckedPart:
    """Raises `Problem` ``body.invalid`` with every fault."""
    lenient, limits, today = caller.rules
    checked = check_part(sent, limits, today, lenient=lenient)
    if checked.refusals:
        raise Problem("body.invalid", faults=checked.refusals)
    return checked


async def _change(caller: Caller, customer_id: bytes, plan: Change) -> CustomerRecord:
    """Change a customer that is there, and give it as it is then."""

    def plan_there(record: CustomerRecord) -> Plan:
        require_there(record)
        return plan(record)

    try:
        return await caller.change(customer_id, plan_there)
    except TooManyParts as error:
        words = f"A customer has at most {MOST_PARTS:,} of them."
        raise Problem(f"{error}.too_many", words) from None


async def _add(
    caller: Caller, customer_id: bytes, part: Part, value: str, plan: Change
) -> Response[bytes]:
    """Add a part, and answer it."""
    record = await _change(caller, customer_id, plan)
    row = find_part(record, part, value)
    assert row is not None
    view = VIEWS[part](row)
    return caller.answer(str(view.id), view, record, unless_asked=REPRESENTATION)


async def _update(
    caller: Caller, customer_id: str, part: Part, part_id: str, body: WalletPatch | DidPatch
) -> Response[bytes]:
    def plan(record: CustomerRecord) -> Plan:
        row = _found(record, part, part_id)
        return plan_changed_part(caller.actor, record, part, row, body)

    record = await _change(caller, customer_bytes(customer_id), plan)
    view = VIEWS[part](_found(record, part, part_id))
    return caller.answer(str(view.id), view, record)


async def _remove(caller: Caller, customer_id: str, part: Part, part_id: str) -> Response[bytes]:
    removed: list[Row] = []

    def plan(record: CustomerRecord) -> Plan:
        removed[:] = [_found(record, part, part_id)]
        return plan_removed_part(caller.actor, record, part, removed[0])

    record = await _change(caller, customer_bytes(customer_id), plan)
    view = VIEWS[part](removed[0])
    return caller.answer(str(view.id), view, record)


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


def _answer(record: CustomerRecord, view: View) -> Response[View]:
    return Response(view, headers={"ETag": entity_tag(record)})


HANDLERS: Final = (
    *(list_wallets, add_wallet, get_wallet, update_wallet, remove_wallet),
    *(list_dids, add_did, get_did, update_did, remove_did),
)
