"""The query of ``GET /customers``: its parameters, and every fault of what was sent."""

from collections.abc import Container
from functools import partial
from itertools import chain
from typing import Annotated, Final

from msgspec import Meta, Struct

from enrol.api.lists.query import Rule, read_query, time_of
from enrol.customers.countries import COUNTRIES
from enrol.customers.faults import Fault
from enrol.customers.lifecycle.statuses import STATUSES
from enrol.customers.model import CUSTOMER_TYPES
from enrol.customers.profiles.fields import ONBOARDING_LEVELS, RISK_SCORES
from enrol.customers.search.words import search_terms
from enrol.problems import Problem

MOST_LISTED: Final = 1_000
MOST_PAGES: Final = 10**9
MOST_WALLET_CHARS: Final = 4_096
MOST_SEARCH_CHARS: Final = 200
MOST_SEARCH_WORDS: Final = 16
ANY: Final = "any"

# The values that a parameter may have, where they are few.
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "type": CUSTOMER_TYPES,
    "status": STATUSES,
    "riskLevel": RISK_SCORES,
    "onBoardingLevel": tuple(dict.fromkeys(chain(*ONBOARDING_LEVELS.values()))),
    "sort": ("-createdAt", "createdAt", "-updatedAt", "updatedAt", "name", "-name"),
    "count": ("exact", "estimated", "none"),
}
COUNTRY_FIELDS: Final = ("countryOfResidence", "nationality")
TIME_FIELDS: Final = ("fromDate", "toDate", "softDeletedBefore")


def _text(description: str, most: int = 200) -> Meta:
    return Meta(description=description, min_length=1, max_length=most)


class PageQuery(Struct, frozen=True, kw_only=True, rename="camel"):
    """The query of ``GET /customers``. A text that is empty was not sent."""

    cms_project_id: Annotated[str, Meta(description="The project, which must be the key's own.")]
    current_page: Annotated[int, Meta(ge=1, le=MOST_PAGES, description="From 1.")] = 1
    limit: Annotated[int, Meta(ge=1, le=MOST_LISTED, description="Customers a page.")] = 100
    after: Annotated[
        str, _text("Where the page begins: the cursor in the `Link` of the page before.", 400)
    ] = ""
    sort: Annotated[str, _text("The order; `-` turns it round.")] = "-createdAt"
    count: Annotated[
        str,
        _text(
            "`exact` waits up to a second for the index to have seen every change before it; "
            "`estimated` does not wait; `none` leaves the count out.",
        ),
    ] = "exact"
    search: Annotated[
        str,
        _text(
            "Words of names, in any script, case or spelling with accents: all must be there, the "
            "last may be only begun.",
            MOST_SEARCH_CHARS,
        ),
    ] = ""
    type: Annotated[str, _text("The type.")] = ""
    status: Annotated[str, _text("The status.")] = ""
    risk_level: Annotated[str, _text("The risk.")] = ""
    on_boarding_level: Annotated[str, _text("The onboarding level.")] = ""
    country_of_residence: Annotated[str, _text("ISO 3166-1 alpha-3.")] = ""
    nationality: Annotated[str, _text("ISO 3166-1 alpha-3.")] = ""
    namespace: Annotated[str, _text("The CAIP-2 namespace of one of the wallets.")] = ""
    tag: Annotated[str, _text("One of the tags.")] = ""
    finding: Annotated[
        str, _text("The code of one of the findings, or `any` for whoever has one.")
    ] = ""
    from_date: Annotated[
        str, _text("Created at this time or later: an RFC 3339 date, or date and time.")
    ] = ""
    to_date: Annotated[str, _text("Created at this time or before; a date includes its day.")] = ""
    soft_deleted_before: Annotated[
        str, _text("Deleted customers instead of the others: those deleted before this time.")
    ] = ""
    wallet: Annotated[
        str,
        _text(
            "Only customers whose wallet this may be: an address in any spelling, or CAIP-10.",
            MOST_WALLET_CHARS,
        ),
    ] = ""
    did: Annotated[str, _text("Only the customer with this DID.", MOST_WALLET_CHARS)] = ""
    sub: Annotated[str, _text("Only the customer with this `sub`.", MOST_WALLET_CHARS)] = ""
    external_customer_id: Annotated[
        str, _text("Only the customer with this key of yours.", MOST_WALLET_CHARS)
    ] = ""


def read_page_query(query_string: bytes) -> PageQuery:
    """Read the query. Raises `Problem` ``query.invalid`` naming every fault."""
    query = read_query(query_string, PageQuery, RULES)
    if query.after and query.current_page != 1:
        hint = "after and currentPage exclude one another."
        raise Problem("query.invalid", faults=[Fault(None, "/currentPage", "query.value", hint)])
    return query


def _among(values: Container[str], text: str) -> None:
    if text not in values:
        raise ValueError


def _check_search(text: str) -> None:
    if not 0 < len(search_terms(text)) <= MOST_SEARCH_WORDS:
        raise ValueError


RULES: Final[dict[str, Rule]] = {
    **{
        name: Rule(f"one of: {', '.join(values)}", partial(_among, values))
        for name, values in CHOICES.items()
    },
    **dict.fromkeys(
        COUNTRY_FIELDS,
        Rule("a country of ISO 3166-1 alpha-3, upper case", partial(_among, COUNTRIES)),
    ),
    **dict.fromkeys(
        TIME_FIELDS,
        Rule("a date, or a date and time, of RFC 3339", partial(time_of, end=True)),
    ),
    "search": Rule(
        f"a text of up to {MOST_SEARCH_CHARS} characters with 1 to {MOST_SEARCH_WORDS} words",
        _check_search,
    ),
}
