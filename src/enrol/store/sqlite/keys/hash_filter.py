"""A filter that tells of most hashes, in memory, that a large table does not hold them.

A Bloom filter of one bit a hash: the hashes are random already, and with many more bits than
hashes a second bit would tell little more.
"""

import struct
from collections.abc import Sequence
from typing import Final

# The first 32 bits of a hash: its place among all others, as the table sorts them.
HASH_SPACE: Final = 1 << 32
PLACE: Final = struct.Struct(">I12x")
BITS_A_HASH: Final = 32
MOST_BITS: Final = 1 << 28  # 32 MiB


class HashFilter:
    """Knows every hash of the table whose place is before ``known``, and perhaps more.

    ``room`` is for how many hashes it is made; with more of them it says "perhaps" more often.
    """

    def __init__(self, room: int) -> None:
        bits = min(MOST_BITS, max(8, 1 << (room * BITS_A_HASH - 1).bit_length()))
        self.room = room
        self.shift = 32 - (bits.bit_length() - 1)
        self.bits = bytearray(bits >> 3)
        self.known = 0

    def learn(self, hashes: Sequence[bytes]) -> None:
        """Remember hashes of 16 bytes."""
        bits, shift = self.bits, self.shift
        for (place,) in PLACE.iter_unpack(b"".join(hashes)):
            bit = place >> shift
            bits[bit >> 3] |= 1 << (bit & 7)

    def suspects(self, hashes: Sequence[bytes]) -> list[bytes]:
        """The hashes that the table may hold."""
        bits, shift, known = self.bits, self.shift, self.known
        places = PLACE.iter_unpack(b"".join(hashes))
        return [
            key
            for key, (place,) in zip(hashes, places, strict=True)
            if place >= known or bits[place >> shift >> 3] & 1 << (place >> shift & 7)
        ]
