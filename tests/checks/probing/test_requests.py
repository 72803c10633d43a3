"""Mirrors that treat a client otherwise than the prober, by its User-Agent."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from mirrorlist.checks.probing.visit import Visited, visit
from mirrorlist.core.content import Content, ContentKind
from mirrorlist.core.health.probe_plan import AGENTS, Agent, Trip, Wanted, agents_of
from mirrorlist.core.health.verdicts import Family, HealthPolicy, Probe, ProbeOutcome, Subject, Verdict, judged
from mirrorlist.core.model import Mirror
from tests.building import NOW
from tests.checks.servers import answer, redirect
from tests.checks.trees import HTML, PATHS, TERMS, WANTED, Fetching, Tree, mirrored, now

FORBIDDEN = answer("403 Forbidden")


@dataclass
class Picky:
    """A tree that answers so to whom its pattern fits; with None it hangs up."""

    pattern: str
    refusal: bytes | None = FORBIDDEN
    tree: Tree = field(default_factory=Tree)
    agents: list[str] = field(default_factory=list)

    def __call__(self, connection: socket.socket, head: bytes) -> None:
        agent = re.search(rb"User-Agent: ([^\r]*)", head)
        self.agents.append(agent[1].decode() if agent else "")
        if not re.search(self.pattern, self.agents[-1]):
            self.tree(connection, head)
        elif self.refusal is not None:
            connection.sendall(self.refusal)


def visited(
    of: Mirror, run: int, verdicts: Mapping[Subject, Verdict], wanted: Wanted = WANTED, time_file: str | None = None
) -> Visited:
    trip = Trip(
        mirror=of, wanted=wanted, now=NOW, run=run, verdicts=verdicts, time_file=time_file, families=(Family.IPV4,)
    )
    return visit(trip, TERMS, Fetching(), time.monotonic, now)


def after(of: Mirror, runs: int, wanted: Wanted = WANTED, time_file: str | None = None) -> tuple[Probe, Verdict]:
    """The last probe of the tree and its verdict."""
    verdicts: dict[Subject, Verdict] = {}
    for run in range(1, runs + 1):
        found = visited(of, run, verdicts, wanted, time_file)
        for probe in found.probes:
            verdicts[probe.subject] = judged(verdicts.get(probe.subject), probe, HealthPolicy())
    last = next(probe for probe in found.probes if not probe.subject.spelled)
    return last, verdicts[last.subject]


OF_RPM = agents_of([ContentKind.RPM])


@pytest.mark.parametrize("agent", OF_RPM, ids=lambda agent: agent.name)
def test_a_mirror_that_refuses_one_client_of_rpm_is_out_after_three_runs(agent: Agent) -> None:
    with mirrored(Picky("^" + agent.user_agent[:4])) as (of, _):
        probe, verdict = after(of, 3)
    assert (probe.outcome, verdict.good_now) == (ProbeOutcome.CLIENTS, False)
    assert probe.detail == f"it refuses {agent.name}'s User-Agent (status 403), and not the prober's"


@pytest.mark.parametrize("agent", agents_of([]), ids=lambda agent: agent.name)
def test_a_mirror_of_other_files_is_asked_by_its_own_clients(agent: Agent) -> None:
    tree = Tree({"TIME": str(NOW).encode()})
    with mirrored(Picky(agent.user_agent[:6], tree=tree)) as (of, _):
        probe, verdict = after(of, 6, wanted={}, time_file="TIME")
    assert (probe.outcome, verdict.good_now) == (ProbeOutcome.CLIENTS, False)


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(answer("404 Not Found"), id="404"),
        pytest.param(answer("503 Service Unavailable"), id="503"),
        pytest.param(None, id="hung up"),
        pytest.param(answer("200 OK", HTML, "Content-Type: text/html"), id="a page"),
        pytest.param(redirect("http://169.254.169.254/"), id="a redirect"),
        pytest.param(answer("429 Too Many Requests"), id="429 for clients alone"),
        pytest.param(answer("200 OK", b"no package managers here"), id="something else"),
    ],
)
def test_every_way_to_refuse_a_client_counts(refusal: bytes | None) -> None:
    with mirrored(Picky("libdnf|curl|ZYpp", refusal)) as (of, _):
        assert after(of, 1)[0].outcome is ProbeOutcome.CLIENTS


def test_a_client_that_shall_come_back_later_is_not_refused() -> None:
    tree, asked = Tree(), list[bytes]()

    def talk(connection: socket.socket, head: bytes) -> None:
        asked.append(head)
        is_second = b"libdnf" in head and sum(b"libdnf" in each for each in asked) == 1
        connection.sendall(answer("429 Too Many Requests")) if is_second else tree(connection, head)

    with mirrored(talk) as (of, _):
        assert after(of, 3)[0].outcome is ProbeOutcome.GOOD
    assert any(b"libdnf" in head for head in asked)


def test_each_kind_of_content_is_asked_for_by_its_own_clients() -> None:
    assert {*AGENTS} == {*ContentKind}
    assert [agent.name for agent in agents_of([ContentKind.APT])] == ["apt", "curl"]
    assert [agent.name for agent in agents_of([ContentKind.APK, ContentKind.RPM])] == [
        "libdnf", "zypper", "apk", "curl",
    ]  # fmt: skip
    assert [agent.name for agent in agents_of([])] == ["apt", "pacman", "apk", "wget", "curl"]
    contents = {path: Content("main", path, ContentKind.APT, "repodata/repomd.xml") for path in PATHS}
    with mirrored(picky := Picky("nobody")) as (of, _):
        trip = Trip(mirror=of, wanted=WANTED, now=NOW, run=0, contents=contents, families=(Family.IPV4,))
        visit(trip, TERMS, Fetching(), time.monotonic, now)
    assert {agent for agent in picky.agents if not agent.startswith("mirrorlist/")} == {
        AGENTS[ContentKind.APT][0].user_agent
    }


def test_a_mirror_that_lets_clients_in_again_comes_back() -> None:
    with mirrored(picky := Picky("libdnf")) as (of, _):
        verdicts: dict[Subject, Verdict] = {}
        for run in range(1, 12):
            if run == 6:
                picky.pattern = "nobody"
            for probe in visited(of, run, verdicts).probes:
                verdicts[probe.subject] = judged(verdicts.get(probe.subject), probe, HealthPolicy())
    assert all(verdict.good_now for verdict in verdicts.values())


def test_one_request_of_a_visit_is_a_client_s_and_another_s_in_each_run() -> None:
    with mirrored(picky := Picky("nobody")) as (of, _):
        after(of, 3)
    asked = [agent for agent in picky.agents if not agent.startswith("mirrorlist/")]
    assert sorted(asked) == sorted(agent.user_agent for agent in OF_RPM)


@pytest.mark.parametrize(
    "refusal",
    [FORBIDDEN, None, answer("200 OK", HTML), answer("404 Not Found")],
    ids=["403", "hung up", "a page", "404"],
)
def test_a_mirror_that_refuses_the_prober_alone_is_good(refusal: bytes | None) -> None:
    with mirrored(Picky("^mirrorlist/", refusal)) as (of, _):
        found = visited(of, 1, {})
    by_path = {probe.subject.spelled: probe for probe in found.probes}
    assert {path: by_path[path].outcome for path in by_path} == {
        "": ProbeOutcome.GOOD, **dict.fromkeys(PATHS, ProbeOutcome.FRESH),
    }  # fmt: skip
    assert by_path[""].detail == "it refuses the prober's User-Agent, so it was asked under libdnf's"


@pytest.mark.parametrize("refusal", [answer("429 Too Many Requests"), answer("503 Service Unavailable")])
def test_a_mirror_that_always_wants_the_prober_to_wait_is_asked_as_a_client(refusal: bytes) -> None:
    with mirrored(picky := Picky("^mirrorlist/", refusal)) as (of, _):
        assert after(of, 1)[0].outcome is ProbeOutcome.LIMITED
        assert len(picky.agents) == 1, "the first time that is a wish"
        for runs in (2, 9):
            probe, verdict = after(of, runs)
            assert (probe.outcome, verdict.good_now) == (ProbeOutcome.GOOD, True)
            assert probe.detail.startswith("it refuses the prober's User-Agent")


def test_a_mirror_that_refuses_everybody_refuses() -> None:
    with mirrored(Picky("")) as (of, _):
        assert after(of, 2)[0].outcome is ProbeOutcome.REFUSED
