"""The examples of the API's description: a batch of three, what it answers, and refusals."""

from typing import Any, Final

from enrol.customers.faults import FAULTS, Fault

PROJECT: Final = "token-sale"
BATCH_ID: Final = "019a91f2-6c00-7a31-9f4e-2b6d5c8e1f70"
REQUEST_ID: Final = "019a91f2-6bfe-7c55-8d02-41f7a3b9e6d1"
IDS: Final = (
    "019a91f2-6c00-7a32-8e15-9c3f7b2d4a60",
    "019a91f2-6c00-7a33-b7d4-5e8a1c6f3290",
    "019a91f2-6c00-7a34-a2c9-f06b8d7e4135",
)
AT: Final = "2025-11-17T09:30:00.000Z"

BATCH: Final[dict[str, Any]] = {
    "customerType": "Individual",
    "cmsProjectId": PROJECT,
    "customerData": [
        {
            "customerWallet": {
                "wallet": "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb",
                "blockchainNamespace": "tezos",
                "verified": True,
                "createdBy": "crm-sync",
            },
            "customerClaims": {
                "sub": "crm-000001",
                "name": "Amina Karimi",
                "birthdate": "1991-03-08",
                "zoneinfo": "Asia/Kabul",
                "locale": "fa-AF",
                "nationality": "AFG",
            },
            "externalCustomerId": "crm-000001",
            "status": "Active",
            "riskScore": "Low",
            "onboardingLevel": "KYC",
            "customerContact": {
                "email": "amina@example.com",
                "phone": "+93701234567",
                "telegram": "@amina",
            },
            "tags": ["vip", "newsletter"],
            "metadata": {"segment": "gold", "visits": 3},
        },
        {
            "customerWallet": {
                "wallet": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                "blockchainNamespace": "eip155",
            },
            "customerClaims": {"sub": "crm-000002", "name": "João da Silva", "locale": "pt-BR"},
        },
        {
            "customerDid": {"did": "did:web:example.com:customers:3"},
            "customerClaims": {"sub": "crm-000003", "name": "山田 花子", "locale": "ja-JP"},
        },
    ],
}

_CHECKSUM: Final = Fault(1, "/customerWallet/wallet", "wallet.checksum")

# What the examples of the problems that list faults list.
PROBLEM_FAULTS: Final = {
    "query.invalid": (
        Fault(None, "/mode", "query.value", "mode is one of: atomic, partial, dryRun."),
    ),
    "body.invalid": (
        Fault(None, "/scope", "field.unknown", "Did you mean scopes?"),
        Fault(None, "/scopes", "field.missing"),
    ),
    "batch.invalid": (
        _CHECKSUM,
        Fault(2, "/customerClaims/givenname", "field.unknown", "Did you mean givenName?"),
    ),
    "customer.conflict": (Fault(None, "/customerClaims/sub", "conflict.sub", "", IDS[0]),),
    "merge.refused": (Fault(None, "/sourceCustomerIds/0", "merge.type"),),
    "status.transition": (Fault(None, "/status", "status.cannot_follow", "None may follow."),),
    "batch.conflict": (Fault(0, "/customerWallet/wallet", "conflict.wallet", "", IDS[0]),),
}

RESULTS: Final[list[dict[str, Any]]] = [
    {"outcome": "created", "id": IDS[0]},
    {
        "outcome": "refused",
        "errors": [
            {
                "pointer": _CHECKSUM.base + _CHECKSUM.pointer,
                "code": _CHECKSUM.code,
                "detail": FAULTS[_CHECKSUM.code].detail,
            }
        ],
    },
    {"outcome": "exists", "id": IDS[2]},
]

CUSTOMER: Final[dict[str, Any]] = {
    "id": IDS[1],
    "cmsProjectId": PROJECT,
    "externalCustomerId": None,
    "type": "Individual",
    "status": "No status",
    "reason": None,
    "riskScore": "No risk",
    "onboardingLevel": None,
    "batchId": BATCH_ID,
    "createdAt": AT,
    "updatedAt": AT,
    "deletedAt": None,
    "deletedBy": None,
    "mergedInto": None,
    "tags": [],
    "metadata": {},
    "customerContact": {"phone": None, "twitter": None, "discord": None, "telegram": None},
    "customerClaims": [
        {
            "sub": "crm-000002",
            "name": "João da Silva",
            "givenName": None,
            "familyName": None,
            "middleName": None,
            "nickname": None,
            "preferredUsername": None,
            "profile": None,
            "picture": None,
            "pictureBase64": None,
            "website": None,
            "gender": None,
            "birthdate": None,
            "zoneinfo": None,
            "locale": "pt-BR",
            "countryOfResidence": None,
            "nationality": None,
            "createdBy": None,
            "address": None,
            "canonical": {
                "name": None,
                "givenName": None,
                "familyName": None,
                "middleName": None,
                "nickname": None,
                "zoneinfo": None,
                "locale": None,
            },
        }
    ],
    "customerEmails": [],
    "customerWallets": [
        {
            "id": "019a91f2-6c00-7a36-94b1-7d2e6f8a0c53",
            "customerId": IDS[1],
            "wallet": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "canonical": "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "network": None,
            "chainId": None,
            "accountId": None,
            "blockchainNamespace": "eip155",
            "verified": False,
            "createdAt": AT,
            "updatedAt": AT,
            "createdBy": None,
            "updatedBy": None,
        }
    ],
    "customerDids": [],
    "findings": [],
}
