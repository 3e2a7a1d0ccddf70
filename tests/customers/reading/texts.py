"""Batches as JSON text, written in every way that JSON allows."""

import json
from math import isfinite
from random import Random
from typing import Any

from hypothesis import strategies as st

from enrol.customers.model import CLAIM_NAMES

# What a reader that counts bytes instead of parsing them could trip over.
TRICKY = [
    *('":', '\\":', '" :', '"', "\\", "\\\\", 'a\\":"', "{", "}", "[", "],{", ",", ":", "\\u0000"),
    *('"\t:', "name", '"sub":', "\u2028", "\U0001f600", "\ufeff", "", " ", "\n", "\x01", "\x7f"),
]
TEXT = st.one_of(
    st.sampled_from(TRICKY),
    st.lists(st.sampled_from(TRICKY), max_size=4).map("".join),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)
OPTIONAL = st.none() | TEXT
WHITE_SPACE = " \t\r\n"


def is_number_of_json(value: Any) -> bool:
    """Whether a value is no number, or one that JSON has."""
    return not isinstance(value, float) or isfinite(value)


def _object(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(required, optional=optional)


WALLETS = _object(
    {"wallet": TEXT, "blockchainNamespace": TEXT},
    {"verified": st.none() | st.booleans(), "createdBy": OPTIONAL},
)
CLAIMS = st.dictionaries(st.sampled_from(CLAIM_NAMES), OPTIONAL, max_size=6)
CONTACTS = st.dictionaries(
    st.sampled_from(["email", "phone", "twitter", "discord", "telegram"]), OPTIONAL, max_size=3
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
METADATA = st.dictionaries(
    TEXT.filter(lambda name: 0 < len(name) <= 64), SCALARS.filter(is_number_of_json), max_size=4
)
DIDS = _object({"did": TEXT}, {"createdBy": OPTIONAL, "updatedBy": OPTIONAL})
CUSTOMERS = _object(
    {},
    {
        "customerWallet": st.none() | WALLETS,
        "customerClaims": st.none() | CLAIMS,
        "customerDid": st.none() | DIDS,
    },
)
PROFILED = _object(
    {},
    {
        "customerClaims": st.none() | CLAIMS,
        "externalCustomerId": OPTIONAL,
        "status": OPTIONAL,
        "riskScore": OPTIONAL,
        "onboardingLevel": OPTIONAL,
        "customerContact": st.none() | CONTACTS,
        "tags": st.none() | st.lists(TEXT, max_size=3),
        "metadata": st.none() | METADATA,
    },
)
BATCHES = _object(
    {
        "customerType": TEXT,
        "cmsProjectId": TEXT,
        # Half of the batches have no profile at all, as most have none.
        "customerData": st.lists(CUSTOMERS, max_size=5)
        | st.lists(CUSTOMERS | PROFILED, max_size=5),
    },
    {},
)
RANDOMS = st.integers(0, 2**32).map(Random)


class Members(list[tuple[str, Any]]):
    """An object that may have a name twice."""


def members_of(value: Any) -> Any:
    """The same value with `Members` for its objects."""
    if isinstance(value, dict):
        return Members((name, members_of(member)) for name, member in value.items())
    if isinstance(value, list):
        return [members_of(member) for member in value]
    return value


def objects_in(value: Any, pointer: str = "") -> list[tuple[str, Members]]:
    """Every object within, with its JSON Pointer."""
    found = []
    if isinstance(value, Members):
        found.append((pointer, value))
        for name, member in value:
            found += objects_in(member, f"{pointer}/{name}")
    elif isinstance(value, list):
        for place, member in enumerate(value):
            found += objects_in(member, f"{pointer}/{place}")
    return found


def written(value: Any, random: Random) -> str:
    """JSON with white space wherever it may stand, members in any order, and any escapes."""
    space = "".join(random.choices(WHITE_SPACE, k=random.choice((0, 0, 1, 3))))
    if isinstance(value, Members):
        shuffled = random.sample(value, len(value))
        texts = (f"{written(name, random)}:{written(member, random)}" for name, member in shuffled)
        return f"{space}{{{','.join(texts) or space}}}{space}"
    if isinstance(value, list):
        texts = (written(member, random) for member in value)
        return f"{space}[{','.join(texts) or space}]{space}"
    if isinstance(value, str) and random.random() < 0.3:
        return f'{space}"{"".join(map(_escaped, value))}"{space}'
    return f"{space}{json.dumps(value, ensure_ascii=random.random() < 0.5)}{space}"


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    pairs = (units[start : start + 2].hex() for start in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs)
