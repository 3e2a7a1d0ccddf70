"""A call of the API: what is asked, whether it may be sent twice, and how the answer is read.

`enrol.client.resources` has one function for every operation, which makes its call. Both clients
send these; nothing here waits or connects.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID, uuid4

import msgspec

from enrol.client.errors import ChangeNotShown, NotEncodable

T = TypeVar("T")
Id = UUID | str
# ``always``: as often as it fails. ``unsent``: only where it is sure that the server has not begun
# it. ``never``: asked once.
Repeat = Literal["always", "unsent", "never"]
Query = Mapping[str, object]

OK: Final = frozenset({200})
JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_PART: Final = re.compile(r"\{\w+\}")
_NEXT: Final = re.compile(r'<[^?>]*\?([^>]*)>;\s*rel="next"')


class Answer(NamedTuple):
    """What came back with a status that was wanted."""

    content: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """A request and the reader of its answer.

    ``name`` is the method and the path as the API's document has it, and stands for the call in
    logs and errors: path, query and body hold personal data, and are no part of the repr.
    ``settled`` is the code of the refusal that a repeat meets where a try before it was carried
    out after all. ``first`` and ``firsts`` say where in the caller's lists those of the body begin.
    """

    name: str
    path: str = field(repr=False)
    parse: Callable[[Answer], T] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
    first: int = 0
    firsts: Mapping[str, int] = field(default_factory=dict)
    repeat: Repeat = "always"
    settled: str = ""
    statuses: frozenset[int] = OK
    request_id: str = field(default_factory=lambda: str(uuid4()))

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.name.partition(" ")[0]


@dataclass(frozen=True)
class Page(Generic[T]):
    """A page of a list, and the call for the next. Where this one has nothing, that call goes out
    ``least`` seconds after this one did, or later."""

    items: Sequence[T]
    next: Call["Page[T]"] | None
    least: float = 0.0


def asking(
    name: str,
    *parts: Id,
    parse: Callable[[Answer], T],
    query: Query = NOTHING,
    headers: Mapping[str, str] = NOTHING,
    repeat: Repeat = "always",
    settled: str = "",
) -> Call[T]:
    """A call without a body. ``parts`` fill the path; a parameter that is None is not sent."""
    given = iter(parts)
    path = _PART.sub(lambda _: _segment(str(next(given))), name.partition(" ")[2])
    sent = {key: _parameter(value) for key, value in query.items() if value is not None}
    return Call(
        name=name,
        path=f"{path}?{urlencode(sent)}" if sent else path,
        parse=parse,
        headers=headers,
        repeat=repeat,
        settled=settled,
    )


def telling(
    name: str,
    *parts: Id,
    body: object,
    parse: Callable[[Answer], T],
    query: Query = NOTHING,
    headers: Mapping[str, str] = NOTHING,
    repeat: Repeat = "always",
) -> Call[T]:
    """A call with a body in JSON; PATCHes send merge patches. Raises `NotEncodable`."""
    call = asking(name, *parts, parse=parse, query=query, repeat=repeat)
    media_type = MERGE_PATCH if call.method == "PATCH" else JSON
    return replace(call, content=encoded(body), headers={"Content-Type": media_type, **headers})


def listing(
    name: str,
    *parts: Id,
    query: Query,
    read: Callable[[Answer], tuple[Sequence[T], Query | None]],
    least: float = 0.0,
) -> Call[Page[T]]:
    """A call for a page and, behind it, for all pages that follow. ``read`` gives what is on a
    page, and what the query of the next has instead; None: there is none."""

    def parse(answer: Answer) -> Page[T]:
        items, instead = read(answer)
        if instead is None:
            return Page(items, None)
        asked = {**query, **instead}
        return Page(items, listing(name, *parts, query=asked, read=read, least=least), least)

    return asking(name, *parts, parse=parse, query=query)


def encoded(body: object) -> bytes:
    """A body in JSON. Raises `NotEncodable`."""
    try:
        return msgspec.json.encode(body)
    except TypeError as error:
        # msgspec names the type.
        raise NotEncodable(str(error)) from None
    except (ValueError, RecursionError) as error:
        # These may show the text that cannot be encoded.
        raise NotEncodable(type(error).__name__) from None


def reader(kind: type[T]) -> Callable[[Answer], T]:
    """Reads an answer as this type."""
    decode = msgspec.json.Decoder(kind).decode
    return lambda answer: decode(answer.content)


def shown(kind: type[T]) -> Callable[[Answer], T]:
    """Reads the answer of a change. Raises `ChangeNotShown` where it is but the ID, or nothing."""
    decode = msgspec.json.Decoder(kind).decode

    def read(answer: Answer) -> T:
        if answer.content[:1] == b'"':
            raise ChangeNotShown(msgspec.json.decode(answer.content, type=UUID))
        if answer.content == b"{}":
            raise ChangeNotShown(None)
        return decode(answer.content)

    return read


def nothing(answer: Answer) -> None:
    """Reads an answer of which nothing is wanted."""


def next_cursor(answer: Answer) -> str | None:
    """The cursor of the next page, from the ``Link`` (RFC 8288) of this one. No more is taken from
    there: the rest of the address is known, and behind a proxy it is another."""
    found = _NEXT.search(answer.headers.get("link", ""))
    return None if found is None else dict(parse_qsl(found[1])).get("after")


def uuid_of(text: Id) -> UUID:
    """An ID of a path. Raises `ValueError` for what is none."""
    return text if isinstance(text, UUID) else UUID(str(text))


def _segment(text: str) -> str:
    """Text as one segment of a path; dots too, for ``..`` would be another path."""
    if not text:
        raise ValueError("an ID has at least one character")
    return quote(text, safe="").replace(".", "%2E")


def _parameter(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    # A datetime is a date too.
    return value.isoformat() if isinstance(value, date) else str(value)
