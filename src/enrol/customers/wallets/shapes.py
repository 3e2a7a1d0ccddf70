"""Namespaces whose addresses are checked by prefix, alphabet and length alone, as one table.

Their checksums are not verified here: a namespace leaves the table when a module does that.
"""

from collections.abc import Sequence
from typing import Final

from enrol.customers.wallets.forms import (
    BASE58,
    BASE58_RIPPLE,
    BECH32,
    HEX,
    Check,
    Form,
    compiled,
    refusal,
)


def _bech32(prefix: str, shortest: int, longest: int) -> tuple[Form, Form]:
    """Both spellings that BIP-173 allows, all lower and all upper; lengths without the prefix."""
    return (
        Form(f"{prefix}1", BECH32, shortest, longest, folds=True),
        Form(f"{prefix}1".upper(), BECH32.upper(), shortest, longest, folds=True),
    )


# Bech32 data is 5 bits a character and ends in a checksum of 6: 20 bytes make 38 characters.
SHAPES: Final[dict[str, Sequence[Form]]] = {
    "aptos": (Form("0x", HEX, 1, 64, folds=True),),
    # 35 or 36 bytes. Account IDs that begin with four zero bytes may be shorter, but no key
    # that somebody holds does.
    "polkadot": (Form("", BASE58, 46, 49),),
    "starknet": (Form("0x", HEX, 1, 64, folds=True),),
    # Any human-readable part, as every chain brings its own: the registry of chains has some with
    # digits, "@", ":" and "_". 20 to 32 bytes: a public key (cosmosvalconspub) is no address.
    "cosmos": _bech32("[0-9a-z@:_]{1,31}", 38, 58),
    "solana": (Form("", BASE58, 32, 44),),
    # CIP-19: 29 bytes (enterprise, stake) to 57 (base); and Byron's, which are CBOR in base58.
    "cardano": (
        *_bech32("addr(?:_test)?", 53, 98),
        *_bech32("stake(?:_test)?", 53, 53),
        Form("", BASE58, 55, 115),
    ),
    # Witness version, program of 2 to 40 bytes, checksum. The human-readable parts are those of
    # SLIP-0173 for chains with SegWit that are in wide use.
    "bip122": (
        *_bech32("(?:bc|tb|bcrt|ltc|tltc|rltc|dgb|dgbt|dgbrt|grs|tgrs|grsrt|vtc|tvtc)", 11, 71),
        Form("", BASE58, 26, 35),
    ),
    # Classic addresses, and X-addresses (main net X, test net T), which hold the tag too.
    "xrpl": (Form("r", BASE58_RIPPLE, 24, 34), Form("[XT]", BASE58_RIPPLE, 45, 46)),
    "dash": (Form("[X7y89]", BASE58, 33, 34),),
    "tron": (Form("T", BASE58, 33, 33), Form("41", HEX, 40, 40, folds=True)),
    # The chain's alias is upper case by definition, so only the lower-case spelling of the
    # bech32 after it is taken: folding "X-AVAX1..." would make an alias that is none.
    "avax": (Form("[XPC]-[a-z]{1,20}1", BECH32, 38, 38), Form("0x", HEX, 40, 40, folds=True)),
}


def _shape_check(forms: Sequence[Form]) -> Check:
    """A check that accepts exactly ``forms``."""
    folded = compiled(form for form in forms if form.folds).fullmatch
    kept = compiled(form for form in forms if not form.folds).fullmatch

    def canonical(address: str) -> str:
        # Folded first: bech32 in upper case may be made of base58's characters alone.
        if folded(address):
            return address.lower()
        if kept(address):
            return address
        raise refusal(address, forms)

    return canonical


CHECKS: Final[dict[str, Check]] = {
    namespace: _shape_check(forms) for namespace, forms in SHAPES.items()
}
