"""The table of statuses, against the words of the issue, every pair of them."""

import itertools

import pytest

from enrol.customers.lifecycle.statuses import (
    FOLLOWERS,
    NO_STATUS,
    STATUSES,
    followers,
    may_follow,
    stored_status,
)

# As whoever reviews customers would say it: one letter a status.
LETTERS = {
    "N": "No status",
    "A": "Active",
    "R": "Rejected",
    "D": "Dormant",
    "B": "To be reviewed",
    "F": "Failed",
    "E": "Escalated",
    "T": "Terminated",
}
# Before, and after it all that may follow.
ALLOWED = ["NARDBFET", "BAREFT", "ADBERT", "DABT", "EARBT", "FBRT", "RBT", "T"]
PAIRS = {(line[0], after) for line in ALLOWED for after in line[1:]}


def test_the_words_are_the_vendors() -> None:
    assert sorted(STATUSES) == sorted(LETTERS.values())


@pytest.mark.parametrize("before", LETTERS)
@pytest.mark.parametrize("after", LETTERS)
def test_every_pair(before: str, after: str) -> None:
    allowed = before == after or (before, after) in PAIRS
    assert may_follow(LETTERS[before], LETTERS[after]) is allowed


@pytest.mark.parametrize("status", STATUSES)
def test_none_stands_for_no_status(status: str) -> None:
    assert may_follow(None, status) is may_follow(NO_STATUS, status) is True
    assert may_follow(status, None) is may_follow(status, NO_STATUS) is (status == NO_STATUS)
    assert may_follow(None, None)
    assert followers(None) == followers(NO_STATUS)


def test_nothing_leads_out_of_terminated_or_back_to_no_status() -> None:
    assert followers("Terminated") == ()
    assert NO_STATUS not in itertools.chain.from_iterable(FOLLOWERS.values())


def test_terminated_can_be_reached_from_everywhere() -> None:
    assert {before for before in STATUSES if not may_follow(before, "Terminated")} == set()


def test_no_status_is_stored_as_none() -> None:
    assert stored_status(NO_STATUS) is None
    assert stored_status(None) is None
    assert stored_status("Active") == "Active"
