"""Reading customers back: by ID, by page, by wallet."""

from typing import Annotated
from uuid import UUID

from litestar import Request as LitestarRequest
from litestar import get
from litestar.datastructures import State
from litestar.params import Parameter

from enrol.api.server import Server
from enrol.api.views import CustomerPage, CustomerView, customer_view
from enrol.customers.enrolment import WALLET
from enrol.customers.faults import Fault
from enrol.customers.plan import key_hash
from enrol.customers.wallets.lookup import lookup_spellings
from enrol.problems import Problem
from enrol.store.protocol import KeyRecord

MOST_LISTED = 1_000
PAGE_QUERY = {"cmsProjectId", "currentPage", "limit"}
READ = "customers:read"
Reads = LitestarRequest[None, None, State]


async def _key(server: Server, request: Reads, project_id: str | None = None) -> KeyRecord:
    key = await server.access.key_of(request.headers.get("authorization"), READ)
    if project_id is not None and project_id != key.project_id:
        raise Problem("access.project")
    return key


@get("/customers/{customer_id:str}", operation_id="getCustomer", tags=["customers"])
async def get_customer(server: Server, request: Reads, customer_id: str) -> CustomerView:
    """One customer of the key's project, with claims, wallets, DIDs and findings."""
    key = await _key(server, request)
    try:
        wanted = UUID(customer_id).bytes
    except ValueError:
        raise Problem("customer.unknown") from None
    record = await server.store.find_customer(key.project, wanted)
    if record is None:
        raise Problem("customer.unknown")
    return customer_view(record, key.project_id)


@get("/customers", operation_id="listCustomers", tags=["customers"])
async def list_customers(
    server: Server,
    request: Reads,
    cms_project_id: Annotated[str, Parameter(query="cmsProjectId")],
    current_page: Annotated[int, Parameter(query="currentPage", ge=1, le=10**9)] = 1,
    limit: Annotated[int, Parameter(query="limit", ge=1, le=MOST_LISTED)] = 100,
) -> CustomerPage:
    """A page of the project's customers, newest first."""
    if unknown := set(request.query_params) - PAGE_QUERY:
        hint = f"Known: {', '.join(sorted(PAGE_QUERY))}."
        raise Problem(
            "query.invalid", faults=[Fault(None, "", "query.unknown", hint)] * len(unknown)
        )
    key = await _key(server, request, cms_project_id)
    records, count = await server.store.list_customers(
        key.project, offset=(current_page - 1) * limit, limit=limit
    )
    views = [customer_view(record, key.project_id) for record in records]
    return CustomerPage(data=views, total_count=count)


@get(
    "/projects/{project_id:str}/customer-wallets/{address:str}/customer",
    operation_id="getCustomerByWallet",
    tags=["customers"],
)
async def get_customer_by_wallet(
    server: Server, request: Reads, project_id: str, address: str
) -> CustomerView:
    """The customer of a wallet, whatever its namespace."""
    key = await _key(server, request, project_id)
    secret, project = server.store.secret, key.project
    hashes = [
        key_hash(secret, project, WALLET, f"{namespace}:{spelling}")
        for namespace, spelling in lookup_spellings(address)
    ]
    found = await server.store.find_identifiers(project, hashes)
    for hashed in hashes:
        if hashed in found:
            record = await server.store.find_customer(project, found[hashed])
            if record is not None:
                return customer_view(record, key.project_id)
    raise Problem("customer.unknown")
