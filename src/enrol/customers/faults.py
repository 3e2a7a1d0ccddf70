"""What can be wrong with a batch or one of its customers: every fault code, once.

A fault names the place (a JSON Pointer relative to the customer) and the code, never the value.
"""

from typing import Final, NamedTuple


class FaultKind(NamedTuple):
    """A fault's sentence, whether a lenient project takes the value all the same (``format``), and
    whether every project does (``finding``): then it is only noted on the customer."""

    detail: str
    format: bool = False
    finding: bool = False

    @property
    def in_strict(self) -> str:
        """What a strict project does about it."""
        return "finding" if self.finding else "refused"

    @property
    def in_lenient(self) -> str:
        """What a lenient project does about it."""
        return "finding" if self.finding or self.format else "refused"


FAULTS: Final[dict[str, FaultKind]] = {
    # The shape: refused everywhere.
    "query.unknown": FaultKind("This query parameter is not known."),
    "query.value": FaultKind("This query parameter has a value that is not right."),
    "field.unknown": FaultKind("This field is not known."),
    "field.missing": FaultKind("This field is required."),
    "field.type": FaultKind("This value has the wrong type."),
    "field.duplicate": FaultKind("This key stands twice in the same object."),
    "field.empty": FaultKind("This value must not be empty."),
    "field.value": FaultKind("This value is not one that the field takes."),
    "text.nul": FaultKind("Text must not contain the NUL character."),
    "text.surrogate": FaultKind("Text must not contain a lone surrogate."),
    "text.too_long": FaultKind("This text is longer than the limit."),
    "item.empty": FaultKind(
        "A customer needs a wallet, a claim, a DID, a contact or an externalCustomerId."
    ),
    "tags.too_many": FaultKind("A customer has at most 32 tags."),
    "tags.text": FaultKind("A tag must have 1 to 64 characters and no control character."),
    "tags.repeated": FaultKind("A tag must not stand twice."),
    "metadata.too_many": FaultKind("The metadata have at most 50 members."),
    "metadata.too_large": FaultKind("The metadata must be at most 16 KiB of JSON."),
    "metadata.name": FaultKind("A name in the metadata must have 1 to 64 characters."),
    # Webhooks: refused everywhere.
    "webhook.url": FaultKind(
        "The URL must be https, without a user name, a password and a fragment."
    ),
    "webhook.host": FaultKind("The host of the URL has no address."),
    "webhook.address": FaultKind(
        "The host of the URL leads to an address that webhooks must not call."
    ),
    "webhook.secret": FaultKind("The secret must be whsec_ and 24 to 64 bytes in base64."),
    # Values out of a closed list: refused everywhere.
    "customer_type.unknown": FaultKind('The type must be "Individual" or "Company".'),
    "namespace.unknown": FaultKind("This blockchain namespace is not known."),
    "country.unknown": FaultKind(
        "The country must be an ISO 3166-1 alpha-3 code, ANT or XKX, in upper case."
    ),
    "status.unknown": FaultKind("This status is not known."),
    "risk_score.unknown": FaultKind('The risk score must be "Low", "Medium", "High" or "No risk".'),
    "onboarding_level.unknown": FaultKind("This onboarding level is not known."),
    "onboarding_level.type": FaultKind("This onboarding level is none of the customer's type."),
    # What one customer's own state forbids.
    "email.twice": FaultKind("The customer has this email address already."),
    "status.cannot_follow": FaultKind("This status may not follow the one that the customer has."),
    # Formats: a lenient project stores the value and records a finding.
    "wallet.length": FaultKind("The address has the wrong length for its namespace.", True),
    "wallet.alphabet": FaultKind(
        "The address has a character that its namespace does not use.", True
    ),
    "wallet.prefix": FaultKind("The address has the wrong prefix for its namespace.", True),
    "wallet.checksum": FaultKind("The checksum of the address is wrong.", True),
    "wallet.network": FaultKind("The address is of another network than it is sent for.", True),
    "wallet.namespace": FaultKind("The address is of another namespace.", True),
    "did.syntax": FaultKind("The value is not a DID as DID Core 1.0 section 3.1 writes it.", True),
    "did.key": FaultKind("The DID is not a public key as did:key writes it.", True),
    "did.pkh": FaultKind(
        "The DID does not name an account of its blockchain as did:pkh writes it.", True
    ),
    "did.web": FaultKind(
        "The DID is not a host name, with port and path, as did:web writes it.", True
    ),
    "did.ethr": FaultKind(
        "The DID is not an Ethereum account or public key as did:ethr writes it.", True
    ),
    "did.jwk": FaultKind("The DID is not a public JSON Web Key as did:jwk writes it.", True),
    "did.ion": FaultKind("The DID does not fit its own hash as did:ion writes it.", True),
    "sub.syntax": FaultKind("The sub must be at most 255 ASCII characters.", True),
    "birthdate.format": FaultKind(
        "The birthdate must be YYYY-MM-DD, YYYY, 0000-MM-DD or an RFC 3339 date-time.", True
    ),
    "birthdate.future": FaultKind("The birthdate lies in the future.", True),
    "zoneinfo.unknown": FaultKind("The zone is not in the IANA time zone database.", True),
    "locale.syntax": FaultKind("The locale is not a well-formed BCP 47 language tag.", True),
    "url.syntax": FaultKind("The value is not an http or https URL.", True),
    "picture.base64": FaultKind("The picture is not valid base64.", True),
    "picture.type": FaultKind("The picture is not a PNG, JPEG, WebP or GIF image.", True),
    "picture.too_large": FaultKind("The picture is larger than the limit."),
    "email.syntax": FaultKind("The value is not an email address.", True),
    "phone.syntax": FaultKind("The phone number is not written as E.164 has it.", True),
    "phone.country": FaultKind("No country or service has this country code.", True),
    "handle.syntax": FaultKind(
        "The name must have 1 to 128 characters and no control character.", True
    ),
    "external.syntax": FaultKind(
        "The externalCustomerId must have at most 255 characters and no control character.", True
    ),
    # Secrets: refused everywhere, for what is stored is copied, exported and shown.
    "wallet.secret": FaultKind(
        "This is, or may be, a private key or a recovery phrase. Keep it secret; nobody else's "
        "system should have seen it."
    ),
    "did.secret": FaultKind("The DID holds a private key. Keep it secret and make another."),
    # Findings: right, and noted on the customer in every project.
    "wallet.erc1191": FaultKind(
        "The checksum is that of ERC-1191, which is right on Rootstock alone.", finding=True
    ),
    "wallet.stake_address": FaultKind(
        "A stake address tells whose it is and receives no payment.", finding=True
    ),
    "did.other_account": FaultKind(
        "The DID names another account than the customer's wallet.", finding=True
    ),
    "text.bidi": FaultKind(
        "The text has a mark that turns the direction of writing where none is needed, or that "
        "is not closed.",
        finding=True,
    ),
    "text.invisible": FaultKind("The text has a character that nobody sees.", finding=True),
    "claims.no_name": FaultKind("The person has claims but no name.", finding=True),
    "claims.name_mismatch": FaultKind(
        "The name has neither the given nor the family name in it.", finding=True
    ),
    "claims.birthdate_old": FaultKind("The birthdate is more than 125 years ago.", finding=True),
    "claims.company_birthdate": FaultKind("A company has no birthdate.", finding=True),
    # What stands against merging customers.
    "merge.same": FaultKind("A customer cannot be merged into itself."),
    "merge.twice": FaultKind("This customer stands here before."),
    "merge.unknown": FaultKind("There is no such customer in this project."),
    "merge.deleted": FaultKind("This customer is deleted: restore it first."),
    "merge.merged": FaultKind("This customer was merged into another one."),
    "merge.erased": FaultKind("The personal data of this customer were erased."),
    "merge.type": FaultKind("A person and a company cannot be merged."),
    "merge.too_many": FaultKind(
        "Together they have more than the 1,000 wallets, 1,000 DIDs or 100 email addresses that a "
        "customer may have."
    ),
    "merge.not_merged": FaultKind("This customer was not merged into that one."),
    # Uniqueness within the project.
    "duplicate.wallet": FaultKind("Another item of this batch has the same wallet."),
    "duplicate.did": FaultKind("Another item of this batch has the same DID."),
    "duplicate.sub": FaultKind("Another item of this batch has the same sub."),
    "duplicate.external": FaultKind("Another item of this batch has the same externalCustomerId."),
    "conflict.wallet": FaultKind("Wallet already attached to another identity"),
    "conflict.did": FaultKind("DID already attached to another customer."),
    "conflict.sub": FaultKind("sub already used by another customer."),
    "conflict.external": FaultKind("externalCustomerId already used by another customer."),
}


class Fault(NamedTuple):
    """One fault of one item of a batch.

    ``item`` is the index in ``customerData`` (None: the fault is of the body as a whole),
    ``pointer`` an RFC 6901 pointer relative to the item (``/customerWallet/wallet``; empty for
    the item itself), ``code`` a key of `FAULTS`.
    ``hint`` is added to the code's sentence; it never holds a value that was sent.
    ``customer_id`` is the stored customer that a conflict is with.
    """

    item: int | None
    pointer: str
    code: str
    hint: str = ""
    customer_id: str | None = None

    @property
    def base(self) -> str:
        """The pointer of the item in the body."""
        return "" if self.item is None else f"/customerData/{self.item}"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        sentence = FAULTS[self.code].detail
        return f"{sentence} {self.hint}" if self.hint else sentence
