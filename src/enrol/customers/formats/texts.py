"""Free text: characters that nobody sees, and that make one text pass for another.

A finding, never a fault: names are what people say they are, and a text is stored as it was sent.
What has a use in some script is a finding only where it cannot have it; docs/claims.md says
which, and why.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

# Unicode's Bidi_Control: UAX #9, sections 2.1 to 2.6.
_MARKS: Final = "\u061c\u200e\u200f"
_CLOSERS: Final = {"\u202a": "\u202c", "\u202b": "\u202c"} | dict.fromkeys(
    "\u2066\u2067\u2068", "\u2069"
)
_DIRECTION: Final = re.compile(f"[{_MARKS}\u202a-\u202e\u2066-\u2069]")
# Where Unicode has the letters that run from right to left (DerivedBidiClass), without the marks.
_FROM_RIGHT: Final = re.compile(
    "[\u05be-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)

# Scripts whose letters join, or that have a virama: there a joiner decides what a reader sees
# (Unicode Standard, section 23.2).
_BASIC_JOINING: Final = (
    "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\u1807-\u18aa\u1a20-\u1aaf\u1b00-\u1bff"
    "\ua800-\ua82f\ua840-\ua8ff\ua980-\uaa7f\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc"
)
_JOINING: Final = (
    f"{_BASIC_JOINING}\U00010a00-\U00010aff\U00010d00-\U00010f6f\U00011000-\U00011fff"
    "\U0001e900-\U0001e95f"
)
# Scripts that leave no space between words: there U+200B says where a line may break.
_UNSPACED: Final = "\u0e00-\u109f\u1780-\u17ff\u1950-\u1aaf\ua9e0-\uaadf"
_MONGOLIAN: Final = "\u1807\u1820-\u18aa"
_HAN: Final = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# What takes a variation selector by Unicode's lists of standardized and emoji sequences, nearly:
# digits as keycaps, symbols, pictures, kana and full-width forms, and the scripts of Myanmar and
# Phags-pa.
_PICTURES: Final = "\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_VARYING: Final = (
    f"#*0-9\xa9\xae\u203c\u2049\u2122\u2139{_PICTURES}{_HAN}"
    "\u1000-\u109f\uaa60-\uaa7f\ua840-\ua877\u3001-\u30ff\uff01-\uff65"
)

# UTS #51, ED-14a: a flag of England, say, is the black flag with "gbeng" in tag characters.
_CANCEL_TAG: Final = "\U000e007f"
_TAGGED_FLAG: Final = re.compile(
    f"\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{{3,6}}{_CANCEL_TAG}"
)
# Nowhere of use: controls but tab and line feed (NUL is refused elsewhere), soft hyphen, grapheme
# joiner, Hangul fillers, Khmer's inherent vowels, word joiner, invisible operators, byte order
# mark, annotations, controls of shorthand and music, tags, and what else Unicode calls ignorable.
_NEVER: Final = (
    "\1-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u115f\u1160\u17b4\u17b5\u2060-\u2065"
    "\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
# The engine leaps to the characters of the class; what follows looks back at the one it found.
_INVISIBLE: Final = re.compile(
    f"[{_NEVER}\r\u180b-\u180f\u200b-\u200d\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]"
    f"(?:(?<=[{_NEVER}])"
    # OpenID Connect Core 1.0, section 5.1.1: an address may have its lines end in CR and LF.
    r"|(?<=\r)(?!\n)"
    f"|(?<=[\u180b-\u180f])(?<![{_MONGOLIAN}\u180b-\u180d\u180f].)"
    f"|(?<=\u200b)(?<![{_UNSPACED}].)(?![{_UNSPACED}])"
    f"|(?<=[\u200c\u200d])(?<![{_JOINING}].)(?![{_JOINING}])"
    f"(?!(?<=[{_PICTURES}\ufe0f]\u200d)[{_PICTURES}])"
    "|(?<=\u2800)(?<![\u2801-\u28ff].)(?![\u2801-\u28ff])"
    f"|(?<=[\ufe00-\ufe0f])(?<![{_VARYING}].)"
    f"|(?<=[\U000e0100-\U000e01ef])(?<![{_HAN}].))",
    re.DOTALL,
)

# The search over a column. It names what it does not know to be right, for a negated class of the
# basic plane is half as dear as one that names the suspects of every plane: so an emoji is looked
# at, too. NUL separates the values.
_SEEN: Final = (
    "\0\t\n -~\xa0-\xac\xae-\u034e\u0350-\u061b\u061d-\u115e\u1161-\u17b3\u17b6-\u180a\u1810-\u200a"
    "\u2010-\u2029\u202f-\u205f\u2070-\u27ff\u2801-\u3163\u3165-\ufdff\ufe10-\ufefe\uff00-\uff9f"
    "\uffa1-\uffef\ufffc-\uffff"
)
_ODD: Final = re.compile(f"[^{_SEEN}](?!(?<=[\u200c\u200d])(?<=[{_BASIC_JOINING}].))")
_ODD_ASCII: Final = bytes({*range(1, 32), 127} - {*b"\t\n"})


def text_findings(text: str) -> list[str]:
    """The codes of what is hidden in one text: none for most."""
    codes = ["text.bidi"] if _misdirects(text) else []
    if _INVISIBLE.search(_TAGGED_FLAG.sub("", text) if _CANCEL_TAG in text else text):
        codes.append("text.invisible")
    return codes


def suspect_texts(values: Sequence[str]) -> Iterable[int]:
    """The indexes of the texts that have to be looked at one by one."""
    text = "\0".join(values)
    if text.isascii() and len(text.encode().translate(None, _ODD_ASCII)) == len(text):
        return ()
    match = _ODD.search(text)
    if match and text.count("\0") != len(values) - 1:
        return range(len(values))
    places: list[int] = []
    place = start = 0
    while match:
        place += text.count("\0", start, match.start())
        places.append(place)
        # On to the next text: one that is full of odd characters is as soon done as any other.
        start = text.find("\0", match.start())
        match = _ODD.search(text, start) if start != -1 else None
    return places


def _misdirects(text: str) -> bool:
    """Whether the text has a mark of direction that is of no use, or that reaches too far.

    UAX #9 needs them where letters run both ways: a text without a letter that runs from right to
    left needs none. An override turns letters around, and what is not closed in its line turns
    around what follows: "Trojan Source" (CVE-2021-42574) lives on these.
    """
    marks = _DIRECTION.findall(text)
    if not marks:
        return False
    if not _FROM_RIGHT.search(text):
        return True
    return any(not _is_closed(_DIRECTION.findall(line)) for line in text.splitlines())


def _is_closed(marks: Iterable[str]) -> bool:
    awaited: list[str] = []
    for mark in marks:
        if mark in _CLOSERS:
            awaited.append(_CLOSERS[mark])
        elif mark not in _MARKS and (not awaited or awaited.pop() != mark):
            return False
    return not awaited
