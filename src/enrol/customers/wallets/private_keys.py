"""Texts that are private keys: refused everywhere, in lenient projects too, and never echoed.

People paste a key where an address is asked for, and what is stored is copied, exported and
logged. So the doubt goes against the text: a key with a typing mistake is refused as well, and
what may as well be a transaction's hash. A public address of any namespace is never taken for a
key, but for the 32 bytes in hex that `is_private_key` tells of.
"""

import re
from hashlib import sha256
from typing import Final

from based58 import b58decode

from enrol.customers.wallets.codecs.base58check import decoded
from enrol.customers.wallets.registry import NAMESPACES

# What people copy along: white space of any script, quotation marks, characters without width.
_AROUND: Final = (
    "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\"'`\0\u200b\u200c\u200d\u2060\ufeff"
)

# No key is longer, but for those that say so at their beginning (PEM).
_LOOKED_AT: Final = 1024

# These write accounts as 32 bytes in hex too, and nothing tells one from the other.
_ACCOUNTS_IN_HEX: Final = frozenset({"aptos", "starknet"})
_HEX: Final = re.compile("(?:0[xX])?[0-9a-fA-F]{64}")

# By their shape alone, and that generously: whoever drops a character of a key, or types a 0 for
# an O, has not made it public. Bech32 is never of mixed case, and base58 of this length always.
_MIXED: Final = "(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])"
_SHAPES: Final = re.compile(
    "|".join(
        (
            # WIF, by what it begins with: Bitcoin and its test networks (5, K, L; 9, c), Litecoin
            # (6, T), Dogecoin (6, Q), Dash (7, X). XRPL's account and node keys begin with p.
            f"{_MIXED}[5679KLTQXcp][0-9A-Za-z]{{49,52}}",
            # BIP-32, with the names of SLIP-0132 and Dogecoin's.
            "(?:[A-Za-z]prv|[A-Za-z][a-z]pv|vtcv)[0-9A-Za-z]{80,120}",
            # BIP-38: encrypted, but by a passphrase, and those can be guessed.
            f"{_MIXED}6P[0-9A-Za-z]{{54,58}}",
            # Tezos, plain and encrypted, also as octez writes them into its files.
            "(?:(?:un)?encrypted:)?(?:ed|sp|p2|BL)e?sk[0-9A-Za-z]{40,110}",
            # XRPL's seeds, and secret numbers (XLS-12).
            f"{_MIXED}s[0-9A-Za-z]{{26,31}}",
            r"(?:xrplsn:)?\d{6}(?:\s?\d{6}){7}",
            # Keys in bech32: Cardano (CIP-5), SLIP-0032, Nostr (NIP-19, NIP-49), Sui, Zcash.
            "(?i:(?:[0-9a-z_]{1,24}_x?sk|n(?:crypt)?sec|[a-z]prv|(?:sui|iota)privkey"
            "|secret-extended-key-(?:main|test|regtest))1[0-9a-z]{6,})",
            # Avalanche, Aptos (AIP-80).
            "PrivateKey-[0-9A-Za-z]{30,70}",
            "(?:ed25519|secp256[kr]1)-priv-(?:0x)?[0-9a-fA-F]{32,}",
            # Solana's key files: 64 bytes, or the 32 of the seed.
            r"\[\s*\d{1,3}(?:\s*,\s*\d{1,3}){31}(?:(?:\s*,\s*\d{1,3}){32})?\s*\]",
        )
    ),
    re.ASCII,
)

# BIP-39; SLIP-0039's shares have 20 or 33 words, Algorand's and Monero's phrases 25.
_WORDS: Final = frozenset({12, 15, 18, 21, 24, 20, 33, 25})


def is_private_key(namespace: str, text: str) -> bool:
    """Whether the text, which is no address of ``namespace``, is a secret.

    64 hex digits may be a private key, a transaction's hash or, with ``0x``, an account of Aptos
    or Starknet. Under those two, and under CAIP-2 namespaces that nobody here knows, it is taken
    for the account. Everywhere else it is no address
    anyway, and a key stored is worse than a hash refused by the wrong reason.
    """
    text = text[: 4 * _LOOKED_AT].strip(_AROUND)
    if "PRIVATE KEY-----" in text:
        return True
    # What follows a slash is derived from the key before it, as Substrate writes it.
    text = text.partition("/")[0].rstrip()
    if not 22 <= len(text) <= _LOOKED_AT:
        return False
    if _HEX.fullmatch(text):
        return namespace in NAMESPACES and namespace not in _ACCOUNTS_IN_HEX
    return bool(_SHAPES.fullmatch(text)) or _is_base58_key(text) or _is_phrase(text)


def _is_base58_key(text: str) -> bool:
    """WIF and BIP-32 by their content, whatever the version; Casascius's mini keys; Solana."""
    size = len(text)
    if size > 120 or not (text.isascii() and text.isalnum()):
        return False
    if size in {22, 26, 30}:
        # Its own check against typing mistakes, without which any name of an S would be a key.
        return text[0] == "S" and sha256(text.encode() + b"?").digest()[0] == 0
    if 86 <= size <= 88:
        return _is_keypair(text)
    payload = decoded(text) if size >= 48 else b""
    # WIF: version and key, and a last byte of 1 where the public key is compressed. BIP-32: the
    # last 33 bytes are a public key, which begins with 2 or 3, or a zero byte and a private one.
    if len(payload) == 78:
        return payload[-33] == 0
    return len(payload) == 33 or (len(payload) == 34 and payload[-1] == 1)


def _is_keypair(text: str) -> bool:
    """Solana's 64 bytes: the seed and the public key. A signature has as many and may be one of
    these; a Byron address, which is CBOR and begins so, may not."""
    try:
        value = b58decode(text.encode())
    except ValueError:
        return False
    return len(value) == 64 and not value.startswith(b"\x82\xd8\x18")


def _is_phrase(text: str) -> bool:
    """A mnemonic, without the lists of words: those would miss a mistyped one, and languages."""
    words = text.replace(",", " ").split()
    if len(words) not in _WORDS:
        return False
    # RFC 1751, which XRPL's nodes write in upper case: words of up to four letters.
    if len(words) == 12 and text.isupper() and text.isascii():
        return all(word.isalpha() and len(word) <= 8 for word in words)
    return all(not word.isascii() or (word.isalpha() and 3 <= len(word) <= 8) for word in words)
