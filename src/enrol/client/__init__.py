"""The Python client: `Client`, and `AsyncClient` for asyncio. docs/client.md is its guide."""

from enrol.api.resources.batches import BatchView, UndoView
from enrol.api.resources.dossier import DossierView
from enrol.api.resources.erasure import TombstoneView
from enrol.api.resources.events import EventView, HeadView
from enrol.api.resources.keys import KeyView, NewKeyView
from enrol.api.resources.lookup import LookupAnswer, LookupData, LookupWallet
from enrol.api.resources.webhook_views import AttemptView, SecretView, WebhookView
from enrol.api.views import (
    ClaimsView,
    CustomerPage,
    CustomerView,
    DidView,
    EmailView,
    WalletView,
)
from enrol.client.asynchronous import AsyncClient, AsyncImport
from enrol.client.batches import ImportOptions, ItemResult
from enrol.client.blocking import Client, Import
from enrol.client.errors import (
    AnswerUnreadable,
    ChangeNotShown,
    CustomerNotEncodable,
    EnrolError,
    EnrolProblem,
    ItemError,
    NotAnswered,
    NotEncodable,
)
from enrol.client.resources.customers import CustomerFilters, ExportFormat
from enrol.client.tries import Retry

__all__ = [
    "AnswerUnreadable",
    "AsyncClient",
    "AsyncImport",
    "AttemptView",
    "BatchView",
    "ChangeNotShown",
    "ClaimsView",
    "Client",
    "CustomerFilters",
    "CustomerNotEncodable",
    "CustomerPage",
    "CustomerView",
    "DidView",
    "DossierView",
    "EmailView",
    "EnrolError",
    "EnrolProblem",
    "EventView",
    "ExportFormat",
    "HeadView",
    "Import",
    "ImportOptions",
    "ItemError",
    "ItemResult",
    "KeyView",
    "LookupAnswer",
    "LookupData",
    "LookupWallet",
    "NewKeyView",
    "NotAnswered",
    "NotEncodable",
    "Retry",
    "SecretView",
    "TombstoneView",
    "UndoView",
    "WalletView",
    "WebhookView",
]
