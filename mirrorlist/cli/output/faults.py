"""Describe what keeps a mirror out of lists: since when, for what reason, and who reported it."""

from __future__ import annotations

from collections.abc import Sequence

from mirrorlist.cli.output.durations import moment
from mirrorlist.core.catalogue.policy import weight_of
from mirrorlist.core.health.columns import HealthTable
from mirrorlist.core.model import Mirror
from mirrorlist.core.reasons import Cause, Reason
from mirrorlist.core.selection.causes import faults_of
from mirrorlist.core.snapshot import Facts
from mirrorlist.sources.yaml.documents import printable

MOST_NAMED = 2
"""Maximum repositories named in one line."""
_WORDS = {
    Reason.UNREACHABLE: "out of reach over",
    Reason.MISSING: "lacks",
    Reason.WRONG: "wrong content in",
    Reason.INCOMPLETE: "incomplete in",
    Reason.STALE: "stale in",
    Reason.LAGGING: "lags in",
    Reason.RECOVERING: "good again, but not yet often enough:",
}


def since(cause: Cause) -> str:
    """``since 2026-11-22 10:00 UTC: 9.8/BaseOS/x86_64/os/``, or an override with author, end and reason."""
    if cause.author is not None and cause.until is not None:
        return f"since {moment(cause.since)} by {cause.author}, until {moment(cause.until)} UTC: {cause.why}"
    began = f"since {moment(cause.since)} UTC"
    return (f"{began}: {_named(cause.of)}" if cause.of else began) + _came_back(cause)


def all_lines(facts: Facts, number: int, mirror: Mirror) -> list[str]:
    """A line for everything that keeps clients from a mirror, for a lowered weight, and for what is withheld."""
    return [
        *fault_lines(facts.health, number, mirror),
        *weight_lines(facts, mirror),
        *(printable(str(each)) for each in mirror.withheld),
    ]


def fault_lines(health: HealthTable, number: int, mirror: Mirror) -> list[str]:
    """A line for everything that keeps a mirror out of some list or of all."""
    lines = []
    for fault in faults_of(health, number, mirror):
        if fault.reason is Reason.TAKEN_OUT:
            lines.append(f"taken out {since(fault.cause)}")
        else:
            when = moment(fault.cause.since)
            lines.append(f"{_WORDS[fault.reason]} {_named(fault.cause.of)} since {when} UTC{_came_back(fault.cause)}")
    return lines


def weight_lines(facts: Facts, mirror: Mirror) -> list[str]:
    """What is taken from a mirror's weight, since when and why, and how much of its quota it has used."""
    policy, lowered, lines = facts.service.policy, facts.lowered.get(mirror.name), []
    whole = weight_of(mirror, policy)
    if lowered:
        weights = f"weight {weight_of(mirror, policy, lowered)} of {whole}"
        lines.append(f"{weights} since {moment(lowered.since)} UTC, because in two runs of the prober {lowered.why}")
    if narrow := facts.narrowed(mirror.name):
        weights = f"weight {weight_of(mirror, policy, narrow)} of {whole}"
        lines.append(f"{weights} since {moment(narrow.since)} UTC, because {narrow.why}")
    if quota := facts.quotas.get(mirror.name):
        today = "it has carried its part of today" if quota.used_up else f"{quota.factor:.2%} of its weight counts"
        carried = f"{quota.carried_tib:.2f} of {mirror.tib_per_month:g} TiB this month"
        lines.append(
            f"quota: about {carried}; at most {quota.share:.2%} of all answers should name it first, so {today}"
        )
    if mirror.off_peak_only:
        lines.append(f"off-peak only: {'it rests now, as' if mirror.rests else 'it rests when'} it is peak time there")
    return lines


def _came_back(cause: Cause) -> str:
    return f" ({printable(cause.why)})" if cause.why else ""


def _named(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
