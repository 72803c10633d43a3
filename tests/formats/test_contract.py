"""What every format keeps to, over the same selections; a new format gets a row in ``READERS``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import etree

from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.core.selection.answer import Selection
from mirrorlist.core.selection.select import select
from mirrorlist.formats.registry import LISTS, METALINKS
from tests.building import CITIES, NOW, client, metadata, mirror, place, query, snapshot
from tests.cli.test_commands import SERVICE, mirror_file, put_repomd, run, well

V3 = "{http://www.metalinker.org/}"
V4 = "{urn:ietf:params:xml:ns:metalink}"
FILE = "repodata/repomd.xml"
HOSTILE = "x\r\nhttp://evil.example.com/ \u2028\x1b<&\"'>]]>--\x00\ud800"
MARKS = "http://marks.example.org/a&b/%3Cc%3E/'d'/%0A/"
TREES = {MAIN: ("https://repo.example.org/linux/", "http://repo2.example.org/a&b/")}
MIRRORS = [mirror(f"m{number}", city, bandwidth_mbps=100 * number) for number, city in enumerate(CITIES, start=1)]
ODD = [
    mirror("own", "munich", private=True, subnets=["192.0.2.0/24"]),
    mirror("http", "paris", urls={MAIN: {Protocol.HTTP: MARKS}}),
    mirror("unplaced", sponsor=HOSTILE),
]


def selection(count: int, text: str = "arch=x86_64", *, odd: bool = False, few: bool = False) -> Selection:
    """What a client in Berlin gets of so many mirrors; ``few`` adds the project's own trees."""
    mirrors = MIRRORS[:count] + (ODD if odd else [])
    of = snapshot(mirrors, fallbacks=TREES if few else {})
    return select(of, query(text), client("192.0.2.1", place("berlin")), NOW)


SELECTIONS: dict[str, Selection] = {
    "nothing": selection(0),
    "one mirror": selection(1),
    "many mirrors": selection(len(MIRRORS)),
    "mirrors and fallbacks": selection(2, few=True),
    "fallbacks alone": selection(0, few=True),
    "a fallback before mirrors": replace(selection(3, few=True), ahead=(0,) * (len(TREES[MAIN]) - 1) + (2,)),
    "odd mirrors": selection(3, odd=True),
    "one protocol": selection(3, "protocol=http&arch=x86_64", odd=True, few=True),
    "every protocol": selection(3, "protocol=http,https&arch=x86_64", odd=True),
    "a note": selection(2, "country=JP&arch=x86_64"),
    "hostile notes": replace(selection(2, few=True), notes=(HOSTILE, "", "http://evil.example.com/")),
    "a hostile heading": replace(selection(2), heading=(HOSTILE, "repo = x arch = y ")),
}


def expected(made: Selection, *, every: bool = False) -> list[str]:
    """The directories of a selection, best first; with ``every`` those of all protocols asked for."""
    rows = [(url, *(choice.more_urls if choice and every else ())) for url, choice in made.in_order]
    return [url for row in rows for url in row]


def lines_of(body: bytes) -> list[str]:
    """The lines without the comments, after what holds for every text is checked."""
    text = body.decode("utf-8")
    assert text == "" or text.endswith("\n")
    lines = text.split("\n")[:-1]
    assert all(line.isprintable() or "\t" in line for line in lines)
    assert all(line == line.strip() or line.startswith("#") for line in lines)
    assert all(line.isascii() for line in lines)
    return [line for line in lines if not line.startswith("#")]


def read_mirrorlist(body: bytes) -> list[str]:
    return lines_of(body)


def read_apt(body: bytes) -> list[str]:
    rows = [line.split("\t") for line in lines_of(body)]
    assert [priority for _, priority in rows] == [f"priority:{number}" for number in range(1, len(rows) + 1)]
    return [url for url, _ in rows]


def read_pacman(body: bytes) -> list[str]:
    lines = lines_of(body)
    assert all(line.startswith("Server = ") and not line.endswith("/") for line in lines)
    return [line.removeprefix("Server = ") + "/" for line in lines]


def read_apk(body: bytes) -> list[str]:
    lines = lines_of(body)
    assert not any(line.endswith("/") or " " in line for line in lines)
    return [f"{line}/" for line in lines]


def read_json(body: bytes) -> list[str]:
    assert body.endswith(b"}\n")
    document = json.loads(body)
    preferences = [each["preference"] for each in document["mirrors"]]
    assert preferences == sorted(set(preferences), reverse=True)
    mirrors = [each["url"] for each in document["mirrors"]]
    assert [url for url in document["urls"] if url not in document["fallbacks"]] == mirrors
    assert [url for url in document["urls"] if url not in mirrors] == document["fallbacks"]
    return list(document["urls"])


def read_isolist(body: bytes) -> list[str]:
    assert b" " not in body
    return list(json.loads(body))


def directories(urls: list[str | None]) -> list[str]:
    assert all(url and url == url.strip() and url.endswith(FILE) for url in urls)
    return [str(url).removesuffix(FILE) for url in urls]


def strict_xml(body: bytes) -> etree._Element:
    assert body.startswith(b'<?xml version="1.0" encoding="utf-8"?>\n<metalink ')
    assert body.endswith(b"</metalink>\n")
    return etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True, recover=False))


def read_metalink3(body: bytes) -> list[str]:
    root = strict_xml(body)
    assert root.tag == f"{V3}metalink"
    assert [file.get("name") for file in root.iter(f"{V3}file")] == ["repomd.xml"]
    urls = list(root.iter(f"{V3}url"))
    preferences = [int(url.attrib["preference"]) for url in urls]
    assert preferences == sorted(set(preferences), reverse=True)
    assert all(url.get("type") == url.get("protocol") == str(url.text).partition(":")[0] for url in urls)
    assert "maxconnections" not in body.decode()
    return directories([url.text for url in urls])


def read_metalink4(body: bytes) -> list[str]:
    root = strict_xml(body)
    assert root.tag == f"{V4}metalink"
    [file] = root.findall(f"{V4}file")
    assert file.get("name") == "repomd.xml"
    assert [each.get("type") for each in file.findall(f"{V4}hash")] == ["sha-256", "sha-512"]
    urls = file.findall(f"{V4}url")
    assert [url.get("priority") for url in urls] == [str(number) for number in range(1, len(urls) + 1)]
    assert all(re.fullmatch("[a-z]{2}", url.get("location", "xx")) for url in urls)
    return directories([url.text for url in urls])


READERS: dict[str, Callable[[bytes], list[str]]] = {
    "mirrorlist": read_mirrorlist,
    "apt": read_apt,
    "pacman": read_pacman,
    "apk": read_apk,
    "json": read_json,
    "isolist": read_isolist,
    "metalink3": read_metalink3,
    "metalink4": read_metalink4,
}
CASES = [(name, case) for name in READERS for case in SELECTIONS]


def written(name: str, made: Selection) -> bytes:
    if name in LISTS:
        return LISTS[name].write(made)
    return METALINKS[name].write(replace(made, query=replace(made.query, every_protocol=False)), metadata())


def test_every_format_has_a_reader() -> None:
    assert {*LISTS, *METALINKS} == READERS.keys()


def test_the_selections_are_what_they_are_called() -> None:
    counts = {name: (len(made.choices), len(made.fallbacks)) for name, made in SELECTIONS.items()}
    assert counts["nothing"] == (0, 0)
    assert counts["one mirror"] == (1, 0)
    assert counts["many mirrors"] == (10, 0)
    assert counts["mirrors and fallbacks"] == (2, 2)
    assert counts["fallbacks alone"] == (0, 2)
    assert counts["odd mirrors"] == (6, 0)
    assert counts["one protocol"] == (6, 0)
    assert SELECTIONS["a note"].notes != ()
    assert any(choice.more_urls for choice in SELECTIONS["every protocol"].choices)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_format_tells_the_urls_in_their_order_and_nothing_else(name: str, case: str) -> None:
    made = SELECTIONS[case]
    assert READERS[name](written(name, made)) == expected(made, every=name == "mirrorlist")


@pytest.mark.parametrize(("name", "case"), CASES)
def test_every_url_is_absolute_http_and_ends_with_the_path(name: str, case: str) -> None:
    for url in READERS[name](written(name, SELECTIONS[case])):
        parts = urlsplit(url)
        assert parts.scheme in ("http", "https")
        assert re.fullmatch("[a-z0-9.]+example.org", parts.netloc)
        assert url.endswith("/9.8/BaseOS/x86_64/os/")


@pytest.mark.parametrize(("name", "case"), CASES)
def test_nothing_hostile_becomes_a_line_or_an_element(name: str, case: str) -> None:
    body = written(name, SELECTIONS[case])
    assert body.isascii() or name in ("json", "isolist")
    assert b"\r" not in body
    assert b"\x00" not in body
    starts = [line.partition(b"http://evil")[0] for line in body.split(b"\n") if b"http://evil" in line]
    assert name == "json" or all(start.startswith(b"# ") for start in starts)
    assert name == "json" or b"http://evil" not in body or "hostile" in case


@pytest.mark.parametrize("name", READERS)
def test_one_selection_gives_the_same_bytes_each_time(name: str) -> None:
    made = SELECTIONS["odd mirrors"]
    assert written(name, made) == written(name, made)


@pytest.mark.parametrize("name", LISTS)
def test_what_clients_fill_in_stays_as_it_is(name: str) -> None:
    body = LISTS[name].write(selection(2, ""))
    assert body.count(b"/9.8/BaseOS/$basearch/os") == (4 if name == "json" else 2), "JSON names the mirrors too"


@pytest.mark.parametrize("name", READERS)
def test_a_content_type_is_what_its_readers_go_by(name: str) -> None:
    content_type = LISTS[name].content_type if name in LISTS else METALINKS[name].content_type
    by_kind = {"json": "application/json", "isolist": "application/json", "metalink3": "application/metalink+xml"}
    by_kind["metalink4"] = "application/metalink4+xml"
    assert content_type == by_kind.get(name, "text/plain; charset=utf-8")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with its files, for commands."""
    directory = tmp_path_factory.mktemp("checkout")
    (directory / "mirrors.d").mkdir()
    (directory / "service.yml").write_text(SERVICE)
    for name in ("a.example.org", "b.example.org"):
        (directory / "mirrors.d" / f"{name}.yml").write_text(mirror_file(name))
    put_repomd(directory, "BaseOS", "a")
    put_repomd(directory, "extras", "b")
    well(run(directory, "update", "metadata"))
    return directory


@pytest.mark.parametrize("name", READERS)
def test_the_list_command_writes_every_format(checkout: Path, name: str) -> None:
    asked = ["--ip", "192.0.2.1", "--version", "9", "--repo", "baseos", "--arch", "x86_64"]
    urls = READERS[name](well(run(checkout, "list", *asked, "--format", name)).encode())
    assert sorted(urls) == [f"https://{host}.example.org/linux/9.8/BaseOS/x86_64/os/" for host in "ab"]
