"""Every check of a column of DIDs: the syntax first, then each method's own rules."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final

from enrol.customers.dids.codes import SECRET, SYNTAX
from enrol.customers.dids.registry import CHECKS, METHODS
from enrol.customers.dids.syntax import is_did, methods_of

_METHOD: Final = re.compile("did:([a-z0-9]+):")
_ADDED: Final = re.compile("[/?#=].*", re.DOTALL)


def check_dids(dids: Sequence[str], settled: Collection[int] = ()) -> list[tuple[int, str]]:
    """The index and the fault code of each DID that has a fault, in order.

    A method without a module passes by its syntax. ``settled`` are indexes whose method need not
    be asked: of a did:pkh that repeats an address that was checked as the customer's wallet.
    """
    places: defaultdict[str | None, list[int]] = defaultdict(list)
    for index, method in enumerate(methods_of(dids)):
        places[method].append(index)
    faults = [(index, _syntax_fault(dids[index])) for index in places.pop(None, ())]
    for method, indexes in places.items():
        if method in METHODS:
            if settled:
                indexes = [index for index in indexes if index not in settled]
            column = [dids[index] for index in indexes]
            faults += [(indexes[place], code) for place, code in CHECKS[method](column)]
    return sorted(faults)


def _syntax_fault(text: str) -> str:
    """A private key is found behind a slip of syntax too: a lenient project would store it."""
    text = text.strip()
    method = _METHOD.match(text)
    if method is None or method[1] not in METHODS:
        return SYNTAX
    # What a DID URL adds; base64 with its other two characters, or padded.
    slips = (_ADDED.sub("", text), text.rstrip("=").replace("+", "-").replace("/", "_"))
    found = any((0, SECRET) in CHECKS[method[1]]([slip]) for slip in slips if is_did(slip))
    return SECRET if found else SYNTAX
