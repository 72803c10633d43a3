"""Where else a submitted file leads: the sponsor's page, and what the mirror copies from where.

Nobody asks these addresses, but people follow the page, and the source and the origin of a copy end up in the scripts
and access lists of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit

from mirrorlist.core.claims import overlap
from mirrorlist.core.errors import Finding
from mirrorlist.sources.documents import Pointer, shown
from mirrorlist.sources.finding_codes import Code as LoaderCode
from mirrorlist.sources.hosts import is_address, name_fault, public_name_fault
from mirrorlist.sources.mirror_urls import url_fault
from mirrorlist.sources.networks import canonical_network
from mirrorlist.sources.submission import Check, Submission, Terms, prefix_of
from mirrorlist.sources.submission_codes import SubmissionCode as Code
from mirrorlist.sources.submitted_networks import SHORTEST
from mirrorlist.sources.submitted_text import look_alike

SOURCE: Pointer = ("sync", "source")
FROM: Pointer = ("sync", "from")


def page_is_public(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """The sponsor's page is one that everybody who follows the link reaches."""
    url = submission.root.get("sponsor_url")
    host = _host(url) if isinstance(url, str) else None
    if host is None or not terms.is_public:
        return
    if is_address(host):
        fault = terms.address_fault(host)
        said = f"{fault}, so nobody reaches it; write the sponsor's public page" if fault else None
    else:
        said = _name_fault(host)
    if said:
        message = f"the host of sponsor_url {shown(url)}: {said}"
        yield submission.error(("sponsor_url",), Code.HOST_NOT_PUBLIC, message)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _name_fault(host: str) -> str | None:
    """A name in letters of another script is left to browsers, unless it deceives."""
    if not host.isascii():
        return look_alike(host)
    return name_fault(host) or public_name_fault(host)


def source_is_plain(submission: Submission, _: Terms) -> Iterator[Finding]:
    """What the mirror copies is the URL of a tree or the name of a mirror, and nothing that a shell understands."""
    source = _synced(submission).get("source")
    if not isinstance(source, str):
        return
    if fault := url_fault(source) if "://" in source else name_fault(source):
        yield submission.error(SOURCE, LoaderCode.BAD_URL, f"sync.source {shown(source)} {fault}")


def copies_from_few_addresses(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """Where the mirror connects from is one host or a narrow public network, as it is let in there."""
    text = _synced(submission).get("from")
    if not isinstance(text, str) or submission.name in terms.service.approved:
        return
    network = canonical_network(text)
    if network is None:
        if fault := name_fault(text):
            yield submission.error(FROM, Code.BAD_HOST, f"sync.from {shown(text)} {fault}")
        return
    prefix = prefix_of(ip_network(network))
    special = next((name for each, name in terms.special if overlap(each, prefix)), None)
    if prefix.length < SHORTEST[4 if len(prefix.packed) == 4 else 6]:
        message = f"sync.from {shown(text)} is wider than one mirror needs; write its address"
        yield submission.error(FROM, Code.WIDE_NETWORK, message)
    elif special and terms.is_public:
        message = f"sync.from {shown(text)} is not public ({special}); write the address that the source sees"
        yield submission.error(FROM, Code.RESERVED_NETWORK, message)


def _synced(submission: Submission) -> dict[str, object]:
    sync = submission.root.get("sync")
    return sync if isinstance(sync, dict) else {}


LINK_CHECKS: tuple[Check, ...] = (page_is_public, source_is_plain, copies_from_few_addresses)
