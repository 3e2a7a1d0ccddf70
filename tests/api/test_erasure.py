"""Erasing a customer removes what is personal everywhere; the dossier shows what there is."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from enrol.api.resources.erasure import MOST_SOURCES
from enrol.customers.lifecycle.erasure import KEPT, MARKS, PARTS
from enrol.store.columns import PART_COLUMNS
from enrol.store.schema import metadata
from enrol.store.sqlite.session import SqliteSession
from tests.api.refusals import faults, problem
from tests.conftest import ON_TWO_STORES
from tests.maintenance.chain_reference import verify
from tests.people import customer, wallet, with_claims
from tests.serving import Project, Served

pytestmark = ON_TWO_STORES

NAME = "Quintessa Fjordsworth"
EMAIL = "quintessa@fjordsworth.example"
PHONE = "+4790012345"
NOTE = "prefers to be called in the evening"
# What stays of a table that has rows of a customer.
NOT_OF_THE_PERSON = {"events", "identifiers", "identifiers_new"}


@pytest.fixture
def admin(server: Served, project: Project) -> Project:
    """The project with a key that may do all."""
    return project._replace(key=server.new_key(project.id, "admin").text)


def erase(admin: Project, customer_id: str, body: object = None) -> httpx.Response:
    content = b"" if body is None else json.dumps(body).encode()
    headers = admin.headers | ({} if body is None else {"Content-Type": "application/json"})
    return admin.server.http.post(
        f"/customers/{customer_id}/erase", content=content, headers=headers
    )


def number(project: Project) -> int:
    ((found,),) = project.server.query("SELECT project FROM projects WHERE id = $1", project.id)
    return int(found)


def fill(project: Project, customer_id: str) -> None:
    """Give a customer all that one can have, by another hand than that of its routes; but for the
    sub, which has a key."""
    one, mine = UUID(customer_id).bytes, number(project)
    session = project.server.registry.database
    rows = session.rows
    if isinstance(session, SqliteSession):
        # As the writer has it for every change.
        session.connection.pragma("secure_delete", True)
    values = {
        name: f"{NOTE} {name}"
        for name in PART_COLUMNS["customers"]
        if name not in {*KEPT, *MARKS, "sub", "tags", "metadata", "phone", "deleted_by"}
    }
    values |= {"phone": PHONE, "tags": '["vip"]', "metadata": f'{{"note": "{NOTE}"}}'}
    # So long that it has pages of its own.
    values |= {"picture_base64": NOTE * 300}
    for name, value in values.items():
        rows(f"UPDATE customers SET {name} = $1 WHERE project = $2 AND id = $3", value, mine, one)
    rows(
        "INSERT INTO emails (project, customer_id, id, email, created_at) "
        "VALUES ($1, $2, $3, $4, $5)",
        *(mine, one, one, EMAIL, 1),
    )
    rows(
        "INSERT INTO findings (project, customer_id, pointer, code) "
        "VALUES ($1, $2, '/customerClaims/name', 'text.bidi')",
        *(mine, one),
    )


def test_an_erased_customer_is_gone_but_for_its_tombstone(admin: Project) -> None:
    item = customer(name=NAME)
    answer = admin.post(admin.body(customer(), item, customer()))
    _, one, _ = answer.json()
    before = admin.customer(one)
    erased = erase(admin, one, {"reason": "Asked for by letter"})
    assert erased.status_code == 200, erased.text
    tombstone = erased.json()
    assert tombstone == {
        "id": one,
        "cmsProjectId": admin.id,
        "type": "Individual",
        "batchId": answer.headers["enrol-batch-id"],
        "createdAt": before["createdAt"],
        "erasedAt": tombstone["erasedAt"],
        "erasedBy": tombstone["erasedBy"],
        "mergedInto": None,
    }
    problem(admin.get(f"/customers/{one}"), "customer.erased")
    address = item["customerWallet"]["wallet"]
    path = f"/projects/{admin.id}/customer-wallets/{address}/customer"
    problem(admin.get(path), "customer.unknown")
    created, told = admin.get(f"/customers/{one}/events").json()["data"]
    assert (created["type"], created["seq"], created["data"]) == ("customer.created", 2, None)
    assert (told["type"], told["seq"]) == ("customer.erased", 4)
    assert told["data"] == {"reason": "Asked for by letter"}
    assert told["actor"] == tombstone["erasedBy"]
    assert told["createdAt"] == tombstone["erasedAt"]
    assert verify(admin.server.registry.database.rows, number(admin))[0] == 4
    # Whoever comes again with the same wallet, DID and sub is somebody new.
    (again,) = admin.enrol(item)
    assert again != one


def test_nothing_but_the_tombstone_is_in_the_tables(admin: Project) -> None:
    one, other = admin.enrol(customer(name=NAME), customer())
    fill(admin, one)
    kept = admin.customer(other)
    assert erase(admin, one).status_code == 200
    values = (number(admin), UUID(one).bytes)
    names = PART_COLUMNS["customers"]
    ((row),) = admin.server.query(
        f"SELECT {', '.join(names)} FROM customers WHERE project = $1 AND id = $2", *values
    )
    left = {name for name, value in zip(names, row, strict=True) if value is not None}
    assert left == {*KEPT, *MARKS} - {"merged_into"}
    for part in PARTS:
        query = f"SELECT count(*) FROM {part} WHERE project = $1 AND customer_id = $2"
        assert admin.server.query(query, *values) == [(0,)]
    for table in ("identifiers", "identifiers_new"):
        if table in admin.server.tables:
            query = f"SELECT count(*) FROM {table} WHERE project = $1 AND customer_id = $2"
            assert admin.server.query(query, *values) == [(0,)]
    assert admin.customer(other) == kept


def test_each_table_with_rows_of_customers_is_erased() -> None:
    """A new one is named in `erasure.py`, or here with the reason."""
    owned = {table.name for table in metadata.sorted_tables if "customer_id" in table.columns}
    assert owned == {*PARTS, *NOT_OF_THE_PERSON}


def test_to_erase_twice_is_to_erase_once(admin: Project) -> None:
    (one,) = admin.enrol(customer(name=NAME))
    first = erase(admin, one).json()
    head = admin.get("/events/head").json()
    assert erase(admin, one, {"reason": "again"}).json() == first
    assert admin.get("/events/head").json() == head


def test_who_erases_at_the_same_time_erases_once(admin: Project) -> None:
    ids = admin.enrol(*(customer() for _ in range(4)))
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(target=lambda one=one: answers.append(erase(admin, one)))
        for one in ids
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 4
    assert admin.get("/events/head").json()["seq"] == 8
    assert verify(admin.server.registry.database.rows, number(admin))[0] == 8


def test_what_was_merged_into_a_customer_is_erased_with_it(admin: Project) -> None:
    target, source, deep, other = admin.enrol(*(customer(name=NAME) for _ in range(4)))
    rows = admin.server.registry.database.rows
    for merged, into in ((source, target), (deep, source)):
        rows(
            "UPDATE customers SET merged_into = $1 WHERE project = $2 AND id = $3",
            *(UUID(into).bytes, number(admin), UUID(merged).bytes),
        )
    problem(erase(admin, source), "customer.merged")
    dossier = admin.get(f"/customers/{target}/dossier").json()
    assert [each["id"] for each in dossier["mergedCustomers"]] == [source, deep]
    assert [event["customerId"] for event in dossier["events"]] == [target, source, deep]
    assert erase(admin, target).status_code == 200
    for one in (target, source, deep):
        problem(admin.get(f"/customers/{one}"), "customer.erased")
    assert admin.customer(other)["customerClaims"][0]["name"] == NAME
    told = admin.get("/events", type="customer.erased").json()["data"]
    assert [event["customerId"] for event in told] == [source, deep, target]
    tombstone = admin.get(f"/customers/{deep}/dossier").json()["tombstone"]
    assert tombstone["mergedInto"] == source


def holds(project: Project, *texts: str) -> list[str]:
    """Which texts the customers and the events of a project still have."""
    names = ", ".join(f"{name}" for name in ("name", "reason", "metadata"))
    rows = project.server.query(
        f"SELECT {names} FROM customers WHERE project = $1", number(project)
    ) + project.server.query("SELECT data FROM events WHERE project = $1", number(project))
    return [text for text in texts if text in str(rows)]


def test_much_is_erased_in_parts_that_others_need_not_wait_for(admin: Project) -> None:
    """All who write to a file would have to wait for a customer with many sources and events."""
    target, *sources = admin.enrol(*(with_claims(name=f"{NAME} {n}") for n in range(51)))
    merge = {"sourceCustomerIds": sources, "targetCustomerId": target}
    assert admin.call("POST", "/customers/merge", merge).status_code == 200
    for turn in range(120):
        told = {"reason": f"{NOTE} {turn}"}
        assert admin.call("PATCH", f"/customers/{target}", told).status_code == 200
    assert holds(admin, NAME, NOTE) == [NAME, NOTE]
    before = admin.get("/events/head").json()["seq"]
    tag = admin.get(f"/customers/{target}").headers["etag"]
    answer = admin.call("POST", f"/customers/{target}/erase", {"reason": "asked"}, If_Match=tag)
    assert answer.status_code == 200, answer.text
    said = admin.get("/events", after=before, limit=1_000).json()["data"]
    assert {each["type"] for each in said} == {"customer.erased"}
    # Each once, and the customer last, whose tombstone says that all is done.
    assert {each["customerId"] for each in said[:-1]} == set(sources)
    assert len(said) == 51
    assert (said[-1]["customerId"], said[-1]["data"]) == (target, {"reason": "asked"})
    links = admin.server.query(
        "SELECT first, last FROM links WHERE project = $1 AND first > $2 ORDER BY first",
        *(number(admin), before),
    )
    assert max(last - first for first, last in links) <= MOST_SOURCES
    assert holds(admin, NAME, NOTE) == []
    assert verify(admin.server.registry.database.rows, number(admin))[0] == said[-1]["seq"]


def test_an_erasure_that_was_broken_off_is_finished_by_the_next(admin: Project) -> None:
    target, source, other = admin.enrol(*(with_claims(name=f"{NAME} {n}") for n in range(3)))
    merge = {"sourceCustomerIds": [source, other], "targetCustomerId": target}
    assert admin.call("POST", "/customers/merge", merge).status_code == 200
    # As the first part leaves one.
    admin.server.registry.database.rows(
        "UPDATE customers SET erased_at = 1, name = NULL WHERE project = $1 AND id = $2",
        *(number(admin), UUID(source).bytes),
    )
    dossier = admin.get(f"/customers/{target}/dossier").json()
    assert dossier["customer"]["id"] == target
    assert [each["id"] for each in dossier["mergedCustomers"]] == [other]
    before = admin.get("/events/head").json()["seq"]
    assert erase(admin, target).status_code == 200
    told = admin.get("/events", after=before).json()["data"]
    assert [each["customerId"] for each in told] == [other, target]
    assert holds(admin, NAME) == []


def test_no_value_of_a_merge_that_was_taken_back_stays_with_the_other(admin: Project) -> None:
    """What a customer had for a while is told in its own events, which stay."""
    target, source = admin.enrol(customer(), customer())
    values = [wallet()["wallet"], f"did:example:{uuid4()}", "away@example.com"]
    bodies = {"wallets": wallet(values[0]), "dids": {"did": values[1]}}
    bodies |= {"emails": {"email": values[2]}}
    parts = {
        kind: admin.call("POST", f"/customers/{source}/{kind}", body).json()["id"]
        for kind, body in bodies.items()
    }
    merge = {"sourceCustomerIds": [source], "targetCustomerId": target}
    assert admin.call("POST", "/customers/merge", merge).status_code == 200
    for kind, part in parts.items():
        gone = admin.call("DELETE", f"/customers/{target}/{kind}/{part}")
        assert gone.status_code == 200, gone.text
    back = admin.call("POST", f"/customers/{target}/unmerge", {"sourceCustomerId": source})
    assert back.status_code == 200, back.text
    assert erase(admin, source).status_code == 200
    told = admin.get("/events").json()["data"]
    removed = [event["fields"] for event in told if event["type"] == "customer.updated"][-3:]
    assert removed == [["customerWallets"], ["customerDids"], ["customerEmails"]]
    text = json.dumps(told)
    assert [value for value in values if value in text] == []


def test_a_key_that_another_has_by_now_stays_with_it(admin: Project) -> None:
    """A deleted customer keeps its rows and loses its keys, which another may take."""
    taken = wallet()
    gone, heir = admin.enrol(customer(), {"customerWallet": taken})
    admin.server.registry.database.rows(
        "UPDATE wallets SET address = $1, canonical = $2 WHERE project = $3 AND customer_id = $4",
        *(taken["wallet"], taken["wallet"].lower(), number(admin), UUID(gone).bytes),
    )
    assert erase(admin, gone).status_code == 200
    path = f"/projects/{admin.id}/customer-wallets/{taken['wallet']}/customer"
    assert admin.get(path).json()["id"] == heir
    assert admin.post(admin.body({"customerWallet": taken})).status_code == 409


@pytest.mark.parametrize(
    ("body", "place", "code"),
    [
        ({"reason": ""}, "/reason", "field.empty"),
        ({"reason": 1}, "/reason", "field.type"),
        ({"reason": "x" * 501}, "/reason", "text.too_long"),
        ({"why": "x"}, "/why", "field.unknown"),
        ([], "", "field.type"),
    ],
)
def test_a_body_that_is_not_right_erases_nothing(
    admin: Project, body: object, place: str, code: str
) -> None:
    (one,) = admin.enrol(customer())
    assert faults(problem(erase(admin, one, body), "body.invalid")) == [(place, code)]
    admin.customer(one)


def test_who_is_not_there_cannot_be_erased(admin: Project) -> None:
    problem(erase(admin, "019a91f2-6c00-7a33-b7d4-5e8a1c6f3290"), "customer.unknown")
    problem(erase(admin, "me"), "customer.unknown")
    other = admin.server.new_project()
    (one,) = other.enrol(customer())
    problem(erase(admin, one), "customer.unknown")
    other.customer(one)


def test_the_dossier_has_all_that_is_held(admin: Project) -> None:
    answer = admin.post(admin.body(customer(name=NAME)))
    (one,) = answer.json()
    fill(admin, one)
    dossier = admin.get(f"/customers/{one}/dossier").json()
    assert list(dossier) == [
        *("version", "createdAt", "customer", "tombstone", "mergedCustomers", "batches"),
        *("statuses", "events"),
    ]
    assert dossier["version"] == 1
    assert dossier["customer"] == admin.customer(one)
    assert dossier["tombstone"] is None
    (batch,) = dossier["batches"]
    assert batch["id"] == answer.headers["enrol-batch-id"]
    assert batch["mode"] == "atomic"
    assert dossier["events"] == admin.get(f"/customers/{one}/events").json()["data"]
    text = json.dumps(dossier)
    assert {EMAIL, PHONE, NOTE} <= {word for word in (EMAIL, PHONE, NOTE) if word in text}
    erased = erase(admin, one).json()
    dossier = admin.get(f"/customers/{one}/dossier").json()
    assert (dossier["customer"], dossier["tombstone"]) == (None, erased)
    assert dossier["mergedCustomers"] == []
    assert [event["type"] for event in dossier["events"]] == ["customer.created", "customer.erased"]
    problem(admin.get("/customers/me/dossier"), "customer.unknown")
    stranger = "019a91f2-6c00-7a33-b7d4-5e8a1c6f3290"
    problem(admin.get(f"/customers/{stranger}/dossier"), "customer.unknown")


@pytest.fixture
def on_a_file(server: Served, admin: Project) -> Project:
    if not server.on_file:
        pytest.skip("PostgreSQL keeps old rows until it vacuums: docs/operations.md")
    return admin


def raw(server: Served) -> bytes:
    """The bytes of the file and of its log."""
    files = (Path(server.database), Path(f"{server.database}-wal"))
    return b"".join(file.read_bytes() for file in files if file.exists())


def needles(item: dict[str, Any]) -> list[bytes]:
    """What tells who somebody is."""
    claims, did = item["customerClaims"], item["customerDid"]
    texts = (claims["name"], claims["sub"], item["customerWallet"]["wallet"], did["did"])
    return [text.encode() for text in texts]


def tokens(item: dict[str, Any]) -> list[bytes]:
    """What the search index makes of a name."""
    return [item["customerClaims"]["name"].split()[0].lower().encode()]


def people(count: int, start: int) -> Iterator[dict[str, Any]]:
    for place in range(start, start + count):
        yield customer(name=f"Qzf{place:05}Ewt {'x' * (place % 7 * 40)}y")


def test_no_byte_of_an_erased_customer_is_left_in_the_file(on_a_file: Project) -> None:
    """Where rows came in batches of all sizes and were changed, old bytes lie about in pages."""
    admin = on_a_file
    items: list[dict[str, Any]] = []
    ids: list[str] = []
    for count in (1, 2, 300, 7, 1, 600, 40, 1, 1, 200):
        some = [*people(count, len(items))]
        ids += admin.enrol(*some)
        items += some
    filled = range(0, len(ids), 97)
    for place in filled:
        fill(admin, ids[place])
    chosen = [*filled, *range(48, len(ids), 97)]
    before = raw(admin.server)
    assert all(needle in before for place in chosen for needle in needles(items[place])[2:])
    assert EMAIL.encode() in before
    found = admin.get(
        "/customers", cmsProjectId=admin.id, search=items[-1]["customerClaims"]["name"]
    )
    assert found.json()["totalCount"] == 1
    for place in chosen:
        assert erase(admin, ids[place]).status_code == 200
    said = [needle for place in chosen for needle in needles(items[place])]
    after = raw(admin.server)
    assert [needle for needle in said if needle in after] == []
    # The search index follows, and the log is emptied once more.
    said += [text.encode() for text in (EMAIL, PHONE, NOTE)]
    said += [token for place in chosen for token in tokens(items[place])]
    deadline = time.monotonic() + 30
    while left := [needle for needle in said if needle in raw(admin.server)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.5)
    assert tokens(items[1])[0] in raw(admin.server)
    assert needles(items[1])[0] in raw(admin.server)
    assert verify(admin.server.registry.database.rows, number(admin))[0] == len(ids) + len(chosen)
