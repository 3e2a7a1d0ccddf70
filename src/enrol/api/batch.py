"""``POST /customers/batch``: the main job, from request to IDs."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from enrol.api.http import Answer, Request, encode_json
from enrol.api.server import Server
from enrol.customers.batch import Planned, Reading, plan_batch, read_batch
from enrol.customers.enrolment import Enrolment, KeyReused, Receipt, Refused
from enrol.customers.faults import Fault
from enrol.customers.plan import Call
from enrol.customers.reading.decode import TooManyItems, TooManyValues
from enrol.customers.reading.json_text import JsonInvalid, JsonTooDeep
from enrol.customers.uniqueness import Decision, decide, fault_of
from enrol.problems import Problem, error_object
from enrol.store.protocol import KeyRecord

PATH: Final = "/customers/batch"
QUERY: Final = {
    "mode": ("atomic", "partial", "dryRun"),
    "onConflict": ("refuse", "return"),
    "unknownFields": ("refuse", "ignore"),
}
BATCH_HEADER: Final = "Enrol-Batch-Id"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
# A body this large is checked in a thread, so that the loop goes on answering small calls.
THREAD_BYTES: Final = 256 * 1024
MULTI_STATUS: Final = 207
_IDEMPOTENCY_KEY: Final = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')


class Options(NamedTuple):
    """How the caller wants it done."""

    mode: str
    return_existing: bool
    ignore_unknown: bool
    idempotency_key: str | None

    @property
    def stored_mode(self) -> str:
        """A dry run decides item by item, as a partial call does."""
        return "atomic" if self.mode == "atomic" else "partial"


async def post_batch(server: Server, request: Request) -> Answer:
    """Access, body, replay, decode, check, plan, store, IDs."""
    key = await server.access.key_of(request.header(b"authorization"), "customers:write")
    options = options_of(request, QUERY)
    body = await server.bodies.read(request)
    try:
        idempotency = idempotency_of(server, PATH, options, body)
        if idempotency and (receipt := await find_replay(server, key, idempotency)):
            return _answer(receipt, replayed=True)
        call = call_of(server, key, options, idempotency)
        if len(body) > THREAD_BYTES:
            loop = asyncio.get_running_loop()
            planned = await loop.run_in_executor(
                server.planner, lambda: plan_of(server, key, call, read_body(server, options, body))
            )
        else:
            reading = await server.gatherer.read(body) or read_body(server, options, body)
            planned = plan_of(server, key, call, reading)
    finally:
        server.bodies.release(body)
    if planned is None:
        return Answer(b"[]")
    enrolment, faults = planned
    request.notes |= {"items": enrolment.items, "batch": enrolment.batch_id.hex()}
    if options.mode == "atomic" and faults:
        raise Problem("batch.invalid", faults=await with_conflicts(server, enrolment, faults))
    if any(fault.item is None for fault in faults):
        raise Problem("batch.invalid", faults=faults)
    if options.mode == "dryRun":
        return await _dry_run(server, enrolment)
    outcome = await server.store.enrol(enrolment)
    if isinstance(outcome, Refused):
        faults = [fault_of(*conflict) for conflict in outcome.conflicts]
        raise conflict_of("batch.conflict", faults)
    if isinstance(outcome, KeyReused):
        raise Problem("idempotency.reused")
    return _answer(outcome.receipt, replayed=outcome.replayed)


def options_of(request: Request, allowed: Mapping[str, tuple[str, ...]]) -> Options:
    """The query, of these parameters, and the Idempotency-Key. Raises `Problem`."""
    query = request.query(allowed)
    key = request.header(b"idempotency-key")
    match = None if key is None else _IDEMPOTENCY_KEY.fullmatch(key)
    if key is not None and match is None:
        raise Problem("idempotency.invalid")
    mode = query.get("mode", "atomic")
    return Options(
        mode=mode,
        return_existing=query.get("onConflict") == "return",
        ignore_unknown=query.get("unknownFields") == "ignore",
        # A dry run stores nothing, so there is nothing to repeat.
        idempotency_key=match[1] if match and mode != "dryRun" else None,
    )


def idempotency_of(
    server: Server, path: str, options: Options, body: bytes
) -> tuple[bytes, bytes] | None:
    """The hash of the key, and the fingerprint of all that makes the request what it is."""
    if options.idempotency_key is None:
        return None
    asked = repr((path, options.mode, options.return_existing, options.ignore_unknown))
    return (
        server.keyed_hash(options.idempotency_key.encode()),
        server.keyed_hash(asked.encode(), body),
    )


async def find_replay(
    server: Server, key: KeyRecord, idempotency: tuple[bytes, bytes]
) -> Receipt | None:
    """The receipt of the same call before, looked up ahead of every limit and check."""
    found = await server.store.find_receipt(key.project, idempotency[0])
    if found is None:
        return None
    fingerprint, receipt = found
    if fingerprint != idempotency[1]:
        raise Problem("idempotency.reused")
    return receipt


def call_of(
    server: Server, key: KeyRecord, options: Options, idempotency: tuple[bytes, bytes] | None
) -> Call:
    """What a plan needs to know of the call."""
    return Call(
        project=key.project,
        secret=server.store.secret,
        key_id=key.key_id,
        at=int(server.clock() * 1000),
        mint=server.mint,
        mode=options.stored_mode,
        return_existing=options.return_existing,
        idempotency=idempotency,
    )


def plan_of(server: Server, key: KeyRecord, call: Call, reading: Reading) -> Planned | None:
    """Check and plan; None for a batch without items."""
    if reading.cms_project_id is not None and reading.cms_project_id != key.project_id:
        raise Problem("access.project")
    planned = plan_batch(reading, call, server.limits, server.latest_date(), lenient=key.lenient)
    return planned if reading.items or planned.faults else None


def read_body(
    server: Server, options: Options, body: bytes, read: Callable[..., Reading] = read_batch
) -> Reading:
    """What a body holds, read by this function. Raises `Problem` for what is no JSON to read."""
    limits = server.limits
    try:
        return read(body, limits, ignore_unknown=options.ignore_unknown)
    except TooManyItems:
        detail = f"customerData has more than {limits.items} items."
        raise Problem("batch.too_many_items", detail) from None
    except TooManyValues:
        raise Problem("json.too_many_values") from None
    except JsonTooDeep:
        detail = f"The body is nested deeper than {limits.json_depth} levels."
        raise Problem("json.too_deep", detail) from None
    except JsonInvalid as error:
        raise Problem("json.invalid", str(error)) from None


async def _dry_run(server: Server, enrolment: Enrolment) -> Answer:
    """Decide as a partial call would, and store nothing."""
    taken = await _taken(server, enrolment)
    decision = decide(enrolment, taken)
    assert isinstance(decision, Decision)  # a partial call is never refused as a whole
    created = {enrolment.positions[place] for place in decision.create}
    answer = _listing(decision.receipt, hide=created)
    return Answer(answer.body, answer.status)


async def _taken(server: Server, enrolment: Enrolment) -> dict[bytes, bytes]:
    return await server.store.find_identifiers(enrolment.project, enrolment.keys)


async def with_conflicts(server: Server, enrolment: Enrolment, faults: list[Fault]) -> list[Fault]:
    """The faults of an atomic call and its conflicts, all at once."""
    decision = decide(enrolment, await _taken(server, enrolment))
    conflicts = decision.conflicts if isinstance(decision, Refused) else []
    told = [*faults, *(fault_of(*conflict) for conflict in conflicts)]
    told.sort(key=lambda fault: -1 if fault.item is None else fault.item)
    return told


def conflict_of(code: str, faults: list[Fault]) -> Problem:
    """The problem of keys that other customers have."""
    # Clients of the hosted API look for this very sentence.
    wallet = next((fault for fault in faults if fault.code == "conflict.wallet"), None)
    return Problem(code, wallet.detail if wallet else None, faults=faults)


def _answer(receipt: Receipt, *, replayed: bool) -> Answer:
    answer = _listing(receipt) if receipt.listing else Answer(encode_json(_ids(receipt.ids)))
    return answer._replace(headers=headers_of(receipt, replayed=replayed))


def headers_of(receipt: Receipt, *, replayed: bool) -> dict[str, str]:
    """The headers of a call that is stored."""
    headers = {BATCH_HEADER: _text(receipt.batch_id.hex())}
    if replayed:
        headers[REPLAYED_HEADER] = "true"
    return headers


def _text(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _ids(ids: bytes) -> list[str]:
    digits = ids.hex()
    return [_text(digits[start : start + 32]) for start in range(0, len(digits), 32)]


def _listing(receipt: Receipt, hide: frozenset[int] | set[int] = frozenset()) -> Answer:
    """One result an item; ``hide`` are the items whose IDs are not real, for a dry run."""
    existing = set(receipt.existing)
    results: list[dict[str, object]] = [
        {"outcome": "exists" if item in existing else "created", "id": customer_id}
        for item, customer_id in enumerate(_ids(receipt.ids))
    ]
    for item in hide:
        del results[item]["id"]
    refused: dict[int, list[dict[str, str]]] = {}
    for row in receipt.refused:
        fault = Fault(*row)
        refused.setdefault(row[0], []).append(error_object(fault, fault.base))
    for item, errors in refused.items():
        results[item] = {"outcome": "refused", "errors": errors}
    return Answer(encode_json(results), MULTI_STATUS if refused else 200)
