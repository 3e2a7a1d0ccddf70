"""Whose wallets, DIDs and IDs these are."""

from typing import Final

import msgspec

from enrol.api.reference import examples
from enrol.api.reference.answers import refusals, success
from enrol.api.reference.resource import (
    BODY,
    KEY,
    UNKNOWN_PARAMETERS,
    Resource,
    operation,
    parameter,
    small_body,
)
from enrol.api.reference.schemas import Json, ref
from enrol.api.resources.lookup import (
    MOST_ASKED,
    MOST_BYTES,
    MOST_SHOWN,
    LookupAnswer,
    LookupRequest,
    LookupWallet,
)
from enrol.customers.wallets.registry import NAMESPACES
from enrol.settings import Settings

ASKED: Final = {
    "wallets": [
        "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
        {"wallet": "tz1VSUr8wwNhLAzempoch5d6hLRiTh8Cjcjb", "blockchainNamespace": "tezos"},
        "0x0000000000000000000000000000000000000000",
    ],
    "subs": ["crm-000001"],
}
ANSWER: Final = {
    "data": {
        "wallets": [examples.IDS[1], examples.IDS[0], None],
        "ids": [],
        "dids": [],
        "subs": [examples.IDS[0]],
        "externalCustomerIds": [],
    },
    "ambiguousWallets": [],
}
VALUES: Final = "One entry a value that was asked, in the same order; null: nobody's."


def _paths(settings: Settings) -> Json:
    words = f"`customers`: also each customer that is found, once; at most {MOST_SHOWN:,} values."
    return {
        "/customers/lookup": {
            "post": operation(
                "customers",
                "lookUpCustomers",
                "Look up many",
                f"Whose up to {MOST_ASKED:,} wallets, DIDs and IDs are, in one call. A wallet is "
                "found in any spelling, or as CAIP-10. Customers that are deleted are not found. "
                f"{UNKNOWN_PARAMETERS}",
                {
                    "200": success(
                        "What was found.",
                        ref("LookupAnswer"),
                        {"found": ("Three wallets and a sub", ANSWER)},
                    ),
                    **refusals(*KEY, *BODY, "query.invalid", faults=("namespace.unknown",)),
                },
                parameters=[parameter("query", "include", words, {"enum": ["customers"]})],
                scope="customers:read",
                requestBody=small_body(
                    "LookupRequest", "Three wallets and a sub", ASKED, most_bytes=MOST_BYTES
                ),
            )
        }
    }


def _schemas(settings: Settings) -> Json:
    """Types do not say which namespaces there are."""
    _, schemas = msgspec.json.schema_components([LookupWallet], ref_template="{name}")
    wallet: Json = schemas["LookupWallet"]
    del wallet["title"]
    named = {"enum": list(NAMESPACES), "description": "The namespace of the chain (CAIP-2)."}
    spelt = {"description": "The address in any spelling."}
    properties = {
        "wallet": {**wallet["properties"]["wallet"], **spelt},
        "blockchainNamespace": named,
    }
    return {"LookupWallet": {**wallet, "properties": properties}}


RESOURCE: Final = Resource(
    _paths,
    types=(LookupRequest, LookupAnswer),
    schemas=_schemas,
    meanings={
        "LookupRequest": {
            "wallets": ("Addresses, each alone or with its namespace.", ASKED["wallets"]),
            "ids": ("IDs of customers.", [examples.IDS[0]]),
            "dids": ("DIDs.", ["did:web:example.com:customers:3"]),
            "subs": ("Claims `sub`.", ASKED["subs"]),
            "externalCustomerIds": ("Your own IDs.", ["customer-17"]),
        },
        "LookupData": dict.fromkeys(
            ("wallets", "ids", "dids", "subs", "externalCustomerIds"), (VALUES, None)
        ),
        "LookupAnswer": {
            "ambiguousWallets": (
                "The places in `wallets` of texts that are wallets of several customers, under "
                "different namespaces: name the namespace to tell them apart.",
                None,
            ),
            "customers": ("Each customer that was found, once (`include=customers`).", None),
        },
    },
)
