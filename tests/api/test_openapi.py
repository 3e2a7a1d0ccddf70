"""The OpenAPI document is valid, complete, and true: the last by schemathesis on a real server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from enrol.api import batch
from enrol.api.reference import examples
from enrol.api.reference.document import openapi_document, openapi_json
from enrol.app import build_app, open_store
from enrol.customers.faults import FAULTS
from enrol.problems import PROBLEMS
from enrol.settings import Settings
from tests.api.conformance import Description
from tests.conftest import ON_ONE_STORE, PostgresServers
from tests.postgres import Installation, oldest_and_newest
from tests.serving import Project, Served
from tests.webhooks.hooks import stored_webhook

# What is described is the same on each.
pytestmark = ON_ONE_STORE

ROOT = Path(__file__).resolve().parents[2]
CONFIG = Path(__file__).with_name("fuzzing") / "schemathesis.toml"
SECONDS = 150

DOCUMENT = openapi_document(Settings())
DESCRIPTION = Description(DOCUMENT)


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every place of the document that has a schema with examples."""
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            places = {**operation["responses"], "body": operation.get("requestBody", {})}
            for place, holder in places.items():
                for content in holder.get("content", {}).values():
                    yield f"{method} {path} {place}", content


def test_the_document_is_openapi_3_1() -> None:
    validator = jsonschema_rs.Draft202012Validator(OPENAPI_31)
    assert [error.message for error in validator.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_a_schema_is_a_json_schema(name: str) -> None:
    jsonschema_rs.meta.validate(DOCUMENT["components"]["schemas"][name])


def test_every_reference_leads_somewhere() -> None:
    found = set(
        re.findall(r'"\$ref":"#/components/(\w+)/([\w-]+)"', openapi_json(Settings()).decode())
    )
    assert found
    assert [(kind, name) for kind, name in found if name not in DOCUMENT["components"][kind]] == []


def test_every_route_is_described() -> None:
    settings = Settings()
    routes = build_app(settings, open_store(settings)).routes.routes  # type: ignore[attr-defined]
    # The names of parameters are the framework's there and the public ones here.
    served = {
        (re.sub(r"\{[^}]+\}", "{}", route.path), method.lower())
        for route in routes
        for method in route.methods - {"OPTIONS"}
    }
    described = {
        (re.sub(r"\{[^}]+\}", "{}", path), method)
        for path, item in DOCUMENT["paths"].items()
        for method in item
    }
    assert described == served | {(batch.PATH, "post")}


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_problem_is_described_with_its_status(code: str) -> None:
    answers = [answer for item in DOCUMENT["paths"].values() for answer in _answers(item)]
    answers += [(404, DOCUMENT["components"]["responses"]["NotFound"])]
    answers += [(405, DOCUMENT["components"]["responses"]["MethodNotAllowed"])]
    statuses = {status for status, answer in answers if f'"{code}"' in json.dumps(answer)}
    assert statuses == {PROBLEMS[code].status}


def _answers(item: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    for operation in item.values():
        for status, answer in operation["responses"].items():
            yield int(status), answer


@pytest.mark.parametrize("code", [code for code, kind in FAULTS.items() if kind.finding])
def test_a_finding_refuses_nothing(code: str) -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert code not in schemas["Error"]["properties"]["code"]["enum"]
    for name in ("FindingView", "FindingCount"):
        assert code in schemas[name]["properties"]["code"]["enum"]


@pytest.mark.parametrize("code", [code for code, kind in FAULTS.items() if not kind.finding])
def test_every_fault_is_described(code: str) -> None:
    refusals = [
        rules["errors"]["items"]["properties"]["code"]["enum"]
        for _, content in contents()
        for part in content["schema"].get("allOf", ())
        if "errors" in (rules := part.get("properties", {}))
    ]
    assert any(code in codes for codes in refusals)
    assert code in DOCUMENT["components"]["schemas"]["Error"]["properties"]["code"]["enum"]


def test_examples_of_bodies_fit_their_schemas() -> None:
    wrong = [
        f"{place}: {name}"
        for place, content in contents()
        for name, example in content.get("examples", {}).items()
        if not DESCRIPTION.validator(content["schema"]).is_valid(example["value"])
    ]
    assert wrong == []


def test_examples_of_fields_fit_their_schemas() -> None:
    wrong = [
        f"{name}.{field}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for field, rules in schema.get("properties", {}).items()
        for example in rules.get("examples", ())
        if not DESCRIPTION.validator(rules).is_valid(example)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ["fromDate", "toDate"])
def test_a_day_or_a_time_is_taken_wherever_one_is_asked(name: str) -> None:
    kinds = [
        parameter["schema"]["anyOf"]
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
        for parameter in operation["parameters"]
        if parameter.get("name") == name
    ]
    both = [{"type": "string", "format": form} for form in ("date", "date-time")]
    assert kinds == [both] * 3


def test_the_limits_are_those_of_the_server() -> None:
    settings = Settings(max_items=7, max_text_chars=99, max_body_bytes=5_000, idempotency_hours=2.5)
    document = openapi_document(settings)
    schemas = document["components"]["schemas"]
    assert schemas["Batch"]["properties"]["customerData"]["maxItems"] == 7
    assert schemas["Text"]["maxLength"] == 99
    assert schemas["CustomerWallet"]["properties"]["wallet"]["maxLength"] == 99
    operation = document["paths"]["/customers/batch"]["post"]
    assert "At most 7 customers and 5,000 bytes" in operation["requestBody"]["description"]
    assert "For 2.5 hours" in json.dumps(operation["parameters"])


def test_the_document_is_made_once() -> None:
    assert openapi_json(Settings()) is openapi_json(Settings())


def test_it_is_served(server: Served) -> None:
    answer = server.http.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    paths = answer.json()["paths"]
    assert paths == json.loads(json.dumps(DOCUMENT["paths"]))


class TestTheExamples:
    """The examples of the batch are what a server answers."""

    @pytest.fixture
    def own(self, server: Served) -> Project:
        return server.new_project()

    def test_the_body_is_taken(self, own: Project) -> None:
        answer = own.post({**examples.BATCH, "cmsProjectId": own.id})
        assert answer.status_code == 200
        assert len(answer.json()) == len(examples.IDS)

    def test_the_customer_is_answered(self, own: Project) -> None:
        ids = own.enrol(*examples.BATCH["customerData"])
        shown = own.customer(ids[1])
        assert _without_names(shown) == _without_names(examples.CUSTOMER)

    def test_the_refusals_are_answered(self, own: Project) -> None:
        body = json.loads(json.dumps({**examples.BATCH, "cmsProjectId": own.id}))
        answer = own.post(body, mode="never")
        assert answer.json()["errors"] == _errors("400", "query.invalid")
        body["customerData"][1]["customerWallet"]["wallet"] = (
            "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
        )
        body["customerData"][2]["customerClaims"]["givenname"] = "花子"
        assert own.post(body).json()["errors"] == _errors("422", "batch.invalid")

    def test_the_conflict_is_answered(self, own: Project) -> None:
        wallet = {"customerWallet": examples.BATCH["customerData"][0]["customerWallet"]}
        (customer_id,) = own.enrol(wallet)
        (error,) = own.post(own.body(wallet)).json()["errors"]
        (example,) = _errors("409", "batch.conflict")
        assert error == {**example, "customerId": customer_id}

    def test_the_results_are_answered(self, own: Project) -> None:
        body = json.loads(json.dumps({**examples.BATCH, "cmsProjectId": own.id}))
        (stored,) = own.enrol(body["customerData"][2])
        body["customerData"][1]["customerWallet"]["wallet"] = (
            "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
        )
        created, refused, exists = own.post(body, mode="partial", onConflict="return").json()
        assert (created["outcome"], refused) == ("created", examples.RESULTS[1])
        assert exists == {"outcome": "exists", "id": stored}


def _errors(status: str, code: str) -> list[dict[str, str]]:
    answer = DOCUMENT["paths"]["/customers/batch"]["post"]["responses"][status]
    content = answer["content"]["application/problem+json"]
    errors: list[dict[str, str]] = content["examples"][code]["value"]["errors"]
    return errors


def _without_names(customer: dict[str, Any]) -> dict[str, Any]:
    """A customer without what differs from one to the next: IDs, times, the project."""
    given = re.sub(r'"\d{4}-\d\d-\d\dT[\d:.]+Z"', '"time"', json.dumps(customer))
    given = re.sub(r'"[0-9a-f]{8}-[0-9a-f-]{27}"', '"id"', given)
    named: dict[str, Any] = json.loads(given)
    return {**named, "cmsProjectId": "project"}


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (418, {}, {"status": "ok"}),
        (200, {}, {"status": "bad"}),
        (200, {"content-type": "text/plain"}, {"status": "ok"}),
        (200, {"x-request-id": "no one's"}, {"status": "ok"}),
        (200, {"x-request-id": ""}, {"status": "ok"}),
    ],
)
def test_an_answer_that_is_not_described_is_seen(
    status: int, headers: dict[str, str], body: dict[str, str]
) -> None:
    usual = {"content-type": "application/json", "x-request-id": examples.REQUEST_ID}
    request = httpx.Request("GET", "http://enrol.test/healthz")
    content = json.dumps(body).encode()
    good = httpx.Response(200, headers=usual, content=b'{"status": "ok"}', request=request)
    DESCRIPTION(good)
    bad = httpx.Response(status, headers=usual | headers, content=content, request=request)
    with pytest.raises(AssertionError, match="/healthz"):
        DESCRIPTION(bad)


# What never reaches a store is the same on each: the phases of the second are for what does.
FUZZED_STORES: list[tuple[Installation | None, str]] = [
    (None, "examples,coverage,fuzzing,stateful"),
    *((one, "examples,fuzzing") for one in oldest_and_newest()[-1:]),
]


@pytest.fixture(params=FUZZED_STORES, ids=lambda one: str(one[0] or "sqlite"))
def phases(request: pytest.FixtureRequest) -> str:
    """What is done to a store."""
    return str(request.param[1])


@pytest.fixture
def fuzzed(
    request: pytest.FixtureRequest,
    phases: str,
    tmp_path: Path,
    postgres_servers: PostgresServers,
) -> Iterator[Project]:
    """A lenient project, which takes every value that is well-typed, on a server with limits so
    low that the calls reach them."""
    installation = request.node.callspec.params["phases"][0]
    database = None if installation is None else postgres_servers(installation).create_database()
    with Served(tmp_path, database, max_items=3, max_text_chars=32) as served:
        project = served.new_project(lenient=True)
        yield project._replace(key=served.new_key(project.id, "admin").text)


@pytest.mark.timeout(SECONDS + 20)
def test_schemathesis_finds_nothing(fuzzed: Project, phases: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)]
    command += ["run", f"{fuzzed.server.url}/openapi.json", "--no-color", "--phases", phases]
    names = {"FUZZED_PROJECT": fuzzed.id, "FUZZED_KEY": fuzzed.key, "PYTHONPATH": str(ROOT)}
    batch_id = fuzzed.post(fuzzed.body({"customerClaims": {"sub": "first"}})).headers[
        "enrol-batch-id"
    ]
    names |= {"FUZZED_URL": fuzzed.server.url, "FUZZED_MESSAGE": f"msg_{UUID(batch_id).hex}"}
    names |= {name: stored_webhook(fuzzed) for name in ("FUZZED_WEBHOOK", "FUZZED_CHANGED")}
    environ = os.environ | names
    run = subprocess.run(
        command, env=environ, cwd=tmp_path, capture_output=True, timeout=SECONDS, check=False
    )
    assert run.returncode == 0, run.stdout.decode() + run.stderr.decode()
    # Nothing but IDs and codes in the log, whatever was sent.
    assert '"level":"error"' not in fuzzed.server.log_text()
