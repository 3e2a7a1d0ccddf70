"""A file of customers, read row by row: JSON Lines, CSV, or one body of ``POST /customers/batch``.

What makes a row unreadable is found here, before anything is sent; what its values are worth is
for the server, so that there is one judge of them. Nothing here repeats a value in its words.
"""

import csv
import gzip
import os
import shutil
import stat
import sys
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct

from enrol.customers.exporting.items import read_tags
from enrol.customers.faults import FAULTS
from enrol.customers.model import CLAIM_NAMES, CONTACT_FIELDS

Format = Literal["jsonl", "csv", "json"]
ENDINGS: Final[dict[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".json": "json",
}
STANDARD_INPUT: Final = "-"
MIB: Final = 1024 * 1024
# A picture of the largest size that a server takes by default, in base64, is 1.4 MB.
MOST_LINE_BYTES: Final = 4 * MIB
MOST_DOCUMENT_BYTES: Final = 256 * MIB
MOST_LISTED: Final = 1_000
_GZIP_MAGIC: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"

# The columns of a CSV file: the claims by their names, and what the other parts need. What stands
# in the customer itself has no part.
COLUMNS: Final[dict[str, tuple[str, str]]] = {
    **{name: ("customerClaims", name) for name in CLAIM_NAMES},
    "wallet": ("customerWallet", "wallet"),
    "blockchainNamespace": ("customerWallet", "blockchainNamespace"),
    "verified": ("customerWallet", "verified"),
    "walletCreatedBy": ("customerWallet", "createdBy"),
    "did": ("customerDid", "did"),
    "didCreatedBy": ("customerDid", "createdBy"),
    "didUpdatedBy": ("customerDid", "updatedBy"),
    **{name: ("customerContact", name) for name in CONTACT_FIELDS},
    **{name: ("", name) for name in ("externalCustomerId", "status", "riskScore")},
    **{name: ("", name) for name in ("onboardingLevel", "tags", "metadata")},
}
_BOOLEANS: Final = {"true": True, "false": False}


class FileUnreadable(Exception):
    """The file as a whole cannot be read; the text says why."""


class Row(NamedTuple):
    """A customer as it will be sent, and the line that it begins on."""

    line: int
    customer: object


class Fault(NamedTuple):
    """What is wrong with a row. ``line`` is None where it is wrong with the whole call."""

    line: int | None
    pointer: str
    code: str
    detail: str


class Survey(NamedTuple):
    """What one reading of the whole file found; ``faults`` are the first of them."""

    customers: int
    malformed: int
    faults: list[Fault]
    digest: str


def format_of(name: str) -> Format | None:
    """The format that a file's ending tells, before a ``.gz`` if there is one."""
    return ENDINGS.get(Path(name.lower().removesuffix(".gz")).suffix)


class Source:
    """A file that can be read more than once, each time the same."""

    def __init__(self, open_file: Callable[[], BinaryIO], file_format: Format) -> None:
        self.open_file = open_file
        self.format = file_format
        self.drop_unknown = False
        # Of the last whole reading.
        self.digest = ""

    def rows(self) -> Iterator[Row | Fault]:
        """Every row, readable or not. Raises `FileUnreadable`."""
        read = {"jsonl": _jsonl_rows, "csv": self._csv, "json": _document_rows}[self.format]
        with self.open_file() as file:
            lines = _Lines(_plain(file))
            try:
                yield from read(lines)
                lines.read_rest()
            except (EOFError, zlib.error, gzip.BadGzipFile):
                raise FileUnreadable("The gzip data is broken or ends early.") from None
        self.digest = lines.hash.hexdigest()

    def survey(self) -> Survey:
        """Read everything once."""
        customers, faults, malformed = 0, list[Fault](), 0
        for row in self.rows():
            if isinstance(row, Row):
                customers += 1
                continue
            malformed += 1
            if len(faults) < MOST_LISTED:
                faults.append(row)
        return Survey(customers, malformed, faults, self.digest)

    def document_head(self) -> "Document | None":
        """What a JSON document says of all its customers; None for the other formats."""
        if self.format != "json":
            return None
        with self.open_file() as file:
            return _document(_Lines(_plain(file)))

    def _csv(self, lines: "_Lines") -> Iterator[Row | Fault]:
        return _csv_rows(lines, drop_unknown=self.drop_unknown)


@contextmanager
def opened_source(name: str, file_format: Format) -> Iterator[Source]:
    """The source that a name stands for; ``-`` is standard input.

    What can be read only once is kept in an unnamed temporary file while it is needed, for all of
    it is read before any of it is sent. Raises `OSError`.
    """
    path = Path(name)
    if name != STANDARD_INPUT and stat.S_ISREG(path.stat().st_mode):
        yield Source(lambda: path.open("rb"), file_format)
        return
    with tempfile.TemporaryFile() as kept:
        if name == STANDARD_INPUT:
            shutil.copyfileobj(sys.stdin.buffer, kept)
        else:
            with path.open("rb") as pipe:
                shutil.copyfileobj(pipe, kept)
        kept.flush()

        def again() -> BinaryIO:
            # Below the buffer of `kept`, which may think that it is there already.
            os.lseek(kept.fileno(), 0, os.SEEK_SET)
            return open(kept.fileno(), "rb", closefd=False)

        yield Source(again, file_format)


def _plain(file: BinaryIO) -> BinaryIO:
    # By its first bytes, not by its name, which standard input has none of.
    start = file.read(len(_GZIP_MAGIC))
    file.seek(0)
    # GzipFile is all of BinaryIO that is used here.
    return gzip.GzipFile(fileobj=file) if start == _GZIP_MAGIC else file  # type: ignore[return-value]


class _Lines:
    """The lines of a file, numbered from 1, and the digest of all bytes read."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.number = 0
        self.hash = blake2b(digest_size=16)

    def __iter__(self) -> Iterator[bytes | None]:
        """Each line; None stands for one that is too long."""
        while line := self._take(MOST_LINE_BYTES + 1):
            self.number += 1
            too_long = len(line) > MOST_LINE_BYTES
            if self.number == 1:
                line = line.removeprefix(_BOM)
            if too_long:
                while line and not line.endswith(b"\n"):
                    line = self._take(MIB)
            yield None if too_long else line

    def _take(self, most: int) -> bytes:
        line = self.file.readline(most)
        self.hash.update(line)
        return line

    def read_all(self, most: int) -> bytes:
        """The whole file. Raises `FileUnreadable` for more than ``most`` bytes."""
        content = self.file.read(most + 1)
        if len(content) > most:
            raise FileUnreadable(f"A JSON document has at most {most // MIB} MiB; use JSON Lines.")
        self.hash.update(content)
        return content.removeprefix(_BOM)

    def read_rest(self) -> None:
        """Read what is left, for the digest."""
        while block := self.file.read(MIB):
            self.hash.update(block)


def _jsonl_rows(lines: _Lines) -> Iterator[Row | Fault]:
    for line in lines:
        if line is None:
            yield _too_long(lines.number)
        elif text := line.strip(b" \t\r\n"):
            yield _json_row(lines.number, text)


def _json_row(number: int, text: bytes) -> Row | Fault:
    """The customer of a JSON text, to be sent byte for byte: decoded and encoded again, a key
    that stands twice or a long number would be another than was written."""
    try:
        value = msgspec.json.decode(text)
    except UnicodeDecodeError:
        return Fault(number, "", "text.encoding", "The text is not UTF-8.")
    except (msgspec.DecodeError, RecursionError):
        return Fault(number, "", "json.invalid", "This is not valid JSON.")
    if not isinstance(value, dict):
        return Fault(number, "", "field.type", "A customer is a JSON object.")
    return Row(number, Raw(text))


def _too_long(number: int) -> Fault:
    return Fault(number, "", "line.too_long", f"A line has at most {MOST_LINE_BYTES // MIB} MiB.")


class Document(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A body of ``POST /customers/batch`` in a file, its customers unread."""

    customer_data: list[Raw]
    customer_type: Literal["Individual", "Company"] | None = None
    cms_project_id: str | None = None


def _document(lines: _Lines) -> Document:
    try:
        return msgspec.json.decode(lines.read_all(MOST_DOCUMENT_BYTES), type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # msgspec's own words may hold the name of a field.
        raise FileUnreadable(
            "The file is not a JSON object of customerType, cmsProjectId and customerData."
        ) from None


def _document_rows(lines: _Lines) -> Iterator[Row | Fault]:
    for number, item in enumerate(_document(lines).customer_data, 1):
        yield _json_row(number, bytes(item))


class _LineTooLong(Exception):
    """A line of a CSV file: where its record ends cannot be known any more."""


def _csv_rows(lines: _Lines, *, drop_unknown: bool) -> Iterator[Row | Fault]:
    """Rows by the header's names. After a fault of quoting nothing is read: where the next record
    begins is a guess, and a file of faults that are none helps nobody."""
    csv.field_size_limit(MOST_LINE_BYTES)
    records = csv.reader(_decoded(lines), strict=True)
    header = next(_numbered(records, lines), None)
    if header is None:
        raise FileUnreadable("The file is empty: a CSV file begins with a header.")
    if isinstance(header, Fault):
        yield header
        return
    columns, faults = _columns(*header, drop_unknown=drop_unknown)
    yield from faults
    if faults:
        return
    for record in _numbered(records, lines):
        yield record if isinstance(record, Fault) else _csv_row(*record, columns)


def _decoded(lines: _Lines) -> Iterator[str]:
    for line in lines:
        if line is None:
            raise _LineTooLong
        # Bytes that are no UTF-8 become lone surrogates, which are found cell by cell.
        yield line.decode("utf-8", "surrogateescape")


def _numbered(records: Any, lines: _Lines) -> Iterator[tuple[int, list[str]] | Fault]:
    """Records with the line that each begins on, empty lines left out."""
    while True:
        first = lines.number + 1
        try:
            cells = next(records)
        except StopIteration:
            return
        except _LineTooLong:
            yield _too_long(lines.number)
            return
        except csv.Error:
            detail = "The quotes are not as RFC 4180 has them; nothing behind it was read."
            yield Fault(first, "", "csv.syntax", detail)
            return
        if cells:
            yield first, cells


_Columns = list[tuple[str, str] | None]


def _columns(line: int, names: list[str], *, drop_unknown: bool) -> tuple[_Columns, list[Fault]]:
    columns = [COLUMNS.get(name.strip()) for name in names]
    faults: list[Fault] = []
    for place, column in enumerate(columns):
        # A header that is missing is a row of values: the number of a column stands for its name.
        if column is None and not drop_unknown:
            detail = f"The name of column {place + 1} is not known."
            faults.append(Fault(line, "", "field.unknown", detail))
        elif column is not None and column in columns[:place]:
            detail = f"The name of column {place + 1} stands twice."
            faults.append(Fault(line, "", "field.duplicate", detail))
    if not any(columns) and not faults:
        faults.append(Fault(line, "", "field.unknown", "No column has a name that is known."))
    return columns, faults


def _csv_row(line: int, cells: list[str], columns: _Columns) -> Row | Fault:
    if len(cells) != len(columns):
        detail = f"The row has {len(cells)} cells, the header {len(columns)}."
        return Fault(line, "", "csv.columns", detail)
    customer: dict[str, object] = {}
    parts: defaultdict[str, dict[str, object]] = defaultdict(dict, {"": customer})
    for column, cell in zip(columns, cells, strict=True):
        if not cell or column is None:
            continue
        part, name = column
        pointer = f"/{part}/{name}" if part else f"/{name}"
        if not cell.isascii() and not _is_utf8(cell):
            return Fault(line, pointer, "text.encoding", "The text is not UTF-8.")
        value, words = _VALUES.get(name, _as_it_is)(cell)
        if words:
            return Fault(line, pointer, "field.type", words)
        parts[part][name] = value
    customer |= {part: members for part, members in parts.items() if part}
    if not customer:
        return Fault(line, "", "item.empty", FAULTS["item.empty"].detail)
    return Row(line, customer)


def _as_it_is(cell: str) -> tuple[object, str]:
    """A value of a cell, and what is wrong with it."""
    return cell, ""


def _boolean(cell: str) -> tuple[object, str]:
    value = _BOOLEANS.get(cell.strip().lower())
    return value, "It is true or false." if value is None else ""


def _tags(cell: str) -> tuple[object, str]:
    return read_tags(cell), ""


def _metadata(cell: str) -> tuple[object, str]:
    row = _json_row(0, cell.strip(" \t\r\n").encode())
    return (
        (row.customer, "") if isinstance(row, Row) else (None, "It is the text of a JSON object.")
    )


_VALUES: Final = {"verified": _boolean, "tags": _tags, "metadata": _metadata}


def _is_utf8(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True
