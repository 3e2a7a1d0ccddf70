"""The two pages for readers: ``/docs``, made from the OpenAPI document, and ``/docs/problems``.

Whole HTML without scripts, which loads nothing: the one style sheet stands in the page, and the
Content-Security-Policy lets in no other.
"""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

import msgspec

from enrol import __version__
from enrol.api.reference.document import openapi_document
from enrol.api.reference.markup import Html, code, element, inline, join, link, prose, table
from enrol.api.reference.schemas import Json
from enrol.api.reference.types import schema_sections, type_of
from enrol.customers.faults import FAULTS
from enrol.problems import PROBLEMS
from enrol.settings import Settings

# The headers that every answer may have, said once.
EVERYWHERE: Final = ("X-Request-Id", "RateLimit", "RateLimit-Policy")
PROBLEMS_PATH: Final = "/docs/problems"


@cache
def style_sheet() -> str:
    """The style of both pages."""
    return files(__package__).joinpath("reference.css").read_text("utf-8")


@cache
def security_policy() -> str:
    """What a browser may load and do: the style above, and nothing else."""
    digest = b64encode(sha256(style_sheet().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )


@lru_cache(maxsize=1)
def reference_page(settings: Settings) -> str:
    """The page of all calls."""
    document = openapi_document(settings)
    calls = list(_calls(document))
    contents = [
        element("li", link("#start", "Before the first call")),
        *(element("li", link(f"#{call['operationId']}", _route(call))) for call in calls),
        element("li", link("#schemas", "Schemas")),
        element("li", link(PROBLEMS_PATH, "Problem codes")),
        element("li", link("/openapi.json", "openapi.json")),
    ]
    headers = document["components"]["headers"]
    start = element(
        "section",
        element("h2", link("#start", "Before the first call")),
        prose(document["info"]["description"]),
        element("p", inline(document["components"]["securitySchemes"]["key"]["description"])),
        *(
            element("p", code(name), ": ", inline(headers[name]["description"]))
            for name in EVERYWHERE
        ),
        element("p", inline("In the examples `$ENROL` is this server's address, `$KEY` a key.")),
        id="start",
    )
    schemas = element(
        "section",
        element("h2", link("#schemas", "Schemas")),
        *schema_sections(document["components"]["schemas"]),
        id="schemas",
    )
    sections = [_call_section(call) for call in calls]
    return _page("Enrol API", document["info"]["summary"], contents, [start, *sections, schemas])


@cache
def problems_page() -> str:
    """The page of all codes."""
    problems = [
        (name, [link(f"#{name}", code(name)), str(kind.status), _meaning(kind.title, kind.detail)])
        for name, kind in PROBLEMS.items()
    ]
    faults = [
        (
            name,
            [link(f"#{name}", code(name)), inline(kind.detail), kind.in_strict, kind.in_lenient],
        )
        for name, kind in FAULTS.items()
    ]
    sections = [
        element(
            "section",
            element("h2", link("#problems", "Problems")),
            element("p", inline("The `code` of a refusal; its `type` leads to its line here.")),
            table("Problems", ["Code", "Status", "Meaning"], problems),
            id="problems",
        ),
        element(
            "section",
            element("h2", link("#faults", "Faults")),
            element(
                "p",
                inline(
                    "The `code` of each entry of `errors`, or of a finding: then the customer "
                    "is stored, and the code is kept with it."
                ),
            ),
            table("Faults", ["Code", "Meaning", "Strict project", "Lenient project"], faults),
            id="faults",
        ),
    ]
    contents = [
        element("li", link("/docs", "All calls")),
        element("li", link("#problems", "Problems")),
        element("li", link("#faults", "Faults")),
    ]
    return _page("Enrol problem codes", "What a refusal says.", contents, sections)


def _meaning(title: str, detail: str) -> Html:
    return join(element("strong", title), element("br"), inline(detail))


def _page(title: str, summary: str, contents: list[Html], sections: list[Html]) -> str:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(style_sheet())),
    )
    header = element(
        "header",
        element("h1", title),
        element("p", f"{summary} Version {__version__}."),
    )
    navigation = element("nav", element("ul", *contents), aria_label="Contents")
    body = element("body", header, navigation, element("main", *sections))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _calls(document: Json) -> Iterator[Json]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield {**operation, "method": method, "path": path}


def _route(call: Json) -> Html:
    method = call["method"]
    return join(element("b", method.upper(), class_=method), " ", code(call["path"]))


def _call_section(call: Json) -> Html:
    scope = call["security"][0]["key"][0] if call["security"] else None
    needs = f"Needs a key with the scope `{scope}`." if scope else "Needs no key."
    parts: list[str] = [
        element("h2", link(f"#{call['operationId']}", call["summary"])),
        element("p", _route(call), class_="route"),
        prose(call["description"]),
        element("p", inline(needs)),
        _parameters(call),
    ]
    if body := call.get("requestBody"):
        shape = type_of(next(iter(body["content"].values()))["schema"])
        parts += [
            element("h3", "Body"),
            element("p", "JSON: ", shape, ". ", inline(body["description"])),
        ]
    parts += [_example_call(call), _answers(call), *_example_answers(call)]
    return element("section", *parts, id=call["operationId"])


def _parameters(call: Json) -> Html:
    """The call's own parameters; those of all calls stand before the first."""
    rows: list[tuple[str, list[str]]] = []
    for parameter in call["parameters"]:
        if "$ref" in parameter:
            continue
        required = " (required)" if parameter.get("required") else ""
        meaning = [inline(parameter["description"])]
        if "default" in parameter["schema"]:
            meaning.append(join(" Default: ", code(str(parameter["schema"]["default"])), "."))
        cells: list[str] = [
            code(parameter["name"]),
            join(parameter["in"], required),
            type_of(parameter["schema"]),
            join(*meaning),
        ]
        rows.append((f"{call['operationId']}.{parameter['name']}", cells))
    if not rows:
        return join()
    head = ["Name", "In", "Value", "Meaning"]
    return join(element("h3", "Parameters"), table("Parameters", head, rows))


def _answers(call: Json) -> Html:
    rows: list[tuple[str, list[str]]] = []
    for status, answer in call["responses"].items():
        contents: Json = answer.get("content", {})
        media_type = next(iter(contents), "")
        if not media_type:
            meaning = prose(answer["description"])
        elif media_type.endswith("problem+json"):
            codes = contents[media_type]["schema"]["allOf"][1]["properties"]["code"]["enum"]
            meaning = element("ul", *(element("li", _problem(name)) for name in codes))
        else:
            shape = type_of(contents[media_type]["schema"])
            meaning = join(prose(answer["description"]), element("p", f"{media_type}: ", shape))
        own = [name for name in answer["headers"] if name not in EVERYWHERE]
        headers = [element("li", code(name)) for name in own]
        rows.append(
            (
                f"{call['operationId']}.{status}",
                [code(status), meaning, element("ul", *headers, class_="plain")],
            )
        )
    return join(element("h3", "Answers"), table("Answers", ["Status", "Meaning", "Headers"], rows))


def _problem(name: str) -> Html:
    kind = PROBLEMS[name]
    return join(link(f"{PROBLEMS_PATH}#{name}", code(name)), " ", inline(kind.detail))


def _example_call(call: Json) -> Html:
    path, query = call["path"], []
    for parameter in call["parameters"]:
        if "example" in parameter and parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
        elif "example" in parameter:
            query.append(f"{parameter['name']}={parameter['example']}")
    target = f"{path}?{'&'.join(query)}" if query else path
    body = call.get("requestBody")
    # What curl would send by itself is left out.
    usual = "post" if body else "get"
    method = "" if call["method"] == usual else f"-X {call['method'].upper()} "
    lines = [f'curl {method}"$ENROL{target}"']
    if call["security"]:
        lines.append('  -H "Authorization: Bearer $KEY"')
    after = ""
    if body:
        media_type, content = next(iter(body["content"].items()))
        example = next(iter(content["examples"].values()))["value"]
        lines += [f"  -H 'Content-Type: {media_type}'", "  --data-binary @- <<'JSON'"]
        after = f"\n{_written(example)}\nJSON"
    command = " \\\n".join(lines) + after
    return join(element("h3", "Example"), element("pre", code(command), tabindex="0"))


def _example_answers(call: Json) -> Iterator[Html]:
    """The successes, the first one open, and those refusals that tell more than their code."""
    opened = {"open": ""}
    for status, answer in call["responses"].items():
        for content in answer.get("content", {}).values():
            for example in content.get("examples", {}).values():
                value = example["value"]
                if int(status) < 300 or "errors" in value:
                    summary = element("summary", code(status), f" {example['summary']}")
                    written = element("pre", code(_written(value)), tabindex="0")
                    yield element("details", summary, written, **opened)
                    opened = {}


def _written(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
