"""The rules of the house, held against the sources: sizes, names, and who may import whom.

Each rule reads one module's syntax tree and yields what breaks it. A rule is worth nothing until
it has been seen to fail, so each has samples here that it must refuse, beside near misses that
must pass. An exception to a rule is a line in the lists below, with the reason.
"""

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The functions that tell a request's story, as `module:qualified.name`.
STORIES = frozenset({"enrol.api.batch:post_batch"})
STORY_LINES = 40
FUNCTION_LINES = 60
MODULE_LINES = 400
FOLDER_MODULES = 12
# A file for each of a kind, all alike: who knows one knows them all.
REGISTRIES = frozenset({"src/enrol/customers/wallets/namespaces", "src/enrol/api/reference/paths"})

NO_NAMES = frozenset(
    "util utils service services manager managers helper helpers core common".split()
)

# Only these read the environment.
ENVIRONMENT_READERS = frozenset({"enrol.settings"})

# The edges of the processes, where any exception becomes a problem document or an exit code.
BROAD_EXCEPT = frozenset(
    {
        "enrol.api.edge",
        "enrol.cli",
        "enrol.store.sqlite.writer",
        "enrol.store.postgres.writer",
        # A task of its own, to whose failures nobody listens.
        "enrol.store.search.on_postgres",
    }
)

# What a part must not import: a name forbids all that lies beneath it.
HTTP = frozenset("granian http httpx litestar starlette uvicorn".split())
DATABASES = frozenset("aiosqlite apsw asyncpg psycopg sqlalchemy sqlite3".split())
OUTSIDE = frozenset(
    "asyncio fcntl io logging multiprocessing os pathlib selectors shutil socket ssl subprocess"
    " tempfile time urllib.request".split()
)
FORBIDDEN_IMPORTS = {
    "enrol.customers": HTTP | DATABASES | OUTSIDE | {"rich", "typer"},
    "enrol.store": HTTP | {"enrol.api", "enrol.app", "enrol.cli", "enrol.client"},
    "enrol.api": DATABASES | {"enrol.cli", "enrol.client"},
    "enrol.maintenance": HTTP | {"enrol.api", "enrol.app", "enrol.cli"},
}
# The domain knows nothing of its own house but itself.
SELF_CONTAINED = frozenset({"enrol.customers"})

CLOCKS = frozenset({"now", "today", "utcnow"})
SQL = re.compile(
    r"\b(SELECT|INSERT)\s"
    r"|(?i:\bselect\b.+\bfrom\b|\binsert\s+into\b|\bupdate\s+\w+\s+set\b|\bdelete\s+from\b"
    r"|\b(create|alter|drop)\s+(table|index)\b|\bpragma\s+\w)",
    re.DOTALL,
)

Finding = tuple[int, str]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file, read once."""

    path: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.path)

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    @cached_property
    def name(self) -> str:
        """The dotted name: `enrol.store.sqlite.file` for src/enrol/store/sqlite/file.py."""
        parts = PurePosixPath(self.path).with_suffix("").parts
        return ".".join(part for part in parts if part not in {"src", "__init__"})

    @cached_property
    def package(self) -> str:
        """What a relative import starts from."""
        is_package = self.path.endswith("__init__.py")
        return self.name if is_package else self.name.rpartition(".")[0]

    @cached_property
    def imports(self) -> tuple[Finding, ...]:
        """Every dotted name that is imported, wherever the statement stands."""
        return tuple(found for node in self.nodes for found in _imports(node, self.package))

    @property
    def functions(self) -> Iterator[tuple[str, Function]]:
        """Every function with its qualified name, methods and nested ones too."""
        return _functions(self.tree, "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            name = f"{prefix}{child.name}"
            if isinstance(child, Function):
                yield name, child
            yield from _functions(child, f"{name}.")
        else:
            yield from _functions(child, prefix)


def _imports(node: ast.AST, package: str) -> Iterator[Finding]:
    if isinstance(node, ast.Import):
        yield from ((node.lineno, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parents = package.split(".")
            base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [base])])
        yield node.lineno, base
        yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
    elif (
        isinstance(node, ast.Call)
        and _last_name(node.func) in {"__import__", "import_module"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ):
        yield node.lineno, str(node.args[0].value)


def _last_name(node: ast.AST | None) -> str:
    """`environ` of `os.environ` and of plain `environ`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _within(name: str, parts: Iterable[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def functions_are_short(module: Module, stories: frozenset[str] = STORIES) -> Iterator[Finding]:
    for name, node in module.functions:
        limit = STORY_LINES if f"{module.name}:{name}" in stories else FUNCTION_LINES
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > limit:
            yield node.lineno, f"{name} has {lines} lines, more than {limit}"


def modules_are_short(module: Module) -> Iterator[Finding]:
    lines = len(module.source.splitlines())
    if lines > MODULE_LINES:
        yield lines, f"the module has {lines} lines, more than {MODULE_LINES}"


def modules_have_names(module: Module) -> Iterator[Finding]:
    for part in module.name.split("."):
        for word in NO_NAMES.intersection(part.split("_")):
            yield 1, f"{word!r} is no name for a module"


def functions_say_what_they_return(module: Module) -> Iterator[Finding]:
    for name, node in module.functions:
        if node.returns is None:
            yield node.lineno, f"{name} has no return annotation"


def imports_point_inwards(module: Module) -> Iterator[Finding]:
    for part, forbidden in FORBIDDEN_IMPORTS.items():
        if not _within(module.name, [part]):
            continue
        for line, name in module.imports:
            outside = part in SELF_CONTAINED and name.startswith("enrol.")
            if _within(name, forbidden) or (outside and not _within(name, [part])):
                yield line, f"{part} must not import {name}"


def the_domain_has_no_clock(module: Module) -> Iterator[Finding]:
    if _within(module.name, ["enrol.customers"]):
        for node in module.nodes:
            if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
                if _last_name(node.value) in {"date", "datetime"}:
                    yield node.lineno, f".{node.attr} reads a clock: let the caller hand it in"


def the_api_has_no_sql(module: Module) -> Iterator[Finding]:
    if not _within(module.name, ["enrol.api"]):
        return
    docstrings = {
        id(node.body[0].value)
        for node in module.nodes
        if isinstance(node, Function | ast.ClassDef | ast.Module)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in module.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in docstrings and SQL.search(node.value):
                yield node.lineno, "SQL belongs in enrol.store"


def only_settings_read_the_environment(module: Module) -> Iterator[Finding]:
    if _within(module.name, ENVIRONMENT_READERS):
        return
    for line, name in module.imports:
        if name.startswith(("os.environ", "os.getenv")):
            yield line, f"{name} is for settings alone"
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and node.attr.startswith(("environ", "getenv")):
            yield node.lineno, f"{node.attr} is for settings alone"
        elif isinstance(node, ast.keyword) and node.arg == "envvar":
            yield node.lineno, "an option's envvar reads the environment: settings do that"


def exceptions_are_named(module: Module) -> Iterator[Finding]:
    """A handler that undoes something and ends in a bare `raise` catches nothing, and may be."""
    if _within(module.name, BROAD_EXCEPT):
        return
    for node in module.nodes:
        if isinstance(node, ast.ExceptHandler):
            last = node.body[-1]
            undoes = isinstance(last, ast.Raise) and last.exc is None
            broad = not undoes and (node.type is None or _names_all(node.type))
        elif isinstance(node, ast.Call):
            broad = _last_name(node.func) == "suppress" and any(map(_names_all, node.args))
        else:
            continue
        if broad:
            yield node.lineno, "only the edges catch every exception"


def _names_all(kind: ast.expr) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(_last_name(kind) in {"Exception", "BaseException"} for kind in kinds)


Rule = Callable[[Module], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    functions_are_short,
    modules_are_short,
    modules_have_names,
    functions_say_what_they_return,
    imports_point_inwards,
    the_domain_has_no_clock,
    the_api_has_no_sql,
    only_settings_read_the_environment,
    exceptions_are_named,
)


def violations(rule: Rule, source: str, path: str = "src/enrol/store/rows.py") -> list[str]:
    """What breaks the rule, as `path:line: sentence`."""
    return [f"{path}:{line}: {reason}" for line, reason in rule(Module(path, source))]


def crowded_folders(paths: Iterable[str]) -> list[str]:
    """The folders that hold more modules than one look takes in."""
    modules = [PurePosixPath(path) for path in paths]
    counts = Counter(str(path.parent) for path in modules if path.name != "__init__.py")
    return [f"{folder} has {n} modules" for folder, n in counts.items() if n > FOLDER_MODULES]


def lock_faults(lock: str) -> list[str]:
    """Addresses in a requirements lock, and requirements without a hash."""
    faults = [line for line in lock.splitlines() if re.search(r"https?://", line)]
    for block in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE):
        if block.strip() and "--hash=sha256:" not in block:
            faults.append(f"no hash: {block.splitlines()[0]}")
    return faults


def npm_lock_faults(lock: str) -> list[str]:
    """Download addresses in an npm lock; where a maintainer takes donations is none."""
    faults = []
    for name, package in json.loads(lock)["packages"].items():
        rest = json.dumps({key: value for key, value in package.items() if key != "funding"})
        if "resolved" in package or re.search(r"https?://", rest):
            faults.append(f"an address: {name}")
        if name and "integrity" not in package:
            faults.append(f"no hash: {name}")
    return faults


def python_files(*folders: str) -> list[str]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def _function(lines: int, name: str = "enrol") -> str:
    return f"def {name}() -> None:\n" + "    pass\n" * (lines - 1)


CUSTOMERS = "src/enrol/customers/names.py"
API = "src/enrol/api/batch.py"

BAD: list[tuple[Rule, str, str]] = [
    (functions_are_short, CUSTOMERS, _function(61)),
    (functions_are_short, CUSTOMERS, "class A:\n" + re.sub("(?m)^", "  ", _function(61))),
    (modules_are_short, CUSTOMERS, "x = 1\n" * 401),
    (modules_have_names, "src/enrol/store/utils.py", ""),
    (modules_have_names, "src/enrol/core/rows.py", ""),
    (modules_have_names, "src/enrol/api/customer_service.py", ""),
    (functions_say_what_they_return, CUSTOMERS, "def enrol():\n    pass\n"),
    (functions_say_what_they_return, CUSTOMERS, "class A:\n    async def enrol(self): ...\n"),
    (imports_point_inwards, CUSTOMERS, "import time\n"),
    (imports_point_inwards, CUSTOMERS, "from pathlib import Path\n"),
    (imports_point_inwards, CUSTOMERS, "from enrol import store\n"),
    (imports_point_inwards, CUSTOMERS, "from ..store import sqlite\n"),
    (imports_point_inwards, CUSTOMERS, "def late() -> None:\n    import enrol.settings\n"),
    (imports_point_inwards, CUSTOMERS, "importlib.import_module('apsw')\n"),
    (imports_point_inwards, "src/enrol/customers/wallets/forms.py", "from urllib import request\n"),
    (imports_point_inwards, "src/enrol/store/rows.py", "from enrol.api.batch import Batch\n"),
    (imports_point_inwards, "src/enrol/store/__init__.py", "from litestar import Request\n"),
    (imports_point_inwards, API, "import sqlite3\n"),
    (the_domain_has_no_clock, CUSTOMERS, "datetime.now(UTC)\n"),
    (the_domain_has_no_clock, CUSTOMERS, "clock = date.today\n"),
    (the_api_has_no_sql, API, "rows('SELECT id')\n"),
    (the_api_has_no_sql, API, "rows(f'insert into {table} values (1)')\n"),
    (the_api_has_no_sql, API, "rows('''select id\n  from customers''')\n"),
    (only_settings_read_the_environment, CUSTOMERS, "os.environ['ENROL_URL']\n"),
    (only_settings_read_the_environment, CUSTOMERS, "from os import getenv\n"),
    (only_settings_read_the_environment, CUSTOMERS, "typer.Option(envvar='ENROL_URL')\n"),
    (exceptions_are_named, CUSTOMERS, "try: ...\nexcept: ...\n"),
    (exceptions_are_named, CUSTOMERS, "try: ...\nexcept Exception as e: raise Full from e\n"),
    (exceptions_are_named, CUSTOMERS, "try: ...\nexcept (ValueError, BaseException): ...\n"),
    (exceptions_are_named, CUSTOMERS, "with contextlib.suppress(Exception): ...\n"),
]

GOOD: list[tuple[Rule, str, str]] = [
    (functions_are_short, CUSTOMERS, _function(60)),
    (modules_are_short, CUSTOMERS, "x = 1\n" * 400),
    (modules_have_names, "src/enrol/customers/countries.py", ""),
    (functions_say_what_they_return, CUSTOMERS, "key = lambda item: item.index\n"),
    (imports_point_inwards, CUSTOMERS, "from datetime import date\nimport enrol.customers.dids\n"),
    (imports_point_inwards, CUSTOMERS, "from .wallets import CHECKS\nfrom urllib import parse\n"),
    (imports_point_inwards, "src/enrol/store/rows.py", "import apsw, time, enrol.customers\n"),
    (imports_point_inwards, API, "import litestar\nfrom enrol.store import protocol\n"),
    (the_domain_has_no_clock, CUSTOMERS, "bounds.today.isoformat()\n"),
    (the_domain_has_no_clock, "src/enrol/app.py", "datetime.now(UTC)\n"),
    (the_api_has_no_sql, API, "'''SELECT FROM is for the store.'''\nx = 'DELETE /customers'\n"),
    (the_api_has_no_sql, "src/enrol/store/sqlite/store.py", "rows('SELECT id')\n"),
    (only_settings_read_the_environment, "src/enrol/settings.py", "os.environ['ENROL_URL']\n"),
    (exceptions_are_named, CUSTOMERS, "try: ...\nexcept (ValueError, KeyError): ...\n"),
    (exceptions_are_named, CUSTOMERS, "try: ...\nexcept BaseException:\n    undo()\n    raise\n"),
    (exceptions_are_named, "src/enrol/cli.py", "try: ...\nexcept Exception: ...\n"),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_sources_keep_the_rule(rule: Rule) -> None:
    folders = ["src", "tests", "benchmarks"] if rule is modules_have_names else ["src"]
    paths = python_files(*folders)
    assert paths
    assert [line for path in paths for line in violations(rule, text(path), path)] == []


@pytest.mark.parametrize(("rule", "path", "source"), BAD)
def test_a_rule_refuses(rule: Rule, path: str, source: str) -> None:
    assert violations(rule, source, path)


@pytest.mark.parametrize(("rule", "path", "source"), GOOD)
def test_a_rule_admits(rule: Rule, path: str, source: str) -> None:
    assert violations(rule, source, path) == []


def test_every_rule_has_been_seen_to_fail() -> None:
    assert {rule for rule, _, _ in BAD} == set(RULES)


def test_a_story_is_held_to_its_own_limit() -> None:
    module = Module(API, _function(41, "create"))
    assert not list(functions_are_short(module))
    assert list(functions_are_short(module, frozenset({"enrol.api.batch:create"})))


def test_every_story_exists() -> None:
    modules = [Module(path, text(path)) for path in python_files("src")]
    known = {f"{module.name}:{name}" for module in modules for name, _ in module.functions}
    assert not STORIES - known


def test_no_folder_is_crowded() -> None:
    found = crowded_folders(python_files("src"))
    assert [line for line in found if line.partition(" ")[0] not in REGISTRIES] == []


def test_a_crowded_folder_is_seen() -> None:
    twelve = [f"src/enrol/store/m{i}.py" for i in range(12)] + ["src/enrol/store/__init__.py"]
    assert crowded_folders(twelve) == []
    assert crowded_folders([*twelve, "src/enrol/store/one_more.py"])


@pytest.mark.parametrize("name", ["build", "dev", "runtime"])
def test_a_lock_has_hashes_and_no_address(name: str) -> None:
    assert lock_faults(text(f"requirements/{name}.txt")) == []


def test_the_npm_lock_has_hashes_and_no_address() -> None:
    assert npm_lock_faults(text("tests/js/package-lock.json")) == []


def test_a_bad_lock_is_seen() -> None:
    good = "rich==15.0.0 \\\n    --hash=sha256:00\n"
    assert lock_faults(good) == []
    assert lock_faults(good + "typer==1.0\n") == ["no hash: typer==1.0"]
    assert lock_faults("--index-url https://example.test/\n" + good)
    assert lock_faults("rich @ https://example.test/rich.whl \\\n    --hash=sha256:00\n")


def test_a_bad_npm_lock_is_seen() -> None:
    def faults(**package: object) -> list[str]:
        return npm_lock_faults(json.dumps({"packages": {"": {}, "node_modules/a": package}}))

    assert faults(integrity="sha512-0", funding={"url": "https://example.test"}) == []
    assert faults(integrity="sha512-0", resolved="https://example.test/a.tgz")
    assert faults(integrity="sha512-0", version="https://example.test/a.tgz")
    assert faults(version="1.0.0") == ["no hash: node_modules/a"]
