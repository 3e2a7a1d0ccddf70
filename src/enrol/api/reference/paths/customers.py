"""Reading customers back."""

from typing import Final

import msgspec

from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.resource import (
    KEY,
    PATH,
    UNKNOWN_PARAMETERS,
    Resource,
    operation,
    parameter,
)
from enrol.api.reference.schemas import Json, ref
from enrol.api.resources.customers import PageQuery
from enrol.api.views import CustomerPage
from enrol.settings import Settings


def _paths(settings: Settings) -> Json:
    return {
        "/customers": {"get": _list_customers()},
        "/customers/{id}": {"get": _get_customer()},
        "/projects/{projectId}/customer-wallets/{address}/customer": {"get": _by_wallet()},
    }


def _list_customers() -> Json:
    _, schemas = msgspec.json.schema_components([PageQuery], ref_template="{name}")
    query = schemas["PageQuery"]
    parameters = []
    for name, schema in query["properties"].items():
        words = schema.pop("description")
        if schema.get("default") == "":
            del schema["default"]  # which is how the code says that there is none
        required = name in query["required"]
        example = examples.PROJECT if required else None
        parameters.append(parameter("query", name, words, schema, example, required=required))
    page = {"data": [examples.CUSTOMER], "totalCount": 1}
    return operation(
        "customers",
        "listCustomers",
        "List customers",
        f"A page of the project's customers, newest first. {UNKNOWN_PARAMETERS}",
        {
            "200": success("A page.", ref("CustomerPage"), {"page": ("A page of one", page)}),
            **refusals(*KEY, "access.project", "query.invalid"),
        },
        parameters=parameters,
        scope="customers:read",
    )


def _get_customer() -> Json:
    schema = {"type": "string", "format": "uuid"}
    return operation(
        "customers",
        "getCustomer",
        "Read a customer",
        "One customer with its claims, wallets, DIDs and findings.",
        {"200": _customer(), **refusals(*PATH)},
        parameters=[parameter("path", "id", "The customer's ID.", schema, examples.IDS[1])],
        scope="customers:read",
    )


def _by_wallet() -> Json:
    address = examples.CUSTOMER["customerWallets"][0]["wallet"]
    text = {"type": "string", "minLength": 1}
    words = "The address, whatever its namespace; hexadecimal in any case."
    return operation(
        "customers",
        "getCustomerByWallet",
        "Find a customer by wallet",
        "The customer to whom a wallet belongs.",
        {"200": _customer(), **refusals(*PATH, "access.project")},
        parameters=[
            parameter("path", "projectId", "The key's project.", text, examples.PROJECT),
            parameter("path", "address", words, text, address),
        ],
        scope="customers:read",
    )


def _customer() -> Json:
    customer = {"customer": ("A customer", examples.CUSTOMER)}
    return success("The customer.", ref("CustomerView"), customer)


RESOURCE: Final = Resource(
    _paths,
    tags=(("customers", "Enrol customers, and read them back."),),
    types=(CustomerPage,),
)
