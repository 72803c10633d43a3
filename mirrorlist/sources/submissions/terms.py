"""Terms of a service, from its service file: the rules for submissions and for files before they are served."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from mirrorlist.core.catalogue.service import Profile, Service
from mirrorlist.core.network.addresses import announced4
from mirrorlist.core.network.prefixes import IntervalTable, parse_prefix, prefix
from mirrorlist.core.network.public_addresses import DANGEROUS_PORTS, NEVER, SPECIAL, local_refusal, refusal
from mirrorlist.sources.geo.bundled import read_embedded_asns
from mirrorlist.sources.geo.sources import AddressSources
from mirrorlist.sources.places.locations import read_atlas
from mirrorlist.sources.submissions.submission import SubmissionTerms

CACHE = "cache"
"""Compiled databases of addresses, in the state directory; it may be removed at any time."""

_EVERYTHING = tuple(parse_prefix(text)[0] for text in ("0.0.0.0/0", "::/0"))


def terms_of(service: Service, asns: Callable[[], IntervalTable] | None = None) -> SubmissionTerms:
    """The terms; the table of ASNs is read when it is asked for, unless the caller has one."""
    table = asns or cache(partial(_asns, service))
    own = tuple(map(prefix, service.own_networks))
    mine = () if service.profile is Profile.PUBLIC else _EVERYTHING
    return SubmissionTerms(
        service=service,
        atlas=read_atlas(),
        special=NEVER + SPECIAL,
        address_fault=partial(refusal, allowed=own),
        local_fault=partial(local_refusal, allowed=mine),
        ports=DANGEROUS_PORTS,
        asns=table,
        announced4=cache(lambda: announced4(table())),
        time_zones=cache(zoneinfo.available_timezones),
    )


def _asns(service: Service) -> IntervalTable:
    """Who announces what: the databases of service.yml, or the table that comes with the program."""
    if not service.geo.databases:
        return read_embedded_asns().table
    return AddressSources(Path(service.state_dir) / CACHE).read(service.geo).geo.asns
