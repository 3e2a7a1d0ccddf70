"""The export: each customer once, exactly as it was sent, in files that can be imported."""

import csv
import gzip
import io
import json
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from enrol.api.exporting.file import MOST_PICTURES, PAGE_CUSTOMERS
from enrol.api.exporting.streaming import MOST_EXPORTS
from enrol.customers.exporting.items import CELLS, csv_header
from enrol.imports.reading import COLUMNS, Row, Source
from tests.api.conformance import Description
from tests.api.refusals import faults, problem
from tests.api.test_openapi import DOCUMENT
from tests.conftest import ON_TWO_STORES, NewDatabase
from tests.people import PNG, claims, customer, did, wallet, with_claims
from tests.serving import HOST, Project, Served

pytestmark = ON_TWO_STORES

DESCRIPTION = Description(DOCUMENT)

# What two systems are apt to read differently.
NAMES = [
    "Amina Karimi",
    "山田 花子",
    "محمد عبد الله",
    "Владимир Ёлкин",
    "Nguyễn Thị Minh Khai",
    "שרה כהן",
    "ณัฐ วงศ์",
    "Zoë O'Brien-Łukasz",
    'Ann "Quote", Junior',
    "Line\nbreak",
    "Carriage\r\nreturn and \r alone",
    "tab\tand ; semicolon, comma",
    '""',
    '"',
    "=HYPERLINK(1)",
    "+41 79",
    "-1+1",
    "@SUM(A1)",
    "'apostrophe",
    " space before and behind ",
    "a\\nb\\",
    "\ufeffmark",
    "👩‍👩‍👧‍👦",
    "e\u0301 and é",
    "null",
    "true",
    "0123",
    "1e5",
]


def everything(name: str, number: int) -> dict[str, Any]:
    """A customer with all that can be sent."""
    return {
        "customerWallet": wallet(verified=number % 2 == 0, createdBy="crm"),
        "customerClaims": claims(
            name=name,
            givenName=name,
            birthdate="1990-01-01",
            zoneinfo="Europe/Vienna",
            nationality="AFG",
            pictureBase64=PNG,
            address=f"1, {name}\nStreet",
            createdBy="crm",
        ),
        "customerDid": did(createdBy="a", updatedBy="b"),
        "customerContact": {
            "email": f"someone{number}@example.com",
            "phone": "+41791234567",
            "twitter": "@x",
            "discord": "d",
            "telegram": "t",
        },
        "externalCustomerId": f"x-{number}",
        "status": "Active",
        "riskScore": "High",
        "onboardingLevel": "KYC",
        "tags": ["vip", "a;b", " x ", "[", '["j"]'][: 1 + number % 5],
        "metadata": {"n": 1.50, "s": name, "b": True, "none": None},
    }


PEOPLE = [
    *(everything(name, number) for number, name in enumerate(NAMES)),
    {"customerWallet": wallet()},
    {"customerDid": did()},
    with_claims(name="Only a name"),
    {"customerContact": {"email": "only@example.com"}},
    {"externalCustomerId": "only-x"},
]


def export(project: Project, **query: str) -> httpx.Response:
    """A whole file, which is as the document says."""
    answer = project.get("/customers/export", **{"type": "Individual", "format": "jsonl", **query})
    assert answer.status_code == 200, answer.text
    DESCRIPTION(answer)
    return answer


def lines(project: Project, **query: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export(project, **query).content.splitlines()]


def exported_ids(project: Project, **query: str) -> list[str]:
    return [customer["id"] for customer in lines(project, format="full", **query)]


def imported(content: bytes, file_format: Any) -> list[Any]:
    """The customers of a file as `enrol import` would send them."""
    rows = list(Source(lambda: io.BytesIO(content), file_format).rows())
    assert all(isinstance(row, Row) for row in rows), rows
    return [_plain(row.customer) for row in rows if isinstance(row, Row)]


def _plain(customer: object) -> Any:
    return json.loads(msgspec.json.encode(customer))


def without_names(shown: Any) -> Any:
    """A customer as it is shown, without what the server gave it."""
    if isinstance(shown, list):
        return [without_names(each) for each in shown]
    if not isinstance(shown, dict):
        return shown
    given = {"id", "customerId", "batchId", "createdAt", "updatedAt", "cmsProjectId"}
    return {name: without_names(each) for name, each in shown.items() if name not in given}


class TestRoundTrip:
    @pytest.mark.parametrize("file_format", ["jsonl", "csv"])
    def test_a_file_makes_the_same_customers_in_another_project(
        self, server: Served, project: Project, file_format: str
    ) -> None:
        ids = project.enrol(*PEOPLE)
        file = export(project, format=file_format).content
        other = server.new_project()
        new = other.enrol(*imported(file, file_format))
        assert len(new) == len(ids)
        assert [without_names(other.customer(one)) for one in new] == [
            without_names(project.customer(one)) for one in ids
        ]
        # And once more it is the same file.
        assert export(other, format=file_format).content == file

    def test_a_line_is_the_item_as_it_was_sent(self, project: Project) -> None:
        project.enrol(*PEOPLE)
        assert lines(project) == PEOPLE

    def test_metadata_keep_the_digits_of_their_numbers(self, project: Project) -> None:
        metadata = b'{"n": 1.50, "big": 12345678901234567890, "e": 1E2}'
        body = json.dumps(project.body({"externalCustomerId": "x", "metadata": "M"})).encode()
        assert project.post(body.replace(b'"M"', metadata)).status_code == 200
        assert metadata.replace(b" ", b"") in export(project).content.replace(b" ", b"")
        (row,) = csv.DictReader(io.StringIO(export(project, format="csv").text))
        assert "12345678901234567890" in row["metadata"]
        assert "1.50" in row["metadata"]

    def test_the_columns_are_those_of_the_import(self, project: Project) -> None:
        assert {name: (part, field) for part, field, name in CELLS} == COLUMNS
        header = export(project, format="csv").text
        assert header == ",".join(name for _, _, name in CELLS) + "\r\n"

    def test_a_company_is_of_its_type(self, server: Served, project: Project) -> None:
        project.enrol(customer())
        body = project.body({"externalCustomerId": "c"}, customer_type="Company")
        project.post(body)
        assert lines(project, type="Company") == [{"externalCustomerId": "c"}]
        assert len(lines(project)) == 1
        assert len(exported_ids(project, type="Company")) == 1

    def test_of_several_parts_the_first_and_full_has_all(self, project: Project) -> None:
        sent = {**customer(), "customerContact": {"email": "first@example.com"}}
        (one,) = project.enrol(sent)
        for path, part in (
            ("wallets", wallet()),
            ("dids", did()),
            ("emails", {"email": "second@example.com"}),
        ):
            answer = project.server.http.post(
                f"/customers/{one}/{path}", json=part, headers=project.headers
            )
            assert answer.status_code in (200, 201), answer.text
        assert lines(project) == [sent]
        (whole,) = lines(project, format="full")
        assert whole == project.customer(one)
        assert len(whole["customerWallets"]) == len(whole["customerEmails"]) == 2

    def test_full_is_what_the_api_shows(self, project: Project) -> None:
        ids = project.enrol(*PEOPLE)
        found = lines(project, format="full", type="Company")
        assert found == []
        answer = project.get("/customers/export", format="full")
        shown = [json.loads(line) for line in answer.content.splitlines()]
        assert shown == [project.customer(one) for one in ids]


class TestSpreadsheets:
    def test_no_cell_is_a_formula(self, project: Project) -> None:
        project.enrol(*(with_claims(name=name) for name in NAMES))
        file = export(project, format="csv", spreadsheet="true").content
        assert file.startswith(b"\xef\xbb\xbf")
        rows = list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline="")))
        assert len(rows) == len(NAMES)
        for name, row in zip(NAMES, rows, strict=True):
            dangerous = name[0] in "=+-@\t\r"
            assert row["name"] == (f"'{name}" if dangerous else name)

    def test_else_a_cell_is_what_was_sent(self, project: Project) -> None:
        project.enrol(with_claims(name="=1+1"))
        (row,) = csv.DictReader(io.StringIO(export(project, format="csv").text))
        assert row["name"] == "=1+1"


class TestPages:
    def test_every_customer_once_in_order_over_several_pages(self, project: Project) -> None:
        """Of exactly one, two and more pages."""
        ids: list[str] = []
        for count in (PAGE_CUSTOMERS, PAGE_CUSTOMERS, 7):
            ids += project.enrol(*(customer() for _ in range(count)))
            assert exported_ids(project) == ids

    def test_pictures_come_each_with_its_customer(self, project: Project) -> None:
        people = [
            with_claims(name=f"N {n}", **({"pictureBase64": PNG} if n % 3 else {}))
            for n in range(5 * MOST_PICTURES)
        ]
        project.enrol(*people)
        assert lines(project) == people

    def test_an_empty_project_is_an_empty_file(self, project: Project) -> None:
        assert export(project).content == b""
        assert export(project, format="full").content == b""

    def test_whoever_is_gone_is_not_in_it(self, project: Project) -> None:
        ids = project.enrol(*(customer() for _ in range(4)))
        database = project.server.registry.database
        for one, column in zip(ids, ("deleted_at", "erased_at", "merged_into"), strict=False):
            value = "id" if column == "merged_into" else "1"
            statement = f"UPDATE customers SET {column} = {value} WHERE id = $1"
            database.rows(statement, UUID(one).bytes)
        assert exported_ids(project) == ids[3:]
        assert len(lines(project)) == 1

    def test_another_projects_customers_are_not_in_it(
        self, server: Served, project: Project
    ) -> None:
        server.new_project().enrol(customer())
        assert export(project).content == b""

    def test_a_time_of_creation(self, project: Project) -> None:
        ids = [project.enrol(customer())[0] for _ in range(3)]
        times = [project.customer(one)["createdAt"] for one in ids]
        assert len(set(times)) == 3
        assert exported_ids(project, fromDate=times[1]) == ids[1:]
        assert exported_ids(project, toDate=times[1]) == ids[:2]
        assert exported_ids(project, fromDate=times[1], toDate=times[1]) == ids[1:2]
        assert exported_ids(project, fromDate="2999-01-01") == []
        assert exported_ids(project, toDate="2001-01-01") == []


class TestFilters:
    """Those of `GET /customers`, which test_search.py holds; here that they reach the file."""

    def test_each_filter_lets_the_same_through_as_the_list(self, project: Project) -> None:
        known = customer(name="Nguyễn Thị Minh Khai", countryOfResidence="VNM")
        known |= {"status": "Active", "riskScore": "High", "tags": ["vip"]}
        known |= {"externalCustomerId": "x-1"}
        (one,) = project.enrol(known)
        project.enrol(*(customer(name="Someone Else") for _ in range(3)))
        filters = {
            "status": "Active",
            "riskLevel": "High",
            "tag": "vip",
            "search": "minh nguyen",
            "countryOfResidence": "VNM",
            "wallet": known["customerWallet"]["wallet"],
            "did": known["customerDid"]["did"],
            "sub": known["customerClaims"]["sub"],
            "externalCustomerId": "x-1",
        }
        for name, value in filters.items():
            assert exported_ids(project, **{name: value}) == [one], name
            assert lines(project, **{name: value}) == [known], name
        assert exported_ids(project, **filters) == [one]
        assert exported_ids(project, status="Rejected") == []
        assert len(exported_ids(project, status="No status")) == 3

    def test_many_by_a_filter_come_once_in_order(self, project: Project) -> None:
        ids = []
        for _ in range(3):
            ids += project.enrol(*({**customer(), "tags": ["t"]} for _ in range(PAGE_CUSTOMERS)))
            project.enrol(customer())
        assert exported_ids(project, tag="t") == ids

    def test_deleted_customers_where_they_are_asked_for(self, project: Project) -> None:
        ids = project.enrol(customer(), customer())
        project.server.http.delete(f"/customers/{ids[0]}", headers=project.headers)
        assert exported_ids(project, softDeletedBefore="2999-01-01") == ids[:1]
        assert exported_ids(project) == ids[1:]

    @pytest.mark.parametrize("name", ["currentPage", "limit", "after", "sort", "count"])
    def test_it_has_no_pages(self, project: Project, name: str) -> None:
        answer = project.get("/customers/export", **{name: "1"})
        assert faults(problem(answer, "query.invalid")) == [("", "query.unknown")]

    def test_all_faults_at_once(self, project: Project) -> None:
        query = {"format": "xml", "status": "x", "limit": "1", "spreadsheet": "y", "what": "z"}
        found = faults(problem(project.get("/customers/export", **query), "query.invalid"))
        assert sorted(found) == [
            ("", "query.unknown"),
            ("", "query.unknown"),
            ("/format", "query.value"),
            ("/spreadsheet", "query.value"),
            ("/status", "query.value"),
        ]


class TestAsking:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("format", "xml"),
            ("type", "Person"),
            ("fromDate", "x"),
            ("toDate", "2026-13-01"),
            ("spreadsheet", "yes"),
            ("status", "Asleep"),
            ("search", ""),
        ],
    )
    def test_a_query_that_is_not_right(self, project: Project, name: str, value: str) -> None:
        query = {"type": "Individual", name: value}
        answer = project.get("/customers/export", **query)
        DESCRIPTION(answer)
        assert faults(problem(answer, "query.invalid")) == [(f"/{name}", "query.value")]

    @pytest.mark.parametrize("query", [{"format": "jsonl"}, {"format": "csv"}])
    def test_a_file_to_be_imported_is_of_one_type(
        self, project: Project, query: dict[str, str]
    ) -> None:
        answer = project.get("/customers/export", **query)
        assert faults(problem(answer, "query.invalid")) == [("/type", "query.value")]

    def test_the_project_must_be_the_keys_own(self, project: Project) -> None:
        query = {"type": "Individual", "cmsProjectId": "other"}
        problem(project.get("/customers/export", **query), "access.project")
        assert export(project, cmsProjectId=project.id).content == b""

    def test_a_key_that_only_writes(self, project: Project) -> None:
        key = project.server.new_key(project.id, "customers:write").text
        problem(project._replace(key=key).get("/customers/export"), "access.scope")

    def test_it_is_packed_where_that_is_accepted(self, project: Project) -> None:
        project.enrol(*(customer() for _ in range(PAGE_CUSTOMERS + 1)))

        def raw(accepted: str) -> tuple[httpx.Headers, bytes]:
            headers = project.headers | {"Accept-Encoding": accepted}
            query = {"type": "Individual", "format": "jsonl"}
            # A client of its own, which nothing reads along with.
            url = f"{project.server.url}/customers/export"
            with httpx.stream("GET", url, params=query, headers=headers) as answer:
                return answer.headers, b"".join(answer.iter_raw())

        headers, plain = raw("identity")
        assert "content-encoding" not in headers
        assert headers["vary"] == "Accept-Encoding"
        for accepted in ("gzip", "br, gzip;q=0.5", "*"):
            headers, packed = raw(accepted)
            assert headers["content-encoding"] == "gzip"
            assert gzip.decompress(packed) == plain
        assert raw("gzip;q=0, br")[1] == plain

    def test_the_answer_names_a_file(self, project: Project) -> None:
        headers = export(project, format="csv").headers
        assert headers["content-disposition"] == 'attachment; filename="customers.csv"'
        assert headers["content-type"] == "text/csv; charset=utf-8"
        assert export(project).headers["content-type"] == "application/jsonl"


class TestSlowReaders:
    """Readers who take nothing, on connections with little room."""

    @pytest.fixture
    def full(self, server: Served) -> Project:
        """A project whose file is larger than any buffer between the two."""
        project = server.new_project()
        people = [
            {**customer(), "metadata": {f"m{n}": "x" * 1_000 for n in range(14)}}
            for _ in range(700)
        ]
        for start in range(0, len(people), 350):
            project.enrol(*people[start : start + 350])
        return project

    @pytest.fixture
    def stalled(self, full: Project) -> Iterator[list[socket.socket]]:
        """As many as a process serves at once."""
        with ExitStack() as stack:
            yield [stack.enter_context(_stalled(full)) for _ in range(MOST_EXPORTS)]

    def test_more_than_a_few_at_once_are_refused(
        self, full: Project, stalled: list[socket.socket]
    ) -> None:
        answer = full.get("/customers/export", type="Individual", format="jsonl")
        DESCRIPTION(answer)
        problem(answer, "server.busy")
        assert answer.headers["retry-after"] == "1"

    def test_others_are_served_meanwhile(self, full: Project, stalled: list[socket.socket]) -> None:
        """Though there are as many slow readers as PostgreSQL has connections that read."""
        started = time.monotonic()
        assert full.total() == 700
        full.enrol(customer())
        assert time.monotonic() - started < 5

    def test_one_that_goes_away_makes_room(
        self, full: Project, stalled: list[socket.socket]
    ) -> None:
        stalled[0].close()
        deadline = time.monotonic() + 10
        while (
            answer := full.get("/customers/export", type="Individual", format="jsonl")
        ).status_code == 503:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(answer.content.splitlines()) == 700

    def test_one_that_reads_on_gets_the_whole(
        self, full: Project, stalled: list[socket.socket]
    ) -> None:
        stalled[0].settimeout(20)
        read = b""
        while not read.endswith(b"0\r\n\r\n"):
            block = stalled[0].recv(1 << 20)
            assert block
            read += block
        assert read.count(b'"customerWallet"') == 700


def _most_memory(server: Served) -> int:
    """The most that the HTTP process has held, in bytes, since it was last asked."""
    process = Path(f"/proc/{server.process.pid}")
    found = re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
    assert found
    (process / "clear_refs").write_text("5")
    return int(found[1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("file_format", ["jsonl", "full"])
def test_a_file_takes_no_more_memory_the_larger_it_is(
    tmp_path: Path, new_database: NewDatabase, file_format: str
) -> None:
    # A server of its own: what others left for the shared one to do takes memory as well.
    with Served(tmp_path, new_database()) as served:
        _hold_memory(served.new_project(), file_format)


def _hold_memory(project: Project, file_format: str) -> None:
    people = ({"customerClaims": {"name": "N", "address": "x" * 4_000}},) * 1_000
    for _ in range(10):
        project.enrol(*people)
    # What SQLite's readers keep of the file in memory is bounded, and there by then.
    for _ in range(4):
        small = _read(project, file_format)
    _most_memory(project.server)
    _read(project, file_format)
    before = _most_memory(project.server)
    for _ in range(10):
        project.enrol(*people)
    _most_memory(project.server)
    large = _read(project, file_format)
    assert large == 2 * small > 80_000_000
    assert _most_memory(project.server) - before < small / 4


def _read(project: Project, file_format: str) -> int:
    """Read a whole file, of which nothing is kept; how many bytes it had."""
    query = {"format": file_format, "type": "Individual", "spreadsheet": "false"}
    url = f"{project.server.url}/customers/export"
    headers = project.headers | {"Accept-Encoding": "identity"}
    with httpx.stream("GET", url, params=query, headers=headers) as answer:
        return sum(map(len, answer.iter_raw())) - (len(csv_header()) if file_format == "csv" else 0)


def _stalled(project: Project) -> socket.socket:
    """A connection whose export has begun and is not read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect((HOST, project.server.port))
    connection.sendall(
        b"GET /customers/export?format=jsonl&type=Individual HTTP/1.1\r\nHost: x\r\n"
        + f"Authorization: Bearer {project.key}\r\n\r\n".encode()
    )
    assert connection.recv(16).startswith(b"HTTP/1.1 200")
    return connection
