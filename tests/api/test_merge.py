"""Merging customers: what moves, who may be merged, and how it is taken back."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrol.customers.editing.merge import UNDO_MS
from enrol.customers.editing.parts import MOST_PARTS
from enrol.customers.faults import FAULTS
from enrol.store.schema import metadata
from tests.api.refusals import faults, points_into, problem
from tests.api.test_parts import MISTYPED, NOWHERE, added, events_of, owner_of, wallets_of
from tests.people import CHECKSUMMED, claims, customer, did, wallet, with_claims, with_wallet
from tests.serving import Project

PROJECT = "(SELECT project FROM projects WHERE id = $1)"
# What tells when and how often a customer changed, and so is another after it.
CHANGED = {"version", "updated_at"}


def merged(project: Project, target: str, *sources: str) -> httpx.Response:
    body = {"sourceCustomerIds": [*sources], "targetCustomerId": target}
    return project.call("POST", "/customers/merge", body)


def unmerged(project: Project, target: str, source: str) -> httpx.Response:
    return project.call("POST", f"/customers/{target}/unmerge", {"sourceCustomerId": source})


def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def with_email(project: Project, customer_id: str, email: str) -> str:
    """The ID of an address that is added."""
    answer = project.call("POST", f"/customers/{customer_id}/emails", {"email": email})
    email_id: str = ok(answer)["id"]
    return email_id


def rows(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the project's customers and their keys, but for what tells of changes."""
    found = {}
    for name in ("customers", "wallets", "dids", "emails", "findings"):
        columns = [column.name for column in metadata.tables[name].columns]
        kept = ", ".join(c for c in columns if name != "customers" or c not in CHANGED)
        query = f"SELECT {kept} FROM {name} WHERE project = {PROJECT}"
        found[name] = sorted(project.server.query(query, project.id), key=repr)
    tables = ("identifiers", "identifiers_new") if project.server.on_file else ("identifiers",)
    keys = (f"SELECT hash, customer_id FROM {table} WHERE project = {PROJECT}" for table in tables)
    found["keys"] = sorted(row for each in keys for row in project.server.query(each, project.id))
    return found


def noted(project: Project, customer_id: str) -> set[tuple[str, str]]:
    """The findings of a customer: the value that each is of, and its code. Who never had parts of
    others has the one that came with it first."""
    shown = project.customer(customer_id)
    firsts = {
        "/customerWallet/wallet": "/customerWallets/0/wallet",
        "/customerDid/did": "/customerDids/0/did",
        "/customerContact/email": "/customerEmails/0/email",
    }
    found = set()
    for finding in shown["findings"]:
        pointer = firsts.get(finding["pointer"], finding["pointer"])
        _, field, place, member = pointer.split("/")
        found.add((shown[field][int(place)][member], finding["code"]))
    assert len(found) == len(shown["findings"])
    return found


def found_by_sub(project: Project, sub: str) -> str | None:
    """Whose a ``sub`` is, as an import that is run again finds it."""
    answer = project.call("POST", "/customers/lookup", {"subs": [sub]})
    (found,) = ok(answer)["data"]["subs"]
    return None if found is None else str(found)


class TestMerge:
    def test_all_parts_move_and_the_sources_go(self, project: Project) -> None:
        one = {"customerWallet": wallet(CHECKSUMMED), "customerClaims": claims(name="A")}
        target, first, second = project.enrol(customer(name="T"), one, customer(name="B"))
        with_email(project, first, "a@example.com")
        before = {each: project.customer(each) for each in (target, first, second)}
        assert ok(merged(project, target, first, second)) == target
        after = project.customer(target)
        for field in ("customerWallets", "customerDids", "customerEmails"):
            moved = [part["id"] for each in before.values() for part in each[field]]
            assert [part["id"] for part in after[field]] == sorted(moved)
            assert {part["customerId"] for part in after[field]} <= {target}
        assert after["customerClaims"] == before[target]["customerClaims"]
        assert owner_of(project, CHECKSUMMED) == target
        for source in (first, second):
            shown = project.customer(source)
            assert shown["mergedInto"] == target
            assert shown["deletedAt"] is not None
            assert shown["customerWallets"] == shown["customerDids"] == []
            assert shown["customerClaims"] == before[source]["customerClaims"]
            assert found_by_sub(project, shown["customerClaims"][0]["sub"]) is None
        assert found_by_sub(project, after["customerClaims"][0]["sub"]) == target

    def test_the_events_say_exactly_what_moved(self, project: Project) -> None:
        target, source = project.enrol(customer(), customer())
        parts = project.customer(source)
        ok(merged(project, target, source))
        told = {
            "customerWallets": [parts["customerWallets"][0]["id"]],
            "customerDids": [parts["customerDids"][0]["id"]],
            "customerEmails": [],
        }
        moved = "customerWallets customerDids"
        assert events_of(project, source) == [
            (
                "customer.merged",
                f"deletedAt mergedInto {moved}",
                {"mergedInto": target, **told, "findings": []},
            )
        ]
        assert events_of(project, target) == [
            ("customer.merged", moved, {"sources": [{"customerId": source, **told}]})
        ]
        salts = project.server.query(
            f"SELECT salt FROM events WHERE project = {PROJECT} AND type = 'customer.merged'",
            project.id,
        )
        assert len({bytes(salt) for (salt,) in salts}) == 2

    def test_a_repeat_is_answered_the_same_and_changes_nothing(self, project: Project) -> None:
        target, source = project.enrol(customer(), customer())
        ok(merged(project, target, source))
        before = project.rows()
        assert ok(merged(project, target, source)) == target
        assert project.rows() == before

    def test_a_part_that_moved_is_changed_at_its_new_place(self, project: Project) -> None:
        target, source = project.enrol(customer(), customer())
        (part,) = wallets_of(project, source)
        ok(merged(project, target, source))
        path = f"wallets/{part['id']}"
        problem(project.call("DELETE", f"/customers/{source}/{path}"), "customer.merged")
        problem(project.call("POST", f"/customers/{source}/wallets", wallet()), "customer.merged")
        ok(project.call("DELETE", f"/customers/{target}/{path}"))
        assert owner_of(project, part["wallet"]) is None

    def test_a_source_is_not_restored_on_its_own(self, project: Project) -> None:
        target, source = project.enrol(customer(), customer())
        ok(merged(project, target, source))
        problem(project.call("POST", f"/customers/{source}/restore", {}), "customer.merged")

    def test_findings_go_with_their_parts(self, lenient: Project) -> None:
        target, source = lenient.enrol(with_wallet("nonsense"), with_wallet(MISTYPED))
        ok(merged(lenient, target, source))
        shown = lenient.customer(target)
        assert {(each["pointer"], each["code"]) for each in shown["findings"]} == {
            ("/customerWallets/0/wallet", "wallet.prefix"),
            ("/customerWallets/1/wallet", "wallet.checksum"),
        }
        assert lenient.customer(source)["findings"] == []
        first = wallets_of(lenient, target)[0]
        assert first["wallet"] == "nonsense"
        ok(lenient.call("DELETE", f"/customers/{target}/wallets/{first['id']}"))
        shown = lenient.customer(target)
        assert shown["findings"] == [
            {"pointer": "/customerWallets/0/wallet", "code": "wallet.checksum"}
        ]
        ok(unmerged(lenient, target, source))
        assert lenient.customer(target)["findings"] == []
        assert lenient.customer(source)["findings"] == [
            {"pointer": "/customerWallet/wallet", "code": "wallet.checksum"}
        ]

    def test_a_finding_stays_with_the_wallet_that_the_customer_came_with(
        self, lenient: Project
    ) -> None:
        source, target = lenient.enrol(with_wallet(), with_wallet(MISTYPED))
        ok(merged(lenient, target, source))
        moved, own = (each["id"] for each in wallets_of(lenient, target))
        ok(lenient.call("DELETE", f"/customers/{target}/wallets/{moved}"))
        place = {"pointer": "/customerWallets/0/wallet", "code": "wallet.checksum"}
        assert lenient.customer(target)["findings"] == [place]
        ok(lenient.call("DELETE", f"/customers/{target}/wallets/{own}"))
        assert lenient.customer(target)["findings"] == []

    @pytest.mark.parametrize("together", [True, False])
    def test_a_finding_stays_with_the_did_that_the_customer_came_with(
        self, project: Project, together: bool
    ) -> None:
        """Another account is none of the DID itself: any DID may have that finding."""
        other = {"customerDid": did(f"did:pkh:eip155:1:{wallet()['wallet']}")}
        items = customer() | {"customerDid": did("did:web:example.com")}, customer() | other
        if together:
            source, target = project.enrol(*items)
        else:
            source, target = (project.enrol(item)[0] for item in items)
        own = {(other["customerDid"]["did"], "did.other_account")}
        assert (noted(project, source), noted(project, target)) == (set(), own)
        moved = project.customer(source)["customerDids"][0]["id"]
        ok(merged(project, target, source))
        assert noted(project, target) == own
        ok(unmerged(project, target, source))
        assert (noted(project, source), noted(project, target)) == (set(), own)
        ok(merged(project, target, source))
        ok(project.call("DELETE", f"/customers/{target}/dids/{moved}"))
        assert noted(project, target) == own

    def test_a_finding_stays_with_the_email_that_the_customer_came_with(
        self, lenient: Project
    ) -> None:
        emails = "good@example.com", "bad address"
        items = ({**customer(), "customerContact": {"email": email}} for email in emails)
        source, target = lenient.enrol(*items)
        own = {("bad address", "email.syntax")}
        ok(merged(lenient, target, source))
        assert noted(lenient, target) == own
        ok(unmerged(lenient, target, source))
        assert (noted(lenient, source), noted(lenient, target)) == (set(), own)

    def test_findings_on_emails_have_the_places_that_these_get(self, lenient: Project) -> None:
        source, target = lenient.enrol(customer(), customer())
        with_email(lenient, source, "no address")
        with_email(lenient, target, "none")
        with_email(lenient, source, "a@example.com")
        with_email(lenient, target, "none either")
        ok(merged(lenient, target, source))
        shown = lenient.customer(target)
        emails = [each["email"] for each in shown["customerEmails"]]
        assert emails == ["no address", "none", "a@example.com", "none either"]
        assert sorted(each["pointer"] for each in shown["findings"]) == [
            f"/customerEmails/{place}/email" for place in (0, 1, 3)
        ]
        ok(unmerged(lenient, target, source))
        places = [each["pointer"] for each in lenient.customer(target)["findings"]]
        assert sorted(places) == ["/customerEmails/0/email", "/customerEmails/1/email"]
        places = [each["pointer"] for each in lenient.customer(source)["findings"]]
        assert places == ["/customerEmails/0/email"]


class TestRefusals:
    def test_every_fault_comes_at_once(self, project: Project) -> None:
        ids = project.enrol(*(customer() for _ in range(6)))
        target, deleted, gone, into, person, erased = ids
        (company,) = project.post(
            project.body(with_claims(name="C"), customer_type="Company")
        ).json()
        ok(project.call("DELETE", f"/customers/{deleted}"))
        ok(merged(project, into, gone))
        project.server.registry.database.rows(
            "UPDATE customers SET erased_at = 1 WHERE id = $1", UUID(erased).bytes
        )
        before = rows(project)
        sources = [target, deleted, gone, company, person, person, NOWHERE, erased]
        answer = merged(project, target, *sources)
        document = problem(answer, "merge.refused")
        assert faults(document) == [
            ("/sourceCustomerIds/0", "merge.same"),
            ("/sourceCustomerIds/1", "merge.deleted"),
            ("/sourceCustomerIds/2", "merge.merged"),
            ("/sourceCustomerIds/3", "merge.type"),
            ("/sourceCustomerIds/5", "merge.twice"),
            ("/sourceCustomerIds/6", "merge.unknown"),
            ("/sourceCustomerIds/7", "merge.erased"),
        ]
        assert document["errors"][2]["customerId"] == into
        assert points_into(answer.request.content, document) == []
        assert rows(project) == before

    @pytest.mark.parametrize("state", ["merge.unknown", "merge.deleted", "merge.merged"])
    def test_the_target_is_there(self, project: Project, state: str) -> None:
        target, source, third = project.enrol(customer(), customer(), customer())
        if state == "merge.unknown":
            target = NOWHERE
        elif state == "merge.deleted":
            ok(project.call("DELETE", f"/customers/{target}"))
        else:
            ok(merged(project, third, target))
        document = problem(merged(project, target, source), "merge.refused")
        assert faults(document) == [("/targetCustomerId", state)]

    def test_faults_of_shape(self, project: Project) -> None:
        body = {"sourceCustomerIds": ["x", 1], "target": 1}
        answer = project.call("POST", "/customers/merge", body)
        assert faults(problem(answer, "body.invalid")) == [
            ("/sourceCustomerIds/0", "field.value"),
            ("/sourceCustomerIds/1", "field.type"),
            ("/target", "field.unknown"),
            ("/targetCustomerId", "field.missing"),
        ]
        for sources in ([], [NOWHERE] * 101):
            answer = merged(project, NOWHERE, *sources)
            (fault,) = faults(problem(answer, "body.invalid"))
            assert fault[0] == "/sourceCustomerIds"

    def test_a_customer_gets_so_many_and_no_more(self, project: Project) -> None:
        target, source = project.enrol(with_wallet(), with_wallet())
        row_id = (
            "CAST(printf('%016d', n.i) AS BLOB)"
            if project.server.on_file
            else "convert_to(lpad(n.i::text, 16, '0'), 'UTF8')"
        )
        project.server.registry.database.rows(
            "WITH RECURSIVE n (i) AS "
            f"(SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {MOST_PARTS}) "
            "INSERT INTO wallets (project, customer_id, id, namespace, address, created_at) "
            f"SELECT {PROJECT}, $2, {row_id}, 'eip155', 'none' || n.i, 0 FROM n",
            *(project.id, UUID(target).bytes),
        )
        document = problem(merged(project, target, source), "merge.refused")
        assert faults(document) == [("/sourceCustomerIds", "merge.too_many")]

    def test_another_projects_customer_is_none(self, project: Project, lenient: Project) -> None:
        (target,), (foreign, other) = (
            project.enrol(customer()),
            lenient.enrol(customer(), customer()),
        )
        before = rows(lenient)
        document = problem(merged(project, target, foreign), "merge.refused")
        assert faults(document) == [("/sourceCustomerIds/0", "merge.unknown")]
        document = problem(merged(project, foreign, target), "merge.refused")
        assert faults(document) == [("/targetCustomerId", "merge.unknown")]
        problem(unmerged(project, foreign, other), "customer.unknown")
        document = problem(unmerged(project, target, other), "merge.refused")
        assert faults(document) == [("/sourceCustomerId", "merge.unknown")]
        assert rows(lenient) == before

    def test_scopes(self, project: Project) -> None:
        target, source = project.enrol(customer(), customer())
        reads = project._replace(key=project.server.new_key(project.id, "customers:read").text)
        problem(merged(reads, target, source), "access.scope")
        ok(merged(project, target, source))
        problem(unmerged(reads, target, source), "access.scope")

    def test_every_fault_of_merging_is_tested_here(self) -> None:
        source = Path(__file__).read_text("utf-8")
        assert [c for c in FAULTS if c.startswith("merge.") and source.count(f'"{c}"') < 1] == []


class TestUnmerge:
    def test_all_is_as_it_was(self, project: Project) -> None:
        target, first, second = project.enrol(customer(), customer(), customer())
        with_email(project, first, "a@example.com")
        added(project, first, wallet())
        before = rows(project)
        ok(merged(project, target, first, second))
        assert rows(project) != before
        assert ok(unmerged(project, target, second)) == second
        assert ok(unmerged(project, target, first)) == first
        assert rows(project) == before
        kinds = [kind for kind, _, _ in events_of(project, target)]
        assert kinds == ["customer.merged", "customer.unmerged", "customer.unmerged"]
        assert project.customer(first)["mergedInto"] is None
        assert ok(merged(project, target, first)) == target

    def test_what_came_later_stays_and_what_went_is_gone(self, project: Project) -> None:
        target, source = project.enrol(customer(), customer())
        (part,) = wallets_of(project, source)
        ok(merged(project, target, source))
        later = added(project, target, wallet())
        ok(project.call("DELETE", f"/customers/{target}/wallets/{part['id']}"))
        again = added(project, target, wallet(part["wallet"]))
        ok(unmerged(project, target, source))
        ids = [each["id"] for each in wallets_of(project, target)]
        assert ids[1:] == [later["id"], again["id"]]
        assert wallets_of(project, source) == []
        assert len(project.customer(source)["customerDids"]) == 1

    def test_one_after_another_goes_back_the_same_way(self, project: Project) -> None:
        first, second, third = project.enrol(customer(), customer(), customer())
        before = rows(project)
        ok(merged(project, second, first))
        ok(merged(project, third, second))
        problem(unmerged(project, second, first), "customer.merged")
        document = problem(unmerged(project, third, first), "merge.refused")
        assert faults(document) == [("/sourceCustomerId", "merge.not_merged")]
        ok(unmerged(project, third, second))
        ok(unmerged(project, second, first))
        assert rows(project) == before

    def test_a_sub_that_another_has_now_refuses_it(self, project: Project) -> None:
        sent = customer()
        target, source = project.enrol(customer(), sent)
        ok(merged(project, target, source))
        taken = {"customerClaims": {"sub": sent["customerClaims"]["sub"]}}
        (other,) = project.enrol(taken)
        before = rows(project)
        document = problem(unmerged(project, target, source), "customer.conflict")
        assert faults(document) == [("/sourceCustomerId", "conflict.sub")]
        assert document["errors"][0]["customerId"] == other
        assert rows(project) == before
        ok(project.call("DELETE", f"/customers/{other}"))
        ok(unmerged(project, target, source))
        assert found_by_sub(project, sent["customerClaims"]["sub"]) == source

    def test_after_thirty_days_it_stays(self, project: Project) -> None:
        target, source, second = project.enrol(customer(), customer(), customer())
        ok(merged(project, target, source, second))
        early = "UPDATE customers SET deleted_at = deleted_at - $1 WHERE id = $2"
        database = project.server.registry.database
        database.rows(early, UNDO_MS, UUID(source).bytes)
        database.rows(early, UNDO_MS - 600_000, UUID(second).bytes)
        before = rows(project)
        problem(unmerged(project, target, source), "merge.expired")
        assert rows(project) == before
        ok(unmerged(project, target, second))

    def test_who_was_not_merged_is_not_unmerged(self, project: Project) -> None:
        target, source = project.enrol(customer(), customer())
        for each in (source, target):
            document = problem(unmerged(project, target, each), "merge.refused")
            assert faults(document) == [("/sourceCustomerId", "merge.not_merged")]
        ok(merged(project, target, source))
        ok(project.call("DELETE", f"/customers/{target}"))
        problem(unmerged(project, target, source), "customer.deleted")
        problem(unmerged(project, "x", source), "customer.unknown")


# What comes with a customer, and what is added to it then.
OWN = st.sets(st.sampled_from(["odd", "pkh", "email", "bad email"]))
PARTS = st.lists(st.sampled_from(["wallet", "odd", "did", "pkh", "email", "bad email"]), max_size=4)
PEOPLE = st.lists(st.tuples(OWN, PARTS), min_size=2, max_size=4)


def pkh() -> dict[str, Any]:
    """A DID of an account that is nobody's wallet."""
    return did(f"did:pkh:eip155:1:{wallet()['wallet']}")


def item(number: int, own: set[str]) -> dict[str, Any]:
    """A customer with what is its own."""
    parts = customer()
    if "odd" in own:
        parts["customerWallet"] = wallet(f"nonsense-{number}")
    if "pkh" in own:
        parts["customerDid"] = pkh()
    if "bad email" in own:
        parts["customerContact"] = {"email": f"none {number}"}
    elif "email" in own:
        parts["customerContact"] = {"email": f"own{number}@example.com"}
    return parts


def add(project: Project, customer_id: str, number: int, part: str) -> None:
    if part == "email":
        with_email(project, customer_id, f"n{number}@{customer_id}.example")
    elif part == "bad email":
        with_email(project, customer_id, f"no email {customer_id} {number}")
    elif part in ("did", "pkh"):
        added(project, customer_id, did() if part == "did" else pkh())
    else:
        odd = part == "odd"
        added(project, customer_id, wallet(f"odd-{customer_id}-{number}") if odd else wallet())


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=PEOPLE,
    one_batch=st.booleans(),
    together=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_a_merge_that_is_taken_back_leaves_no_trace_but_events(
    lenient: Project,
    people: list[tuple[set[str], list[str]]],
    one_batch: bool,
    together: bool,
    order: Random,
) -> None:
    fresh = lenient.server.new_project(lenient=True)
    items = [item(number, own) for number, (own, _) in enumerate(people)]
    batches = [items] if one_batch else [[each] for each in items]
    ids = [customer_id for batch in batches for customer_id in fresh.enrol(*batch)]
    for customer_id, (_, parts) in zip(ids, people, strict=True):
        for number, part in enumerate(parts):
            add(fresh, customer_id, number, part)
    before, notes = rows(fresh), {each: noted(fresh, each) for each in ids}
    target, *sources = order.sample(ids, len(ids))
    for group in [sources] if together else [[each] for each in sources]:
        ok(merged(fresh, target, *group))
    # Each finding is still of its part, by whatever pointer.
    assert noted(fresh, target) == set().union(*notes.values())
    for source in order.sample(sources, len(sources)):
        ok(unmerged(fresh, target, source))
    assert {each: noted(fresh, each) for each in ids} == notes
    after = rows(fresh)
    # Those of the target name their parts by ID from then on.
    assert len(after.pop("findings")) == len(before.pop("findings"))
    assert after == before


class TestRaces:
    def test_two_merges_of_one_source(self, project: Project) -> None:
        for _ in range(5):
            one, two, source = project.enrol(customer(), customer(), customer())
            with ThreadPoolExecutor(2) as pool:
                answers = list(pool.map(merged, [project] * 2, (one, two), [source] * 2))
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            winner = next(answer.json() for answer in answers if answer.status_code == 200)
            lost = next(answer for answer in answers if answer.status_code == 409)
            assert faults(problem(lost, "merge.refused")) == [
                ("/sourceCustomerIds/0", "merge.merged")
            ]
            assert lost.json()["errors"][0]["customerId"] == winner
            assert project.customer(source)["mergedInto"] == winner
            assert len(wallets_of(project, winner)) == 2

    def test_the_same_merge_at_once_is_made_once(self, project: Project) -> None:
        target, source = project.enrol(customer(), customer())
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: merged(project, target, source), range(4)))
        assert [ok(answer) for answer in answers] == [target] * 4
        assert len(events_of(project, target)) == 1

    def test_a_wallet_that_is_added_meanwhile_is_lost_nowhere(self, project: Project) -> None:
        for _ in range(8):
            target, source = project.enrol(customer(), customer())
            new = wallet()
            with ThreadPoolExecutor(2) as pool:
                adds = pool.submit(project.call, "POST", f"/customers/{source}/wallets", new)
                merges = pool.submit(merged, project, target, source)
            ok(merges.result())
            assert wallets_of(project, source) == []
            held = [each["wallet"] for each in wallets_of(project, target)]
            if adds.result().status_code == 200:
                assert new["wallet"] in held
                assert owner_of(project, new["wallet"]) == target
            else:
                problem(adds.result(), "customer.merged")
                assert new["wallet"] not in held

    def test_two_ways_round_at_once(self, project: Project) -> None:
        for _ in range(5):
            one, two = project.enrol(customer(), customer())
            with ThreadPoolExecutor(2) as pool:
                pairs = [(one, two), (two, one)]
                answers = list(pool.map(lambda pair: merged(project, *pair), pairs))
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            kept = next(answer.json() for answer in answers if answer.status_code == 200)
            assert len(wallets_of(project, kept)) == 2


def test_the_chain_tells_of_merges_without_a_gap(project: Project) -> None:
    target, source = project.enrol(customer(), customer())
    ok(merged(project, target, source))
    ok(unmerged(project, target, source))
    query = f"SELECT seq, data FROM events WHERE project = {PROJECT} ORDER BY seq"
    told = project.server.query(query, project.id)
    assert [seq for seq, _ in told] == [1, 2, 3, 4, 5, 6]
    assert json.loads(told[4][1])["unmergedFrom"] == target


def test_if_match_holds_for_merging_taking_back_and_erasing(project: Project) -> None:
    admin = project._replace(key=project.server.new_key(project.id, "admin").text)
    source, target = project.enrol(customer(), customer())
    merge = {"sourceCustomerIds": [source], "targetCustomerId": target}
    wrong = {"If_Match": '"999999"'}
    problem(project.call("POST", "/customers/merge", merge, **wrong), "customer.changed")
    assert project.call("POST", "/customers/merge", merge, If_Match='"0"').status_code == 200
    back = {"sourceCustomerId": source}
    path = f"/customers/{target}/unmerge"
    problem(project.call("POST", path, back, **wrong), "customer.changed")
    assert project.call("POST", path, back).status_code == 200
    path = f"/customers/{target}/erase"
    problem(admin.call("POST", path, {}, **wrong), "customer.changed")
    assert project.customer(target)["customerWallets"]
