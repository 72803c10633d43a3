"""Votes in both databases: each report once and whole, on known mirrors only, and by one process for each vantage."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from mirrorlist.core.catalogue.service import Vantage
from mirrorlist.core.channel import new_key, private_key, public_text
from mirrorlist.core.errors import LeadLost, UploadRefused
from mirrorlist.core.health.vantages import LEAST_SECONDS, Look, Report, Vote
from mirrorlist.core.health.verdicts import Family, ProbeOutcome
from mirrorlist.core.model import Protocol
from mirrorlist.store.health import HealthStore
from mirrorlist.store.leader_election import PROBER, LeaderCandidate, leading, prober_lock, vantage_lead, vantage_lock
from mirrorlist.store.marks import Scheme, UploadBox, authorization, verified_claim
from mirrorlist.store.quick_looks import VoteStore, VoteTaker
from tests.building import NOW

A, B = "a.example.org", "b.example.org"
KEY = private_key(new_key())
BERLIN = Vantage("berlin", "DE", public_text(KEY))


def look(mirror: str, good: bool = True, detail: str = "") -> Look:
    return Look(mirror, Protocol.HTTPS, Family.IPV4, ProbeOutcome.GOOD if good else ProbeOutcome.TIMEOUT, detail)


def report(*looks: Look) -> Report:
    return Report(900.0, looks)


def test_votes_count_their_looks_from_report_to_report_and_survive_the_database(engine: sa.Engine) -> None:
    store = VoteStore(engine)
    assert (store.ballots(), store.last_at(), store.version()) == ({}, {}, 0)
    store.record("berlin", report(look(A, False, "a\0b \U0001f600")), NOW, [A])
    store.record("berlin", report(look(A, False), look("private.example.org", False)), NOW + 900, [A])
    store.record("oslo", report(look(A)), NOW, [A])
    found = store.ballots()
    assert {name: [(v.mirror, v.since, v.looks) for v in each.votes] for name, each in found.items()} == {
        "berlin": [(A, NOW, 2)], "oslo": [(A, NOW, 1)],
    }  # fmt: skip
    assert found["berlin"].expires_at == NOW + 900 + 3 * 900
    assert store.last_at() == {"berlin": NOW + 900, "oslo": NOW}
    assert store.version() == 3


def test_a_mirror_that_is_reported_no_more_has_no_votes(engine: sa.Engine) -> None:
    store = VoteStore(engine)
    store.record("berlin", report(look(A), look(B, False)), NOW, [A, B])
    store.record("berlin", report(look(A)), NOW + 900, [A, B])
    assert [vote.mirror for vote in store.ballots()["berlin"].votes] == [A]


@pytest.mark.parametrize("later", [0.0, -1.0, -1e6, LEAST_SECONDS - 1])
def test_a_report_that_was_there_or_follows_at_once_changes_nothing(engine: sa.Engine, later: float) -> None:
    store = VoteStore(engine)
    store.record("berlin", report(look(A)), NOW, [A])
    before = store.ballots()
    with pytest.raises(UploadRefused):
        store.record("berlin", report(look(A, False)), NOW + later, [A])
    assert store.ballots() == before
    assert store.version() == 1


def test_a_vantage_has_a_lead_of_its_own_beside_the_prober(engine: sa.Engine, tmp_path: Path) -> None:
    def candidate(name: str) -> LeaderCandidate:
        return LeaderCandidate(vantage_lock(engine, tmp_path, name))

    prober = LeaderCandidate(prober_lock(engine, tmp_path))
    with (
        leading(engine, prober, PROBER, lambda: NOW) as lead,
        leading(engine, candidate("berlin"), vantage_lead("berlin"), lambda: NOW) as berlin,
        leading(engine, candidate("oslo"), vantage_lead("oslo"), lambda: NOW) as oslo,
    ):
        assert lead
        assert berlin
        assert oslo
        with leading(engine, candidate("berlin"), vantage_lead("berlin"), lambda: NOW) as second:
            assert second is None
        VoteStore(engine, berlin).record("berlin", report(look(A)), NOW, [A])
        HealthStore(engine, lead).begin_run(NOW)
    with leading(engine, candidate("berlin"), vantage_lead("berlin"), lambda: NOW), pytest.raises(LeadLost):
        VoteStore(engine, berlin).record("berlin", report(look(A)), NOW + 900, [A])


def test_waiting_reports_are_taken_once_whatever_process_takes_them(engine: sa.Engine, tmp_path: Path) -> None:
    box, store = UploadBox(tmp_path), VoteStore(engine)

    def left(at: float, *looks: Look) -> None:
        body = msgspec.json.encode(report(*looks))
        header = authorization(Scheme.VANTAGE, "berlin", at, body, KEY)
        box.leave(header, verified_claim(Scheme.VANTAGE, header, (BERLIN,), at), body)

    def taken(taker: VoteTaker) -> list[str]:
        return list(taker.take(taker.waiting([BERLIN, Vantage("oslo", "NO", BERLIN.key)]), store, [A, B]))

    first = VoteTaker(box)
    assert taken(first) == []
    left(NOW, look(A), look(B), look("unknown.example.org"))
    assert taken(first) == ["berlin reports on 2 mirrors"]
    assert taken(first) == []
    assert taken(VoteTaker(box)) == [], "another process takes nothing twice"
    left(NOW + 900, look(A, False))
    (tmp_path / "vantages" / "oslo.report").write_bytes((tmp_path / "vantages" / "berlin.report").read_bytes())
    told = taken(first)
    assert told[0] == "berlin reports on 1 mirror"
    assert told[1].startswith("the report of oslo is refused: no vantage point has this name and key")
    assert store.ballots()["berlin"].votes == (
        Vote(A, Protocol.HTTPS, Family.IPV4, ProbeOutcome.TIMEOUT, "", NOW + 900, 1),
    )
    assert "oslo" not in store.ballots()
