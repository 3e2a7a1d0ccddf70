"""The wallets, DIDs and email addresses of a customer."""

from typing import Final

from msgspec import UNSET, UnsetType

from enrol.api.views import DidView, EmailView, WalletView
from enrol.client.calls import Call, Id, asking, nothing, reader, shown, telling, uuid_of
from enrol.client.resources.customers import SHOW, matching
from enrol.customers.editing.emails import EmailPatch, NewEmail
from enrol.customers.editing.parts import DidPatch, WalletPatch
from enrol.customers.model import CustomerDid, CustomerWallet

WALLETS: Final = "/customers/{id}/wallets"
WALLET: Final = f"{WALLETS}/{{walletId}}"
DIDS: Final = "/customers/{id}/dids"
DID: Final = f"{DIDS}/{{didId}}"
EMAILS: Final = "/customers/{id}/emails"
EMAIL: Final = f"{EMAILS}/{{emailId}}"


def list_wallets(customer_id: Id) -> Call[list[WalletView]]:
    """The wallets of a customer, those added first before others."""
    return asking(f"GET {WALLETS}", uuid_of(customer_id), parse=reader(list[WalletView]))


def get_wallet(customer_id: Id, wallet_id: Id) -> Call[WalletView]:
    """One wallet. Raises `EnrolProblem` ``wallet.unknown``."""
    return asking(f"GET {WALLET}", *_ids(customer_id, wallet_id), parse=reader(WalletView))


def add_wallet(
    customer_id: Id,
    wallet: str,
    blockchain_namespace: str,
    *,
    verified: bool | None = None,
    created_by: str | None = None,
    if_match: str | None = None,
) -> Call[WalletView]:
    """Give a customer a wallet; one that it has already stays as it is. Raises `EnrolProblem`
    ``body.invalid``, ``customer.conflict``, ``wallet.too_many``; `ChangeNotShown`."""
    return telling(
        f"POST {WALLETS}",
        uuid_of(customer_id),
        body=CustomerWallet(
            wallet=wallet,
            blockchain_namespace=blockchain_namespace,
            verified=verified,
            created_by=created_by,
        ),
        headers=matching(if_match, SHOW),
        parse=shown(WalletView),
    )


def update_wallet(
    customer_id: Id,
    wallet_id: Id,
    *,
    verified: bool | None | UnsetType = UNSET,
    updated_by: str | None | UnsetType = UNSET,
    if_match: str | None = None,
) -> Call[WalletView]:
    """Say whether the ownership of a wallet is proved, and who says so. Raises `EnrolProblem`
    ``wallet.unknown``; `ChangeNotShown`."""
    return telling(
        f"PATCH {WALLET}",
        *_ids(customer_id, wallet_id),
        body=WalletPatch(verified=verified, updated_by=updated_by),
        headers=matching(if_match, SHOW),
        parse=shown(WalletView),
    )


def remove_wallet(customer_id: Id, wallet_id: Id, *, if_match: str | None = None) -> Call[None]:
    """Take a wallet from a customer. Raises `EnrolProblem` ``wallet.unknown``."""
    return asking(
        f"DELETE {WALLET}",
        *_ids(customer_id, wallet_id),
        headers=matching(if_match),
        parse=nothing,
        settled="wallet.unknown",
    )


def list_dids(customer_id: Id) -> Call[list[DidView]]:
    """The DIDs of a customer, those added first before others."""
    return asking(f"GET {DIDS}", uuid_of(customer_id), parse=reader(list[DidView]))


def get_did(customer_id: Id, did_id: Id) -> Call[DidView]:
    """One DID. Raises `EnrolProblem` ``did.unknown``."""
    return asking(f"GET {DID}", *_ids(customer_id, did_id), parse=reader(DidView))


def add_did(
    customer_id: Id,
    did: str,
    *,
    created_by: str | None = None,
    updated_by: str | None = None,
    if_match: str | None = None,
) -> Call[DidView]:
    """Give a customer a DID; one that it has already stays as it is. Raises `EnrolProblem`
    ``body.invalid``, ``customer.conflict``, ``did.too_many``; `ChangeNotShown`."""
    return telling(
        f"POST {DIDS}",
        uuid_of(customer_id),
        body=CustomerDid(did=did, created_by=created_by, updated_by=updated_by),
        headers=matching(if_match, SHOW),
        parse=shown(DidView),
    )


def update_did(
    customer_id: Id,
    did_id: Id,
    *,
    updated_by: str | None | UnsetType = UNSET,
    if_match: str | None = None,
) -> Call[DidView]:
    """Say who wrote a DID last. Raises `EnrolProblem` ``did.unknown``; `ChangeNotShown`."""
    return telling(
        f"PATCH {DID}",
        *_ids(customer_id, did_id),
        body=DidPatch(updated_by=updated_by),
        headers=matching(if_match, SHOW),
        parse=shown(DidView),
    )


def remove_did(customer_id: Id, did_id: Id, *, if_match: str | None = None) -> Call[None]:
    """Take a DID from a customer. Raises `EnrolProblem` ``did.unknown``."""
    return asking(
        f"DELETE {DID}",
        *_ids(customer_id, did_id),
        headers=matching(if_match),
        parse=nothing,
        settled="did.unknown",
    )


def list_emails(customer_id: Id) -> Call[list[EmailView]]:
    """The email addresses of a customer, the oldest first."""
    return asking(f"GET {EMAILS}", uuid_of(customer_id), parse=reader(list[EmailView]))


def get_email(customer_id: Id, email_id: Id) -> Call[EmailView]:
    """One email address. Raises `EnrolProblem` ``email.unknown``."""
    return asking(f"GET {EMAIL}", *_ids(customer_id, email_id), parse=reader(EmailView))


def add_email(
    customer_id: Id,
    email: str,
    *,
    verified: bool | None = None,
    created_by: str | None = None,
    if_match: str | None = None,
) -> Call[EmailView]:
    """Give a customer an email address; one that it has already stays as it is. Raises
    `EnrolProblem` ``body.invalid``, ``email.too_many``; `ChangeNotShown`."""
    return telling(
        f"POST {EMAILS}",
        uuid_of(customer_id),
        body=NewEmail(email=email, verified=verified, created_by=created_by),
        headers=matching(if_match, SHOW),
        parse=shown(EmailView),
    )


def update_email(
    customer_id: Id,
    email_id: Id,
    *,
    email: str | UnsetType = UNSET,
    verified: bool | None | UnsetType = UNSET,
    if_match: str | None = None,
) -> Call[EmailView]:
    """Change an email address; one that becomes another is not verified, unless the same call says
    so. Raises `EnrolProblem` ``email.unknown``, ``body.invalid``; `ChangeNotShown`."""
    return telling(
        f"PATCH {EMAIL}",
        *_ids(customer_id, email_id),
        body=EmailPatch(email=email, verified=verified),
        headers=matching(if_match, SHOW),
        parse=shown(EmailView),
    )


def remove_email(customer_id: Id, email_id: Id, *, if_match: str | None = None) -> Call[None]:
    """Take an email address from a customer. Raises `EnrolProblem` ``email.unknown``."""
    return asking(
        f"DELETE {EMAIL}",
        *_ids(customer_id, email_id),
        headers=matching(if_match),
        parse=nothing,
        settled="email.unknown",
    )


def _ids(customer_id: Id, part_id: Id) -> tuple[Id, Id]:
    return uuid_of(customer_id), uuid_of(part_id)
