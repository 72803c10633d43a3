"""What the demo prints can be read in 80 columns and pasted."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from mirrorlist.demo import guide
from mirrorlist.demo.directory import Layout
from mirrorlist.demo.guide import DemoVerdict, fault_of, listed_names
from mirrorlist.demo.network import CLIENTS, NAMES, DemoClient

URL = "http://127.0.0.1:65535"
LAYOUT = Layout(Path("/srv/somebody's demo"))


def printed() -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=80)
    ports = dict.fromkeys(NAMES, 65535)
    pids = dict.fromkeys(NAMES, 4194304)
    console.print(guide.mirror_table(ports, pids, {NAMES[0]}, {NAMES[1]}))
    guide.show(
        console,
        *guide.what_runs(URL, 4194304, LAYOUT),
        *guide.curl_lines(URL),
        *guide.explain_lines(LAYOUT),
        *guide.dnf_lines(LAYOUT),
        *guide.broken_lines({NAMES[0]}, {NAMES[1]}),
        *guide.verdict_lines([DemoVerdict("Germany", ", ".join(NAMES), None)]),
    )
    return stream.getvalue()


def test_no_line_is_wider_than_80_columns() -> None:
    assert [line for line in printed().splitlines() if len(line.rstrip()) > 80] == []


def test_no_cell_of_the_table_is_cut_off() -> None:
    text = printed()
    assert "…" not in text
    assert all(name in text for name in NAMES)


def test_states_of_mirrors() -> None:
    states = [line.split()[-1] for line in printed().splitlines()[1 : len(NAMES) + 1]]
    assert states == ["stale", "dead", *["fresh"] * (len(NAMES) - 2)]


def test_every_client_has_a_line() -> None:
    lines = guide.curl_lines(URL)
    assert all(any(line.endswith(f"# {client.who}") for line in lines) for client in CLIENTS)


def test_lines_to_paste_are_whole_shell_commands() -> None:
    pasted = "\n".join((*guide.curl_lines(URL)[3:], *guide.explain_lines(LAYOUT)[3:], *guide.dnf_lines(LAYOUT)[3:7]))
    subprocess.run(["bash", "-n", "-c", pasted], check=True)
    words = subprocess.run(
        ["bash", "-c", "dnf() { printf '%s\\n' \"$@\"; }\n" + "\n".join(guide.dnf_lines(LAYOUT)[3:7])],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert words == [
        "--setopt=reposdir=/srv/somebody's demo",
        "--setopt=cachedir=/srv/somebody's demo/dnf/cache",
        "--installroot=/srv/somebody's demo/dnf/root",
        "--releasever=9",
        "--forcearch=x86_64",
        "--noplugins",
        "--disablerepo=*",
        "--enablerepo=demo-baseos,demo-appstream",
        "--refresh",
        "repoquery",
    ]


GERMANY, FACTORY, CAMPUS = (
    next(client for client in CLIENTS if client.who == who)
    for who in ("Germany", "the monopoly subnet", "the private subnet")
)
FRANKFURT, TOKYO, ON_CAMPUS, AT_FACTORY = (
    f"{label}.example.org" for label in ("frankfurt", "tokyo", "campus", "factory")
)


def test_names_stand_for_urls_in_the_order_of_the_list() -> None:
    text = "# note\nhttp://127.0.0.1:2/9.8/\nhttp://127.0.0.1:1/9.8/\nhttp://vault.example.org/\n"
    names = {"http://127.0.0.1:1/": "a", "http://127.0.0.1:2/": "b"}
    assert listed_names(text, names) == ("b", "a", "http://vault.example.org/")


@pytest.mark.parametrize(
    ("client", "listed", "broken", "fault"),
    [
        (GERMANY, (FRANKFURT, TOKYO), (), None),
        (GERMANY, (), (), "the list is empty"),
        (GERMANY, (TOKYO, FRANKFURT), (), "tokyo.example.org comes first"),
        (GERMANY, (TOKYO,), GERMANY.first, None),
        (GERMANY, (FRANKFURT, ON_CAMPUS), (), "must not see"),
        (CAMPUS, (ON_CAMPUS, FRANKFURT), (), None),
        (CAMPUS, (FRANKFURT, TOKYO), (), "comes first instead of campus.example.org"),
        (FACTORY, (AT_FACTORY,), (), None),
        (FACTORY, (AT_FACTORY, FRANKFURT), (), "2 mirrors instead of one"),
        (FACTORY, (FRANKFURT, TOKYO), {AT_FACTORY}, None),
    ],
)
def test_faults_of_lists(
    client: DemoClient, listed: tuple[str, ...], broken: frozenset[str], fault: str | None
) -> None:
    found = fault_of(listed, client, broken)
    assert (found is None) if fault is None else (found is not None and fault in found)
