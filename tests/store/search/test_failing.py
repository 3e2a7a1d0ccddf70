"""An index that cannot follow: lists are answered without delay, and say that it is behind."""

import time

from enrol.store.search.left_behind import PAUSE_SECONDS
from tests.people import customer
from tests.serving import Project

FAILURE = '"event":"indexing failed"'
# A trigger that refuses what every slice writes last, for one project.
BREAK = {
    True: """
CREATE TRIGGER broken BEFORE INSERT ON search_progress WHEN NEW.project = {project}
BEGIN SELECT RAISE(ABORT, 'broken'); END
""",
    False: """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''broken''; END';
CREATE TRIGGER broken BEFORE INSERT ON search_progress FOR EACH ROW WHEN (NEW.project = {project})
EXECUTE FUNCTION fail()
""",
}
MEND = {
    True: "DROP TRIGGER broken",
    False: "DROP TRIGGER broken ON search_progress; DROP FUNCTION fail",
}


def run(project: Project, statements: str) -> None:
    separated = [statements] if project.server.on_file else statements.split(";\nCREATE TRIGGER")
    for place, statement in enumerate(separated):
        project.server.registry.database.rows(("CREATE TRIGGER" if place else "") + statement)


def test_an_index_that_fails_is_told_and_not_tried_over_and_over(project: Project) -> None:
    server = project.server
    ((number,),) = server.registry.database.rows("SELECT max(project) FROM projects")
    run(project, BREAK[server.on_file].format(project=number))
    project.enrol(customer(), customer())
    query = {"cmsProjectId": project.id, "type": "Individual"}
    start = time.monotonic()
    for _ in range(5):
        answer = project.get("/customers", **query)
        assert answer.status_code == 200
        assert answer.headers["enrol-index-behind"] == "2"
        assert answer.json()["totalCountEstimated"]
    taken = time.monotonic() - start
    assert taken < PAUSE_SECONDS / 2
    failures = server.log_text().count(FAILURE)
    assert 1 <= failures <= 2
    # What no index is asked for is as it was.
    assert len(project.get("/customers", cmsProjectId=project.id).json()["data"]) == 2
    for statement in MEND[server.on_file].split(";"):
        server.registry.database.rows(statement)
    deadline = time.monotonic() + 3 * PAUSE_SECONDS
    while "enrol-index-behind" in (answer := project.get("/customers", **query)).headers:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert answer.json()["totalCount"] == 2
