"""Quick looks at every live mirror between the runs of the prober: their schedule, and what they come to.

A look connects to every address of a mirror and sends one request to one of them, another one each time. What fails is
looked at again soon, under a client's User-Agent, before it counts. The lane turns whole trees only: it sees whether a
mirror answers, never what it holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from mirrorlist.core.health.own_network import ENOUGH, LookResult, OwnNetwork, Trust
from mirrorlist.core.health.probe_run import WITHOUT_ANSWER, HealthChange
from mirrorlist.core.health.quick_look import (
    RISE,
    SEEN_QUICKLY,
    AddressFault,
    AddressSight,
    AddressState,
    QuickLook,
    TreeAddress,
    after,
    fault_of,
    turned,
)
from mirrorlist.core.health.verdicts import GOOD_OUTCOMES, Family, HealthPolicy, ProbeOutcome, Subject, Verdict

MOST_CONFIRMED = 4
"""Requests of one look that confirms: where all of these fail as before, so does what failed with them."""
SAVED = 28.0
"""Requests that a mirror has in hand for looks that confirm."""
TOLD_BY_A_MACHINE = frozenset(
    {ProbeOutcome.CLOSED, ProbeOutcome.REFUSED, ProbeOutcome.LIMITED, ProbeOutcome.CERTIFICATE}
)
MOST_HURRIES = 6
"""Looks in a row that follow each other soon."""
SPARE = 1.02
"""Requests that may be sent for each look that is due; what is not needed is saved."""


@dataclass(frozen=True, slots=True)
class QuickTerms:
    """When mirrors are looked at, in seconds. The defaults come to at most 1.2 requests a minute for each mirror."""

    every_seconds: float = 52.0
    again_seconds: float = 20.0
    timeout_seconds: float = 4.0
    policy: HealthPolicy = field(default_factory=HealthPolicy)


@dataclass(slots=True)
class _Followed:
    """What the lane knows of one mirror."""

    due: float
    filled_at: float
    saved: float = SAVED
    turn: int = 0
    next: QuickLook | None = None
    is_running: bool = False
    is_swept: bool = False
    hurries: int = 0
    called_at: float = float("-inf")
    disguised: bool = False
    states: dict[TreeAddress, AddressState] = field(default_factory=dict)

    def trees(self) -> dict[Subject, dict[str, AddressState]]:
        """The states by tree, then by address."""
        found: dict[Subject, dict[str, AddressState]] = {}
        for at, state in self.states.items():
            found.setdefault(at.tree, {})[at.address] = state
        return found


class QuickLane:
    """The mirrors that are followed. Times are arguments: seconds since 1970, as verdicts have them."""

    def __init__(self, terms: QuickTerms) -> None:
        self._terms = terms
        self._followed: dict[str, _Followed] = {}
        self._witnesses: frozenset[str] = frozenset()
        self._verdicts: dict[Subject, Verdict] = {}
        self._window = terms.again_seconds + terms.timeout_seconds + 0.1 * terms.every_seconds
        self._network = OwnNetwork()
        self._trusted: dict[tuple[Family, float, bool], Trust] = {}
        self._open: set[str] = set()
        self._called_at = float("-inf")
        self.doubted: set[Family] = set()

    def follow(self, mirrors: Collection[str], witnesses: Collection[str], now: float) -> None:
        """From now on these are looked at, the witnesses only when nothing else answers."""
        self._witnesses = frozenset(witnesses)
        for name in self._followed.keys() - {*mirrors, *witnesses}:
            del self._followed[name]
            self._network.forget(name)
        for name in {*mirrors, *witnesses} - self._followed.keys():
            share = int.from_bytes(sha256(name.encode()).digest()[:4], "big") / 2**32
            due = float("inf") if name in self._witnesses else now + share * self._terms.every_seconds
            self._followed[name] = _Followed(due, now)

    def know(self, verdicts: Mapping[Subject, Verdict]) -> None:
        """The verdicts on trees, as they are by now. What a visit took out has to be good again."""
        for tree, verdict in verdicts.items():
            known, each = self._verdicts.get(tree), self._followed.get(tree.mirror)
            if verdict.good_now or each is None:
                continue
            self._open.add(tree.mirror)
            if known is None or known.since != verdict.since:
                for at in [at for at in each.states if at.tree == tree]:
                    each.states[at] = replace(each.states[at], good=0)
        self._verdicts = dict(verdicts)

    def call(self, mirror: str, now: float) -> None:
        """Brings the next look at a mirror forward, as clients seem to fail there; at most once within a while."""
        each = self._followed.get(mirror)
        if each and mirror not in self._witnesses and now - each.called_at >= self._terms.again_seconds:
            each.called_at = now
            each.due = min(each.due, now)

    def due(self, now: float, most: int) -> list[QuickLook]:
        """The looks to begin now, the longest due first."""
        for each in self._followed.values():  # a clock that was set back must not stop the lane
            if each.due != float("inf"):
                each.due = min(each.due, now + 3 * self._terms.every_seconds)
        ready = [name for name, each in self._followed.items() if each.due <= now and not each.is_running]
        ready.sort(key=lambda name: self._followed[name].due)
        return [look for name in ready[: max(most, 0)] if (look := self._begun(name, now))]

    def _begun(self, name: str, now: float) -> QuickLook | None:
        each = self._followed[name]
        each.saved = min(SAVED, each.saved + max(0.0, now - each.filled_at) * SPARE / self._terms.every_seconds)
        each.filled_at = now
        if each.saved < 1:
            each.due = now + (1 - each.saved) * self._terms.every_seconds / SPARE
            return None
        each.is_running = True
        each.turn += 1
        planned = each.next or QuickLook(name, 0)
        disguised = planned.disguised or each.disguised
        return replace(planned, turn=each.turn, most=max(1, min(planned.most, int(each.saved))), disguised=disguised)

    def saw(self, look: QuickLook, sights: Sequence[AddressSight], requests: int, now: float) -> None:
        """Takes up what a look saw, and plans the next one at this mirror. One sight for each address of each tree."""
        each = self._followed.get(look.mirror)
        if each is None:
            return
        each.is_running = False
        each.saved -= max(1, requests)
        before = each.states
        asked = [sight for sight in sights if sight.asked and sight.outcome is not ProbeOutcome.UNCHECKED]
        each.states = {sight.at: after(before.get(sight.at, AddressState()), sight, now) for sight in sights}
        if look.doubtful and asked and all(each.states[sight.at].bad for sight in asked):
            for at in set(look.doubtful) & each.states.keys() - {sight.at for sight in asked}:
                state = each.states[at]  # it stands for those that were asked in its place
                if state.bad and state.asked:
                    each.states[at] = replace(state, bad=state.bad + 1)
        if look.disguised and any(sight.outcome in GOOD_OUTCOMES and before.get(sight.at) for sight in asked):
            each.disguised = each.disguised or any(before[sight.at].bad for sight in asked if sight.at in before)
        self._note(look.mirror, each.states, sights, now)
        self._plan(each, look, {sight.at for sight in asked}, now)
        self._open.add(look.mirror)

    def _note(
        self, mirror: str, states: Mapping[TreeAddress, AddressState], sights: Iterable[AddressSight], now: float
    ) -> None:
        over: dict[Family, list[AddressSight]] = {}
        for sight in sights:
            if sight.outcome is not ProbeOutcome.UNCHECKED:
                over.setdefault(sight.at.tree.family, []).append(sight)
        for family, found in over.items():
            verdicts = [self._verdicts.get(sight.at.tree) for sight in found]
            was_good = any(each is None or each.good_now or each.since >= now - self._window for each in verdicts)
            counts = was_good and mirror not in self._witnesses
            is_served = any(sight.asked and sight.outcome in GOOD_OUTCOMES for sight in found)
            failed = not is_served and any(states[sight.at].bad for sight in found)
            answered = any(sight.outcome not in WITHOUT_ANSWER for sight in found)
            self._network.note(mirror, family, LookResult(now, failed, answered, counts))

    def _plan(self, each: _Followed, look: QuickLook, asked: set[TreeAddress], now: float) -> None:
        """When to look next and at what: what failed, or came back, soon; else something else after a while."""
        again, states = self._terms.again_seconds, each.states
        doubtful = tuple(at for at, state in states.items() if state.is_doubtful)
        lost = tuple(at for at in states if self._is_out(at.tree))
        others = tuple(at for at, state in states.items() if not state.bad and at not in asked)
        coming: list[int] = [states[at].good for at in lost if not states[at].is_down]
        each.hurries += 1
        if others and not each.is_swept and any(states[at].asked for at in doubtful):
            each.is_swept = True
            each.next, each.due = QuickLook(look.mirror, 0, others, int(SAVED)), now
        elif doubtful:
            busy = any(states[at].outcome is ProbeOutcome.LIMITED for at in doubtful)
            each.next = QuickLook(look.mirror, 0, doubtful, MOST_CONFIRMED, disguised=True)
            each.due = now + (again / 2 if busy else again)
        elif any(coming) and min(coming) < RISE and each.hurries <= MOST_HURRIES:
            each.next, each.due = QuickLook(look.mirror, 0, lost, MOST_CONFIRMED), now + again
        else:
            each.is_swept, each.hurries = False, 0
            each.next = QuickLook(look.mirror, 0, lost)
            each.due = float("inf") if look.mirror in self._witnesses else now + self._terms.every_seconds

    def _is_out(self, tree: Subject) -> bool:
        verdict = self._verdicts.get(tree)
        return verdict is not None and not verdict.good_now and verdict.outcome in SEEN_QUICKLY

    def turns(self, now: float) -> list[HealthChange]:
        """The trees that turn good or bad now; the lane goes on as if all of them were written down."""
        found: list[HealthChange] = []
        self.doubted.clear()
        self._trusted.clear()
        for name in sorted(self._open):
            each = self._followed.get(name)
            if each is None or name in self._witnesses:
                self._open.discard(name)
                continue
            is_open = False
            for tree, states in each.trees().items():
                turn, may_turn = self._turn(tree, states, now)
                is_open |= may_turn
                if turn:
                    found.append(turn)
            if not is_open:
                self._open.discard(name)
        for turn in found:
            self._verdicts[turn.subject] = turned(self._verdicts.get(turn.subject), turn, self._terms.policy)
        return found

    def faults(self) -> frozenset[AddressFault]:
        """Every address that counts as bad by now."""
        every = (item for each in self._followed.values() for item in each.states.items())
        return frozenset(
            AddressFault(at.tree, at.address, state.outcome, state.detail, state.since)
            for at, state in every
            if state.is_down
        )

    def _turn(self, tree: Subject, states: Mapping[str, AddressState], now: float) -> tuple[HealthChange | None, bool]:
        """How a tree turns now, and whether it may do so later without another look."""
        verdict, fault = self._verdicts.get(tree), fault_of(states)
        if fault and (verdict is None or verdict.good_now):
            trust = self._trust(tree.family, states, fault[0], now)
            return (HealthChange(tree, False, now, *fault), False) if trust is Trust.BELIEVED else (None, True)
        if fault or verdict is None or not self._is_out(tree):
            return None, False
        if max(state.good for state in states.values()) < RISE or any(state.is_doubtful for state in states.values()):
            return None, False
        if now < verdict.held_until:
            return None, True
        return HealthChange(tree, True, now, ProbeOutcome.GOOD, ""), False

    def _trust(self, family: Family, states: Mapping[str, AddressState], outcome: ProbeOutcome, now: float) -> Trust:
        since = min(state.since for state in states.values() if state.bad)
        question = family, since, outcome in TOLD_BY_A_MACHINE
        if question not in self._trusted:
            self._trusted[question] = self._network.trust(*question)
        trust = self._trusted[question]
        if trust is Trust.DOUBTED:
            self.doubted.add(family)
        elif trust is Trust.UNWITNESSED and now - self._called_at >= self._terms.again_seconds:
            self._called_at = now
            for name in [*sorted(self._witnesses), *self._network.unseen(family, since)][
                : ENOUGH + len(self._witnesses)
            ]:
                self._followed[name].due = min(self._followed[name].due, now)
        return trust
