"""``GET /customers``: filters, search across scripts, orders, cursors and counts."""

import re
from base64 import urlsafe_b64decode
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from tests.api.refusals import faults, problem
from tests.people import customer, did, wallet, with_claims
from tests.serving import Project


def listed(project: Project, **query: Any) -> dict[str, Any]:
    answer = project.get("/customers", cmsProjectId=project.id, **query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    assert "enrol-index-behind" not in answer.headers
    return page


def change(project: Project, method: str, customer_id: str, body: Any = None) -> None:
    answer = project.server.http.request(
        method, f"/customers/{customer_id}", json=body, headers=project.headers
    )
    assert answer.status_code == 200, answer.text


def names(project: Project, **query: Any) -> list[str]:
    page = listed(project, **query)
    found = [customer["customerClaims"][0]["name"] for customer in page["data"]]
    assert page["totalCount"] >= len(found)
    return found


def link(answer: Any, rel: str) -> str | None:
    found = re.search(rf'<([^>]*)>; rel="{rel}"', answer.headers["link"])
    return found and found[1]


def test_names_are_found_across_scripts_case_and_accents(project: Project) -> None:
    sent = ["Müller, Jürgen", "Иван Петров", "王小明", "O'Brien", "Ελένη"]
    project.enrol(*(with_claims(name=name) for name in sent))
    for search, name in [
        ("muller", sent[0]),
        ("JURG", sent[0]),
        ("ivan", sent[1]),
        ("петров и", sent[1]),
        ("小明", sent[2]),
        ("xiaoming", sent[2]),
        ("o’brien", sent[3]),
        ("eleni", sent[4]),
    ]:
        assert names(project, search=search) == [name], search
    assert names(project, search="miller") == []
    assert names(project, search="muller ivan") == []


def test_each_filter_lets_through_what_it_says(project: Project) -> None:
    project.enrol(
        with_claims(name="a", countryOfResidence="DEU", nationality="FRA", sub="s-1"),
        with_claims(name="b", countryOfResidence="FRA", nationality="FRA"),
        {**with_claims(name="c"), "customerWallet": wallet(), "customerDid": did("did:example:c")},
        with_claims(name="d"),
    )
    company = project.body(with_claims(name="e"), customer_type="Company")
    assert project.post(company).status_code == 200
    assert names(project, countryOfResidence="DEU") == ["a"]
    assert names(project, nationality="FRA") == ["b", "a"]
    assert names(project, nationality="FRA", countryOfResidence="FRA") == ["b"]
    assert names(project, nationality="FRA", type="Company") == []
    assert names(project, type="Company") == ["e"]
    assert names(project, namespace="eip155") == ["c"]
    assert names(project, namespace="tezos") == []
    assert names(project, did="did:example:c") == ["c"]
    assert names(project, did="did:example:c", namespace="eip155") == ["c"]
    assert names(project, did="did:example:c", type="Company") == []
    assert names(project, sub="s-1") == ["a"]
    assert names(project, sub="s-2") == []
    assert names(project, status="No status") == ["e", "d", "c", "b", "a"]
    assert names(project, status="Active") == []
    assert names(project, riskLevel="No risk", type="Individual", sort="name") == list("abcd")
    assert names(project, sort="-name", limit=2) == ["e", "d"]
    assert names(project, tag="vip") == []


def test_what_changes_is_found_as_it_is_now(project: Project) -> None:
    items = [
        {**with_claims(name="a"), "status": "Active", "tags": ["vip", "ü"], "riskScore": "High"},
        {**with_claims(name="b"), "tags": ["vip"], "onboardingLevel": "KYC"},
        {**with_claims(name="c"), "externalCustomerId": "crm-1"},
    ]
    ids = project.enrol(*items)
    assert names(project, status="Active") == ["a"]
    assert names(project, tag="vip") == ["b", "a"]
    assert names(project, tag="vip", status="No status") == ["b"]
    assert names(project, riskLevel="High", tag="ü") == ["a"]
    assert names(project, onBoardingLevel="KYC") == ["b"]
    assert names(project, externalCustomerId="crm-1") == ["c"]
    change(project, "PATCH", ids[1], {"status": "Active", "tags": []})
    assert names(project, status="Active") == ["b", "a"]
    assert names(project, tag="vip") == ["a"]
    assert names(project, sort="-updatedAt") == ["b", "c", "a"]
    assert names(project, sort="updatedAt", type="Individual") == ["a", "c", "b"]
    change(project, "DELETE", ids[0])
    for query in ({}, {"status": "Active"}, {"sort": "name"}, {"search": "a"}):
        assert "a" not in names(project, **query), query
    assert listed(project)["totalCount"] == 2
    assert names(project, softDeletedBefore="2999-01-01") == ["a"]
    assert names(project, softDeletedBefore="2999-01-01", status="No status") == []
    assert names(project, softDeletedBefore="2001-01-01") == []
    answer = project.server.http.post(f"/customers/{ids[0]}/restore", headers=project.headers)
    assert answer.status_code == 200, answer.text
    assert names(project, search="a") == ["a"]
    assert listed(project)["totalCount"] == 3


def test_dates_bound_the_creation(project: Project) -> None:
    project.enrol(with_claims(name="a"))
    at = listed(project)["data"][0]["createdAt"]
    day = at[:10]
    for query, found in [
        ({"fromDate": at}, ["a"]),
        ({"toDate": at}, ["a"]),
        ({"fromDate": day, "toDate": day}, ["a"]),
        ({"fromDate": "2999-01-01"}, []),
        ({"toDate": "2001-01-01T00:00:00+01:00"}, []),
    ]:
        assert names(project, **query) == found, query


@pytest.mark.parametrize("sort", ["-createdAt", "createdAt", "name", "-name", "-updatedAt"])
@pytest.mark.parametrize("filters", [{}, {"type": "Individual"}])
def test_cursors_lead_through_a_list_while_customers_come(
    project: Project, sort: str, filters: dict[str, str]
) -> None:
    first = [f"n{number:02}" for number in range(11)]
    project.enrol(*(with_claims(name=name) for name in first))
    answer = project.get("/customers", cmsProjectId=project.id, sort=sort, limit=3, **filters)
    start = link(answer, "first")
    seen: list[str] = []
    while True:
        seen += [one["customerClaims"][0]["name"] for one in answer.json()["data"]]
        following = link(answer, "next")
        if following is None:
            break
        project.enrol(with_claims(name="zz"))
        answer = project.server.http.get(following, headers=project.headers)
        assert answer.status_code == 200
        assert link(answer, "first") == start
    assert [name for name in seen if name != "zz"] == (sorted(first, reverse=sort.startswith("-")))


@pytest.mark.parametrize("undone_first", [False, True])
def test_a_cursor_leads_on_though_most_of_the_list_is_undone(
    project: Project, *, undone_first: bool
) -> None:
    """The pages before and behind it may come out of different tables."""
    old = project.post(project.body(*(with_claims(name=f"old {n}") for n in range(30))))
    new = [f"new {number}" for number in range(6)]
    project.enrol(*(with_claims(name=name) for name in new))
    undo = f"/batches/{old.headers['enrol-batch-id']}/undo"
    if undone_first:
        assert project.call("POST", undo).json()["removed"] == 30
        names(project, type="Individual")
    answer = project.get("/customers", cmsProjectId=project.id, limit=2)
    pages = [answer]
    while (following := link(answer, "next")) is not None and len(pages) < 9:
        if len(pages) == 1:
            if undone_first:
                project.enrol(*(with_claims(name="later") for _ in range(40)))
            else:
                assert project.call("POST", undo).json()["removed"] == 30
            # The index follows before the list goes on.
            names(project, type="Individual")
        answer = project.server.http.get(following, headers=project.headers)
        pages.append(answer)
    seen = [one["customerClaims"][0]["name"] for page in pages for one in page.json()["data"]]
    assert seen == sorted(new, reverse=True)
    assert pages[-1].json()["totalCount"] == (46 if undone_first else 6)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"status": "active"}, "/status"),
        ({"type": "Person"}, "/type"),
        ({"countryOfResidence": "DE"}, "/countryOfResidence"),
        ({"fromDate": "yesterday"}, "/fromDate"),
        ({"toDate": "2024-13-01"}, "/toDate"),
        ({"sort": "id"}, "/sort"),
        ({"count": "some"}, "/count"),
        ({"search": "?!"}, "/search"),
        ({"search": "x" * 201}, "/search"),
        ({"after": "nonsense"}, "/after"),
        ({"after": "nonsense", "currentPage": "2"}, "/currentPage"),
        ({"tag": ""}, "/tag"),
    ],
)
def test_what_is_not_right_is_refused_by_name(
    project: Project, query: dict[str, str], pointer: str
) -> None:
    answer = project.get("/customers", cmsProjectId=project.id, **query)
    assert faults(problem(answer, "query.invalid")) == [(pointer, "query.value")]
    assert "nonsense" not in answer.text


def test_a_cursor_is_of_one_list(project: Project) -> None:
    project.enrol(with_claims(name="a"), with_claims(name="b"))
    answer = project.get("/customers", cmsProjectId=project.id, limit=1, sort="name")
    following = link(answer, "next")
    assert following is not None
    after = parse_qs(urlsplit(following).query)["after"][0]
    for other in ({"sort": "-name"}, {"sort": "name", "type": "Individual"}):
        answer = project.get("/customers", cmsProjectId=project.id, after=after, **other)
        assert faults(problem(answer, "query.invalid")) == [("/after", "query.value")]


def test_counts_are_exact_estimated_or_none(project: Project) -> None:
    project.enrol(*(with_claims(name=f"n{number}") for number in range(5)))
    assert listed(project, type="Individual", limit=2)["totalCount"] == 5
    assert listed(project, type="Individual", count="none")["totalCount"] is None
    estimated = listed(project, type="Individual", count="estimated")
    assert estimated["totalCount"] == 5
    assert "totalCountEstimated" not in estimated


def test_another_project_is_not_seen(project: Project) -> None:
    other = project.server.new_project()
    other.enrol(with_claims(name="Stranger"))
    project.enrol(with_claims(name="Own"))
    assert names(project, search="stranger") == []
    assert names(project, type="Individual") == ["Own"]
    assert names(project, sort="name") == ["Own"]


def test_a_cursor_that_somebody_else_made_is_refused(project: Project) -> None:
    project.enrol(*(customer() for _ in range(3)))
    for sort in ("createdAt", "-createdAt", "name"):
        query: dict[str, Any] = {"cmsProjectId": project.id, "limit": 1, "sort": sort}
        link = project.get("/customers", **query).headers["link"]
        (after,) = re.findall(r"after=([^&>]+)", link)
        assert project.get("/customers", **query, after=after).status_code == 200
        for forged in (after[:-12] + "_" * 12, "_" * 12 + after[12:], after[:-4], after * 2):
            answer = project.get("/customers", **query, after=forged)
            assert faults(problem(answer, "query.invalid")) == [("/after", "query.value")]


def test_a_cursor_tells_nothing_of_whom_it_stands_behind(project: Project) -> None:
    """Addresses are written into logs, where no erasure comes."""
    one = "Quintessa Fjordsworth"
    ids = project.enrol(*(with_claims(name=name) for name in (one, "Al", "Zoe", one)))
    told = []
    for sort in ("name", "-name", "createdAt", "-createdAt", "-updatedAt"):
        answer = project.get("/customers", cmsProjectId=project.id, limit=1, sort=sort)
        while (following := link(answer, "next")) is not None:
            (after,) = parse_qs(urlsplit(following).query)["after"]
            told.append(after)
            answer = project.server.http.get(following, headers=project.headers)
            assert answer.status_code == 200
    raw = [urlsafe_b64decode(after + "=" * (-len(after) % 4)) for after in told]
    assert len(raw) == 15
    for each in raw:
        assert not any(word in each.lower() for word in (b"quint", b"fjord", b"al\0", b"zoe"))
        assert not any(UUID(customer_id).bytes[:6] in each for customer_id in ids)
    # Nor are those of long names longer, and no two begin alike.
    assert len({len(each) for each in raw}) == 1
    assert len({each[:4] for each in raw} | {each[16:20] for each in raw}) == 2 * len(raw)


def test_who_is_gone_is_not_shown_though_the_index_is_behind(project: Project) -> None:
    admin = project._replace(key=project.server.new_key(project.id, "admin").text)
    erased, deleted = project.enrol(
        *({"customerClaims": {"name": f"Quillon {number}"}} for number in range(2))
    )
    query = {"cmsProjectId": project.id, "search": "Quillon"}
    assert len(project.get("/customers", **query).json()["data"]) == 2
    assert admin.call("POST", f"/customers/{erased}/erase").status_code == 200
    assert project.call("DELETE", f"/customers/{deleted}").status_code == 200
    page = project.get("/customers", **query, count="estimated").json()
    assert page["data"] == []


def test_findings_of_who_is_deleted_are_not_counted(lenient: Project) -> None:
    one, _ = lenient.enrol(*({"customerClaims": {"name": "N", "locale": "?"}} for _ in range(2)))
    path = f"/projects/{lenient.id}/findings"
    assert lenient.get(path).json()["totalCount"] == 2
    assert lenient.call("DELETE", f"/customers/{one}").status_code == 200
    assert lenient.get(path).json()["totalCount"] == 1
