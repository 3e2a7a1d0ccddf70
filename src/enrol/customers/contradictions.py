"""Claims of one customer that do not go together, each of which may be right by itself.

Findings in every project: the customer is stored. docs/claims.md says what each means, and when
there is none.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from enrol.customers.formats.birthdates import is_before_the_oldest, years_before
from enrol.customers.formats.names import contradicts

Texts = Sequence[str | None]

# The oldest age that is documented is 122 years (Jeanne Calment, 1875 to 1997).
OLDEST: Final = 125
# These tell nothing of a person: whoever is enrolled by a number alone has a name elsewhere.
_IMPERSONAL: Final = frozenset({"sub", "created_by"})


class Contradiction(NamedTuple):
    """One finding: the customer's place, the field (None: the claims as a whole), the code."""

    index: int  # type: ignore[assignment]  # hides tuple.index, of which a finding has no use
    field: str | None
    code: str


def find_contradictions(
    claims: Mapping[str, Texts], customer_type: str, today: date
) -> list[Contradiction]:
    """Every contradiction of a batch, by place. ``claims`` has a column for every claim."""
    if customer_type == "Company":
        return [
            Contradiction(place, "birthdate", "claims.company_birthdate")
            for place, birthdate in enumerate(claims["birthdate"])
            if birthdate
        ]
    found = [
        *(Contradiction(place, None, "claims.no_name") for place in _nameless(claims)),
        *(Contradiction(place, "name", "claims.name_mismatch") for place in _mismatched(claims)),
        *(
            Contradiction(place, "birthdate", "claims.birthdate_old")
            for place in _old(claims, today)
        ),
    ]
    found.sort(key=lambda contradiction: contradiction.index)
    return found


def _nameless(claims: Mapping[str, Texts]) -> Iterator[int]:
    """The people of whom something is said, but no name."""
    if all(claims["name"]):
        return
    names = zip(claims["name"], claims["given_name"], claims["family_name"], strict=True)
    nameless = [place for place, person in enumerate(names) if not any(person)]
    if not nameless:
        return
    telling = [
        column for field, column in claims.items() if field not in _IMPERSONAL and any(column)
    ]
    for place in nameless:
        if any(column[place] for column in telling):
            yield place


def _mismatched(claims: Mapping[str, Texts]) -> Iterator[int]:
    """The people whose full name holds neither their given nor their family name."""
    people = zip(claims["name"], claims["given_name"], claims["family_name"], strict=True)
    # What is written alike in both is the rule: only the rest is worth a careful look.
    suspects = [
        (place, name, given, family)
        for place, (name, given, family) in enumerate(people)
        if name
        and (given or family)
        and not (given and given in name)
        and not (family and family in name)
    ]
    for place, name, given, family in suspects:
        if contradicts(name, [part for part in (given, family) if part]):
            yield place


def _old(claims: Mapping[str, Texts], today: date) -> Iterator[int]:
    """The people who would be older than anybody has been."""
    first = years_before(today, OLDEST)
    for place, birthdate in enumerate(claims["birthdate"]):
        if birthdate and birthdate < first and is_before_the_oldest(birthdate, OLDEST, today):
            yield place
