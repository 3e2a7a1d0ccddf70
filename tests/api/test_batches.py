"""Batches: listed, read, and undone, whatever happened to their customers meanwhile."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.conformance import Description
from tests.api.refusals import faults, problem
from tests.api.test_openapi import DOCUMENT
from tests.people import customer, did, wallet, with_claims
from tests.serving import Project, Served

DESCRIPTION = Description(DOCUMENT)
UNKNOWN = "00000000-0000-7000-8000-000000000000"


def got(project: Project, path: str, **query: str | int) -> dict[str, Any]:
    """An answer of success, which is as the document says."""
    answer = project.get(path, **query)
    assert answer.status_code == 200, answer.text
    DESCRIPTION(answer)
    found: dict[str, Any] = answer.json()
    return found


def post(project: Project, path: str, body: object = None, **query: str) -> httpx.Response:
    return project.server.http.post(path, json=body, params=query, headers=project.headers)


def enrolled(project: Project, *items: object, **query: str) -> tuple[str, Any]:
    """A new batch and what was answered: IDs, or results."""
    answer = project.post(project.body(*items), **query)
    assert answer.status_code in (200, 207), answer.text
    return answer.headers["enrol-batch-id"], answer.json()


def undone(project: Project, batch: str, body: object = None, **query: str) -> dict[str, Any]:
    answer = post(project, f"/batches/{batch}/undo", body, **query)
    assert answer.status_code == 200, answer.text
    DESCRIPTION(answer)
    found: dict[str, Any] = answer.json()
    return found


def patched(project: Project, customer_id: str, **fields: object) -> httpx.Response:
    return project.server.http.patch(
        f"/customers/{customer_id}", json=fields, headers=project.headers
    )


def change(project: Project, customer_id: str) -> None:
    assert patched(project, customer_id, tags=["vip"]).status_code == 200


def delete(project: Project, customer_id: str) -> None:
    answer = project.server.http.delete(f"/customers/{customer_id}", headers=project.headers)
    assert answer.status_code in (200, 204), answer.text


def events(project: Project, **query: str | int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = got(project, "/events", limit=1_000, **query)["data"]
    return found


def key_id(project: Project) -> str:
    (key,) = project.server.registry.list_keys(project.id)
    return key.id


class TestReading:
    def test_a_batch_says_who_called_when_and_what_became_of_the_items(
        self, project: Project
    ) -> None:
        batch, ids = enrolled(project, customer(), customer())
        assert got(project, f"/batches/{batch}") == {
            "id": batch,
            "createdAt": project.customer(ids[0])["createdAt"],
            "createdBy": key_id(project),
            "mode": "atomic",
            "counts": {"items": 2, "created": 2, "existing": 0, "refused": 0},
            "undone": None,
        }

    def test_counts_of_a_batch_in_parts(self, project: Project) -> None:
        known = customer()
        enrolled(project, known)
        query = {"mode": "partial", "onConflict": "return"}
        batch, _ = enrolled(project, known, customer(), {}, **query)
        found = got(project, f"/batches/{batch}")
        assert found["mode"] == "partial"
        assert found["counts"] == {"items": 3, "created": 1, "existing": 1, "refused": 1}

    def test_batches_are_listed_newest_first_page_by_page(self, project: Project) -> None:
        batches = [enrolled(project, customer())[0] for _ in range(5)]
        found: list[str] = []
        url, pages = "/batches?limit=2", 0
        while url:
            answer = project.server.http.get(url, headers=project.headers)
            DESCRIPTION(answer)
            found += [batch["id"] for batch in answer.json()["data"]]
            url, pages = answer.links.get("next", {}).get("url", ""), pages + 1
        assert found == batches[::-1]
        assert pages == 3
        assert "link" not in project.get("/batches", limit=5).headers

    def test_a_batch_that_comes_in_between_moves_nobody(self, project: Project) -> None:
        batches = [enrolled(project, customer())[0] for _ in range(4)]
        first = project.get("/batches", limit=2)
        enrolled(project, customer())
        rest = project.server.http.get(first.links["next"]["url"], headers=project.headers)
        assert [batch["id"] for batch in rest.json()["data"]] == batches[1::-1]

    def test_batches_of_one_key(self, project: Project) -> None:
        other = project.server.new_key(project.id)
        mine, _ = enrolled(project, customer())
        others, _ = enrolled(project._replace(key=other.text), customer())
        found = got(project, "/batches", createdBy=other.id)["data"]
        assert [batch["id"] for batch in found] == [others]
        assert mine != others
        assert got(project, "/batches", createdBy="key_none")["data"] == []

    def test_batches_of_a_time(self, project: Project) -> None:
        batches = [enrolled(project, customer())[0] for _ in range(3)]
        times = [got(project, f"/batches/{batch}")["createdAt"] for batch in batches]
        assert len(set(times)) == 3

        def listed(**query: str) -> list[str]:
            return [batch["id"] for batch in got(project, "/batches", **query)["data"]]

        assert listed(fromDate=times[1]) == batches[:0:-1]
        assert listed(toDate=times[1]) == batches[1::-1]
        assert listed(fromDate=times[1], toDate=times[1]) == [batches[1]]
        assert listed(fromDate=times[0][:10], toDate=times[2][:10]) == batches[::-1]
        assert listed(fromDate="2999-01-01") == listed(toDate="2001-01-01T00:00:00+02:00") == []

    def test_filters_go_with_the_pages(self, project: Project) -> None:
        batches = [enrolled(project, customer())[0] for _ in range(3)]
        key = key_id(project)
        first = project.get("/batches", limit=1, createdBy=key, fromDate="2001-01-01")
        link = first.links["next"]["url"]
        assert f"createdBy={key}" in link
        assert "fromDate=2001-01-01" in link
        (second,) = project.server.http.get(link, headers=project.headers).json()["data"]
        assert second["id"] == batches[1]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("after", "x"),
            ("limit", "0"),
            ("limit", "1001"),
            ("fromDate", "yesterday"),
            ("toDate", "2026-02-30"),
            ("createdBy", "a b"),
            ("createdBy", "\0"),
        ],
    )
    def test_a_query_that_is_not_right(self, project: Project, name: str, value: str) -> None:
        answer = project.get("/batches", **{name: value})
        DESCRIPTION(answer)
        assert faults(problem(answer, "query.invalid")) == [(f"/{name}", "query.value")]

    def test_the_customers_of_a_batch_in_the_order_of_the_call(self, project: Project) -> None:
        enrolled(project, customer())
        batch, ids = enrolled(project, *(customer(name=f"N {n}") for n in range(5)))
        enrolled(project, customer())
        found: list[dict[str, Any]] = []
        url = f"/batches/{batch}/customers?limit=2"
        while url:
            answer = project.server.http.get(url, headers=project.headers)
            DESCRIPTION(answer)
            found += answer.json()["data"]
            url = answer.links.get("next", {}).get("url", "")
        assert found == [project.customer(one) for one in ids]

    def test_the_customers_of_a_batch_are_shown_as_they_are_now(self, project: Project) -> None:
        batch, ids = enrolled(project, customer(), customer(), customer())
        change(project, ids[0])
        delete(project, ids[1])
        project.server.registry.database.rows(
            "UPDATE customers SET erased_at = 1 WHERE id = $1", UUID(ids[2]).bytes
        )
        first, second = got(project, f"/batches/{batch}/customers")["data"]
        assert (first["id"], first["tags"]) == (ids[0], ["vip"])
        assert (second["id"], second["deletedAt"] is None) == (ids[1], False)

    def test_a_batch_that_created_nobody_has_no_customers(self, project: Project) -> None:
        known = customer()
        enrolled(project, known)
        batch, _ = enrolled(project, known, mode="partial", onConflict="return")
        page = got(project, f"/batches/{batch}/customers")
        assert page == {"data": [], "nextAfter": None}
        assert undone(project, batch) == {"batchId": batch, "removed": 0, "left": []}
        assert got(project, f"/batches/{batch}")["undone"] is None

    @pytest.mark.parametrize("path", ["", "/customers"])
    @pytest.mark.parametrize("batch", [UNKNOWN, "x", "%00"])
    def test_a_batch_that_is_not_there(self, project: Project, batch: str, path: str) -> None:
        problem(project.get(f"/batches/{batch}{path}"), "batch.unknown")

    def test_the_batch_of_another_project(self, server: Served, project: Project) -> None:
        batch, ids = enrolled(project, customer())
        other = server.new_project()
        problem(other.get(f"/batches/{batch}"), "batch.unknown")
        problem(post(other, f"/batches/{batch}/undo"), "batch.unknown")
        assert got(other, "/batches")["data"] == []
        assert project.customer(ids[0])["deletedAt"] is None


class TestUndoing:
    def test_what_a_batch_created_is_deleted_and_told_as_one_link(self, project: Project) -> None:
        kept = project.enrol(customer())
        batch, ids = enrolled(project, *(customer() for _ in range(3)))
        assert undone(project, batch) == {"batchId": batch, "removed": 3, "left": []}
        for one in ids:
            shown = project.customer(one)
            assert (shown["deletedBy"], shown["deletedAt"]) == (
                key_id(project),
                shown["updatedAt"],
            )
        assert project.customer(kept[0])["deletedAt"] is None
        *deleted, summary = events(project, after=4)
        assert [(each["type"], each["customerId"]) for each in deleted] == [
            ("customer.deleted", one) for one in ids
        ]
        assert {each["batchId"] for each in (*deleted, summary)} == {batch}
        assert (summary["type"], summary["customerId"]) == ("batch.undone", None)
        assert summary["data"] == {"removed": 3, "left": 0}
        assert got(project, f"/batches/{batch}")["undone"] == {
            "at": summary["createdAt"],
            "by": key_id(project),
            "removed": 3,
            "left": 0,
        }
        (row,) = project.server.query(
            "SELECT count(*) FROM links AS l JOIN projects AS p ON p.project = l.project"
            " WHERE p.id = $1",
            project.id,
        )
        assert row[0] == 3

    def test_whoever_was_changed_is_left_and_told(self, project: Project) -> None:
        batch, ids = enrolled(project, *(customer() for _ in range(6)))
        change(project, ids[1])
        delete(project, ids[2])
        database = project.server.registry.database
        database.rows(
            "UPDATE customers SET merged_into = $1, deleted_at = 1, version = 1 WHERE id = $2",
            *(UUID(ids[0]).bytes, UUID(ids[3]).bytes),
        )
        database.rows(
            "UPDATE customers SET erased_at = 1, deleted_at = 1, version = 1 WHERE id = $1",
            UUID(ids[4]).bytes,
        )
        assert undone(project, batch) == {
            "batchId": batch,
            "removed": 2,
            "left": [
                {"id": ids[1], "reason": "changed"},
                {"id": ids[2], "reason": "deleted"},
                {"id": ids[3], "reason": "merged"},
                {"id": ids[4], "reason": "erased"},
            ],
        }
        assert project.customer(ids[1])["deletedAt"] is None
        assert project.customer(ids[0])["deletedAt"] is not None
        assert project.customer(ids[5])["deletedAt"] is not None
        assert got(project, f"/batches/{batch}")["undone"]["left"] == 4
        assert events(project, type="batch.undone")[0]["data"] == {"removed": 2, "left": 4}

    def test_only_those_that_the_batch_created(self, project: Project) -> None:
        known = customer()
        (before,) = project.enrol(known)
        batch, results = enrolled(
            project, known, customer(), {}, mode="partial", onConflict="return"
        )
        assert [each["outcome"] for each in results] == ["exists", "created", "refused"]
        assert undone(project, batch)["removed"] == 1
        assert project.customer(before)["deletedAt"] is None
        assert project.customer(results[1]["id"])["deletedAt"] is not None

    def test_a_dry_run_tells_and_does_nothing(self, project: Project) -> None:
        batch, ids = enrolled(project, customer(), customer())
        change(project, ids[0])
        before, head = project.rows(), got(project, "/events/head")
        told = undone(project, batch, dryRun="true")
        assert told["removed"] == 1
        assert told["left"] == [{"id": ids[0], "reason": "changed"}]
        assert project.rows() == before
        assert got(project, "/events/head") == head
        assert got(project, f"/batches/{batch}")["undone"] is None
        assert undone(project, batch) == told

    def test_once_more_removes_nobody_and_is_no_event(self, project: Project) -> None:
        batch, ids = enrolled(project, customer(), customer())
        undone(project, batch)
        first, head = got(project, f"/batches/{batch}"), got(project, "/events/head")
        assert undone(project, batch) == {
            "batchId": batch,
            "removed": 0,
            "left": [{"id": one, "reason": "deleted"} for one in ids],
        }
        assert got(project, f"/batches/{batch}") == first
        assert got(project, "/events/head") == head

    def test_a_customer_is_restored_by_itself_and_then_left_alone(self, project: Project) -> None:
        sent = customer()
        batch, ids = enrolled(project, sent, customer())
        undone(project, batch)
        answer = post(project, f"/customers/{ids[0]}/restore")
        assert answer.status_code == 200, answer.text
        assert project.customer(ids[0])["deletedAt"] is None
        problem(project.post(project.body(sent)), "batch.conflict")
        assert undone(project, batch)["removed"] == 0
        assert project.customer(ids[0])["deletedAt"] is None

    def test_the_same_batch_can_be_enrolled_again(self, project: Project) -> None:
        items = [
            customer(),
            {"customerWallet": wallet(), "customerClaims": {"sub": f"s-{uuid4()}"}},
            {"customerDid": did()},
            with_claims(sub=f"s-{uuid4()}"),
        ]
        batch, ids = enrolled(project, *items)
        problem(project.post(project.body(*items)), "batch.conflict")
        undone(project, batch)
        again, new = enrolled(project, *items)
        assert again != batch
        assert not set(new) & set(ids)
        # The keys are those of the new customers now.
        problem(post(project, f"/customers/{ids[0]}/restore"), "customer.conflict")
        assert undone(project, again)["removed"] == len(items)

    def test_a_call_that_is_repeated_answers_the_old_ids(self, project: Project) -> None:
        """Or a client that lost an answer yesterday would enrol again what was undone."""
        body, sent = project.body(customer(), customer()), {"Idempotency-Key": "night"}
        first = project.post(body, sent)
        undone(project, first.headers["enrol-batch-id"])
        again = project.post(body, sent)
        assert again.headers["idempotency-replayed"] == "true"
        assert again.json() == first.json()
        assert project.rows()["customers"] == 2
        new = project.post(body, {"Idempotency-Key": "morning"})
        assert new.status_code == 200, new.text
        assert not set(new.json()) & set(first.json())

    def test_the_reason_is_kept_with_the_events(self, project: Project) -> None:
        batch, _ = enrolled(project, customer())
        undone(project, batch, {"reason": "The wrong file"})
        deleted, summary = events(project, after=1)
        assert deleted["data"] == {"reason": "The wrong file"}
        assert summary["data"] == {"removed": 1, "left": 0, "reason": "The wrong file"}

    @pytest.mark.parametrize("body", [{}, {"reason": None}])
    def test_a_body_without_a_reason(self, project: Project, body: object) -> None:
        batch, _ = enrolled(project, customer())
        assert undone(project, batch, body)["removed"] == 1

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"reason": ""}, "/reason"),
            ({"reason": 1}, "/reason"),
            ({"reason": "x" * 1_001}, "/reason"),
            ({"what": 1}, "/what"),
        ],
    )
    def test_a_body_that_is_not_right(self, project: Project, body: object, pointer: str) -> None:
        batch, ids = enrolled(project, customer())
        answer = post(project, f"/batches/{batch}/undo", body)
        DESCRIPTION(answer)
        assert [where for where, _ in faults(problem(answer, "body.invalid"))] == [pointer]
        assert project.customer(ids[0])["deletedAt"] is None

    def test_a_key_that_only_reads_undoes_nothing(self, project: Project) -> None:
        batch, ids = enrolled(project, customer())
        key = project.server.new_key(project.id, "customers:read").text
        for query in ({}, {"dryRun": "true"}):
            answer = post(project._replace(key=key), f"/batches/{batch}/undo", **query)
            problem(answer, "access.scope")
        assert project.customer(ids[0])["deletedAt"] is None


class TestRaces:
    def test_two_at_once_remove_everybody_once(self, project: Project) -> None:
        batch, ids = enrolled(project, *(customer() for _ in range(300)))
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: undone(project, batch), range(4)))
        assert sorted(answer["removed"] for answer in answers) == [0, 0, 0, len(ids)]
        assert all(answer["removed"] + len(answer["left"]) == len(ids) for answer in answers)
        assert len(events(project, type="batch.undone")) == 1
        assert len(events(project, type="customer.deleted")) == len(ids)

    def test_no_change_that_arrives_meanwhile_is_lost(self, project: Project) -> None:
        """Each PATCH is refused, or its customer is left with what it said."""
        batch, ids = enrolled(project, *(customer() for _ in range(500)))
        started = threading.Event()
        taken: list[str] = []

        def keep_changing() -> None:
            for one in ids[::-1]:
                answer = patched(project, one, tags=["kept"])
                if answer.status_code == 200:
                    taken.append(one)
                else:
                    assert answer.status_code == 409, answer.text
                if len(taken) == 5:
                    started.set()

        thread = threading.Thread(target=keep_changing)
        thread.start()
        assert started.wait(20)
        told = undone(project, batch)
        thread.join()
        left = {each["id"] for each in told["left"]}
        assert {each["reason"] for each in told["left"]} <= {"changed"}
        assert left == set(taken)
        assert told["removed"] == len(ids) - len(left) > 0
        for one in taken:
            shown = project.customer(one)
            assert (shown["deletedAt"], shown["tags"]) == (None, ["kept"])
        (summary,) = events(project, type="batch.undone")
        assert summary["data"] == {"removed": told["removed"], "left": len(left)}
