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

LEAVES = ("settings", "countries", "logs", "regular_files")
RANKS: dict[str, int] = {
    "core": 0,
    "formats": 1,
    "sources": 2, "store": 2, "checks": 2,
    "indexing": 3, "importing": 3, "kit": 3, "pulling": 3, "update": 3, "subnets": 3, "publish": 3, "reload": 3, "web": 3,
    "workers": 3, "ports": 3,
    "app": 4, "server": 4,
    "cli": 5, "demo": 5,
    "__main__": 6,
}  # fmt: skip
MAY_START_COMMANDS = {"demo": {"cli"}, "cli": {"demo", "server"}}
"""Pairs of one rank that know each other: the command that starts the demo."""

PURE = ("core", "formats")
IMPURE = {
    "asyncio", "click", "fcntl", "flask", "geoip2", "io", "jsonschema", "logging", "maxminddb",
    "multiprocessing", "os", "pathlib", "random", "requests", "secrets", "shutil", "signal", "socket", "sqlalchemy",
    "ssl", "structlog", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "werkzeug", "yaml",
}  # fmt: skip
MOST_LINES = 300
LONGER: dict[str, int] = {"mirrorlist/core/model.py": 320}
"""The nouns are read in one place."""


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
        ("settings", "core", False), ("publish", "update", False), ("app", "web", True), ("cli", "app", True),
        ("server", "app", False), ("wsgi", "app", True), ("core", "unheard_of", False),
    ],
)  # fmt: skip
def test_the_judge_knows_inward_from_outward(importer: str, imported: str, expected: bool) -> None:
    assert is_inward(importer, imported) is expected


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
    assert broad == ["mirrorlist/workers.py"]  # the boundary to the server, which an error would end


def test_only_commands_print() -> None:
    printing = [
        f"{path}:{node.lineno}" for path in FILES for node in ast.walk(TREES[path])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        and part_of(path) not in ("cli", "demo")
    ]  # fmt: skip
    assert printing == []


def test_files_are_short() -> None:
    lines = {str(path): len((ROOT / path).read_text().splitlines()) for path in FILES}
    assert {path: count for path, count in lines.items() if count > LONGER.get(path, MOST_LINES)} == {}


def test_every_module_opens_with_a_sentence() -> None:
    assert [str(path) for path in FILES if not ast.get_docstring(TREES[path])] == []


@pytest.mark.parametrize("module", ["mirrorlist.app", "mirrorlist.server", "mirrorlist.reload"])
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
    assert {"sqlalchemy", "requests", "flask", "maxminddb", "mirrorlist.publish"} & set(loaded) == set()
    assert module in loaded


def test_core_and_formats_load_nothing_of_the_rest() -> None:
    modules = [
        ".".join(path.with_suffix("").parts) for path in FILES if part_of(path) in PURE and path.stem != "__init__"
    ]
    program = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert {part(name) for name in loaded if name.startswith("mirrorlist.")} == set(PURE)
    assert {"flask", "structlog", "requests", "yaml", "sqlalchemy"} & set(loaded) == set()
