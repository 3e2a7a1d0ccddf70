"""Every namespace against its chain's own library (tests/js/addresses.mjs): the same addresses are
taken, and the same addresses are one account.

The libraries make the addresses, whole ones and such as are none for all their right checksum; a
seeded generator mistypes and respells them. So a run is the same everywhere, and a fault found
here stands in its message.
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import pytest

from benchmarks.addresses import account
from enrol.customers.wallets.forms import (
    BASE58,
    BASE58_RIPPLE,
    BECH32,
    HEX,
    AddressError,
    AddressFinding,
)
from enrol.customers.wallets.registry import CHECKS, NAMESPACES
from tests.customers.wallets.vectors import addresses

LIBRARIES: Final = Path(__file__).resolve().parents[2] / "js" / "addresses.mjs"
NODE: Final = Path(sys.executable).with_name("node")

SEED: Final = 20_260_801
RANDOM_ACCOUNTS: Final = 8
MUTANTS: Final = 500
"""Of each namespace."""

ALPHABETS: Final = {
    "eip155": HEX,
    "aptos": HEX,
    "starknet": HEX,
    "cosmos": BECH32,
    "cardano": BECH32,
    "avax": BECH32,
    "xrpl": BASE58_RIPPLE,
}
STRAY: Final = "0OIl1bio xX:-_%.\n\0\u00e9\uff11"


class Difference(NamedTuple):
    """What the library takes and the check does not, or the check and not the library, by the text
    or by the account that the library reads in it."""

    why: str
    text: str = ".*"
    account: str = ".*"
    taken_here: bool = False
    finding: str | None = None

    def has(self, judged: "Judged") -> bool:
        return (
            (judged.here is not None) is self.taken_here is (judged.there is None)
            and judged.finding == self.finding
            and re.fullmatch(self.text, judged.text, re.DOTALL) is not None
            and re.fullmatch(self.account, judged.there or "", re.DOTALL) is not None
        )


DIFFERENCES: Final[dict[str, list[Difference]]] = {
    "tezos": [
        Difference("a smart rollup is nobody's account", text="sr1.*"),
        Difference("an entrypoint is part of a call", text=".*%.*"),
    ],
    "aptos": [
        Difference(
            "AIP-40 has 0x0 to 0xf as special, the library those up to 0xa",
            "0x[b-fB-F]",
            taken_here=True,
        ),
    ],
    "eip155": [
        Difference("the library takes 0X for 0x, CAIP-10 does not", text="0X.*"),
        Difference("ERC-1191 is unknown to it", taken_here=True, finding="wallet.erc1191"),
    ],
    "cosmos": [
        Difference("a validator's key, not an account", text="(?i:[a-z]*val(oper|cons)1.*)")
    ],
    "cardano": [
        Difference(
            "CIP-19 has the network tags 0 and 1 alone", account="[0-9a-f][2-9a-f][0-9a-f]*"
        ),
        Difference("CIP-19 has Byron's types 0 and 2 alone", account="(?![0-9a-f]*$).*"),
    ],
    "avax": [Difference("a network on one's own machine", text="(?i:.-(local|custom)1.*)")],
    "polkadot": [
        Difference("an account index, which is a place in one chain's table", account=".{2,16}"),
        Difference("an ECDSA key, whose account ID is its hash", account=".{66}"),
    ],
    "starknet": [
        Difference("no account: the sequencer's range begins at 2", account="0x0*[01]"),
        Difference("the library adds a missing 0x, and takes 0X for it", text="(?!0x).*"),
        Difference("the library drops zeros in front of 64 digits", text="0x0.{64,}"),
        Difference("the library trims blanks", text=r".*\s"),
    ],
}


class Judged(NamedTuple):
    """A text, its canonical form here, and its account by the library; None where it is refused."""

    text: str
    here: str | None
    finding: str | None
    there: str | None


def ask(questions: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    lines = "".join(f"{json.dumps(question)}\n" for question in questions)
    done = subprocess.run(
        [NODE, LIBRARIES],
        input=lines,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return [json.loads(line) for line in done.stdout.splitlines()]


def seeds(random: Random) -> Iterator[bytes]:
    """Random accounts, and those that have zeros in front or are nothing else."""
    yield from (random.randbytes(32) for _ in range(RANDOM_ACCOUNTS))
    yield from (bytes(zeros) + random.randbytes(32 - zeros) for zeros in (1, 3, 12, 31))
    yield from (bytes(32), b"\xff" * 32)


def mistyped(name: str, text: str, random: Random) -> str:
    """The text with something done to it that people and programs do."""
    at = random.randrange(len(text))
    before, own, after = text[:at], text[at], text[at + 1 :]
    typed = random.choice(ALPHABETS.get(name, BASE58) if random.random() < 0.8 else STRAY)
    slips = (
        before + typed + after,
        before + own + typed + after,
        before + after,
        before + own + own + after,
        before + after[:1] + own + after[1:],
        before + own.swapcase() + after,
        before + after[1:],
        before,
        after,
        text + typed,
        typed + text,
        # What bech32 alone would not see (BIP-350).
        text[:-1] + "q" + text[-1],
    )
    return random.choice(slips)


def respelled(name: str, text: str) -> Iterator[str]:
    """What may or may not be the same address in other words."""
    yield from (
        text,
        text.lower(),
        text.upper(),
        text.swapcase(),
        text.capitalize(),
        f" {text}",
        f"{text}\n",
    )
    if text.startswith("0x"):
        digits = text[2:]
        yield from (digits, f"0X{digits}", f"0x{digits.upper()}", f"0x{digits.lstrip('0')}")
        yield from (f"0x0{digits}", f"0x{digits.zfill(64)}", f"0x{digits.lstrip('0').lower()}")
    if name == "tezos":
        yield f"{text}%default"


def judge(name: str, text: str, there: str | None) -> Judged:
    try:
        return Judged(text, CHECKS[name](text), None, there)
    except AddressFinding as finding:
        return Judged(text, finding.canonical, finding.code, there)
    except AddressError:
        return Judged(text, None, None, there)


@pytest.fixture(scope="module")
def judged() -> dict[str, list[Judged]]:
    """All texts of all namespaces with both judgements, for Node starts slowly."""
    if not (NODE.exists() and (LIBRARIES.parent / "node_modules").exists()):
        pytest.fail("the chains' libraries are not installed; `make setup` does it", pytrace=False)
    random = Random(SEED)
    raws = list(seeds(random))
    made: dict[str, list[str]] = defaultdict(list)
    questions = [{"namespace": name, "seed": raw.hex()} for raw in raws for name in NAMESPACES]
    for question, answer in zip(questions, ask(questions), strict=True):
        made[question["namespace"]] += answer["addresses"]
    for number in range(len(NAMESPACES) * RANDOM_ACCOUNTS):
        owner = account(number, random.randbytes(32))
        made[owner.namespace].append(owner.address)
    texts: list[tuple[str, str]] = []
    for name in NAMESPACES:
        whole = made[name] + addresses(name, "valid", "policy")
        spelled = {text: None for address in whole for text in respelled(name, address)}
        mutants = (mistyped(name, random.choice(whole), random) for _ in range(MUTANTS))
        texts += [(name, text) for text in spelled | dict.fromkeys(mutants)]
    answers = ask({"namespace": name, "address": text} for name, text in texts)
    both: dict[str, list[Judged]] = defaultdict(list)
    for (name, text), answer in zip(texts, answers, strict=True):
        both[name].append(judge(name, text, answer.get("account")))
    return both


@pytest.mark.parametrize("name", NAMESPACES)
def test_the_same_addresses_are_taken(name: str, judged: dict[str, list[Judged]]) -> None:
    known = DIFFERENCES.get(name, [])
    unknown = [
        each
        for each in judged[name]
        if (each.here is None) is not (each.there is None)
        and not any(difference.has(each) for difference in known)
    ]
    assert unknown == []


@pytest.mark.parametrize("name", NAMESPACES)
def test_the_same_addresses_are_one_account(name: str, judged: dict[str, list[Judged]]) -> None:
    both = {(each.here, each.there) for each in judged[name] if each.here and each.there}
    assert len(both) > RANDOM_ACCOUNTS
    assert len({here for here, _ in both}) == len({there for _, there in both}) == len(both)


@pytest.mark.parametrize(
    ("name", "difference"),
    [(name, difference) for name, known in DIFFERENCES.items() for difference in known],
)
def test_a_known_difference_is_met(
    name: str, difference: Difference, judged: dict[str, list[Judged]]
) -> None:
    assert any(difference.has(each) for each in judged[name])


def test_both_judgements_are_put_to_the_test(judged: dict[str, list[Judged]]) -> None:
    for name in NAMESPACES:
        right = sum(each.there is not None for each in judged[name])
        assert right > 50 < len(judged[name]) - right, name
