"""What the routes that change one customer share: who calls, the plan carried out, the answer."""

import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from litestar import Response
from msgspec import UNSET, UnsetType

from enrol.api.changing import Decided, change_customer, conflict_problem, decided_of
from enrol.api.http import JSON, encode_json
from enrol.api.resources.customers import READ, Reads
from enrol.api.server import Server
from enrol.api.views import entity_tag
from enrol.customers.editing.acting import Actor, Plan
from enrol.customers.editing.update import Rules
from enrol.customers.lifecycle.change import Conflict
from enrol.problems import Problem
from enrol.store.protocol import CustomerRecord, KeyRecord

WRITE: Final = "customers:write"
SALT_BYTES: Final = 16
MINIMAL: Final = "minimal"
REPRESENTATION: Final = "representation"

Change = Callable[[CustomerRecord], Plan]


class Refused(Exception):
    """A plan with faults, on its way to be told with what others have."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan


class Caller(NamedTuple):
    """A call that writes: its key, and what its headers ask for."""

    server: Server
    key: KeyRecord
    if_match: str | None
    prefers: str | None

    @classmethod
    async def of(cls, server: Server, request: Reads) -> Self:
        """The caller of a request. Raises `Problem`."""
        key = await server.access.key_of(request.headers.get("authorization"), WRITE)
        # RFC 9110 section 5.3: what stands in several lines is one list.
        tags = request.headers.getall("if-match", [])
        return cls(server, key, ", ".join(tags) if tags else None, _preference(request))

    @property
    def may_read(self) -> bool:
        """Whether its key opens what others wrote."""
        return not self.key.scopes.isdisjoint((READ, "admin"))

    @property
    def actor(self) -> Actor:
        """Who changes, and when."""
        at = int(self.server.clock() * 1000)
        salt = secrets.token_bytes(SALT_BYTES)
        return Actor(self.key.project, self.server.store.secret, self.key.key_id, at, salt)

    @property
    def rules(self) -> Rules:
        """What its project takes."""
        return Rules(self.key.lenient, self.server.limits, self.server.latest_date())

    async def change(self, customer_id: bytes, plan: Change) -> CustomerRecord:
        """Carry out a plan, made anew whenever another change was quicker. Raises `Problem`."""

        def decide(records: list[CustomerRecord]) -> Decided:
            planned = plan(records[0])
            if planned.faults:
                raise Refused(planned)
            return decided_of(planned)

        try:
            return await change_customer(self.server, self.key, customer_id, decide, self.if_match)
        except Refused as refused:
            raise await self._refusal(refused.plan) from None

    async def _refusal(self, plan: Plan) -> Problem:
        """The problem of a plan with faults, which tells its conflicts as well."""
        hashes = [key for key, _, _ in plan.take]
        owners = await self.server.store.find_identifiers(self.key.project, hashes)
        taken = [(key, kind, owners[key]) for key, _, kind in plan.take if key in owners]
        told = [*plan.faults, *conflict_problem(Conflict(taken), plan.places).faults]
        told.sort(key=lambda fault: fault.pointer)
        state = all(fault.code == "status.cannot_follow" for fault in plan.faults)
        return Problem("status.transition" if state else "body.invalid", faults=told)

    def answer(
        self,
        identifier: str,
        view: object,
        record: CustomerRecord,
        *,
        unless_asked: str = MINIMAL,
        known: str | None | UnsetType = UNSET,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Response[bytes]:
        """The view of what changed, or its ID, as the caller prefers (RFC 7240 section 4.2); never
        the view for a key that may not read. ``known`` is the tag for whoever is given the ID
        alone (None: there is none), where it is not that of the record."""
        wanted = self.prefers or unless_asked
        shown = REPRESENTATION if wanted == REPRESENTATION and self.may_read else MINIMAL
        tag: str | None = entity_tag(record)
        if shown == MINIMAL and not isinstance(known, UnsetType):
            tag = known
        named = {**headers} if tag is None else {"ETag": tag, **headers}
        if self.prefers == shown:
            named["Preference-Applied"] = f"return={shown}"
        body = encode_json(view if shown == REPRESENTATION else identifier)
        return Response(body, media_type=JSON, headers=named)


def require_there(record: CustomerRecord) -> None:
    """Raises `Problem` for a customer that is deleted: it is restored first."""
    if record.customer["merged_into"] is not None:
        raise Problem("customer.merged")
    if record.customer["deleted_at"] is not None:
        raise Problem("customer.deleted")


def _preference(request: Reads) -> str | None:
    """What the request prefers to be given back; of several the first, as the RFC says."""
    for preference in ",".join(request.headers.getall("prefer", [])).split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "return":
            wanted = value.strip().strip('"')
            return wanted if wanted in (MINIMAL, REPRESENTATION) else None
    return None
