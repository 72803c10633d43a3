"""The checks of trees that are not fetched over the web, by protocol; to add one, write its function and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from mirrorlist.checks.fetching.fetch import Ask, Guard, fetch
from mirrorlist.checks.fetching.result import Failure, Fetched
from mirrorlist.checks.probing import rsync
from mirrorlist.checks.probing.requests import TreeProbe
from mirrorlist.core.health.verdicts import Probe, Subject
from mirrorlist.core.model import Protocol

Check = Callable[[Guard, Subject, str, float], Probe]
"""Probes the tree of a subject at a URL in at most this many seconds, reaching only addresses that the guard allows.

A failure is the outcome of the probe, never an exception. What cannot be asked from here is UNCHECKED.
"""

CHECKS: Mapping[Protocol, Check] = MappingProxyType({Protocol.RSYNC: rsync.check})


def fetch_any(url: str, ask: Ask, guard: Guard) -> Fetched | Failure:
    """Fetches one file over the web, or over rsync where its URL says so."""
    return (rsync.fetch if url.startswith("rsync://") else fetch)(url, ask, guard)


def guarded(checks: Mapping[Protocol, Check], guard: Guard) -> Mapping[Protocol, TreeProbe]:
    """The checks of a run, each behind its guard."""
    return {protocol: partial(check, guard) for protocol, check in checks.items()}
