"""Keep out what a mirror file may not say, however the file came into the directory: the last line of defence.

The questions are those that a submission is asked (``judge.py``). A file that got past them by a mistaken merge
or by hand is served without the values that they refuse, and each is reported with its place. Two mirrors that claim
the same addresses have no judge here, so whom the maintainers approved counts, then whose claim is in effect already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.model import MAIN, Mirror, Prefix, Protocol, Withheld, WithheldKind
from mirrorlist.core.network.addresses import Claim
from mirrorlist.sources.mirrors.fields import mirror_from
from mirrorlist.sources.mirrors.files import MirrorFiles
from mirrorlist.sources.submissions.facts import LINK_GUARDS, logo_is_a_picture
from mirrorlist.sources.submissions.hosts import EVERYWHERE, HOST_GUARDS, name_is_a_host
from mirrorlist.sources.submissions.networks import (
    NETWORK_GUARDS,
    Claimed,
    asns_are_nobody_elses,
    claimed_networks,
    is_alone,
    shared_claim,
    sharers,
)
from mirrorlist.sources.submissions.submission import (
    Guard,
    Neighbours,
    Submission,
    SubmissionCode,
    SubmissionFault,
    SubmissionTerms,
    neighbours,
)
from mirrorlist.sources.submissions.text import cleaned_texts, look_alike, without_hidden
from mirrorlist.sources.yaml.documents import Document, Pointer, shown, spelled

GUARDS: tuple[Guard, ...] = (*HOST_GUARDS, *LINK_GUARDS, *NETWORK_GUARDS, logo_is_a_picture)
INTRANET_GUARDS: tuple[Guard, ...] = (*EVERYWHERE, logo_is_a_picture)
CLAIMS = frozenset({"subnets", "asn", "cloud_regions", "monopoly"})
ADDRESSES = frozenset({"address", "address_optional"})
CONSEQUENCE = "the service does without it"


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A mirror, and the document that describes it; the subnets may be those of a list at a URL."""

    document: Document
    mirror: Mirror


def guarded_files(
    files: MirrorFiles,
    directory: Path,
    terms: SubmissionTerms,
    listed: Callable[[Mirror], Mirror] = lambda mirror: mirror,
) -> dict[str, Mirror]:
    """The mirrors of a directory by file name, as they are served; ``listed`` adds the networks of a list at a URL."""
    read = {
        str(directory / name): ReadFile(files.documents[name], listed(mirror)) for name, mirror in files.mirrors.items()
    }
    return {Path(path).name: mirror for path, mirror in guarded(read, terms).items()}


def guarded(
    files: Mapping[str, ReadFile], terms: SubmissionTerms, former: Collection[Mirror] = ()
) -> dict[str, Mirror]:
    """The mirrors by the path of their file, without what they may not have. ``former`` are those in effect so far."""
    alone = {path: by_itself(read, terms) for path, read in files.items()}
    if not terms.is_public:
        return {path: read.mirror for path, read in alone.items()}
    known = neighbours({path: read.mirror for path, read in alone.items()})
    standing = _Standing(terms, known, {each.name: each for each in former})
    return {path: _among_others(read, known, standing) for path, read in alone.items()}


def name_findings(files: Mapping[str, ReadFile], terms: SubmissionTerms) -> Iterator[Finding]:
    """A warning on each mirror whose name is no public host's; it keeps the name, for there is no other."""
    for read in files.values():
        for found in name_is_a_host(_submission(read, neighbours({})), terms):
            yield replace(found, severity=Severity.WARNING)


def by_itself(read: ReadFile, terms: SubmissionTerms) -> ReadFile:
    """The mirror without what no neighbour has to be asked for."""
    shown_as, changed = cleaned_texts(read.document.root or {})
    mirror = read.mirror
    if changed:
        texts = mirror_from(shown_as, terms.atlas.countries)
        mirror = replace(texts, subnets=mirror.subnets)
    submission = _submission(replace(read, mirror=mirror), neighbours({}))
    guards = GUARDS if terms.is_public else INTRANET_GUARDS
    faults = [fault for guard in guards for fault in guard(submission, terms)]
    found = _without(submission, mirror, faults)
    deceiving = (_deceives(read.document, pointer, text) for pointer, text in changed.items())
    unusable = (
        _withheld(pointer, spelled(pointer), told)
        for pointer, told in read.document.left_out.items()
        if pointer[0] in CLAIMS | ADDRESSES
    )
    return replace(read, mirror=replace(found, withheld=(*unusable, *deceiving, *found.withheld)))


def _deceives(document: Document, pointer: Pointer, text: str) -> Withheld:
    """The warning about a text that is shown without a part of it."""
    code = SubmissionCode.BAD_TEXT
    if without_hidden(text) != text:
        code = SubmissionCode.HIDDEN_CHARACTER
    elif look_alike(text):
        code = SubmissionCode.LOOK_ALIKE
    message = f"{spelled(pointer)} {shown(text)} deceives its reader; correct it; it is shown without what deceives"
    return Withheld(WithheldKind.TEXT, spelled(pointer), document.warning(pointer, code, message))


def _among_others(read: ReadFile, known: Neighbours, standing: _Standing) -> Mirror:
    """The mirror without what others have."""
    submission = _submission(read, known)
    left = frozenset(read.mirror.subnets)
    faults = []
    for row in claimed_networks(submission):
        if row.prefix in left:
            against = (each for each in sharers(submission, row) if standing.loses(submission, row, each))
            faults += [shared_claim(submission, row, each) for each in against][:1]
    if read.mirror.asns and not standing.is_approved(read.mirror):
        faults += asns_are_nobody_elses(submission, standing.terms)
    return _without(submission, read.mirror, faults)


def _submission(read: ReadFile, known: Neighbours) -> Submission:
    return Submission(read.document, "", Path(read.document.path).parent, read.mirror, known)


class _Rank(IntEnum):
    """Whose claim counts where two want the same."""

    NEW = 0
    IN_FORCE = 1
    APPROVED = 2


@dataclass(frozen=True, slots=True)
class _Standing:
    """Who has which claims already: by the maintainers' word, or in the current generation."""

    terms: SubmissionTerms
    known: Neighbours
    former: Mapping[str, Mirror]

    def is_approved(self, mirror: Mirror) -> bool:
        return mirror.name in self.terms.service.approved

    def loses(self, submission: Submission, row: Claimed, other: Claim) -> bool:
        """Whether a mirror does without a network because of another one's claim.

        Of two of the same rank a monopoly gives way to whoever has a wider or the same network, and another mirror's
        clients; what is inside a monopoly gives way to it. Two mirrors that are open share what both have had.
        """
        mine, theirs = self.known.mirrors[submission.path], self.known.mirrors[other.holder]
        ranks = self._rank(mine, row.prefix), self._rank(theirs, other.prefix)
        if ranks[0] is _Rank.APPROVED or ranks[0] > ranks[1]:
            return False
        if ranks[0] < ranks[1]:
            return True
        if mine.monopoly and not theirs.monopoly:
            return True
        if is_alone(submission, other):
            return row.prefix.length >= other.prefix.length
        return ranks[0] is _Rank.NEW

    def _rank(self, mirror: Mirror, prefix: Prefix) -> _Rank:
        if self.is_approved(mirror):
            return _Rank.APPROVED
        before = self.former.get(mirror.name)
        held = before is not None and before.monopoly == mirror.monopoly and prefix in before.subnets
        return _Rank.IN_FORCE if held else _Rank.NEW


def _without(submission: Submission, mirror: Mirror, faults: Collection[SubmissionFault]) -> Mirror:
    """The mirror without the values of these faults, each reported once. Nothing opens a mirror that was closed."""
    lost: dict[Pointer, SubmissionFault] = {}
    for fault in faults:
        lost.update({pointer: fault for pointer in fault.without if pointer not in lost})
    if not lost:
        return mirror
    # also those beyond the most that a file may name
    networks = {
        pointer: Prefix(network.network_address.packed, network.prefixlen) for pointer, network in submission.networks()
    }
    asns = dict(submission.asns())
    gone = {networks[pointer] for pointer in lost if pointer in networks}
    every_asn = ("asn",) in lost
    listed = ("subnets",) in lost and mirror.subnets_url is not None
    closed = mirror.private or bool({("monopoly",), ("cloud_regions",)} & lost.keys())
    return replace(
        mirror,
        urls=_urls_without(mirror, lost.keys()),
        sponsor_url=None if ("sponsor_url",) in lost else mirror.sponsor_url,
        sync_source=None if ("sync", "source") in lost else mirror.sync_source,
        sync_from=None if ("sync", "from") in lost else mirror.sync_from,
        logo=None if ("logo",) in lost else mirror.logo,
        private=closed,
        monopoly=mirror.monopoly and ("monopoly",) not in lost,
        subnets=() if listed else tuple(each for each in mirror.subnets if each not in gone),
        subnets_url=None if listed else mirror.subnets_url,
        asns=() if every_asn else tuple(n for n in mirror.asns if n not in {asns.get(each) for each in lost}),
        cloud=None if ("cloud_regions",) in lost else mirror.cloud,
        withheld=(*mirror.withheld, *_told(submission.document, lost)),
    )


def _urls_without(mirror: Mirror, lost: Collection[Pointer]) -> Mapping[str, Mapping[Protocol, str]]:
    """A module whose every address is lost is not there any more."""
    books = {
        module: {protocol: url for protocol, url in book.items() if _pointer(module, protocol) not in lost}
        for module, book in mirror.urls.items()
    }
    return {module: book for module, book in books.items() if book}


def _pointer(module: str, protocol: Protocol) -> Pointer:
    return ("address", protocol.value) if module == MAIN else ("address_optional", module, protocol.value)


def _told(document: Document, lost: Mapping[Pointer, SubmissionFault]) -> Iterator[Withheld]:
    """One part for each fault, however many values it takes."""
    for fault in dict.fromkeys(lost.values()):
        pointers = [pointer for pointer, of in lost.items() if of == fault]
        more = f" and {len(pointers) - 1} more" if len(pointers) > 1 else ""
        finding = document.warning(pointers[0], fault.code, f"{fault.message}; {CONSEQUENCE}")
        yield _withheld(pointers[0], spelled(document.original(pointers[0])) + more, finding)


def _withheld(pointer: Pointer, of: str, finding: Finding) -> Withheld:
    """A claim, or an address: that of a tree is one of the tree's module."""
    kind = WithheldKind.CLAIM if pointer[0] in CLAIMS else WithheldKind.ADDRESS
    module = MAIN if pointer[0] == "address" else str(pointer[1]) if len(pointer) > 1 else None
    return Withheld(kind, of, finding, module if pointer[0] in ADDRESSES else None)
