"""The query of ``GET /customers``: every fault is named, and the key is judged before it."""

import pytest

from enrol.api.lists.page_query import MOST_LISTED, MOST_PAGES, PageQuery, read_page_query
from enrol.problems import Problem
from tests.api.refusals import faults, problem
from tests.conftest import ON_ONE_STORE
from tests.serving import Project

pytestmark = ON_ONE_STORE


def test_what_is_not_said_has_a_default() -> None:
    assert read_page_query(b"cmsProjectId=a%2Fb") == PageQuery(
        cms_project_id="a/b", current_page=1, limit=100
    )


def test_the_ends_are_taken() -> None:
    page = read_page_query(b"limit=%d&currentPage=%d&cmsProjectId=" % (MOST_LISTED, MOST_PAGES))
    assert (page.limit, page.current_page, page.cms_project_id) == (MOST_LISTED, MOST_PAGES, "")


@pytest.mark.parametrize(
    "text", ["0", "-1", "1001", "1.5", "1.0", "1e2", "", "x", "%201", "1_0", "9" * 400]
)
def test_what_is_no_number_in_bounds_is_refused_without_its_value(text: str) -> None:
    with pytest.raises(Problem) as refusal:
        read_page_query(f"cmsProjectId=a&limit={text}".encode())
    (fault,) = refusal.value.faults
    assert (fault.pointer, fault.code) == ("/limit", "query.value")
    assert fault.hint == "limit is a whole number from 1 to 1000."


def test_every_fault_is_named(project: Project) -> None:
    answer = project.server.http.get(
        "/customers?limit=0&currentPage=x&person=Amina&limit=1", headers=project.headers
    )
    document = problem(answer, "query.invalid")
    assert sorted(faults(document)) == [
        ("", "query.unknown"),
        ("/cmsProjectId", "query.value"),
        ("/currentPage", "query.value"),
        ("/limit", "query.value"),
        ("/limit", "query.value"),
    ]
    assert "Amina" not in answer.text


def test_the_key_comes_first(project: Project) -> None:
    problem(project.server.http.get("/customers?limit=0"), "access.missing")
