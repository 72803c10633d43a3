"""The nouns of the service: mirrors, repositories, clients, and what they ask.

All types are frozen; None is unknown; kilometres, Mbit/s, seconds since 1970 (UTC), degrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from mirrorlist.core.content import ContentKind, content_key
from mirrorlist.core.errors import Finding
from mirrorlist.core.filter import NO_FILTER, Filter
from mirrorlist.core.reasons import Reason

MAIN = "main"
"""The module that a mirror's ``address`` serves; every other module has a name in service.yml."""


class Protocol(StrEnum):
    """How a mirror is reached; the value is the URL scheme."""

    HTTPS = "https"
    HTTP = "http"
    RSYNC = "rsync"
    FTP = "ftp"


WEB_PROTOCOLS = (Protocol.HTTPS, Protocol.HTTP)


class Status(StrEnum):
    """Where a mirror is between its offer and its retirement. Only live and retiring ones are served."""

    LIVE = "live"
    PAUSED = "paused"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    PAPERWORK = "paperwork"
    DEPLOYING = "deploying"
    SYNCING = "syncing"
    DECLINED = "declined"
    RETIRING = "retiring"
    RETIRED = "retired"


SERVED_STATUSES = frozenset({Status.LIVE, Status.RETIRING})


class Proximity(IntEnum):
    """How a mirror is close to a client; the smaller the value, the closer."""

    SUBNET = 0
    CLOUD_REGION = 1
    ASN = 2
    NEARBY = 3
    WORLD = 4


@dataclass(frozen=True, slots=True)
class Prefix:
    """An IP network: its first address, packed (4 or 16 bytes), and the number of fixed bits."""

    packed: bytes
    length: int


class PlaceSource(StrEnum):
    """How a mirror's coordinates were found, best first; the value completes "placed by"."""

    COORDINATES = "its coordinates"
    CITY_AND_STATE = "its city and state"
    SWAPPED = "its city and state, which are swapped"
    CITY = "its city"
    CITY_ELSEWHERE = "its city, which is not in its state"
    STATE = "its state"
    COUNTRY = "its country"
    CONTINENT = "its continent"
    ADDRESS = "its addresses"


@dataclass(frozen=True, slots=True)
class Location:
    """A place as it was given, and its coordinates; ``precision_km`` is the radius they are good for."""

    continent: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    precision_km: float | None = None
    source: PlaceSource | None = None


@dataclass(frozen=True, slots=True)
class CloudRegions:
    """The regions of a cloud provider (aws, azure, gcp, oci) that a mirror serves; ``None`` means all."""

    provider: str
    regions: tuple[str, ...] | None


# Parts of a mirror's file that the service does without: what may not be handed out, claimed or shown as it is.


class WithheldKind(StrEnum):
    """What a part is."""

    ADDRESS = "address"
    CLAIM = "claim"
    TEXT = "text"


WITHHELD_REASONS = {
    WithheldKind.ADDRESS: Reason.ADDRESS_REFUSED,
    WithheldKind.CLAIM: Reason.CLAIM_REFUSED,
    WithheldKind.TEXT: Reason.TEXT_CLEANED,
}


@dataclass(frozen=True, slots=True)
class Withheld:
    """One part. ``of`` names it as the file does (``address.https``, ``subnets[2]``), ``finding`` says where and why.

    ``module`` is that of an address of a tree.
    """

    kind: WithheldKind
    of: str
    finding: Finding
    module: str | None = None

    @property
    def reason(self) -> Reason:
        """The reason for which it is withheld."""
        return WITHHELD_REASONS[self.kind]

    def __str__(self) -> str:
        found = self.finding
        return f"without {self.of}: {found.path}:{found.line}: [{found.code}] {found.message}"


def lacks_address(parts: Iterable[Withheld], module: str, protocols: Iterable[str] | None = None) -> bool:
    """Whether an address of a module is withheld, under one of the protocols where some are named."""
    return any(
        each.module == module and (protocols is None or each.of.rpartition(".")[2] in set(protocols)) for each in parts
    )


def lacks_claims(parts: Iterable[Withheld]) -> bool:
    """Whether a claim is withheld."""
    return any(each.kind is WithheldKind.CLAIM for each in parts)


@dataclass(frozen=True, slots=True)
class ReachPair:
    """Clients of a country or an AS, and mirrors of a country, an AS or one name (``IR``, ``AS64496``), of ``reach:``.

    Mirrors count as ``km`` farther away for these clients; None: the clients do not reach them. With ``since`` it is
    not the operator who says so, but the vantage points there.
    """

    clients: str
    mirrors: str
    km: int | None
    since: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """One mirror as its file describes it.

    ``urls``: by module and protocol its tree, which ends with a slash; ``bandwidth_mbps`` is what the owner declared;
    ``requests_per_minute``: the prober's limit; ``withheld``: what else the file says, and the service does without.
    ``places`` are further places behind the same addresses; a global mirror is near everywhere, and its ``location``
    only says whose it is.
    ``tib_per_month`` is the most that it gives the project; with ``off_peak_only`` it serves strangers at quiet hours.
    Three are not of the file: ``systems`` announce its addresses, as far as the prober knows, ``pairs`` are those of
    service.yml and of vantage points that concern it, and it ``rests`` while it is peak time there.
    """

    name: str
    urls: Mapping[str, Mapping[Protocol, str]]
    update_frequency_seconds: int | None = None
    sponsor: str = ""
    sponsor_url: str | None = None
    email: str | None = None
    location: Location | None = None
    places: tuple[Location, ...] = ()
    is_global: bool = False
    private: bool = False
    monopoly: bool = False
    subnets: tuple[Prefix, ...] = ()
    subnets_url: str | None = None
    asns: tuple[int, ...] = ()
    cloud: CloudRegions | None = None
    status: Status = Status.LIVE
    status_reason: str | None = None
    status_since: str | None = None
    status_until: str | None = None
    live_from: str | None = None
    bandwidth_mbps: int | None = None
    storage_gb: int | None = None
    time_zone: str | None = None
    countries_only: tuple[str, ...] = ()
    countries_never: tuple[str, ...] = ()
    logo: str | None = None
    sync_source: str | None = None
    sync_from: str | None = None
    requests_per_minute: int | None = None
    contact_name: str | None = None
    peerings: tuple[str, ...] = ()
    agreement: str | None = None
    notify: bool = True
    tib_per_month: float | None = None
    off_peak_only: bool = False
    withheld: tuple[Withheld, ...] = ()
    systems: tuple[int, ...] = ()
    pairs: tuple[ReachPair, ...] = ()
    rests: bool = False


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository; its ``path`` is below the version's directory, may hold ``$basearch`` and ends with a slash.

    ``versions`` and ``arches``: where it exists; ``None`` means everywhere. ``clients``: who reads it, if that is said.
    ``suites`` are those of an apt one, ``index`` names a database or the like, ``canaries`` stand for a plain one.
    """

    name: str
    path: str
    versions: tuple[str, ...] | None = None
    arches: tuple[str, ...] | None = None
    vault: bool = False
    clients: tuple[str, ...] = ()
    kind: ContentKind = ContentKind.RPM
    suites: tuple[str, ...] = ()
    index: str | None = None
    canaries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RepositoryTarget:
    """What an address of the service names: one repository of one version.

    ``path`` is below a mirror's tree of ``module`` (``9.8/BaseOS/$basearch/os/``), a file without a final slash.
    ``arches`` are those it exists for, if any; ``vault``: the project's own vault serves it instead of the mirrors.
    ``parts`` are the paths whose health decides, where these are not the path itself.
    """

    repository: str
    version: str
    module: str
    path: str
    vault: bool
    arches: tuple[str, ...]
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """One question: a target and what the client asked for on top.

    ``protocols``: those wanted, the preferred one first; ``every_protocol``: a mirror's URL under each of them,
    not only the first. ``filter``: which mirrors are wanted. ``checksummed``: an accepted older version does no harm.
    ``networks``: whether the client's networks count. ``by_tree``: a redirector asks, which needs an address even where
    a service wants no fallbacks. ``file`` is the path of the file or directory below the mirrors' trees, as an index
    spells it; None where a repository is asked for. ``within`` are the names of what decides about it instead of the
    query's own: its repository, the image that it is, and the plain tree that it lies in; None for what it is not.
    """

    target: RepositoryTarget
    arch: str | None
    protocols: tuple[Protocol, ...]
    filter: Filter = NO_FILTER
    every_protocol: bool = False
    networks: bool = True
    checksummed: bool = False
    file: str | None = None
    within: tuple[str | None, ...] | None = None
    by_tree: bool = False

    @property
    def path(self) -> str:
        """The repository's path; ``$basearch`` stays for the client to fill in unless an arch was asked."""
        return self.target.path.replace("$basearch", self.arch) if self.arch else self.target.path

    @property
    def key(self) -> str:
        """The name under which the repository's health and metadata are recorded."""
        return content_key(self.target.module, self.path)


@dataclass(frozen=True, slots=True)
class ClientPlace:
    """Where selection takes a client to be: a cell of about one degree, a whole country, or nowhere known.

    ``asn`` is the client's AS, where ``reach:`` of service.yml names it.
    """

    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    exact: bool = False  # False for a whole country: its coordinates are the centre of its people
    asn: int | None = None


NOWHERE = ClientPlace()


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. ``address`` is packed (4 or 16 bytes), or None when it is not known.

    ``identity`` is what the spread hashes: the IPv4 address, the IPv6 /64, or what an unknown client sent.
    ``asn_proves`` and ``cloud_proves``: the operator named the source, so a match opens private mirrors.
    """

    address: bytes | None
    identity: bytes
    place: ClientPlace = NOWHERE
    asn: int | None = None
    cloud: tuple[str, str] | None = None
    asn_proves: bool = True
    cloud_proves: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """The closest way in which a mirror belongs to a client's network."""

    proximity: Proximity
    prefix_length: int = 0
    proves: bool = True


@dataclass(frozen=True, slots=True)
class Checksummed:
    """One version of a repomd.xml: what a client may accept."""

    size: int
    timestamp: int
    sha256: str
    sha512: str


@dataclass(frozen=True, slots=True)
class RepoMetadata:
    """The repomd.xml that the origin publishes now, and the older ones still accepted, newest first.

    ``first_seen`` is when the origin was first seen to publish the current one, ``replaced_at`` when it gave up each
    of the older ones."""

    path: str
    current: Checksummed
    first_seen: float
    alternates: tuple[Checksummed, ...] = ()
    replaced_at: tuple[float, ...] = field(default=(), compare=False)


class FallbackLevel(IntEnum):
    """How far a list had to give way; the sentences for people are ``LEVEL_NOTES`` of selection/usability.py."""

    FRESH = 0
    LAGGING = 1
    LAST_KNOWN = 2
    FALLBACKS = 3
