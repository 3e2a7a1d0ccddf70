"""Reading customers back."""

from typing import Final

from enrol.api.reference import examples
from enrol.api.reference.answers import nothing, refusals, success
from enrol.api.reference.list_parameters import LIST, list_parameters
from enrol.api.reference.resource import (
    KEY,
    PATH,
    UNKNOWN_PARAMETERS,
    Resource,
    operation,
    parameter,
)
from enrol.api.reference.schemas import Json, ref
from enrol.api.views import CustomerPage
from enrol.settings import Settings


def _paths(settings: Settings) -> Json:
    return {
        "/customers": {"get": _list_customers()},
        "/customers/{id}": {"get": _get_customer()},
        "/projects/{projectId}/customer-wallets/{address}/customer": {"get": _by_wallet()},
    }


def _list_customers() -> Json:
    page = {"data": [examples.CUSTOMER], "totalCount": 1}
    return operation(
        "customers",
        "listCustomers",
        "List customers",
        f"{LIST} {UNKNOWN_PARAMETERS}",
        {
            "200": success(
                "A page.",
                ref("CustomerPage"),
                {"page": ("A page of one", page)},
                headers=("Link", "Enrol-Index-Behind"),
            ),
            **refusals(*KEY, "access.project", "query.invalid"),
        },
        parameters=list_parameters(),
        scope="customers:read",
    )


def _get_customer() -> Json:
    schema = {"type": "string", "format": "uuid"}
    return operation(
        "customers",
        "getCustomer",
        "Read a customer",
        "One customer with its claims, wallets, DIDs and findings.",
        {
            "200": _customer("ETag"),
            "304": nothing("The customer is as the caller has it.", headers=("ETag",)),
            **refusals(*PATH),
        },
        parameters=[
            parameter("path", "id", "The customer's ID.", schema, examples.IDS[1]),
            parameter(
                "header",
                "If-None-Match",
                "The `ETag` of the customer as the caller has it.",
                {"type": "string"},
            ),
        ],
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


def _customer(*headers: str) -> Json:
    customer = {"customer": ("A customer", examples.CUSTOMER)}
    return success("The customer.", ref("CustomerView"), customer, headers=headers)


RESOURCE: Final = Resource(
    _paths,
    tags=(("customers", "Enrol customers, and read them back."),),
    types=(CustomerPage,),
)
