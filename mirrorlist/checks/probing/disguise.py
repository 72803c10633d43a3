"""Ask a mirror under a client's User-Agent, and detect whether it treats clients and the prober differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from mirrorlist.checks.probing.judge import TOO_MANY_REQUESTS
from mirrorlist.checks.probing.one_byte import is_there
from mirrorlist.core.health.agents import Agent, agent_of
from mirrorlist.core.health.probe_plan import ProbeRequest, Trip, first_way
from mirrorlist.core.health.verdicts import GOOD_OUTCOMES, Probe, ProbeOutcome, Subject

Answer = Fetched | Failure | None
Asked = Callable[[ProbeRequest, Method, Agent | None], Answer]
"""What a look gives by a method, asked under a client's name or the prober's own; None where no time is left."""


def refusals(
    trip: Trip, reached: Mapping[Subject, Probe], looks: Mapping[Subject, ProbeRequest], asked: Asked
) -> dict[Subject, tuple[ProbeOutcome, str]]:
    """What the trees come to at which a client is refused though the prober is not.

    One tree is asked, in turn, and those that refused a client the last time; where one is refused, all are.
    """
    good = [tree for tree in looks if reached[tree].outcome in GOOD_OUTCOMES]
    modules = list(dict.fromkeys(tree.module for tree in good))
    if not modules:
        return {}
    first = first_way(tree for tree in good if tree.module == modules[trip.run % len(modules)])
    others = [tree for tree in good if tree != first]
    found = [first, *filter(lambda tree: _refused_before(trip, tree), others)]
    compared = {tree: _compared(trip, looks[tree], asked) for tree in found if tree}
    if any(outcome is ProbeOutcome.CLIENTS for outcome, _ in compared.values()):
        compared |= {tree: _compared(trip, looks[tree], asked) for tree in good if tree not in compared}
    return {
        tree: (outcome, detail)
        for tree, (outcome, detail) in compared.items()
        if outcome is ProbeOutcome.CLIENTS or (outcome is ProbeOutcome.UNCHECKED and _refused_before(trip, tree))
    }


def _refused_before(trip: Trip, tree: Subject) -> bool:
    verdict = trip.verdicts.get(tree)
    return verdict is not None and verdict.outcome is ProbeOutcome.CLIENTS


def _compared(trip: Trip, look: ProbeRequest, asked: Asked) -> tuple[ProbeOutcome, str]:
    """Whether a client is served as the prober is, which is asked again where he is not: it may have been chance."""
    agent = agent_of(trip, look.subject.tree, trip.run)
    theirs = asked(look, Method.FIRST_BYTE, agent)
    if _is_served(theirs):
        own = asked(look, Method.FIRST_BYTE, None) if _is_page(theirs) else None
        if own is None or _is_page(own):
            return ProbeOutcome.GOOD, ""
    if theirs is None or (
        theirs.status == TOO_MANY_REQUESTS if isinstance(theirs, Fetched) else theirs.kind is FailureKind.LOCAL
    ):
        return ProbeOutcome.UNCHECKED, f"{agent.name} could not be asked for"
    ours = asked(look, Method.FIRST_BYTE, None)
    if not _is_served(ours):
        return ProbeOutcome.UNCHECKED, f"{agent.name} and the prober were treated alike"
    if isinstance(theirs, Failure):
        said = str(theirs)
    else:
        said = "an HTML page" if _is_page(theirs) and is_there(theirs) else f"status {theirs.status}"
    return ProbeOutcome.CLIENTS, f"it refuses {agent.name}'s User-Agent ({said}), and not the prober's"


def _is_served(answer: Answer) -> bool:
    return isinstance(answer, Fetched) and is_there(answer)


def _is_page(answer: Answer) -> bool:
    return isinstance(answer, Fetched) and answer.headers.get("content-type", "").lower().startswith("text/html")
