""""""

from __future__ import annotations

from dataclasses import replace

import pytest

from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.files.found import FoundFiles
from mirrorlist.core.health.columns import HealthTable, Reach, SyncState, reach_key
from mirrorlist.core.health.verdicts import Event, EventKind, Family, Override, ProbeOutcome, Subject, Verdict
from mirrorlist.core.mirror import is_shown
from mirrorlist.core.model import MAIN, CloudRegions, Mirror, Protocol, Status
from mirrorlist.core.public.encoding import PublicFile, encode_record
from mirrorlist.core.public.record import History, RecordInputs, public_record, state_of
from mirrorlist.core.public.types import Logo, MirrorState, PublicOverride, PublicRun, clean, clean_url, web_url
from tests.building import NOW, mirror
from tests.web.networks import record_of

HTTPS4 = Subject("m.example.org", MAIN, Protocol.HTTPS, Family.IPV4)
UP, GONE = (Verdict(good, NOW - 60, ProbeOutcome.GOOD, NOW) for good in (True, False))


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (True, mirror("m")),
        (True, mirror("m", status=Status.PAUSED)),
        (True, mirror("m", status=Status.RETIRING)),
        (True, mirror("m", status=Status.SYNCING, live_from="2027-01-01")),
        (False, mirror("m", status=Status.SYNCING)),
        (False, mirror("m", status=Status.OFFERED, live_from="2027-01-01")),
        (False, mirror("m", status=Status.PAPERWORK)),
        (False, mirror("m", status=Status.DECLINED)),
        (False, mirror("m", status=Status.RETIRED)),
        (False, mirror("m", private=True, subnets=["192.0.2.0/24"])),
        (False, mirror("m", private=True, monopoly=True, subnets=["192.0.2.0/24"])),
        (False, mirror("m", cloud=CloudRegions("aws", None))),
    ],
)
def test_only_what_is_for_everybody_is_shown(shown: bool, found: Mirror) -> None:
    assert is_shown(found) is shown
    record = public_record(RecordInputs(mirrors=[found], health=HealthTable(), modules={}, now=NOW))
    assert [each.name for each in record.network.mirrors] == ([found.name] if shown else [])
    assert list(record.details) == ([found.name] if shown else [])


def test_a_run_tells_nothing_of_mirrors_that_are_not_shown() -> None:
    hidden = [mirror(f"h{number}", private=True, subnets=["192.0.2.0/24"]) for number in range(5)]
    shown = [mirror("a"), mirror("b"), mirror("c", status=Status.PAUSED)]
    run = PublicRun(number=1, started_at=NOW, seconds=5.0, mirrors=7, requests=70)
    history = History(runs=(run, replace(run, mirrors=1, requests=9), replace(run, mirrors=None)))
    known = RecordInputs(mirrors=[*hidden, *shown], health=HealthTable(), modules={}, now=NOW, history=history)
    told = [(each.mirrors, each.requests) for each in public_record(known).network.runs]
    assert told == [(2, 20), (2, 18), (None, 70)]


def test_an_outdated_mirror_is_stale_since_then() -> None:
    files = {"m.example.org": {MAIN: FoundFiles(compared=9, outdated_since=NOW - 90_000, failed="to a@b.example")}}
    known = RecordInputs(
        mirrors=[mirror("m")], health=HealthTable(), modules={}, now=NOW, verdicts={HTTPS4: UP}, files=files
    )
    (row,) = public_record(known).network.mirrors
    assert (row.state, row.since) == (MirrorState.STALE, NOW - 90_000)
    assert row.files[MAIN].failed == "to [removed]"


@pytest.mark.parametrize(
    ("state", "status", "is_out", "ways", "holds"),
    [
        (MirrorState.UNKNOWN, Status.LIVE, False, [], []),
        (MirrorState.UP, Status.LIVE, False, [UP, GONE], []),
        (MirrorState.FRESH, Status.LIVE, False, [UP], [SyncState.FRESH, SyncState.GRACE]),
        (MirrorState.LAGGING, Status.LIVE, False, [UP], [SyncState.FRESH, SyncState.LAGGING]),
        (MirrorState.STALE, Status.LIVE, False, [UP], [SyncState.LAGGING, SyncState.STALE]),
        (MirrorState.STALE, Status.RETIRING, False, [UP], [SyncState.FRESH, SyncState.WRONG]),
        (MirrorState.DOWN, Status.LIVE, False, [GONE, GONE], [SyncState.FRESH]),
        (MirrorState.OUT, Status.LIVE, True, [UP], [SyncState.FRESH]),
        (MirrorState.PAUSED, Status.PAUSED, True, [UP], [SyncState.FRESH]),
        (MirrorState.SOON, Status.SYNCING, False, [UP], [SyncState.FRESH]),
    ],
)
def test_a_mirror_has_one_state(
    state: MirrorState, status: Status, is_out: bool, ways: list[Verdict], holds: list[SyncState]
) -> None:
    assert state_of(mirror("m", status=status), is_out, ways, holds) is state


def test_a_mirror_whose_name_leads_to_a_private_network_is_unreachable_as_no_list_holds_it() -> None:
    forbidden = {reach_key(MAIN, Protocol.HTTPS, Family.IPV6): bytes([Reach.FORBIDDEN])}
    known = RecordInputs(
        mirrors=[mirror("m")], health=HealthTable(bad_reach=forbidden), modules={}, now=NOW,
        verdicts={HTTPS4: UP, replace(HTTPS4, family=Family.IPV6): GONE},
    )  # fmt: skip
    (row,) = public_record(known).network.mirrors
    assert (row.state, row.ipv6) == (MirrorState.DOWN, False)


def test_every_state_is_reached_by_a_made_up_network() -> None:
    states = {each.state for each in PublicFile(bytes(record_of(200).public)).network().mirrors}
    assert set(MirrorState) - states == {MirrorState.UP}


def test_the_state_says_since_when() -> None:
    def since(verdict: Verdict, **known: object) -> float | None:
        made = RecordInputs(
            mirrors=[mirror("m")], health=HealthTable(**known), modules={}, now=NOW, verdicts={HTTPS4: verdict}  # type: ignore[arg-type]
        )  # fmt: skip
        return public_record(made).network.mirrors[0].since

    assert since(UP) == NOW - 60
    assert since(GONE) == NOW - 60


def test_a_repository_that_a_mirror_never_carried_does_not_tell_since_when_it_is_stale() -> None:
    verdicts = {
        HTTPS4: UP,
        replace(HTTPS4, path="old/"): Verdict(False, NOW - 7200, ProbeOutcome.STALE, NOW),
        replace(HTTPS4, path="never/"): Verdict(False, NOW - 9e6, ProbeOutcome.MISSING, NOW),
    }
    health = HealthTable(holds={"old/": bytes([SyncState.STALE]), "never/": bytes([SyncState.MISSING])})
    modules = {"old/": MAIN, "never/": MAIN}
    known = RecordInputs(mirrors=[mirror("m")], health=health, modules=modules, now=NOW, verdicts=verdicts)
    [found] = public_record(known).network.mirrors
    assert (found.state, found.since, found.lag_seconds) == (MirrorState.STALE, NOW - 7200, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("404 Not Found", "404 Not Found"),
        ("ask a.b@example.org now", "ask [removed] now"),
        ("see https://user:pass@example.org/x y", "see [removed] y"),
        ("Café @ home", "Café @ home"),
    ],
)
def test_texts_lose_addresses_and_credentials(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_urls_with_credentials_or_odd_schemes_get_lost() -> None:
    assert clean_url("https://a:b@example.org/") is None
    assert clean_url("https://[broken/") is None
    assert clean_url("rsync://example.org/x/") == "rsync://example.org/x/"
    assert web_url("javascript:alert(1)") is None
    assert web_url("HTTPS://example.org/") == "HTTPS://example.org/"
    assert web_url("http://example.org/") == "http://example.org/"
    assert web_url(None) is None


def test_an_override_is_told_without_its_author() -> None:
    overrides = {"m.example.org": Override("m.example.org", "disks; a@example.org", "boss", NOW - 5, NOW + 5)}
    events = {
        "m.example.org": [
            Event("m.example.org", EventKind.OVERRIDDEN, NOW - 5, "disks; a@example.org", None, "boss"),
            Event("m.example.org", EventKind.DOWN, NOW - 9, "too slow", HTTPS4),
        ]
    }
    record = public_record(
        RecordInputs(
            mirrors=[mirror("m")],
            health=HealthTable(out=(0,)),
            modules={},
            now=NOW,
            overrides=overrides,
            history=History(events=events),
        )
    )
    [found] = record.network.mirrors
    assert (found.state, found.since) == (MirrorState.OUT, NOW - 5)
    assert found.override == PublicOverride("disks; [removed]", NOW - 5, NOW + 5)
    assert [event.why for event in record.network.events] == ["disks; [removed]", "too slow"]
    assert record.network.events == record.details["m.example.org"].events
    assert b"boss" not in encode_record(record)


def test_the_record_comes_back_part_by_part() -> None:
    record = public_record(
        RecordInputs(
            mirrors=[mirror("m"), mirror("n")],
            health=HealthTable(),
            modules={},
            now=NOW,
            verdicts={HTTPS4: UP},
            logos={"m.example.org": Logo("image/png", b"\x89PNG"), "gone.example.org": Logo("image/png", b"")},
        )
    )
    file = PublicFile(encode_record(record))
    assert file.network() == record.network
    assert file.detail("m.example.org") == record.details["m.example.org"]
    assert file.detail("nobody") is None
    assert file.logo("m.example.org") == Logo("image/png", b"\x89PNG")
    assert file.logo("n.example.org") is None
    assert file.logo("gone.example.org") is None


def test_without_bytes_there_is_nothing() -> None:
    assert PublicFile(b"").network().mirrors == ()


@pytest.mark.parametrize("data", [b"x", b"\xff\xff\xff\xff", b"\x01\x00\x00\x00\xc1"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(SnapshotError):
        PublicFile(data)


def test_a_broken_part_is_refused() -> None:
    data = bytearray(encode_record(public_record(RecordInputs(mirrors=[], health=HealthTable(), modules={}, now=NOW))))
    data[-4] ^= 0xFF
    with pytest.raises(SnapshotError):
        PublicFile(bytes(data)).network()


def test_faults_of_the_origin_are_told_without_credentials() -> None:
    faults = ("https://user:pass@example.org/x fails",)
    record = public_record(RecordInputs(mirrors=[], health=HealthTable(), modules={}, now=NOW, origin_faults=faults))
    assert record.network.origin_faults == ("[removed] fails",)
