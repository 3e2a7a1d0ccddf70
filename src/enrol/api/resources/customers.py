"""Reading customers back: by ID, by page, by wallet."""

from typing import Annotated, Any, Final, get_args
from urllib.parse import parse_qsl, unquote

import msgspec
from litestar import Request as LitestarRequest
from litestar import Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from enrol.api.changing import customer_bytes, find_customer
from enrol.api.server import Server
from enrol.api.views import CustomerPage, CustomerView, customer_view, entity_tag
from enrol.customers.enrolment import WALLET
from enrol.customers.faults import Fault
from enrol.customers.plan import key_hash
from enrol.customers.wallets.lookup import lookup_spellings
from enrol.problems import Problem
from enrol.store.protocol import KeyRecord

MOST_LISTED = 1_000
MOST_PAGES = 10**9
MOST_WALLET_CHARS = 4_096
READ = "customers:read"
Reads = LitestarRequest[None, None, State]


class PageQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of ``GET /customers``."""

    cms_project_id: Annotated[str, Meta(description="The project, which must be the key's own.")]
    current_page: Annotated[int, Meta(ge=1, le=MOST_PAGES, description="From 1, the newest.")] = 1
    limit: Annotated[int, Meta(ge=1, le=MOST_LISTED, description="Customers a page.")] = 100
    wallet: Annotated[
        str,
        Meta(
            description="Only customers whose wallet this may be: an address in any spelling, or "
            "CAIP-10.",
            min_length=1,
            max_length=MOST_WALLET_CHARS,
        ),
    ] = ""


def read_page_query(query_string: bytes) -> PageQuery:
    """Read the query. Raises `Problem` ``query.invalid`` naming every fault."""
    known = {field.encode_name: field for field in fields(PageQuery)}
    sent: dict[str, Any] = {}
    faults = []
    for name, text in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        field = known.get(name)
        if field is None:
            faults.append(Fault(None, "", "query.unknown", f"Known: {', '.join(known)}."))
            continue
        if name in sent:
            faults.append(Fault(None, f"/{name}", "query.value", f"{name} stands twice."))
        try:
            sent[name] = msgspec.convert(text, field.type, strict=False)
        except msgspec.ValidationError:
            sent[name] = None
            faults.append(Fault(None, f"/{name}", "query.value", f"{name} is {_kind(field)}."))
    for name, field in known.items():
        if field.required and name not in sent:
            faults.append(Fault(None, f"/{name}", "query.value", f"{name} is required."))
    if faults:
        raise Problem("query.invalid", faults=faults)
    return msgspec.convert(sent, PageQuery)


def _kind(field: FieldInfo) -> str:
    bounds = get_args(field.type)[1]
    if bounds.le is None:
        return f"a text of {bounds.min_length} to {bounds.max_length} characters"
    return f"a whole number from {bounds.ge} to {bounds.le}"


async def reading_key(server: Server, request: Reads, project_id: str | None = None) -> KeyRecord:
    """The key of a call that reads, of this project. Raises `Problem`."""
    key = await server.access.key_of(request.headers.get("authorization"), READ)
    if project_id is not None and project_id != key.project_id:
        raise Problem("access.project")
    return key


@get("/customers/{customer_id:str}", operation_id="getCustomer", tags=["customers"])
async def get_customer(
    server: NamedDependency[Server], request: Reads, customer_id: FromPath[str]
) -> Response[CustomerView]:
    """One customer of the key's project, with claims, wallets, DIDs and findings."""
    key = await reading_key(server, request)
    record = await find_customer(server, key, customer_bytes(customer_id))
    view = customer_view(record, key.project_id)
    return Response(view, headers={"ETag": entity_tag(record)})


@get("/customers", operation_id="listCustomers", tags=["customers"])
async def list_customers(server: NamedDependency[Server], request: Reads) -> CustomerPage:
    """A page of the project's customers, newest first."""
    key = await reading_key(server, request)
    page = read_page_query(request.scope["query_string"])
    if page.cms_project_id != key.project_id:
        raise Problem("access.project")
    offset = (page.current_page - 1) * page.limit
    if not page.wallet:
        records, count = await server.store.list_customers(
            key.project, offset=offset, limit=page.limit
        )
    else:
        found = await _owners(server, key, page.wallet)
        records = await server.store.find_customers(key.project, found[offset:][: page.limit])
        count = len(found)
    views = [customer_view(record, key.project_id) for record in records]
    return CustomerPage(data=views, total_count=count)


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
    owners = await _owners(server, key, unquote(address))
    records = await server.store.find_customers(key.project, owners[:1])
    if not records:
        raise Problem("customer.unknown")
    return customer_view(records[0], key.project_id)


async def _owners(server: Server, key: KeyRecord, address: str) -> list[bytes]:
    """The customers whose wallet an address may be, whatever its spelling and namespace."""
    hashes = [
        key_hash(server.store.secret, key.project, WALLET, f"{namespace}:{spelling}")
        for namespace, spelling in lookup_spellings(address)
    ]
    found = await server.store.find_identifiers(key.project, hashes)
    return list(dict.fromkeys(found[each] for each in hashes if each in found))


HANDLERS: Final = (get_customer, list_customers, get_customer_by_wallet)
