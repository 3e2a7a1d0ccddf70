"""Reading customers back: by ID, by page, by wallet."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import unquote

from litestar import Request as LitestarRequest
from litestar import Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import UNSET

from enrol.api.bodies import edge_request
from enrol.api.changing import customer_bytes, find_customer
from enrol.api.lists.listing import find_owners, is_shown, links, list_page, wallet_values
from enrol.api.lists.page_query import read_page_query
from enrol.api.lists.pages import answer_with
from enrol.api.server import Server
from enrol.api.views import CustomerPage, CustomerView, customer_view, entity_tag
from enrol.problems import Problem
from enrol.store.protocol import KeyRecord

READ = "customers:read"
Reads = LitestarRequest[None, None, State]


async def reading_key(server: Server, request: Reads, project_id: str | None = None) -> KeyRecord:
    """The key of a call that reads, of this project. Raises `Problem`."""
    key = await server.access.key_of(request.headers.get("authorization"), READ)
    if project_id is not None and project_id != key.project_id:
        raise Problem("access.project")
    return key


@get("/customers/{customer_id:str}", operation_id="getCustomer", tags=["customers"])
async def get_customer(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[CustomerView | None]:
    """One customer of the key's project, with claims, wallets, DIDs and findings."""
    key = await reading_key(server, request)
    record = await find_customer(server, key, customer_bytes(customer_id))
    tag = entity_tag(record)
    if matches(request.headers.getall("if-none-match", []), tag):
        return Response(None, status_code=304, headers={"ETag": tag})
    return Response(customer_view(record, key.project_id), headers={"ETag": tag})


def matches(if_none_match: Sequence[str], tag: str) -> bool:
    """Whether the caller has what the tag stands for (RFC 9110 section 13.1.2)."""
    tags = [each.strip().removeprefix("W/") for each in ",".join(if_none_match).split(",")]
    return tag in tags or tags == ["*"]


@get("/customers", operation_id="listCustomers", tags=["customers"])
async def list_customers(server: NamedDependency[Server], request: Reads) -> Response[Any]:
    """A page of the project's customers, filtered and in order."""
    key = await reading_key(server, request)
    query_string = request.scope["query_string"]
    query = read_page_query(query_string)
    if query.cms_project_id != key.project_id:
        raise Problem("access.project")
    listed = await list_page(server, key, query)
    page = CustomerPage(
        data=[],
        total_count=None if query.count == "none" else listed.total,
        total_count_estimated=True if listed.behind and query.count != "none" else UNSET,
    )
    headers = {}
    # Who is known by a wallet, a DID or a key of one's own is no list, and no header needs to say
    # it again.
    if not (query.wallet or query.did or query.sub or query.external_customer_id):
        headers["Link"] = links(query_string, listed.after)
    if listed.behind:
        headers["Enrol-Index-Behind"] = str(listed.behind)
    shown = partial(is_shown, query)
    asked = edge_request(request)
    return await answer_with(
        server, key, asked, listed.ids, page, "data", is_shown=shown, headers=headers
    )


@get(
    "/projects/{project_id:str}/customer-wallets/{address:str}/customer",
    operation_id="getCustomerByWallet",
    tags=["customers"],
)
async def get_customer_by_wallet(
    server: NamedDependency[Server],
    request: Reads,
    project_id: FromPath[str],
    address: FromPath[str],
) -> CustomerView:
    """The customer of a wallet, whatever its namespace."""
    key = await reading_key(server, request, unquote(project_id))
    owners = await find_owners(server, key.project, wallet_values(unquote(address)))
    records = await server.store.find_customers(key.project, owners[:1])
    if not records:
        raise Problem("customer.unknown")
    return customer_view(records[0], key.project_id)


HANDLERS: Final = (get_customer, list_customers, get_customer_by_wallet)
