"""What the check of a wallet costs in each namespace, on addresses as those of the batches."""

from functools import partial
from hashlib import blake2b
from timeit import repeat
from typing import Final

from benchmarks.addresses import account
from benchmarks.report import Fact
from enrol.customers.wallets.forms import Check
from enrol.customers.wallets.registry import CHECKS, NAMESPACES

MIXED_AIM: Final = 2.0
# The fastest of so many: whatever else the machine does only adds.
TURNS: Final = 20


def _check_all(check: Check, texts: list[str]) -> None:
    for text in texts:
        check(text)


def measure_wallets(addresses: int = 500) -> list[Fact]:
    """Microseconds an address: of each namespace, and of all in equal parts."""
    made = [
        account(number, blake2b(b"%d" % number, digest_size=32).digest())
        for number in range(addresses * len(NAMESPACES))
    ]
    spent = {}
    for name in NAMESPACES:
        check = CHECKS[name]
        texts = [one.address for one in made if one.namespace == name]
        fastest = min(repeat(partial(_check_all, check, texts), number=1, repeat=TURNS))
        spent[name] = fastest / len(texts) * 1e6
    facts = [
        Fact(name=f"check of a wallet: {name}", value=value, unit="µs")
        for name, value in spent.items()
    ]
    mixed = sum(spent.values()) / len(spent)
    mean = Fact(name="check of a wallet: all alike", value=mixed, unit="µs", at_most=MIXED_AIM)
    return [*facts, mean]
