"""``/docs`` and ``/docs/problems``: whole, readable, and loading nothing."""

import re
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from enrol.api.reference.document import openapi_document
from enrol.api.reference.markup import element, inline, prose, table
from enrol.api.reference.pages import problems_page, reference_page, style_sheet
from enrol.customers.faults import FAULTS
from enrol.problems import PROBLEMS
from enrol.settings import Settings
from tests.conftest import ON_ONE_STORE
from tests.serving import Project, Served

# The pages are the same on each.
pytestmark = ON_ONE_STORE

EMPTY_TAGS = {"meta", "br"}
DOCUMENT = openapi_document(Settings())
PAGES = {"/docs": reference_page(Settings()), "/docs/problems": problems_page()}


class Reader(HTMLParser):
    """Reads a page, and minds that every element is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if tag not in EMPTY_TAGS:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in {"href", "src", "srcset", "action", "style", "data"}:
                self.loaded.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


READ = {path: Reader(page) for path, page in PAGES.items()}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_served_and_loads_nothing(server: Served, path: str) -> None:
    answer = server.http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text == PAGES[path]
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert re.search("style-src ([^;]+);", policy)[1] == f"'sha256-{digest}'"  # type: ignore[index]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_script_and_no_other_host(path: str) -> None:
    read = READ[path]
    assert read.loaded == []
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(read.tags)
    assert [link for link in read.links if not re.match("[#/][^/]*", link)] == []
    assert not re.search(r"@import|url\(|//", style_sheet())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_fit_for_readers(path: str) -> None:
    read = READ[path]
    assert read.tags["h1"] == read.tags["main"] == read.tags["title"] == 1
    assert PAGES[path].startswith('<!doctype html>\n<html lang="en">')
    assert 'name="viewport" content="width=device-width' in PAGES[path]


@pytest.mark.parametrize("path", PAGES)
def test_every_anchor_is_there_once(path: str) -> None:
    assert [name for name, times in Counter(READ[path].ids).items() if times > 1] == []
    for link in READ[path].links:
        target, _, anchor = link.partition("#")
        assert (target or path) in {*PAGES, "/openapi.json"}
        assert not anchor or anchor in READ[target or path].ids, link


@pytest.mark.parametrize("code", [*PROBLEMS, *FAULTS])
def test_every_code_has_its_anchor(code: str) -> None:
    assert code in READ["/docs/problems"].ids


def test_every_call_parameter_and_answer_has_its_anchor() -> None:
    expected = []
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            name = operation["operationId"]
            own = [parameter for parameter in operation["parameters"] if "name" in parameter]
            expected += [name, *(f"{name}.{parameter['name']}" for parameter in own)]
            expected += [f"{name}.{status}" for status in operation["responses"]]
    expected += [f"schema-{name}" for name in DOCUMENT["components"]["schemas"]]
    assert set(expected) <= set(READ["/docs"].ids)


def test_the_page_says_what_the_codes_say() -> None:
    text = READ["/docs/problems"].text
    sentences = [problem.detail for problem in PROBLEMS.values()]
    sentences += [fault.detail for fault in FAULTS.values()]
    assert [said for said in sentences if said.replace("`", "") not in text] == []


def test_the_page_says_what_a_lenient_project_takes() -> None:
    _, _, faults = PAGES["/docs/problems"].partition('<section id="faults">')
    heads = ["Strict project", "Lenient project"]
    cells = ".*?".join(f'data-head="{head}"><div>(\\w+)<' for head in heads)
    rows = re.findall(rf'<tr id="([\w.]+)">.*?{cells}', faults)
    assert rows == [(code, kind.in_strict, kind.in_lenient) for code, kind in FAULTS.items()]


def test_a_refusal_leads_to_its_line(server: Served, project: Project) -> None:
    kind = project.post(b"{").json()["type"]
    path, _, anchor = kind.partition("#")
    assert server.http.get(path).status_code == 200
    assert anchor in READ[path].ids


def test_whatever_is_no_markup_is_escaped() -> None:
    assert element("p", "<b>&") == "<p>&lt;b&gt;&amp;</p>"
    assert element("a", "x", href='"><script>') == '<a href="&quot;&gt;&lt;script&gt;">x</a>'
    assert inline("`<key>` & <b>") == "<code>&lt;key&gt;</code> &amp; &lt;b&gt;"
    assert "<b>" not in table("<b>", ["<b>"], [("<b>", ["<b>"])])


def test_links_of_the_document_stay_on_this_server() -> None:
    assert inline("[a](/docs)") == '<a href="/docs">a</a>'
    assert inline("[a](https://example.test)") == "[a](https://example.test)"
    assert inline("[a](javascript:x)") == "[a](javascript:x)"
    assert prose("One\ntwo.\n\n- a\n- `b`") == (
        "<p>One two.</p><ul><li>a</li><li><code>b</code></li></ul>"
    )


def _luminance(colour: str) -> float:
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["text", "soft", "link", "get", "post"])
@pytest.mark.parametrize("behind", ["back", "panel", "mark"])
def test_text_stands_out_as_wcag_asks(scheme: int, name: str, behind: str) -> None:
    block = re.findall(r":root \{(.*?)\}", style_sheet(), re.DOTALL)[scheme]
    colours = dict(re.findall(r"--(\w+): #(\w+);", block))
    high, low = sorted((_luminance(colours[name]), _luminance(colours[behind])), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5
