"""Lists of networks at a URL, from a web server on loopback to what is kept."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from mirrorlist.checks.fetching.fetch import Ask, fetch
from mirrorlist.checks.fetching.result import Failure, Fetched
from mirrorlist.core.catalogue.service import Profile, Service
from mirrorlist.core.network.prefixes import spelled
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.publishing.subnet_update import DEADLINE_SECONDS, rules_of, update_subnets
from mirrorlist.sources.mirrors.subnet_lists import KEPT_SECONDS, copy_path, list_findings, with_published_subnets
from tests.building import NOW, mirror, service
from tests.checks.asking import LOOPBACK, guard
from tests.checks.fetching.test_bounded_socket import AUTHORITY, TRUSTING, serving_tls
from tests.checks.servers import ALLOWED_HOST, Talk, answer, drips, floods, redirect, says

OTHER = """\
name: b.example.org
address: {https: https://b.example.org/}
subnets: [30.0.0.0/24]
"""
LISTED = ["20.0.0.0/24", "2a00:1::/48"]


@dataclass
class Publishing:
    """A service of two mirrors, of which the first has its networks at a URL that says ``talk``."""

    directory: Path
    talk: Talk = field(default_factory=lambda: said(LISTED))
    url: str = ""
    approved: tuple[str, ...] = ()
    now: float = NOW

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        self.talk(connection, head)

    @property
    def service(self) -> Service:
        return service(mirrors_dir=str(self.directory), approved=self.approved)

    def update(self, *accepted: str, context: ssl.SSLContext = TRUSTING) -> UpdateResult:
        fetching = partial(fetch, guard=guard(LOOPBACK, lambda name: [ALLOWED_HOST], context))
        (found,) = update_subnets(self.service, self.directory / "state", fetching, self.now, accepted)
        return found

    def subnets(self) -> list[str]:
        of = mirror("a", subnets_url=self.url)
        return [spelled(each) for each in with_published_subnets(of, self.directory / "state", self.now).subnets]

    def findings(self) -> list[str]:
        of = mirror("a", subnets_url=self.url)
        return [each.code for each in list_findings({"a.yml": of}, self.directory / "state", self.now)]


def said(networks: list[str]) -> Talk:
    return says(answer(body=json.dumps(networks).encode()))


@pytest.fixture
def publishing(tmp_path: Path) -> Iterator[Publishing]:
    found = Publishing(tmp_path)
    with serving_tls("a.example.org", talk=found) as server:
        found.url = server.url("/subnets.json", "https", "a.example.org")
        (tmp_path / "a.example.org.yml").write_text(
            f"name: a.example.org\naddress: {{https: https://a.example.org/}}\nsubnets: {found.url}\n"
        )
        (tmp_path / "b.example.org.yml").write_text(OTHER)
        yield found


def test_a_list_is_taken_up_and_confirmed(publishing: Publishing) -> None:
    assert publishing.findings() == ["subnets-missing"]
    assert publishing.update() == UpdateResult("a.example.org", UpdateOutcome.CHANGED, "1 of IPv4 and 1 of IPv6")
    assert publishing.subnets() == LISTED
    publishing.now += KEPT_SECONDS - 1
    assert publishing.update().outcome is UpdateOutcome.UNCHANGED
    publishing.now += KEPT_SECONDS - 1
    assert publishing.subnets() == LISTED
    assert publishing.findings() == []


HOSTILE: dict[str, tuple[Talk, str]] = {
    "huge": (floods(b"HTTP/1.1 200 OK\r\n\r\n", b'["20.0.0.0/24", ' * 4096), "too large"),
    "ten megabytes": (says(answer(body=b" " * 10_000_000)), "too large: 10000000 bytes announced"),
    "a page": (says(answer(body=b"<html><body>Log in</body></html>")), "it is a page, not a list"),
    "nested": (says(answer(body=b"[" * 500_000)), "it is nested too deeply"),
    "wrong types": (says(answer(body=b'[20, null, {"a": 1}]')), "it is no list of texts"),
    "too many": (said([f"20.0.{number // 256}.{number % 256}/32" for number in range(1025)]), "1025 entries"),
    "compressed": (says(answer("200 OK", b"\x1f\x8b", "Content-Encoding: gzip")), "compressed"),
    "gone": (says(answer("404 Not Found")), "status 404"),
    "elsewhere": (says(redirect("https://169.254.169.254/latest")), "forbidden address"),
    "down to http": (says(redirect("http://a.example.org/subnets.json")), "redirect from https to http"),
    "private": (said(["10.0.0.0/24"]), "10.0.0.0/24 is not public (private)"),
    "metadata": (said(["169.254.169.254/32"]), "is not public (link-local)"),
    "everything": (said(["0.0.0.0/0"]), "0.0.0.0/0 is not public"),
    "wide": (said(["20.0.0.0/15"]), "20.0.0.0/15 is wider than /16"),
    "another's": (
        said(["20.0.0.0/24", "30.0.0.0/28"]),
        "30.0.0.0/28 shares addresses with 30.0.0.0/24 of b.example.org",
    ),
    "control characters": (says(answer(body=b'["\x1b[2J"]')), "it is no JSON"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_bad_list_is_refused_in_words_and_the_former_stays_for_a_week(publishing: Publishing, name: str) -> None:
    publishing.update()
    publishing.talk, reason = HOSTILE[name]
    found = publishing.update()
    assert found.outcome is UpdateOutcome.REFUSED
    assert reason in found.detail
    assert found.detail.isprintable()
    assert (publishing.subnets(), publishing.findings()) == (LISTED, ["subnets-refused"])
    publishing.now += KEPT_SECONDS
    assert (publishing.subnets(), publishing.findings()) == ([], ["subnets-old", "subnets-refused"])
    publishing.talk = said(LISTED)
    assert publishing.update().outcome is UpdateOutcome.UNCHANGED
    assert (publishing.subnets(), publishing.findings()) == (LISTED, [])


def test_a_slow_list_ends_at_its_deadline(publishing: Publishing) -> None:
    publishing.talk = drips(b"HTTP/1.1 200 OK\r\n\r\n", lambda _: b" ", 0.05)

    def impatient(url: str, ask: Ask) -> Fetched | Failure:
        assert ask.deadline_seconds == DEADLINE_SECONDS
        found = guard(LOOPBACK, lambda name: [ALLOWED_HOST], TRUSTING)
        return fetch(url, replace(ask, deadline_seconds=0.5), found)

    (found,) = update_subnets(publishing.service, publishing.directory / "state", impatient, NOW)
    assert (found.outcome, found.detail.partition(":")[0]) == (UpdateOutcome.REFUSED, "not complete in time")


def test_an_untrusted_certificate_is_refused(publishing: Publishing) -> None:
    assert publishing.update(context=ssl.create_default_context()).detail.startswith("certificate: unknown issuer")
    assert publishing.subnets() == []


def test_half_at_a_time_waits_for_a_person_too(publishing: Publishing) -> None:
    a, b, c, d = (f"20.{number}.0.0/24" for number in range(4))
    publishing.talk = said([a, b])
    assert publishing.update().outcome is UpdateOutcome.CHANGED
    publishing.talk = said([b, c])
    assert publishing.update().outcome is UpdateOutcome.CHANGED
    publishing.talk = said([c, d])
    publishing.now += 86_400
    assert publishing.update() == UpdateResult(
        "a.example.org", UpdateOutcome.HELD, "over half of the addresses changed: 2 of IPv4 now"
    )
    assert publishing.subnets() == [b, c]
    assert publishing.update("a.example.org").outcome is UpdateOutcome.CHANGED
    publishing.talk = said([d, a])
    assert publishing.update().outcome is UpdateOutcome.CHANGED
    publishing.talk = said([a, b])
    assert publishing.update().outcome is UpdateOutcome.HELD


def test_the_first_list_of_a_private_mirror_is_held_against_routing(publishing: Publishing) -> None:
    file = publishing.directory / "a.example.org.yml"
    file.write_text(file.read_text() + "private: true\nasn: 680\n")
    publishing.talk = said(["8.8.0.0/17"])
    found = publishing.update()
    assert (found.outcome, found.detail.partition(" is announced by")[0]) == (UpdateOutcome.HELD, "8.8.0.0/17")
    assert publishing.subnets() == []
    assert "subnets-held" in publishing.findings()
    assert publishing.update("a.example.org").outcome is UpdateOutcome.CHANGED
    assert publishing.subnets() == ["8.8.0.0/17"]


def test_over_half_of_the_addresses_wait_for_a_person(publishing: Publishing) -> None:
    publishing.update()
    other = ["21.0.0.0/24", "2a00:1::/48"]
    publishing.talk = said(other)
    assert [publishing.update().outcome for _ in range(2)] == [UpdateOutcome.HELD] * 2
    assert (publishing.subnets(), publishing.findings()) == (LISTED, ["subnets-held"])
    publishing.talk = said(["22.0.0.0/24", "2a00:1::/48"])
    assert publishing.update("a.example.org").outcome is UpdateOutcome.HELD, "it is not what the person looked at"
    assert publishing.update("b.example.org").outcome is UpdateOutcome.HELD
    assert publishing.update("a.example.org").outcome is UpdateOutcome.CHANGED
    assert (publishing.subnets(), publishing.findings()) == (["22.0.0.0/24", "2a00:1::/48"], [])


def test_a_held_list_is_forgotten_when_the_url_goes_back(publishing: Publishing) -> None:
    publishing.update()
    publishing.talk = said(["21.0.0.0/24"])
    publishing.update()
    publishing.talk = said(LISTED)
    assert publishing.update().outcome is UpdateOutcome.UNCHANGED
    assert publishing.findings() == []


def test_a_held_list_does_not_keep_the_former_alive_for_ever(publishing: Publishing) -> None:
    publishing.update()
    publishing.talk = said(["21.0.0.0/24"])
    publishing.now += KEPT_SECONDS
    assert publishing.update().outcome is UpdateOutcome.HELD
    assert (publishing.subnets(), publishing.findings()) == ([], ["subnets-old", "subnets-held"])


def test_small_changes_are_taken_up_at_once(publishing: Publishing) -> None:
    publishing.update()
    publishing.talk = said(["20.0.0.0/23", "2a00:1::/48"])
    assert publishing.update().outcome is UpdateOutcome.CHANGED
    assert publishing.subnets() == ["20.0.0.0/23", "2a00:1::/48"]


def test_an_approved_mirror_may_claim_more(publishing: Publishing) -> None:
    publishing.approved = ("a.example.org",)
    publishing.talk = said(["20.0.0.0/8", "30.0.0.0/28"])
    assert publishing.update().outcome is UpdateOutcome.CHANGED


def test_an_intranet_may_list_its_own_networks() -> None:
    networks = ("10.0.0.0/8",)
    assert rules_of(service(intranet_networks=networks)).allowed == ()
    assert len(rules_of(service(profile=Profile.INTRANET, intranet_networks=networks)).allowed) == 1


@pytest.mark.slow
def test_the_command_takes_lists_up_and_tells(tmp_path: Path) -> None:
    mirrors = tmp_path / "mirrors.d"
    mirrors.mkdir()
    with serving_tls("localhost", talk=says(answer(body=b'["20.0.0.0/24"]')), on="127.0.0.1") as server:
        url = server.url("/subnets.json", "https", "localhost")
        (mirrors / "a.example.org.yml").write_text(
            f"name: a.example.org\naddress: {{https: https://a.example.org/}}\nsubnets: {url}\n"
        )
        (tmp_path / "service.yml").write_text(
            "versions: ['9']\narches: {'9': [x86_64]}\nrepos: [{name: baseos, path: os/}]\n"
            "profile: intranet\nintranet_networks: [127.0.0.0/8, '::1']\n"
        )
        (tmp_path / "ca.pem").write_bytes(AUTHORITY.cert_pem.bytes())

        def ran(*words: str) -> subprocess.CompletedProcess[str]:
            command = [
                sys.executable,
                "-m",
                "mirrorlist",
                "--config",
                str(tmp_path / "service.yml"),
                "update",
                "subnets",
            ]
            environment = {**os.environ, "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
            return subprocess.run(
                [*command, *words], capture_output=True, text=True, env=environment, timeout=60, check=False
            )

        done = ran()
        assert (done.returncode, done.stdout) == (
            0, "changed    a.example.org  1 of IPv4\n1 changed, 0 unchanged, 0 held, 0 refused\n",
        ), done.stderr  # fmt: skip
        assert "no mirror of this name has a list" in ran("--accept", "b.example.org").stderr
    down = ran()
    assert (down.returncode, down.stdout.partition(":")[0]) == (1, "refused    a.example.org  connection refused")
    assert copy_path(tmp_path / "state", url).exists()


def test_lists_of_mirrors_that_are_gone_are_removed_when_nobody_would_use_them(publishing: Publishing) -> None:
    publishing.update()
    gone = copy_path(publishing.directory / "state", "https://gone.test/x.json")
    kept = [gone, gone.with_suffix(".held.json"), gone.with_suffix(".refused")]
    strange = gone.with_name("notes.json")
    for path in (*kept, strange):
        path.write_text("[]")
        os.utime(path, (NOW, NOW))

    publishing.now = NOW + KEPT_SECONDS - 1
    publishing.update()
    assert all(path.exists() for path in kept)
    publishing.now = NOW + KEPT_SECONDS
    publishing.update()
    assert not any(path.exists() for path in kept)
    assert strange.exists()
    assert publishing.subnets() == LISTED
