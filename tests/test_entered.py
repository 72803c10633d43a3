"""The files of the package that one request, one mirror file and one probe enter: what a reader of each has to open.

A file counts when one of its functions runs, once everything is loaded and prepared. ``pytest -rP tests/test_entered.py``
lists them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from mirrorlist.core.model import MAIN
from mirrorlist.sources.mirrors.files import read_mirror_files
from mirrorlist.sources.places.countries import read_countries
from tests.building import mirror, snapshot
from tests.checks.probing.test_visit import visited
from tests.checks.trees import Tree, mirrored
from tests.web.asking import ask, both, environ

ROOT = Path(__file__).parents[1]
PACKAGE = f"{ROOT}/mirrorlist/"


def entered(call: Callable[[], object]) -> list[str]:
    """The files whose functions run during a call, after one that warms up."""
    call()
    files: dict[str, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(PACKAGE):
            files[name.removeprefix(PACKAGE)] = None

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    print(*files, sep="\n")  # noqa: T201  # pytest shows it on demand
    return list(files)


def test_a_new_client() -> None:
    service = both(snapshot([mirror(f"m{number}", "berlin") for number in range(3)]))
    addresses = iter(["192.0.2.1", "192.0.2.2"])
    found = entered(lambda: ask(service.fronted, environ("/mirrorlist/9/baseos", "", next(addresses))))
    assert len(found) <= 10, found


def test_an_answer_of_flask() -> None:
    service = both(snapshot([mirror(f"m{number}", "berlin") for number in range(3)]))
    found = entered(lambda: ask(service.flask, environ("/mirrorlist/9/baseos", "", "192.0.2.1")))
    assert len(found) <= 31, found


def test_a_mirror_file(tmp_path: Path) -> None:
    text = "name: a.example\naddress: {https: https://a.example/x/}\ngeolocation: {country: DE}\nupdate_frequency: 3h\n"
    (tmp_path / "a.example.yml").write_text(
        f"{text}sponsor: Example\nsponsor_url: https://example.org/\nemail: m@example.org\n"
    )
    countries = read_countries()
    found = entered(lambda: read_mirror_files(tmp_path, (MAIN,), countries))
    assert len(found) <= 8, found


def test_a_probe_of_a_mirror() -> None:
    with mirrored(Tree()) as (probed, _):
        found = entered(lambda: visited(probed))
    assert len(found) <= 17, found
