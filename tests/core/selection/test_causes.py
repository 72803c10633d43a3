"""Since when a mirror is left out, and for what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.health.columns import HealthTable
from mirrorlist.core.health.table import health_table
from mirrorlist.core.health.verdicts import Family, Override, ProbeOutcome, Subject, Verdict
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.core.reasons import Cause, Reason
from mirrorlist.core.selection.causes import ExclusionFault, faults_of
from mirrorlist.core.selection.select import select
from mirrorlist.core.snapshot import Snapshot, decode, encode
from tests.building import NOW, client, metadata, mirror, query, service, snapshot

X86, ARM = "9.8/BaseOS/x86_64/os/", "9.8/BaseOS/aarch64/os/"
MIRRORS = [mirror(name) for name in ("fine", "stale", "down", "half", "out", "lags")]
HOUR = 3600.0


def subject(
    name: str, path: str | None = None, protocol: Protocol = Protocol.HTTPS, family: Family = Family.IPV4
) -> Subject:
    return Subject(f"{name}.example.org", MAIN, protocol, family, path)


def verdict(outcome: ProbeOutcome, hours_ago: float, digit: str | None = None, good: bool = False) -> Verdict:
    return Verdict(good, NOW - hours_ago * HOUR, outcome, NOW, sha256=digit and digit * 64)


def made() -> HealthTable:
    everything = [(protocol, family) for protocol in (Protocol.HTTPS, Protocol.HTTP) for family in Family]
    verdicts = {
        subject("fine", X86): verdict(ProbeOutcome.FRESH, 9, "a", good=True),
        subject("stale", X86): verdict(ProbeOutcome.STALE, 5, "f"),
        subject("stale", ARM): verdict(ProbeOutcome.MISSING, 7),
        subject("lags", X86): verdict(ProbeOutcome.LAGGING, 40, "b", good=True),
        subject("half", None, Protocol.HTTPS, Family.IPV6): replace(
            verdict(ProbeOutcome.CERTIFICATE, 2), detail="expired"
        ),
        **{subject("down", None, *way): verdict(ProbeOutcome.TIMEOUT, 1 + at) for at, way in enumerate(everything)},
    }
    override = Override("out.example.org", "a new disk", "somebody", NOW - HOUR, NOW + HOUR)
    known = {path: metadata(path, "a", "b") for path in (X86, ARM)}
    of = service()
    return health_table(MIRRORS, verdicts, known, {override.mirror: override}, of, NOW + 6 * HOUR)


def asked(text: str, address: str = "198.51.100.1") -> dict[str, tuple[Reason, Cause | None]]:
    selection = select(snapshot(MIRRORS, facts={"health": made()}), query(text), client(address), NOW)
    return {row.mirror.name.partition(".")[0]: (row.reason, row.cause) for row in selection.rejected}


OUT = Cause(NOW - HOUR, (), "somebody", "a new disk", NOW + HOUR)


def test_every_reason_of_health_has_its_beginning_and_what_it_is_about() -> None:
    assert asked("arch=x86_64") == {
        "stale": (Reason.STALE, Cause(NOW - 5 * HOUR, (X86,))),
        "down": (Reason.UNREACHABLE, Cause(NOW - HOUR, ("https ipv4", "http ipv4"), why="too slow")),
        "out": (Reason.TAKEN_OUT, OUT),
        "lags": (Reason.LAGGING, Cause(metadata().first_seen + 6 * HOUR, (X86,))),
    }


def test_a_list_for_every_arch_tells_of_the_worst() -> None:
    assert asked("")["stale"] == (Reason.MISSING, Cause(NOW - 7 * HOUR, (ARM,)))


def test_a_client_hears_of_its_own_family_and_protocol() -> None:
    found = asked("arch=aarch64&protocol=https", "2001:db8::1")
    assert found["down"] == (Reason.UNREACHABLE, Cause(NOW - 2 * HOUR, ("https ipv6",), why="too slow"))
    assert "half" not in found  # it comes last, as it works over the other family


def test_reasons_of_the_mirror_s_own_file_have_no_cause() -> None:
    kitten = [mirror("kitten", urls={"kitten": {Protocol.HTTPS: "https://kitten.example.org/"}})]
    (row,) = select(snapshot(kitten), query(), client(), NOW).rejected
    assert (row.reason, row.cause) == (Reason.NOT_CARRIED, None)


def test_a_mirror_s_faults_are_summed_up() -> None:
    health = made()
    told = [faults_of(health, number, each) for number, each in enumerate(MIRRORS)]
    assert told[0] == ()
    assert told[1] == (
        ExclusionFault(Reason.STALE, Cause(NOW - 5 * HOUR, (X86,))),
        ExclusionFault(Reason.MISSING, Cause(NOW - 7 * HOUR, (ARM,))),
    )
    assert [fault.cause.of for fault in told[2]] == [("https ipv4",), ("https ipv6",), ("http ipv4",), ("http ipv6",)]
    cause = Cause(NOW - 2 * HOUR, ("https ipv6",), why="bad certificate: expired")
    assert told[3] == (ExclusionFault(Reason.UNREACHABLE, cause),)
    assert told[4] == (ExclusionFault(Reason.TAKEN_OUT, OUT),)


def test_causes_travel_with_the_snapshot() -> None:
    whole = snapshot(MIRRORS, facts={"health": made()})
    again: Snapshot = decode(memoryview(encode(whole)))
    assert again.facts.health == whole.facts.health


@pytest.mark.parametrize(
    ("reaches", "told"),
    [
        ({Family.IPV6: ProbeOutcome.NO_ADDRESS}, []),
        ({Family.IPV4: ProbeOutcome.NO_ADDRESS}, []),
        (
            {Family.IPV4: ProbeOutcome.CLOSED, Family.IPV6: ProbeOutcome.NO_ADDRESS},
            [(Reason.UNREACHABLE, "https ipv4")],
        ),
        (
            {Family.IPV4: ProbeOutcome.NO_ADDRESS, Family.IPV6: ProbeOutcome.NO_ADDRESS},
            [(Reason.UNREACHABLE, "https ipv4"), (Reason.UNREACHABLE, "https ipv6")],
        ),
        ({Family.IPV4: ProbeOutcome.GOOD}, [(Reason.RECOVERING, "https ipv4")]),
    ],
)
def test_a_mirror_of_one_family_is_not_out(reaches: dict[Family, ProbeOutcome], told: list[tuple[Reason, str]]) -> None:
    one = mirror("one", urls={MAIN: {Protocol.HTTPS: "https://one.example.org/"}})
    verdicts = {
        Subject(one.name, MAIN, Protocol.HTTPS, family): Verdict(False, NOW - HOUR, outcome, NOW)
        for family, outcome in reaches.items()
    }
    table = health_table([one], verdicts, {}, {}, service(), NOW)
    assert [(fault.reason, fault.cause.of[0]) for fault in faults_of(table, 0, one)] == told
