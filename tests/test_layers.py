"""The folder says what code may touch: this walks the imports and agrees, or names the line that does not."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mirrorlist"
FILES = [*sorted(path.relative_to(ROOT) for path in PACKAGE.rglob("*.py")), Path("wsgi.py")]
TREES = {path: ast.parse((ROOT / path).read_text()) for path in FILES}

LEAVES = ("settings", "countries", "logs")
RANKS: dict[str, int] = {
    "core": 0,
    "formats": 1, "files_on_disk": 1,
    "sources": 2, "store": 2, "checks": 2,
    "following": 3, "indexing": 3, "importing": 3, "kit": 3, "pulling": 3, "reload": 3, "web": 3,
    "ports": 2, "systemd": 2,
    "workers": 3, "worker": 4,
    "publishing": 4, "app": 4, "server": 4, "installing": 4, "diagnosis": 4,
    "probing": 5,
    "cli": 6, "demo": 6,
    "__main__": 7,
}  # fmt: skip
WINGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "core": (
        ("errors", "filter", "memo", "statistics", "updates"),
        ("content", "reasons"),
        ("model",),
        ("container", "review", "network", "catalogue"),
        ("channel", "files", "mirror"),
        ("rules",),
        ("health",),
        ("kinds",),
        ("snapshot",),
        ("selection",),
        ("redirects",),
        ("public", "preview"),
        ("owners", "readiness"),
    ),
    "sources": (("yaml", "origin"), ("places",), ("geo",), ("mirrors",), ("service", "submissions")),
    "checks": (("fetching",), ("probing",)),
    "web": (
        ("client_address", "gateway", "generations", "languages", "questions", "repeats", "responses", "time_budget"),
        ("counts", "words"),
        ("clients",),
        ("rendering",),
        ("lists",),
        ("redirects",),
        ("site",),
        ("api", "error_pages", "hooks", "metrics", "operations"),
    ),
    "cli": (("output",), ("shared",), ("COMMANDS",)),
}
"""The wings of a ring, and the modules beside them, from the inside to the outside; those of one row ignore each other.

One word finds the same thing in each ring: the pure part, the files, the page. A command is no wing: nothing imports it.
"""
MAY_START_COMMANDS = {"demo": {"cli"}, "cli": {"demo", "server"}}
"""Pairs of one rank that know each other: the command that starts the demo."""

PURE = ("core", "formats")
IMPURE = {
    "asyncio", "click", "fcntl", "flask", "geoip2", "io", "jsonschema", "logging", "maxminddb",
    "multiprocessing", "os", "pathlib", "random", "requests", "secrets", "shutil", "signal", "socket", "sqlalchemy",
    "ssl", "structlog", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "werkzeug", "yaml",
}  # fmt: skip
MOST_LINES = 400
LINES_WITHOUT_REASON = 300
LONGER: dict[str, str] = {
    "mirrorlist/following/follower.py": "one channel, from its sources to the files in place, and what goes back",
    "mirrorlist/publishing/publisher.py": "one publication from its inputs to the file in place",
    "mirrorlist/core/public/types.py": "the public record field by field: nothing else gets out",
    "mirrorlist/core/public/record.py": "the public record: every part of it, made from what is known",
    "mirrorlist/web/api/views.py": "every view of the API, and what they have in common",
    "mirrorlist/web/api/types.py": "the types of all answers of the API, and how each is made",
    "mirrorlist/web/api/openapi.py": "the description of the API: its operations, and how they are written",
    "mirrorlist/checks/probing/visit.py": "one visit: its plan carried out, its patience, and what the tree amounts to",
    "mirrorlist/importing/table_files.py": "every form of table that projects keep their mirrors in, one function each",
    "mirrorlist/core/catalogue/catalogue.py": "what a distribution publishes, and every spelling that leads to it",
    "mirrorlist/core/catalogue/query.py": "what a client asks for, from its parameters and paths",
    "mirrorlist/core/files/index.py": "the layout of the index file, its reader and its views",
    "mirrorlist/core/health/probe_plan.py": "the plan of a visit: what is asked over which way, and what has its turn",
    "mirrorlist/core/health/report.py": "the report on one mirror, and when each of its rows is looked at again",
    "mirrorlist/core/health/vantages.py": "one poll: what is voted, who is believed, and what the votes come to",
    "mirrorlist/core/health/verdicts.py": "the vocabulary of health: subjects, outcomes, verdicts and what follows",
    "mirrorlist/core/selection/prepared.py": "one list from the tables: its key, its draw and its order",
    "mirrorlist/core/selection/known_files.py": "what is known of a file or directory, and who has it",
    "mirrorlist/web/lists/prepared_answers.py": "one list from prepared parts: its row, its question, its counts",
    "mirrorlist/store/count_files.py": "the files of counts: of a worker, a node, a day, and what they come to",
    "mirrorlist/cli/update.py": "every kind of update, one command below the other",
    "mirrorlist/web/redirects/hot.py": "one redirect, from the request to its headers, and the memos on that way",
    "mirrorlist/store/leader_election.py": "the locks, and the election that they save the others from",
    "mirrorlist/store/tables.py": "every table of the database, one below the other",
    "mirrorlist/core/model.py": "the vocabulary of everything: mirrors, repositories, queries, clients",
    "mirrorlist/sources/geo/downloads.py": "one download, from its vendor to the unpacked file",
    "mirrorlist/sources/service/file.py": "service.yml as a service: each key turned into what it means",
    "mirrorlist/sources/service/text.py": "the keys of service.yml as they are written, one class per key",
    "mirrorlist/cli/probe.py": "the command: its options, and how a prober and a vantage point report",
    "mirrorlist/probing/prober.py": "the prober: a run, when the next is due, and what it works with",
    "mirrorlist/sources/mirrors/repairs.py": "one table of repairs and the draft that they mend",
    "mirrorlist/sources/mirrors/fields.py": "one mirror from its file: what is left out, what it means, what is checked",
    "mirrorlist/sources/mirrors/forms.py": "every form that a value may have, one function each, and their table",
}
"""Files above 300 lines, each with the reason why it is read better in one piece."""
LEAST_LINES, LEAST_IMPORTERS = 40, 3
REGISTRIES = ("mirrorlist/formats/", "mirrorlist/cli/", "mirrorlist/store/migrations/")
SMALLER: dict[str, str] = {
    "mirrorlist/__main__.py": "what `python -m mirrorlist` starts",
    "mirrorlist/checks/probing/checks.py": "the table of checks by protocol, where a new one has its row",
    "wsgi.py": "what a WSGI server asks for",
}
"""Files under 40 lines that are no rows of a registry and have fewer than three importers, each with why."""


def part(module: str) -> str:
    """The folder or top-level module of ``mirrorlist.<part>...``; "" for the package itself."""
    return ([*module.split("."), ""])[1]


def part_of(path: Path) -> str:
    return part(".".join(path.with_suffix("").parts)) if path.parts[0] == "mirrorlist" else "wsgi"


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def own_imports(path: Path) -> Iterator[tuple[int, str]]:
    for line, name in imports(TREES[path]):
        if name.startswith("mirrorlist.") and (target := part(name)) != "__version__":
            yield line, target


def is_inward(importer: str, imported: str) -> bool:
    """Whether an import goes from the outside to the inside."""
    if importer == imported or importer == "wsgi":
        return True
    if imported in LEAVES:
        return importer not in PURE
    if importer in LEAVES or importer not in RANKS or imported not in RANKS:
        return False
    if imported in MAY_START_COMMANDS.get(importer, set()):
        return True
    return RANKS[imported] < RANKS[importer]


def test_every_folder_and_module_has_a_rank() -> None:
    parts = {part_of(path) for path in FILES} - {"wsgi", "__init__"}
    assert parts == {*RANKS, *LEAVES}


def test_imports_point_inwards() -> None:
    outward = [
        f"{path}:{line} imports {imported}"
        for path in FILES
        for line, imported in own_imports(path)
        if not is_inward(part_of(path), imported)
    ]
    assert outward == []


@pytest.mark.parametrize(
    ("importer", "imported", "expected"),
    [
        ("web", "core", True), ("web", "formats", True), ("web", "reload", False), ("core", "formats", False),
        ("sources", "store", False), ("formats", "core", True), ("core", "settings", False), ("web", "settings", True),
        ("settings", "core", False), ("publishing", "probing", False), ("probing", "publishing", True), ("app", "web", True), ("cli", "app", True),
        ("server", "app", False), ("wsgi", "app", True), ("core", "unheard_of", False),
    ],
)  # fmt: skip
def test_the_judge_knows_inward_from_outward(importer: str, imported: str, expected: bool) -> None:
    assert is_inward(importer, imported) is expected


def wing(module: str) -> tuple[str, str]:
    """Ring and wing of ``mirrorlist.<ring>.<wing>...``; a module that stands beside the wings is one of its own."""
    ring, inner = ([*module.split("."), "", ""])[1:3]
    if ring == "cli" and inner not in ("output", "shared", ""):
        return ring, "COMMANDS"
    return ring, inner


def is_inward_wing(importer: tuple[str, str], imported: tuple[str, str]) -> bool:
    """Whether an import between wings of one ring goes from the outside to the inside."""
    (ring, outer), (other, inner) = importer, imported
    if ring != other or ring not in WINGS or not inner:
        return True
    rows = {name: number for number, row in enumerate(WINGS[ring]) for name in row}
    if outer == inner and outer != "COMMANDS":
        return True
    return outer in rows and inner in rows and rows[inner] < rows[outer]


def test_wings_point_inwards() -> None:
    outward = [
        f"{path}:{line} imports {name}"
        for path in FILES
        if path.parts[0] == "mirrorlist" and path.stem != "__init__"
        for line, name in imports(TREES[path])
        if name.startswith("mirrorlist.") and not is_inward_wing(wing(".".join(path.with_suffix("").parts)), wing(name))
    ]
    assert outward == []


@pytest.mark.parametrize(
    ("importer", "imported", "expected"),
    [
        ("core.selection.select", "core.health.columns", True), ("core.health.table", "core.selection.rank", False),
        ("core.public.types", "core.preview.preview", False), ("core.snapshot", "core.files.index", True),
        ("core.mirror", "core.snapshot", False), ("web.site.views", "web.lists.views", True),
        ("web.lists.views", "web.site.svg", False), ("cli.probe", "cli.shared.context", True),
        ("cli.new", "cli.validate", False), ("cli.shared.context", "cli.probe", False),
        ("core.selection.rank", "core.selection.spread", True), ("core.unheard_of.x", "core.model", False),
        ("sources.geo.databases", "core.snapshot", True), ("store.health", "store.tables", True),
    ],
)  # fmt: skip
def test_the_judge_knows_the_order_of_wings(importer: str, imported: str, expected: bool) -> None:
    assert is_inward_wing(wing(f"mirrorlist.{importer}"), wing(f"mirrorlist.{imported}")) is expected


def test_every_wing_has_a_place_in_its_ring() -> None:
    placed = {(ring, name) for ring, rows in WINGS.items() for row in rows for name in row}
    wings = {wing(".".join(path.with_suffix("").parts)) for path in FILES if path.parts[0] == "mirrorlist"}
    assert {(ring, name) for ring, name in wings if ring in WINGS and name not in ("", "__init__")} == placed


def test_core_and_formats_import_nothing_impure() -> None:
    found = [
        f"{path}:{line} imports {name}"
        for path in FILES
        if part_of(path) in PURE
        for line, name in imports(TREES[path])
        if any(name == impure or name.startswith(f"{impure}.") for impure in IMPURE)
    ]
    assert found == []


def test_core_and_formats_ask_no_clock() -> None:
    clocks = {"now", "utcnow", "today", "localtime", "gmtime", "time", "monotonic"}
    found = [
        f"{path}:{node.lineno}" for path in FILES if part_of(path) in PURE for node in ast.walk(TREES[path])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in clocks
    ]  # fmt: skip
    assert found == []


def test_imports_stand_at_the_top_but_for_the_demo() -> None:
    inside = [
        str(path)
        for path in FILES
        for function in ast.walk(TREES[path])
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == ["mirrorlist/cli/demo.py"]


def test_no_import_is_relative() -> None:
    relative = [
        f"{path}:{node.lineno}" for path in FILES for node in ast.walk(TREES[path])
        if isinstance(node, ast.ImportFrom) and node.level
    ]  # fmt: skip
    assert relative == []


def test_the_environment_is_read_in_settings_only() -> None:
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}
    readers = {
        str(path) for path in FILES for node in ast.walk(TREES[path])
        if (isinstance(node, ast.Attribute) and node.attr in names and isinstance(node.value, ast.Name)
            and node.value.id == "os")
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and {each.name for each in node.names} & names)
    }  # fmt: skip
    assert readers == {"mirrorlist/settings.py"}


def test_errors_are_caught_by_name() -> None:
    def is_broad(kind: ast.expr | None) -> bool:
        if isinstance(kind, ast.Tuple):
            return any(map(is_broad, kind.elts))
        return kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException"))

    broad = [
        str(path) for path in FILES for node in ast.walk(TREES[path])
        if isinstance(node, ast.ExceptHandler) and is_broad(node.type)
    ]  # fmt: skip
    # the boundary to the person who typed a command, and to the server, which an error would end, in both threads
    assert broad == ["mirrorlist/cli/shared/help.py", "mirrorlist/worker.py", "mirrorlist/worker.py"]


def test_only_commands_print() -> None:
    printing = [
        f"{path}:{node.lineno}" for path in FILES for node in ast.walk(TREES[path])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        and part_of(path) not in ("cli", "demo")
    ]  # fmt: skip
    assert printing == []


def test_files_are_short() -> None:
    lines = {str(path): len((ROOT / path).read_text().splitlines()) for path in FILES}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}
    assert {path for path, count in lines.items() if count > LINES_WITHOUT_REASON} == {*LONGER}


def test_small_files_are_rows_of_a_registry_or_shared() -> None:
    """A file costs a reader more than its lines: one that few need belongs to those who need it."""
    importers: dict[str, set[Path]] = {}
    for path in FILES:
        for _, name in imports(TREES[path]):
            importers.setdefault(name, set()).add(path)
    small = {
        str(path)
        for path in FILES
        if path.stem != "__init__"
        and len((ROOT / path).read_text().splitlines()) < LEAST_LINES
        and not str(path).startswith(REGISTRIES)
        and len(importers.get(".".join(path.with_suffix("").parts), ())) < LEAST_IMPORTERS
    }
    assert small == {*SMALLER}


QUESTIONS = {"What", "Which", "Where", "Whether", "How", "Why", "When", "Who", "Whose", "Whom", "Since", "So"}


def test_every_module_opens_with_a_sentence_that_begins_with_a_verb_or_a_noun() -> None:
    assert [str(path) for path in FILES if not ast.get_docstring(TREES[path])] == []
    first = {path: (ast.get_docstring(TREES[path]) or "").split()[0].rstrip(",:") for path in FILES}
    assert {str(path): word for path, word in first.items() if word in QUESTIONS} == {}


def test_each_public_class_has_a_name_of_its_own() -> None:
    found: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(str(path))
    assert {name: where for name, where in found.items() if len(where) > 1} == {}


CEILINGS = {
    "modules": 331,
    "import lines of all lines": 8.3,
    "longest import chain": 13,
    "longest import chain in core": 8,
    "private functions used once": 18.0,
    "modules under 40 lines with less than three importers": 11,
}
"""What ``bench/shape`` counts may not grow; lower a number when the package gets better."""


@pytest.mark.slow
def test_the_shape_of_the_package_does_not_get_worse() -> None:
    done = subprocess.run([sys.executable, ROOT / "bench" / "shape"], capture_output=True, text=True, check=True)
    rows = {line[:56].partition(" (aim")[0].strip(): line[56:] for line in done.stdout.splitlines()}
    counted = {name: float(rows[name].split()[0]) for name in CEILINGS}
    assert {name: number for name, number in counted.items() if number > CEILINGS[name]} == {}


@pytest.mark.parametrize("module", ["mirrorlist.app", "mirrorlist.server", "mirrorlist.worker", "mirrorlist.reload"])
def test_workers_do_not_load_what_only_the_publisher_needs(module: str) -> None:
    """Each worker would hold it in memory, and wait for it at every start."""
    program = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {"numpy", "sqlalchemy", "requests", "maxminddb", "geoip2"} & set(loaded) == set()
    assert not [
        name for name in loaded if name.startswith(("mirrorlist.cli", "mirrorlist.publish", "mirrorlist.store.d"))
    ]
    assert module in loaded


@pytest.mark.parametrize("module", ["mirrorlist.cli.main", "mirrorlist.cli.serve"])
def test_a_command_starts_without_what_only_others_need(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {"sqlalchemy", "requests", "flask", "maxminddb", "mirrorlist.publishing.publisher"} & set(loaded) == set()
    assert module in loaded


def test_core_and_formats_load_nothing_of_the_rest() -> None:
    modules = [
        ".".join(path.with_suffix("").parts) for path in FILES if part_of(path) in PURE and path.stem != "__init__"
    ]
    program = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {part(name) for name in loaded if name.startswith("mirrorlist.")} == set(PURE)
    assert {"flask", "structlog", "requests", "yaml", "sqlalchemy"} & set(loaded) == set()
