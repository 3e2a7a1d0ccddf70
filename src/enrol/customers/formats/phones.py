"""Phone numbers as ITU-T E.164 writes them: a plus, the country code, the national number.

The country codes are those of the list of ITU-T that is annexed to Operational Bulletin 1114
(15 December 2016), without its spare and its trial codes.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from enrol.customers.formats.lines import suspects

# E.164 has no shortest number: the shortest that are dialled, of Niue and Tokelau, have three
# digits of country code and four more.
LEAST_DIGITS: Final = 7
MOST_DIGITS: Final = 15
# Geographic areas (379 is the Vatican's, 881 and 882 are networks), and the services 800, 808,
# 870, 878, 888 and 979.
_COUNTRY: Final = (
    "1|7|2(?:0|1[12368]|[2346][0-9]|5[0-8]|7|9[01789])"
    "|3(?:[0-469]|5[0-9]|7[0-9]|8[0-35-79])|4(?:[013-9]|2[013])"
    "|5(?:0[0-9]|[1-8]|9[0-9])|6(?:[0-6]|7[02-9]|8[0-35-9]|9[0-2])"
    "|8(?:[1246]|0[08]|5[02356]|7[08]|8[0-368])|9(?:[0-58]|6[0-8]|7[0-79]|9[2-68])"
)
_SHAPE: Final = re.compile(rf"\+[1-9][0-9]{{{LEAST_DIGITS - 1},{MOST_DIGITS - 1}}}")
_CODE: Final = re.compile(rf"\+(?:{_COUNTRY})")
_ODD: Final = re.compile(
    rf"\n(?!\+(?=[1-9][0-9]{{{LEAST_DIGITS - 1},{MOST_DIGITS - 1}}}$)(?:{_COUNTRY}))", re.MULTILINE
)


def phone_fault(text: str) -> str | None:
    """The code of what is wrong with a phone number, None when it is right."""
    if not _SHAPE.fullmatch(text):
        return "phone.syntax"
    return None if _CODE.match(text) else "phone.country"


def suspect_phones(values: Sequence[str]) -> Iterable[int]:
    """The indexes of the values that have to be looked at one by one."""
    return suspects(values, _ODD)
