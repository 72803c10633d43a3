"""A submitted mirror file: its values with their positions, its neighbours, and the rules it has to meet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorlist.core.catalogue.service import Profile, Service
from mirrorlist.core.errors import Finding
from mirrorlist.core.model import Mirror, Prefix
from mirrorlist.core.network.addresses import Claim, Claims
from mirrorlist.core.network.prefixes import IntervalTable, canonical_network, spelled
from mirrorlist.sources.mirrors.urls import url_fault, url_key
from mirrorlist.sources.yaml.documents import Code, Document, Pointer, shown

if TYPE_CHECKING:
    from mirrorlist.sources.places.locations import Atlas

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionTerms:
    """What every submission is held to.

    ``address_fault`` says why no public mirror may have an address, ``local_fault`` why none may; ``special`` are the
    networks that are not the internet's, ``ports`` those that belong to something else. ``asns`` gives the table of
    who announces what, ``announced4`` how many IPv4 addresses each of them does, and ``time_zones`` the names of the
    IANA database; they are asked for only where a file needs them.
    """

    service: Service
    atlas: Atlas
    special: Collection[tuple[Prefix, str]]
    address_fault: Callable[[str], str | None]
    local_fault: Callable[[str], str | None]
    ports: Mapping[int, str]
    asns: Callable[[], IntervalTable]
    announced4: Callable[[], Mapping[int, int]]
    time_zones: Callable[[], Collection[str]] = frozenset

    @property
    def is_public(self) -> bool:
        """Whether the service is for the public internet, so that names and addresses have to be public."""
        return self.service.profile is Profile.PUBLIC


@dataclass(frozen=True, slots=True)
class Neighbours:
    """All mirrors, and who holds what. A holder is a file's path, so that a file can leave out itself."""

    mirrors: Mapping[str, Mirror]
    claims: Claims
    names: Mapping[str, tuple[str, ...]]
    urls: Mapping[str, tuple[str, ...]]
    monopolists: Mapping[int, tuple[str, ...]]
    """ASN to those who serve it alone."""


def neighbours(mirrors: Mapping[str, Mirror]) -> Neighbours:
    """What all mirrors, by the path of their file, hold together."""
    claims = [Claim(prefix, path) for path, each in mirrors.items() for prefix in each.subnets]
    urls = [
        (url_key(url), path) for path, each in mirrors.items() for book in each.urls.values() for url in book.values()
    ]
    alone = [(asn, path) for path, each in mirrors.items() if each.monopoly for asn in each.asns]
    names = [(each.name, path) for path, each in mirrors.items()]
    return Neighbours(mirrors, Claims(claims), _grouped(names), _grouped(urls), _grouped(alone))


def _grouped(rows: Iterable[tuple[Any, str]]) -> dict[Any, tuple[str, ...]]:
    found: dict[Any, dict[str, None]] = {}
    for key, path in rows:
        found.setdefault(key, {})[path] = None
    return {key: tuple(paths) for key, paths in found.items()}


@dataclass(frozen=True, slots=True)
class Submission:
    """One submitted file. ``root`` of the document may still be of any shape; ``text`` is the file unchanged.

    ``mirror`` is None where the loader refuses the file.
    """

    document: Document
    text: str
    directory: Path
    mirror: Mirror | None
    neighbours: Neighbours

    @property
    def path(self) -> str:
        return self.document.path

    @property
    def root(self) -> Mapping[str, Any]:
        """What the file says; empty where it is no mapping."""
        return self.document.root or {}

    @property
    def name(self) -> str:
        """The name, or an empty text where it is no text."""
        name = self.root.get("name")
        return name if isinstance(name, str) else ""

    @property
    def private(self) -> bool:
        return self.root.get("private") is True

    @property
    def monopoly(self) -> bool:
        return self.root.get("monopoly") is True

    def books(self) -> Iterator[tuple[Pointer, Mapping[str, str]]]:
        """The usable URLs of each module by protocol."""
        modules = self.root.get("address_optional")
        found: list[tuple[Pointer, object]] = [(("address",), self.root.get("address"))]
        if isinstance(modules, dict):
            found += [(("address_optional", key), book) for key, book in modules.items()]
        for pointer, book in found:
            if isinstance(book, dict):
                yield pointer, {k: v for k, v in book.items() if isinstance(v, str) and url_fault(v) is None}

    def urls(self) -> Iterator[tuple[Pointer, str]]:
        """The usable URLs of all modules."""
        for pointer, book in self.books():
            yield from (((*pointer, key), url) for key, url in book.items())

    def networks(self) -> Iterator[tuple[Pointer, Network]]:
        """The claimed networks that can be read."""
        claimed = self.root.get("subnets")
        if isinstance(claimed, str) and self.mirror:  # what a list at a URL said
            claimed = [spelled(prefix) for prefix in self.mirror.subnets]
        for index, text in enumerate(claimed if isinstance(claimed, list) else ()):
            if isinstance(text, str) and (network := canonical_network(text)):
                yield ("subnets", index), ip_network(network)

    def asns(self) -> Iterator[tuple[Pointer, int]]:
        """The claimed autonomous systems that can be read."""
        claimed = self.root.get("asn")
        entries = enumerate(claimed) if isinstance(claimed, list) else [(None, claimed)]
        for index, asn in entries:
            if isinstance(asn, int) and not isinstance(asn, bool):
                yield ("asn",) if index is None else ("asn", index), asn

    def others(self, holders: Iterable[str]) -> tuple[str, ...]:
        """The holders without this file itself, as people read them."""
        return tuple(shown(Path(each).name) for each in holders if each != self.path)

    def error(self, pointer: Pointer, code: str, message: str) -> Finding:
        return self.document.error(pointer, code, message)

    def warning(self, pointer: Pointer, code: str, message: str) -> Finding:
        return self.document.warning(pointer, code, message)


Check = Callable[[Submission, SubmissionTerms], Iterator[Finding]]
"""One question to a submission: a finding for each place where the answer is no."""


@dataclass(frozen=True, slots=True)
class SubmissionFault:
    """What a file may not say. A service does without the values at ``lost``; by default, without the reported one.

    Those who submit a file are refused for it, and files that got past them are served without it.
    """

    pointer: Pointer
    code: str
    message: str
    lost: tuple[Pointer, ...] = ()

    @property
    def without(self) -> tuple[Pointer, ...]:
        """The values that a service does without."""
        return self.lost or (self.pointer,)


Guard = Callable[[Submission, SubmissionTerms], Iterator[SubmissionFault]]
"""One question that a submission is asked before it is accepted, and a file each time before it is served."""


def asked(guard: Guard) -> Check:
    """The question as one to a submission alone."""

    def check(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
        return (submission.error(each.pointer, each.code, each.message) for each in guard(submission, terms))

    return check


def prefix_of(network: Network) -> Prefix:
    """The prefix of a network."""
    return Prefix(network.network_address.packed, network.prefixlen)


# Codes of the checks beyond the loader's; docs/findings.md explains each.
# To add one: a member here, a row in that page, a check that reports it, and a refused example in
# tests/data/submissions.py.


class SubmissionCode(StrEnum):
    """What is wrong, in the words between the brackets of a finding."""

    # The file.
    STRAY_FILE = "stray-file"
    HIDDEN_CHARACTER = "hidden-character"
    LOOK_ALIKE = "look-alike"
    BAD_TEXT = "bad-text"

    # Hosts, URLs and contacts.
    BAD_HOST = "bad-host"
    HOST_NOT_PUBLIC = "host-not-public"
    ADDRESS_AS_HOST = "address-as-host"
    OTHER_HOST = "other-host"
    BAD_PORT = "bad-port"
    BAD_PATH = "bad-path"
    NOT_A_TREE = "not-a-tree"
    PATHS_DIFFER = "paths-differ"
    BAD_EMAIL = "bad-email"
    BAD_LOGO = "bad-logo"

    # Networks.
    RESERVED_NETWORK = "reserved-network"
    WIDE_NETWORK = "wide-network"
    TOO_MANY_CLAIMS = "too-many-claims"
    OVERLAPPING_CLAIM = "overlapping-claim"
    RESERVED_ASN = "reserved-asn"
    CLAIM_OF_MONOPOLY = "claim-of-monopoly"
    NEEDS_APPROVAL = "needs-approval"
    DOUBTFUL_CLAIM = "doubtful-claim"

    # The mirror as a whole.
    DUPLICATE_URL = "duplicate-url"
    UPDATE_FREQUENCY = "update-frequency"
    RARE_UPDATES = "rare-updates"
    NOT_GIVEN = "not-given"
    BANDWIDTH_CAP = "bandwidth-cap"
    IMPLAUSIBLE_BANDWIDTH = "implausible-bandwidth"
    UNRESOLVABLE_PLACE = "unresolvable-place"
    UNKNOWN_TIME_ZONE = "unknown-time-zone"
    BELOW_MINIMUM = "below-minimum"
    BELOW_PREFERRED = "below-preferred"

    # What only asking the mirror shows.
    UNREACHABLE = "unreachable"
    BAD_REPOSITORY = "bad-repository"
    NOT_CHECKED = "not-checked"


HELD_TO: Mapping[Code, str] = {
    Code.NOT_A_REGULAR_FILE: "a link or device would be skipped",
    Code.NOT_UTF8: "other programs cannot read the file",
    Code.YAML_SYNTAX: "other programs cannot read the file",
    Code.SEVERAL_DOCUMENTS: "other programs may read another document",
    Code.DUPLICATE_KEY: "what a reader of the file sees must be what counts",
    Code.UNKNOWN_KEY: "a slip would be lost without a word",
    Code.UNKNOWN_MODULE: "the module would be lost without a word",
    Code.MISSING_KEY: "the value without a key would be lost",
    Code.WRONG_TYPE: "the value would be lost or guessed",
    Code.BAD_VALUE: "the value would be lost or guessed",
    Code.OUT_OF_RANGE: "the value would be lost",
    Code.BAD_DATE: "the date would be lost",
    Code.BAD_URL: "the address would be lost or guessed",
    Code.BAD_NETWORK: "the network would be lost or guessed",
    Code.URL_SCHEME: "the key says what clients get",
    Code.SPONSOR_URL: "the page would be lost or guessed",
    Code.UNKNOWN_COUNTRY: "the mirror would have no place",
    Code.COUNTRY_SPELLING: "other programs read the file too",
    Code.HOST_BITS: "the network may be meant smaller",
    Code.UNKNOWN_REGION: "nobody would get the mirror there",
    Code.PLACE_CONTRADICTION: "one of the two is wrong",
}
"""What the loader only warns of, because it must go on, and what refuses a submitted file, and why."""
