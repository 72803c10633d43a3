"""``mirrorlist compare`` asks a service on this machine, which answers as an old one does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mirrorlist.cli.main import main
from tests.cli.test_commands import fill
from tests.serving import served

GERMAN, INSIDE = "193.99.144.80", "203.0.113.9"


@dataclass
class Old:
    """An old service: what it answers by path, or by client; and what it was asked."""

    url: str = ""
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def old() -> Iterator[Old]:
    made = Old()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            client = self.headers.get("X-Forwarded-For")
            made.asked.append((self.path, client))
            status, body = made.answers.get(client or "", made.answers.get(self.path, (404, "")))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as made.url:
        yield made


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a snapshot, whose key gives each client the same order again."""
    directory = fill(tmp_path_factory.mktemp("compare"))
    assert run(directory, "publish").exit_code == 0
    return directory


def run(checkout: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(checkout / "service.yml"), *words], prog_name="mirrorlist")


def compare(checkout: Path, old: Old, *words: str) -> Result:
    return run(checkout, "compare", old.url, *words)


def answer_here(checkout: Path, ip: str) -> str:
    return run(checkout, "list", "--ip", ip, "--version", "9", "--repo", "baseos", "--arch", "x86_64").stdout


REPO = ("--repo", "baseos-9", "--arch", "x86_64")


@pytest.mark.slow
def test_the_same_answers_are_no_difference(checkout: Path, old: Old) -> None:
    for ip in (GERMAN, INSIDE):
        old.answers[ip] = (200, answer_here(checkout, ip))
    done = compare(checkout, old, *REPO, "--ip", GERMAN, "--ip", INSIDE)
    assert (done.exit_code, done.stdout, done.stderr) == (
        0, "2 questions: 2 answered the same, 0 in another way, 0 worse\n", "",
    )  # fmt: skip
    assert old.asked == [("/mirrorlist?repo=baseos-9&arch=x86_64", ip) for ip in (GERMAN, INSIDE)]


def test_a_missing_mirror_is_named_with_the_reason_of_this_service(checkout: Path, old: Old) -> None:
    lines = answer_here(checkout, GERMAN).splitlines()
    there = [lines[1], lines[0], *lines[2:], "http://paused.example.org/linux/x/", "http://gone.example.net/x/"]
    old.answers[GERMAN] = (200, "\n".join(there))
    done = compare(checkout, old, *REPO, "--ip", GERMAN)
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        f"/mirrorlist?repo=baseos-9&arch=x86_64 for {GERMAN}",
        "  missing here: paused.example.org: The mirror is paused.",
        "  missing here: gone.example.net: no mirror file names this host",
        "  the order differs from rank 1 on",
        "",
        "missing here, by mirror:",
        "      1  paused.example.org  The mirror is paused.",
        "      1  gone.example.net  no mirror file names this host",
        "1 questions: 0 answered the same, 0 in another way, 1 worse",
    ]
    found = json.loads(compare(checkout, old, *REPO, "--ip", GERMAN, "--json").stdout)
    assert (found["old_url"], found["questions"], len(found["differences"])) == (old.url, 1, 1)
    assert found["differences"][0]["missing"][0] == {"host": "paused.example.org", "reason": "The mirror is paused."}


def test_questions_come_from_a_log_and_statuses_are_compared(checkout: Path, old: Old, tmp_path: Path) -> None:
    (tmp_path / "paths").write_text(
        "/mirrorlist/9/powertools\n/mirrorlist/9/baseos?protocol=ftp\n# no\n\n/nothing\n/mirrorlist/9/powertools\n"
    )
    old.answers = {
        "/mirrorlist/9/powertools": (200, "http://a.example/\n"),
        "/mirrorlist/9/baseos?protocol=ftp": (400, ""),
    }
    done = compare(checkout, old, "--paths", str(tmp_path / "paths"))
    assert done.exit_code == 1
    assert done.stdout.splitlines()[:2] == ["/mirrorlist/9/powertools", "  status 200 there, 404 here"]
    assert done.stdout.splitlines()[-1] == "3 questions: 2 answered the same, 0 in another way, 1 worse"


def test_a_client_can_be_named_by_a_parameter(checkout: Path, old: Old) -> None:
    compare(checkout, old, *REPO, "--path", "/mirrorlist/9/baseos", "--ip", "2001:db8::1", "--client-by", "parameter")
    assert old.asked == [
        ("/mirrorlist/9/baseos?ip=2001%3Adb8%3A%3A1", None),
        ("/mirrorlist?repo=baseos-9&arch=x86_64&ip=2001%3Adb8%3A%3A1", None),
    ]


def test_all_repositories_of_the_newest_version_are_asked_by_default(checkout: Path, old: Old) -> None:
    compare(checkout, old)
    assert [path for path, _ in old.asked] == [
        "/mirrorlist?repo=baseos-9&arch=x86_64", "/mirrorlist?repo=extras-9&arch=x86_64",
    ]  # fmt: skip


def test_a_service_that_believes_no_client_is_noticed(checkout: Path, old: Old) -> None:
    old.answers["/mirrorlist?repo=baseos-9&arch=x86_64"] = (200, "http://a.example/\n")
    done = compare(checkout, old, *REPO, "--ip", GERMAN, "--ip", INSIDE)
    assert done.stderr.endswith("gives every client the same answers; it may not believe --client-by header\n")


def test_a_service_that_does_not_answer_ends_it(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "clients").write_text("\n".join(f"192.0.2.{number}" for number in range(50)))
    done = run(checkout, "compare", "http://127.0.0.1:1", *REPO, "--clients", str(tmp_path / "clients"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "http://127.0.0.1:1 failed 5 times in a row" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_hostile_answers_are_bounded_and_plain(checkout: Path, old: Old) -> None:
    old.answers[GERMAN] = (200, "http://\x1b[31mevil.example/\nhttp://a.example/\x1b[2J\n" + "x" * 100_000)
    done = compare(checkout, old, *REPO, "--ip", GERMAN)
    assert "\x1b" not in done.output
    old.answers[GERMAN] = (200, "x" * 2_000_000)
    assert "too large" in compare(checkout, old, *REPO, "--ip", GERMAN).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ftp://old.example"], "ftp://old.example: write an address such as https://mirrors.example.org"),
        (["http://"], "http://: write an address such as https://mirrors.example.org"),
        (["http://u:p@old.example"], "http://u:p@old.example: write an address such as https://mirrors.example.org"),
        (["http://old.example", "--ip", "1.2.3"], "client '1.2.3': write an IPv4 or IPv6 address"),
        (["http://old.example", "--path", "mirrorlist"],
         "question 'mirrorlist': write a path such as /mirrorlist/9/baseos?arch=x86_64"),
        (["http://old.example", "--repo", "x-9"], "--repo x-9: unknown; write the repository and the version, as in baseos-9"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_said_before_anything_is_asked(checkout: Path, words: list[str], said: str) -> None:
    done = run(checkout, "compare", *words)
    assert (done.exit_code in (1, 2), done.stderr) == (True, f"error: {said}\n")


def test_the_requests_are_bounded(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "paths").write_text("\n".join(f"/mirrorlist/9/baseos?x={number}" for number in range(1001)))
    done = run(checkout, "compare", "http://127.0.0.1:1", "--paths", str(tmp_path / "paths"))
    assert (done.exit_code, done.stderr) == (
        2, "error: 1001 requests are too many; name at most 1000 clients and questions\n",
    )  # fmt: skip
