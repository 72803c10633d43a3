"""Quick looks as values: what is asked, what is seen at each address, and what that says of a tree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mirrorlist.core.health.probe_run import HealthChange
from mirrorlist.core.health.verdicts import GOOD_OUTCOMES, HealthPolicy, ProbeOutcome, Subject, Verdict, fallen

SEEN_QUICKLY = GOOD_OUTCOMES | {
    ProbeOutcome.UNREACHABLE,
    ProbeOutcome.CLOSED,
    ProbeOutcome.TIMEOUT,
    ProbeOutcome.NO_ADDRESS,
    ProbeOutcome.CERTIFICATE,
    ProbeOutcome.FORBIDDEN,
    ProbeOutcome.REFUSED,
    ProbeOutcome.LIMITED,
}
"""What a quick look sees too, so that it may bring back what is out for it."""
PASSED_OVER = frozenset({ProbeOutcome.CLOSED, ProbeOutcome.UNREACHABLE})
"""Faults of one address after which a client goes on to the next one at once."""
FALL, RISE = 2, 2
PATIENCE = 4
"""Looks in a row; of answers 429 and 503, which may be load, it takes more, and they follow in half the time."""


@dataclass(frozen=True, slots=True)
class TreeAddress:
    """One address of the servers behind a tree."""

    tree: Subject
    address: str


@dataclass(frozen=True, slots=True)
class AddressSight:
    """What a look saw of one address of a tree. ``asked``: by a request; without, whether a connection is accepted."""

    at: TreeAddress
    outcome: ProbeOutcome
    detail: str = ""
    asked: bool = False


@dataclass(frozen=True, slots=True)
class QuickLook:
    """One look at a mirror. ``doubtful`` are asked first, at most ``most`` of them, and then under a client's name."""

    mirror: str
    turn: int
    doubtful: tuple[TreeAddress, ...] = ()
    most: int = 1
    disguised: bool = False

    def asked(self, accepting: Iterable[TreeAddress]) -> tuple[TreeAddress, ...]:
        """Which of the addresses that accept connections get a request."""
        found = sorted(
            accepting, key=lambda each: (each.tree.module, each.tree.protocol, each.tree.family, each.address)
        )
        doubtful = [each for each in found if each in self.doubtful]
        among = doubtful or found
        start = self.turn % len(among) if among else 0
        return tuple((among[start:] + among[:start])[: self.most if doubtful else 1])


@dataclass(frozen=True, slots=True)
class AddressState:
    """What the looks at one address of a tree come to; ``bad`` and ``good`` are looks in a row.

    ``asked``: a request failed, so that a connection alone says nothing against it. ``since``: the first bad one.
    """

    bad: int = 0
    good: int = 0
    since: float = 0.0
    outcome: ProbeOutcome = ProbeOutcome.GOOD
    detail: str = ""
    asked: bool = False

    @property
    def is_down(self) -> bool:
        """Whether it counts as bad."""
        return self.bad >= (PATIENCE if self.outcome is ProbeOutcome.LIMITED else FALL)

    @property
    def is_doubtful(self) -> bool:
        """Whether it failed, and not often enough to count."""
        return self.bad > 0 and not self.is_down


@dataclass(frozen=True, slots=True)
class AddressFault:
    """One address of a tree that counts as bad, also where clients get along by others."""

    tree: Subject
    address: str
    outcome: ProbeOutcome
    detail: str
    since: float


def after(before: AddressState, sight: AddressSight, now: float) -> AddressState:
    """The state after one more look. What is unknown changes nothing; what a visit has to judge is no fault."""
    if sight.outcome is ProbeOutcome.UNCHECKED:
        return before
    if sight.outcome is ProbeOutcome.MISSING:
        return AddressState()
    if sight.outcome in GOOD_OUTCOMES:
        if sight.asked:
            return AddressState(good=before.good + 1)
        return before if before.asked or not before.bad else AddressState()
    since = before.since if before.bad else now
    return AddressState(before.bad + 1, 0, since, sight.outcome, sight.detail, sight.asked)


def fault_of(states: Mapping[str, AddressState]) -> tuple[ProbeOutcome, str] | None:
    """What is wrong with a tree by its addresses; None where clients get along.

    They do while one address works, unless half of all accept connections and fail them, or keep clients waiting.
    """
    down = {address: state for address, state in states.items() if state.is_down}
    stopping = sum(state.outcome not in PASSED_OVER for state in down.values())
    if not down or (len(down) < len(states) and 2 * stopping < len(states)):
        return None
    outcome = Counter(state.outcome for state in down.values()).most_common(1)[0][0]
    told = "; ".join(
        f"{address} {state.detail}" + ("" if state.outcome is outcome else f" ({state.outcome})")
        for address, state in sorted(down.items())
    )
    return outcome, told if len(states) == 1 else f"{len(down)} of {len(states)} addresses: {told}"


def turned(before: Verdict | None, turn: HealthChange, policy: HealthPolicy) -> Verdict:
    """The verdict on a tree after quick looks took it out or brought it back; it keeps what only visits see."""
    known = before or Verdict(True, turn.at, turn.outcome, turn.at)
    calm = known.good_now and turn.at - known.since >= policy.calm_seconds
    seen = replace(
        known, outcome=turn.outcome, detail=turn.detail, checked_at=turn.at, falls=0 if calm else known.falls
    )  # fmt: skip
    if turn.good_now:
        return replace(seen, good_now=True, since=turn.at, bad=0, good=policy.rise)
    return fallen(replace(seen, bad=policy.needed(turn.outcome), good=0), turn.at, policy)
