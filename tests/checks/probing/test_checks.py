"""One more check is a function and a row: a run asks it, behind the guard, and so do Prober and validate --online.

The last two are held in tests/cli/test_probe.py and tests/cli/test_validate_online.py.
"""

from __future__ import annotations

from dataclasses import replace

from mirrorlist.checks.fetching.fetch import Guard
from mirrorlist.checks.probing.checks import CHECKS, guarded
from mirrorlist.checks.probing.runner import Job, Outside, run
from mirrorlist.core.health.verdicts import Family, Probe, ProbeOutcome, Subject
from mirrorlist.core.model import MAIN, WEB_PROTOCOLS, Mirror, Protocol
from tests.building import NOW
from tests.checks.servers import serving
from tests.checks.trees import TERMS, WANTED, Fetching, Tree, mirror

FTP = "ftp://m.test/linux/"


class Planted:
    """A check of ftp that notes what it is asked, and finds every tree missing."""

    def __init__(self) -> None:
        self.asked: list[tuple[Subject, str]] = []
        self.guards: set[int] = set()

    def __call__(self, guard: Guard, subject: Subject, url: str, seconds: float) -> Probe:
        assert seconds > 0
        self.asked.append((subject, url))
        self.guards.add(id(guard))
        return Probe(subject, NOW, 0.1, ProbeOutcome.MISSING, "no such directory")


def with_ftp(of: Mirror) -> Mirror:
    return replace(of, urls={MAIN: {**of.urls[MAIN], Protocol.FTP: FTP}})


def test_the_web_needs_no_row() -> None:
    assert CHECKS.keys() & set(WEB_PROTOCOLS) == set()
    assert Protocol.RSYNC in CHECKS


def test_a_run_asks_one_more_check_and_follows_what_it_says() -> None:
    planted, fetching = Planted(), Fetching()
    with serving(Tree()) as server:
        of = with_ftp(mirror("m.test", http=server))
        job = Job(mirrors=(of,), wanted=WANTED, run=1, terms=TERMS)
        checks = guarded({**CHECKS, Protocol.FTP: planted}, fetching.guard)
        ran = run(job, Outside(fetch=fetching, now=lambda: NOW, checks=checks), lambda visited: None)
    over = [Subject("m.test", MAIN, Protocol.FTP, family) for family in Family]
    assert planted.asked == [(subject, FTP) for subject in over]
    assert planted.guards == {id(fetching.guard)}
    assert {subject: ran.round.verdicts[subject].outcome for subject in over} == dict.fromkeys(
        over, ProbeOutcome.MISSING
    )


def test_without_a_row_a_tree_is_left_alone() -> None:
    with serving(Tree()) as server:
        of = with_ftp(mirror("m.test", http=server))
        ran = run(
            Job(mirrors=(of,), wanted=WANTED, run=1, terms=TERMS), Outside(fetch=Fetching()), lambda visited: None
        )
    assert {subject.protocol for subject in ran.round.verdicts} == {Protocol.HTTP}
