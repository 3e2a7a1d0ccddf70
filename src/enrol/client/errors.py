"""What the client raises.

    EnrolError
    ├── EnrolProblem          the server refused: its problem document
    ├── NotAnswered           no answer, after all tries
    ├── AnswerUnreadable      an answer that is not Enrol's
    ├── ChangeNotShown        it is done, and the key may not read what it wrote
    └── NotEncodable          what cannot be written as JSON, found before it was sent
        └── CustomerNotEncodable  a customer of an import

No message holds a value that was sent: not even where a server or a proxy repeats one.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

ITEMS: Final = "customerData"
NOWHERE: Final[Mapping[str, int]] = MappingProxyType({})
PROBLEM: Final = "application/problem+json"
# What msgspec raises for JSON that is not as it should be, or is no JSON.
UNREADABLE: Final = (ValueError, RecursionError)


class EnrolError(Exception):
    """Any failure of a call.

    Of an import it also has the ``import_id``, and ``done``: how many customers of the caller's
    iterable are stored and answered for. Go on from there with the same ID and ``skip=done``.
    """

    import_id: str | None = None
    done: int | None = None

    def place_in_import(self, import_id: str, done: int) -> None:
        """Say how far the import came."""
        self.import_id, self.done = import_id, done
        self.add_note(f"Import {import_id}: {done} customers are done.")


class ItemError(Struct, frozen=True, kw_only=True):
    """One fault of a customer.

    ``index`` counts in the caller's iterable (None: the fault is of the call itself), ``pointer``
    is a JSON Pointer within the customer, ``customer_id`` is who a conflict is with.
    """

    index: int | None
    pointer: str
    code: str
    detail: str
    customer_id: UUID | None = None


class EnrolProblem(EnrolError):
    """The server's refusal. ``code`` is stable; it is ``http.<status>`` where the answer is no
    problem document, as a proxy's is."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        request_id: str,
        title: str = "",
        errors: Sequence[ItemError] = (),
        error_count: int = 0,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}{_first(errors, error_count)} [{request_id}]")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.error_count = error_count
        self.request_id = request_id
        self.retry_after = retry_after


class NotAnswered(EnrolError):
    """No answer came. What was sent may be stored or not: send it again under the same key."""

    def __init__(self, call: str, tries: int, reason: str, request_id: str) -> None:
        super().__init__(f"{call}: no answer in {tries} tries ({reason}) [{request_id}]")
        self.request_id = request_id


class AnswerUnreadable(EnrolError):
    """The answer is not what Enrol answers: is this its URL?"""

    def __init__(self, call: str, status: int, request_id: str) -> None:
        super().__init__(f"{call}: the answer, {status}, is not Enrol's [{request_id}]")
        self.status = status
        self.request_id = request_id


class ChangeNotShown(EnrolError):
    """The change is stored, and not shown: the key has no scope ``customers:read``. ``id`` is what
    was made or changed, where the server tells."""

    def __init__(self, changed: UUID | None) -> None:
        super().__init__("It is stored, and the key may not read it")
        self.id = changed


class NotEncodable(EnrolError):
    """What was given cannot be written as JSON."""

    def __init__(self, reason: str, what: str = "The body") -> None:
        super().__init__(f"{what} cannot be written as JSON: {reason}")
        self.reason = reason


class CustomerNotEncodable(NotEncodable):
    """The customer at ``index`` of the caller's iterable cannot be written as JSON."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason, f"The customer {index}")
        self.index = index


def _first(errors: Sequence[ItemError], count: int) -> str:
    """Codes and indexes alone: a pointer may hold the name of a field that somebody mistook."""
    if not errors:
        return ""
    place = "" if errors[0].index is None else f" of customer {errors[0].index}"
    return f" (errors: {count}, the first: {errors[0].code}{place})"


class ErrorDocument(Struct, frozen=True, kw_only=True, rename="camel"):
    """An entry of ``errors`` as it is sent."""

    pointer: str
    code: str
    detail: str
    customer_id: UUID | None = None

    def in_iterable(self, first: int, firsts: Mapping[str, int] = NOWHERE) -> ItemError:
        """The same of a batch whose first customer is the ``first`` of the caller's iterable, or of
        a body with lists that are parts of the caller's, each from its place in ``firsts``."""
        index, pointer = None, self.pointer
        parts = pointer.split("/", 3)
        if len(parts) > 2 and parts[1] == ITEMS and parts[2].isdecimal():
            index = first + int(parts[2])
            pointer = "/" + parts[3] if len(parts) > 3 else ""
        elif len(parts) > 2 and parts[1] in firsts and parts[2].isdecimal():
            parts[2] = str(firsts[parts[1]] + int(parts[2]))
            pointer = "/".join(parts)
        return ItemError(
            index=index,
            pointer=pointer,
            code=self.code,
            detail=self.detail,
            customer_id=self.customer_id,
        )


class ProblemDocument(Struct, frozen=True, kw_only=True, rename="camel"):
    """A problem document as it is sent."""

    code: str
    detail: str
    title: str = ""
    errors: list[ErrorDocument] = []
    error_count: int = 0


def read_problem(
    status: int,
    media_type: str,
    content: bytes,
    *,
    first: int,
    firsts: Mapping[str, int],
    request_id: str,
    retry_after: float | None,
) -> EnrolProblem:
    """The refusal that an answer is; ``first`` and ``firsts`` as in `ErrorDocument.in_iterable`."""
    try:
        # A document of another system may repeat in its detail what it was sent.
        if media_type.partition(";")[0].strip().lower() != PROBLEM:
            raise msgspec.DecodeError
        sent = msgspec.json.decode(content, type=ProblemDocument)
    except UNREADABLE:
        sent = ProblemDocument(code=f"http.{status}", detail="The answer is no problem document.")
    return EnrolProblem(
        status,
        sent.code,
        sent.detail,
        title=sent.title,
        errors=[error.in_iterable(first, firsts) for error in sent.errors],
        error_count=sent.error_count,
        request_id=request_id,
        retry_after=retry_after,
    )
