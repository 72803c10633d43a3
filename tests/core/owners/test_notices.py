"""Which owners are written to, and when: conditions over time against what was sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.core.health.upstreams import ORIGIN, UpstreamState
from mirrorlist.core.health.verdicts import Family, ProbeOutcome
from mirrorlist.core.model import Protocol, Status
from mirrorlist.core.owners.notices import (
    DAY_SECONDS,
    Channel,
    Condition,
    NoticeKind,
    NoticePolicy,
    SentNotice,
    conditions,
    due,
)
from mirrorlist.core.public.types import MirrorState, PublicCheck, PublicDetail, PublicMirror, PublicOverride

NOW = 1_795_900_000.0
POLICY = NoticePolicy()
OUT, BACK, CERTIFICATE = NoticeKind.OUT, NoticeKind.BACK, NoticeKind.CERTIFICATE


def mirror(name: str = "a.example.org", state: MirrorState = MirrorState.FRESH, **fields: object) -> PublicMirror:
    return replace(PublicMirror(name=name, state=state, status=Status.LIVE, urls={}), **fields)  # type: ignore[arg-type]


def check(path: str = "", good: bool = False, state: str = "OUT", since: float = NOW - 7200) -> PublicCheck:
    return PublicCheck(
        module="main",
        protocol=Protocol.HTTPS,
        family=Family.IPV4,
        path=path,
        good=good,
        outcome=ProbeOutcome.TIMEOUT,
        detail="no answer within 10 s",
        since=since,
        checked_at=NOW,
        held_until=None,
        remedy="See that the server is not overloaded.",
        state=state,
    )


def out(name: str = "a.example.org", since: float = NOW - 7200) -> Condition:
    return Condition(name, OUT, "checks", since, ("main over https (ipv4): no answer",))


def sent(kind: NoticeKind, at: float, key: str = "checks", name: str = "a.example.org") -> SentNotice:
    return SentNotice(Channel.MAIL, name, kind, key, at)


def kinds(
    found: Iterable[Condition],
    history: Iterable[SentNotice] = (),
    now: float = NOW,
    state: MirrorState = MirrorState.FRESH,
) -> list[NoticeKind]:
    network = [mirror(state=state), *(mirror(f"m{number}.example.org") for number in range(9))]
    return [each.kind for each in due(network, found, history, now, POLICY).get("a.example.org", ())]


def test_what_is_out_is_named_with_its_cause_and_its_remedy() -> None:
    checks = (check(), check("9/BaseOS/", since=NOW - 9000), check("good", good=True), check("x", state="no address"))
    [found] = conditions(mirror(), PublicDetail(checks=checks), {}, (), NOW)
    assert (found.kind, found.since) == (OUT, NOW - 9000)
    assert found.lines == (
        "main over https (ipv4): no answer within 10 s",
        "main/9/BaseOS/ over https (ipv4): no answer within 10 s",
    )
    assert found.remedies == ("See that the server is not overloaded.",)


def test_a_long_list_ends_with_how_many_more() -> None:
    checks = tuple(check(f"r{number}") for number in range(40))
    [found] = conditions(mirror(), PublicDetail(checks=checks), {}, (), NOW)
    assert (len(found.lines), found.lines[-1]) == (13, "and 28 more")


@pytest.mark.parametrize("state", [MirrorState.PAUSED, MirrorState.SOON, MirrorState.UNKNOWN])
def test_nobody_is_written_to_about_a_mirror_that_is_not_served(state: MirrorState) -> None:
    found = conditions(mirror(state=state), PublicDetail(checks=(check(),)), {"https://a/": 1}, ("lack",), NOW)
    assert list(found) == []


def test_a_mirror_that_maintainers_took_out_is_told_their_reason_alone() -> None:
    taken = mirror(state=MirrorState.OUT, override=PublicOverride("serves old isos", NOW - 7200, NOW + 86_400))
    [found] = conditions(taken, PublicDetail(checks=(check(),)), {}, (), NOW)
    assert found.lines == ("A maintainer took it out until 2026-11-29 21:06 UTC: serves old isos",)


@pytest.mark.parametrize(("days", "key"), [(15, None), (14, "14"), (4, "14"), (3, "3"), (0, "3"), (-2, "3")])
def test_a_certificate_is_told_of_at_14_and_at_3_days(days: int, key: str | None) -> None:
    found = list(conditions(mirror(), PublicDetail(), {"https://a/": days}, (), NOW))
    assert [each.key for each in found] == ([f"{key} https://a/"] if key else [])


def test_an_outage_is_told_after_half_an_hour_once_and_its_end_once() -> None:
    assert kinds([out(since=NOW - 600)]) == []
    assert kinds([out()]) == [OUT]
    told = sent(OUT, NOW - 3000)
    assert kinds([out()], [told]) == []
    assert kinds([], [told]) == [BACK]
    assert kinds([], [told], state=MirrorState.DOWN) == [], "it is not good yet"
    back = sent(BACK, NOW - 1000, "back")
    assert kinds([], [told, back]) == []
    assert kinds([], []) == [], "nobody heard of an outage"


def test_the_end_of_an_outage_that_nobody_heard_of_is_not_told() -> None:
    assert kinds([], [sent(CERTIFICATE, NOW - 3000, "14 https://a/")]) == []


def test_an_outage_after_it_was_back_is_told_again_but_two_mails_a_day_are_enough() -> None:
    before = [sent(OUT, NOW - 5 * DAY_SECONDS), sent(BACK, NOW - 4 * DAY_SECONDS, "back")]
    assert kinds([out()], before) == [OUT]
    assert kinds([out()], [sent(OUT, NOW - 5000), sent(BACK, NOW - 4000, "back")]) == []
    assert kinds([out()], [sent(OUT, NOW - 1.5 * DAY_SECONDS), sent(BACK, NOW - 4000, "back")]) == [OUT]


def test_everything_that_is_due_for_a_mirror_is_one_mail() -> None:
    ends = Condition("a.example.org", CERTIFICATE, "14 https://a/", None, ("ends",))
    assert kinds([out(), ends]) == [OUT, CERTIFICATE]
    assert kinds([ends], [sent(CERTIFICATE, NOW - DAY_SECONDS, "14 https://a/")]) == []
    assert kinds([ends], [sent(CERTIFICATE, NOW - 30 * DAY_SECONDS, "14 https://a/")]) == [CERTIFICATE], "a new one"


def test_where_nearly_all_are_out_the_fault_is_not_theirs() -> None:
    network = [mirror(f"m{number}", MirrorState.DOWN) for number in range(10)]
    ends = Condition("m0", CERTIFICATE, "3 https://m0/", None, ("ends",))
    found = [*(out(each.name) for each in network[:5]), ends]
    assert {name: [each.kind for each in news] for name, news in due(network, found, [], NOW, POLICY).items()} == {
        "m0": [CERTIFICATE]
    }
    assert len(due(network, found[:4], [], NOW, POLICY)) == 4
    assert len(due([mirror()], [out()], [], NOW, POLICY)) == 1, "a network of one mirror"


def test_only_the_chosen_kinds_are_sent() -> None:
    policy = NoticePolicy(frozenset({CERTIFICATE}))
    assert due([mirror(), mirror("b"), mirror("c")], [out()], [sent(OUT, NOW - DAY_SECONDS)], NOW, policy) == {}


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.integers(60, 7200))
def test_whatever_a_mirror_does_there_are_two_mails_a_day_and_out_and_back_take_turns(
    outs: list[bool], step: int
) -> None:
    history: list[SentNotice] = []
    network = [mirror(), *(mirror(f"m{number}") for number in range(9))]
    since: float | None = None
    for number, is_out in enumerate(outs):
        now = NOW + number * step
        since = (since or now) if is_out else None
        found = [out(since=since)] if since is not None else []
        for news in due(network, found, history, now, POLICY).values():
            history += [SentNotice(Channel.MAIL, each.mirror, each.kind, each.key, now) for each in news]
    mails = sorted({each.at for each in history})
    assert all(later - earlier >= DAY_SECONDS for earlier, later in zip(mails, mails[2:], strict=False))
    assert [each.kind for each in history] == [OUT, BACK] * (len(history) // 2) + [OUT] * (len(history) % 2)


def at_fault(since: float | None, name: str = "tier1.example.org") -> PublicDetail:
    return PublicDetail(upstream=UpstreamState(name=name, fault="it is not up to date itself: 9/os/", since=since))


def test_a_source_that_is_behind_for_six_hours_is_told_once_per_fault() -> None:
    begun = NOW - 6 * 3600
    found = list(conditions(mirror(), at_fault(begun), {}, (), NOW))
    assert found == [
        Condition("a.example.org", NoticeKind.SOURCE, "tier1.example.org", begun,
                  ("tier1.example.org: it is not up to date itself: 9/os/",)),
    ]  # fmt: skip
    told = sent(NoticeKind.SOURCE, begun + 60, "tier1.example.org")
    assert due([mirror()], found, [], NOW, POLICY) == {"a.example.org": tuple(found)}
    assert due([mirror()], found, [], NOW - 60, POLICY) == {}
    assert due([mirror()], found, [told], NOW, POLICY) == {}
    assert due([mirror()], found, [replace(told, at=begun - 60)], NOW, POLICY) == {"a.example.org": tuple(found)}


@pytest.mark.parametrize(
    "detail", [at_fault(NOW - 7 * 3600, ORIGIN), at_fault(None), PublicDetail(upstream=UpstreamState(name="x"))]
)
def test_the_origin_and_sources_without_a_fault_are_nobodys_notice(detail: PublicDetail) -> None:
    assert list(conditions(mirror(), detail, {}, (), NOW)) == []


def test_nothing_is_said_of_the_source_of_a_paused_mirror() -> None:
    assert list(conditions(mirror(state=MirrorState.PAUSED), at_fault(NOW - 7 * 3600), {}, (), NOW)) == []
