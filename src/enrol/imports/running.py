"""The import of a source by the client: results with their lines, and what they add up to."""

from collections import deque
from collections.abc import Iterator
from hashlib import blake2b
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Struct

from enrol.client import Client, Import, ImportOptions, ItemError, ItemResult
from enrol.imports.reading import MOST_LISTED, Fault, Row, Source, Survey

Mode = Literal["atomic", "partial", "dryRun"]
Outcome = Literal["created", "exists", "stored", "refused"]


class Result(NamedTuple):
    """What became of the customer of a line. ``stored`` is it where the server does not tell
    whether it was so before."""

    line: int
    outcome: Outcome
    id: UUID | None
    faults: list[Fault]


class Tally(Struct):
    """How many customers had each outcome, and the first of all faults."""

    created: int = 0
    exists: int = 0
    stored: int = 0
    refused: int = 0
    faults: list[Fault] = []
    fault_count: int = 0

    @property
    def answered(self) -> int:
        """How many customers have a result."""
        return self.created + self.exists + self.stored + self.refused

    @property
    def there(self) -> int:
        """How many customers have an ID, or would have."""
        return self.answered - self.refused

    def add(self, result: Result) -> None:
        """Count a result."""
        setattr(self, result.outcome, getattr(self, result.outcome) + 1)
        self.add_faults(result.faults, len(result.faults))

    def add_faults(self, faults: list[Fault], count: int) -> None:
        """Keep faults that are the first of ``count``."""
        self.fault_count += count
        self.faults += faults[: MOST_LISTED - len(self.faults)]


class Running:
    """An import under way. Iterate it once; ``tally`` holds what has been answered so far."""

    def __init__(self, client: Client, source: Source, mode: Mode, options: ImportOptions) -> None:
        self.tally = Tally()
        # The lines of the customers who have been read and have no result yet: few, for the
        # client reads as it sends.
        self._lines: deque[int] = deque()
        self._source = source
        self._results: Import[UUID] | Import[ItemResult]
        if mode == "atomic":
            self._results = client.create_customers(self._customers(), **options)
        elif mode == "partial":
            self._results = client.enrol_customers(self._customers(), **options)
        else:
            self._results = client.check_customers(self._customers(), **options)
        self._plain: Outcome = "stored" if options["on_conflict"] == "return" else "created"

    def __iter__(self) -> Iterator[Result]:
        for given in self._results:
            result = self._result(given)
            self._lines.popleft()
            self.tally.add(result)
            yield result

    @property
    def batch_ids(self) -> list[UUID]:
        """The batches that were answered so far."""
        return self._results.batch_ids

    def close(self) -> None:
        """End it here: calls under way are waited for, no more are sent."""
        self._results.close()

    def faults(self, errors: tuple[ItemError, ...]) -> list[Fault]:
        """Errors of the server at the lines of their customers."""
        return [
            Fault(self._line(error.index), error.pointer, error.code, error.detail)
            for error in errors
        ]

    def _line(self, index: int | None) -> int | None:
        if index is None:
            return None
        place = index - self.tally.answered
        return self._lines[place] if 0 <= place < len(self._lines) else None

    def _result(self, given: UUID | ItemResult) -> Result:
        line = self._lines[0]
        if isinstance(given, UUID):
            return Result(line, self._plain, given, [])
        return Result(line, given.outcome, given.id, self.faults(given.errors))

    def _customers(self) -> Iterator[object]:
        for row in self._source.rows():
            if isinstance(row, Row):
                self._lines.append(row.line)
                yield row.customer


def import_id(survey: Survey, *parts: object) -> str:
    """The ID of this very import: of the file's content and of all that shapes its calls. So the
    same command makes the same calls, and the server knows them again."""
    named = msgspec.json.encode([1, survey.digest, *parts])
    return f"import-{blake2b(named, digest_size=16).hexdigest()}"
