"""Where else a submitted file leads: the sponsor's page, and what the mirror copies from where.

Nobody asks these addresses, but people follow the page, and the source and the origin of a copy end up in the scripts
and access lists of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from urllib.parse import urlsplit

from mirrorlist.core.claims import overlap
from mirrorlist.core.host_names import is_address
from mirrorlist.sources.documents import Pointer, shown
from mirrorlist.sources.finding_codes import Code as LoaderCode
from mirrorlist.sources.hosts import name_fault, public_name_fault
from mirrorlist.sources.mirror_urls import url_fault
from mirrorlist.sources.networks import canonical_network
from mirrorlist.sources.submission import Check, Fault, Guard, Submission, Terms, asked, prefix_of
from mirrorlist.sources.submission_codes import SubmissionCode as Code
from mirrorlist.sources.submitted_networks import SHORTEST
from mirrorlist.sources.submitted_text import look_alike

SOURCE: Pointer = ("sync", "source")
FROM: Pointer = ("sync", "from")


def page_is_public(submission: Submission, terms: Terms) -> Iterator[Fault]:
    """The sponsor's page is one that everybody who follows the link reaches."""
    url = submission.root.get("sponsor_url")
    host = _host(url) if isinstance(url, str) else None
    if not isinstance(url, str) or host is None:
        return
    if _has_bad_port(url):
        message = f"sponsor_url {shown(url)} has a port outside 1 to 65535; correct it or leave it out"
        yield Fault(("sponsor_url",), Code.BAD_PORT, message)
    if not terms.is_public:
        return
    if is_address(host):
        fault = terms.address_fault(host)
        said = f"{fault}, so nobody reaches it; write the sponsor's public page" if fault else None
    else:
        said = _name_fault(host)
    if said:
        message = f"the host of sponsor_url {shown(url)}: {said}"
        yield Fault(("sponsor_url",), Code.HOST_NOT_PUBLIC, message)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _has_bad_port(url: str) -> bool:
    try:
        return urlsplit(url).port == 0
    except ValueError:
        return True


def _name_fault(host: str) -> str | None:
    """A name in letters of another script is left to browsers, unless it deceives."""
    if not host.isascii():
        return look_alike(host)
    return name_fault(host) or public_name_fault(host)


def source_is_plain(submission: Submission, _: Terms) -> Iterator[Fault]:
    """What the mirror copies is the URL of a tree or the name of a mirror, and nothing that a shell understands."""
    source = _synced(submission).get("source")
    if not isinstance(source, str):
        return
    if fault := url_fault(source) if "://" in source else name_fault(source):
        yield Fault(SOURCE, LoaderCode.BAD_URL, f"sync.source {shown(source)} {fault}")


def copies_from_few_addresses(submission: Submission, terms: Terms) -> Iterator[Fault]:
    """Where the mirror connects from is one host or a narrow public network, as it is let in there."""
    text = _synced(submission).get("from")
    if isinstance(text, str) and (fault := from_fault(text, submission.name, terms)):
        yield Fault(FROM, fault[0], f"sync.from {fault[1]}")


def from_fault(text: str, name: str, terms: Terms) -> tuple[Code, str] | None:
    """Why the mirror of this name cannot be let in from there: the code, and the value with what is said about it."""
    network = canonical_network(text)
    if network is None:
        public = terms.is_public and name not in terms.service.approved
        fault = name_fault(text) or (public_name_fault(text) if public else None)
        return (Code.BAD_HOST, f"{shown(text)} {fault}") if fault else None
    if name in terms.service.approved:
        return None
    prefix = prefix_of(ip_network(network))
    special = next((called for each, called in terms.special if overlap(each, prefix)), None)
    if prefix.length < SHORTEST[4 if len(prefix.packed) == 4 else 6]:
        return Code.WIDE_NETWORK, f"{shown(text)} is wider than one mirror needs; write its address"
    if special and terms.is_public:
        remedy = "write the address that the source sees"
        return Code.RESERVED_NETWORK, f"{shown(text)} is not public ({special}); {remedy}"
    return None


def _synced(submission: Submission) -> dict[str, object]:
    sync = submission.root.get("sync")
    return sync if isinstance(sync, dict) else {}


LINK_GUARDS: tuple[Guard, ...] = (page_is_public, source_is_plain, copies_from_few_addresses)
LINK_CHECKS: tuple[Check, ...] = tuple(map(asked, LINK_GUARDS))
