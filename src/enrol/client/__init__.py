"""The Python client: `Client`, and `AsyncClient` for asyncio. docs/client.md is its guide."""

from enrol.api.views import CustomerPage, CustomerView
from enrol.client.asynchronous import AsyncClient, AsyncImport
from enrol.client.batches import ImportOptions, ItemResult
from enrol.client.blocking import Client, Import
from enrol.client.calls import LeftCustomer, UndoneBatch
from enrol.client.errors import (
    AnswerUnreadable,
    CustomerNotEncodable,
    EnrolError,
    EnrolProblem,
    ItemError,
    NotAnswered,
)
from enrol.client.tries import Retry

__all__ = [
    "AnswerUnreadable",
    "AsyncClient",
    "AsyncImport",
    "Client",
    "CustomerNotEncodable",
    "CustomerPage",
    "CustomerView",
    "EnrolError",
    "EnrolProblem",
    "Import",
    "ImportOptions",
    "ItemError",
    "ItemResult",
    "LeftCustomer",
    "NotAnswered",
    "Retry",
    "UndoneBatch",
]
