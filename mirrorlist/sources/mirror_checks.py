"""What the schema cannot tell about a mirror file: URLs, networks, dates, and whether it serves anybody.

To add one: a function here, its place in CHECKS, and a code for what it tells.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import islice
from pathlib import PurePath

from mirrorlist.sources.cloud_regions import canonical_region, known_regions
from mirrorlist.sources.documents import shown, spelled
from mirrorlist.sources.finding_codes import Code
from mirrorlist.sources.mirror_drafts import Draft
from mirrorlist.sources.mirror_trifles import TRIFLES, field_of, leave_out
from mirrorlist.sources.mirror_urls import url_fault
from mirrorlist.sources.networks import canonical_network
from mirrorlist.sources.spelling import did_you_mean

MOST_REGIONS = 256
"""The schema refuses more; comparing thousands with the names that are known would take seconds."""


def check_file_name(draft: Draft) -> None:
    """The file is named after the mirror, so that people find it."""
    name, file = draft.root.get("name"), PurePath(draft.document.path)
    if isinstance(name, str) and file.stem != name:
        message = f"name {shown(name)} differs from the file's name; rename the file to {shown(name + '.yml')}"
        draft.warn(("name",), Code.FILE_NAME, message)


def check_urls(draft: Draft) -> None:
    """Every URL can be handed to any client."""
    for pointer, book in draft.address_books():
        for key, url in book.items():
            fault = url_fault(url) if isinstance(url, str) else None
            if fault:
                draft.refuse((*pointer, key), Code.BAD_URL, f"{spelled((*pointer, key))} {shown(url)} {fault}")


def check_networks(draft: Draft) -> None:
    """Every entry of subnets is a network."""
    for _, index, text in draft.texts("subnets"):
        if canonical_network(text) is None:
            message = f"subnets[{index}] {shown(text)} is no network; write it as in 192.0.2.0/24"
            draft.refuse(("subnets", index), Code.BAD_NETWORK, message)


def check_dates(draft: Draft) -> None:
    """Every date stands in the calendar."""
    for key in ("status_since", "status_until", "live_from"):
        text = draft.root.get(key)
        if isinstance(text, str) and not _is_date(text):
            message = f"{key} {shown(text)} is no date; write year-month-day, as in 2026-12-24"
            if field_of((key,)) in TRIFLES:
                leave_out(draft, (key,), Code.BAD_DATE, message)
            else:
                draft.refuse((key,), Code.BAD_DATE, message)


def check_private(draft: Draft) -> None:
    """A private mirror names the networks that it serves."""
    networks = (draft.root.get(key) for key in ("subnets", "asn", "cloud_type"))
    if draft.root.get("private") is True and not any(networks):
        remedy = "add subnets or asn; to switch a mirror off, write 'status: paused'"
        message = f"private is true, but no network is named, so the mirror serves nobody; {remedy}"
        draft.warn(("private",), Code.PRIVATE_WITHOUT_NETWORKS, message)


def check_regions(draft: Draft) -> None:
    """The regions of a cloud are known; a new one is used although this release does not know it."""
    provider = draft.root.get("cloud_type")
    known = known_regions().get(provider, frozenset()) if isinstance(provider, str) else frozenset()
    for _, index, text in islice(draft.texts("cloud_regions"), MOST_REGIONS):
        if known and text != "all" and canonical_region(str(provider), text) not in known:
            near = did_you_mean(text, sorted(known))
            remedy = f"did you mean '{near}'?" if near else f"write it as {provider} does, or all"
            message = f"cloud_regions[{index}] {shown(text)} is no known region of {provider}; {remedy}"
            draft.warn(("cloud_regions", index), Code.UNKNOWN_REGION, message)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


CHECKS: tuple[Callable[[Draft], None], ...] = (
    check_file_name,
    check_urls,
    check_networks,
    check_dates,
    check_private,
    check_regions,
)
