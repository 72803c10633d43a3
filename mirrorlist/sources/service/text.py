"""The content of service.yml as written: the keys of schemas/service.json with types, not yet interpreted.

A new key is a row in the schema, a field here, its use in file.py, and a row in docs/service-yml.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import msgspec

from mirrorlist.core.catalogue.catalogue import Catalogue
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.service import Profile, Site, SmtpSecurity, SyncPolicy, Vendor
from mirrorlist.core.catalogue.trees import Keeps, MetadataFrom, Router
from mirrorlist.core.content import ContentKind
from mirrorlist.core.errors import Finding
from mirrorlist.core.model import Protocol
from mirrorlist.sources.yaml.documents import Document, Pointer, Value, shown, spelled
from mirrorlist.sources.yaml.schema_messages import did_you_mean

Versions = tuple[str, ...]
_POLICY = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryText:
    """One entry of ``repos``."""

    name: str
    path: str
    versions: Versions | None = None
    arches: tuple[str, ...] | None = None
    vault: bool = False
    clients: tuple[str, ...] = ()
    kind: ContentKind | None = None
    suites: tuple[str, ...] = ()
    index: str | None = None
    canaries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageText:
    """One entry of ``images``."""

    path: str
    versions: Versions | None = None
    arches: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleText:
    """One entry of ``modules``."""

    title: str | None = None
    rsync: str | None = None
    space_gb: int | None = None
    interval: str | None = None
    canaries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """One entry of ``sync.sources``."""

    name: str
    rsync: Mapping[str, str]
    country: str | None = None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    mirror: str | None = None
    web: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncText:
    """The key ``sync``."""

    policy: SyncPolicy = SyncPolicy.NEAREST
    sources: tuple[SourceText, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeText:
    """One entry of ``trees``."""

    path: str
    module: str
    host: str | None = None
    metadata: MetadataFrom | None = None
    from_origin: tuple[str, ...] = ()
    allow_http: bool = False
    protocol: Keeps | None = None
    names: str | None = None
    regions: Mapping[str, str] = field(default_factory=dict)
    router: Router | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedText:
    """One level of ``requirements``."""

    bandwidth_mbps: int | None = None
    storage_gb: int | None = None
    update_frequency: str | None = None
    protocols: tuple[Protocol, ...] = ()
    availability_percent: float | None = None
    complete_percent: float | None = None
    agreement: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementsText:
    """The key ``requirements``."""

    minimum: AskedText = field(default_factory=AskedText)
    preferred: AskedText = field(default_factory=AskedText)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideText:
    """One entry of ``geo.overrides``."""

    prefix: str
    country: str | None = None
    city: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    asn: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadText:
    """One entry of ``geo.downloads``."""

    vendor: Vendor
    edition: str | None = None
    url: str | None = None
    account: int | None = None
    key_file: str | None = None


EDITIONS: Mapping[Vendor, str] = {
    Vendor.DBIP: "dbip-city-lite",
    Vendor.MAXMIND: "GeoLite2-City",
    Vendor.IPINFO: "ipinfo_lite",
}
"""What a vendor's download is of, where the file does not say."""

_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def edition_of(text: DownloadText) -> str:
    """The name of a download: as it says, as its vendor's is called, or after the file at its address."""
    if found := text.edition or EDITIONS.get(text.vendor):
        return found
    file = (text.url or "").partition("?")[0].rstrip("/").rpartition("/")[2].partition(".")[0]
    return _NO_NAME.sub("-", file)[:64].strip("-") or "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoText:
    """The key ``geo``."""

    databases: tuple[str, ...] = ()
    downloads: tuple[DownloadText, ...] = ()
    cloud_downloads: tuple[str, ...] = ()
    clouds: Mapping[str, str] = field(default_factory=dict)
    overrides: tuple[OverrideText, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelText:
    """The key ``channel``."""

    directory: str
    key_file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServerText:
    """The key ``notify.smtp``."""

    host: str
    port: int | None = None
    security: SmtpSecurity = SmtpSecurity.STARTTLS
    user: str | None = None
    password_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookText:
    """The key ``notify.webhook``."""

    url: str
    secret_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyText:
    """The key ``notify``."""

    smtp: MailServerText | None = None
    sender: str | None = None
    reply_to: str | None = None
    events: tuple[str, ...] = ()
    digest_to: str | None = None
    templates: str | None = None
    webhook: WebhookText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VantageText:
    """One of ``vantages``, by its name."""

    country: str
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyText:
    """The key ``policy``."""

    limit: int = _POLICY.limit
    protocol_order: tuple[Protocol, ...] = _POLICY.protocol_order
    bands_km: tuple[int, ...] = _POLICY.bands_km
    border_km: int = _POLICY.border_km
    global_km: int = _POLICY.global_km
    far_km: int = _POLICY.far_km
    weight_cap_mbps: int = _POLICY.weight_cap_mbps
    turn: str = f"{_POLICY.turn_seconds}s"
    lag_grace: str | int = f"{_POLICY.lag_grace_seconds}s"
    release_minimum: int = _POLICY.release_minimum_percent
    fallback_minimum: int = _POLICY.fallback_minimum
    alternates_days: float = _POLICY.alternates_days
    repeat_within: str | int = f"{_POLICY.repeat_seconds}s"
    tib_per_month: float | None = None
    peak_hours: str = "08:00-23:00"

    @property
    def peak_minutes(self) -> tuple[int, int]:
        """The peak hours in minutes after midnight."""
        first, last = (60 * int(time[:2]) + int(time[3:]) for time in self.peak_hours.split("-"))
        return first, last


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceText:
    """The whole file, with what an absent key means."""

    versions: Versions
    arches: Mapping[str, tuple[str, ...]]
    repos: tuple[RepositoryText, ...]
    name: str = "Linux"
    url: str | None = None
    allowed_outdate: str = "12h"
    mirrors_dir: str = "mirrors.d"
    state_dir: str = "state"
    duplicated_versions: Mapping[str, str] = field(default_factory=dict)
    optional_module_versions: Mapping[str, Versions] = field(default_factory=dict)
    vault_versions: Versions = ()
    vault_mirror: str | tuple[str, ...] = ()
    required_protocols: tuple[Protocol, ...] = (Protocol.HTTP, Protocol.HTTPS)
    aliases: Mapping[str, str] = field(default_factory=dict)
    images: tuple[ImageText, ...] = ()
    modules: Mapping[str, ModuleText] = field(default_factory=dict)
    origin: str | Mapping[str, str] = field(default_factory=dict)
    sync: SyncText = field(default_factory=SyncText)
    file_lists: Mapping[str, str] = field(default_factory=dict)
    fallbacks: tuple[str, ...] | Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trees: tuple[TreeText, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    geo: GeoText = field(default_factory=GeoText)
    channel: ChannelText | None = None
    notify: NotifyText = field(default_factory=NotifyText)
    policy: PolicyText = field(default_factory=PolicyText)
    requirements: RequirementsText = field(default_factory=RequirementsText)
    profile: Profile = Profile.PUBLIC
    intranet_networks: tuple[str, ...] = ()
    time_file: str | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    reach: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    vantages: Mapping[str, VantageText] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    approved: tuple[str, ...] = ()
    site: Site = field(default_factory=Site)


def service_text(root: Mapping[str, Value]) -> ServiceText:
    """The values of a file that its schema accepts."""
    return msgspec.convert(root, ServiceText)


# The draft that the checks judge, and the words of their findings.


class ServiceCode(StrEnum):
    """What is wrong, beyond the codes that mirror files have too."""

    UNKNOWN_VERSION = "unknown-version"
    WRONG_MAJOR = "wrong-major"
    VERSION_TWICE = "version-twice"
    VAULT_TOO_NEW = "vault-too-new"
    NO_VAULT = "no-vault"
    NO_ARCHES = "no-arches"
    UNKNOWN_ARCH = "unknown-arch"
    RESERVED_NAME = "reserved-name"
    BAD_PATH = "bad-path"
    EXISTS_NOWHERE = "exists-nowhere"
    UNKNOWN_REPOSITORY = "unknown-repository"
    BAD_ALIAS = "bad-alias"
    NOT_INCREASING = "not-increasing"
    OVERRIDE_TWICE = "override-twice"
    BAD_DOWNLOAD = "bad-download"
    BAD_NOTIFY = "bad-notify"
    BAD_REACH = "bad-reach"
    BAD_VANTAGE = "bad-vantage"
    NOT_INTRANET = "not-intranet"
    RESERVED_PATH = "reserved-path"
    TREE_TWICE = "tree-twice"
    NO_FALLBACK = "no-fallback"
    CONTRADICTION = "contradiction"
    BAD_NAMES = "bad-names"
    SOURCE_TWICE = "source-twice"
    OUTSIDE_FILE = "outside-file"
    TRUSTS_STRANGERS = "trusts-strangers"


CityOf = Callable[[str, str], tuple[float, float] | None]
"""Latitude and longitude of a city, by its country's code and its name."""


@dataclass(frozen=True, slots=True)
class ServiceDraft:
    """A service file on its way: where its values are, what they are, and the catalogue they make.

    Without ``city_of`` nothing is said of cities: who wants only a directory of the file need not load a gazetteer.
    """

    document: Document
    text: ServiceText
    catalogue: Catalogue
    city_of: CityOf | None = None

    def error(self, pointer: Pointer, code: StrEnum, what: str) -> Finding:
        """An error at a value. ``what`` goes on after the value's place and the value itself."""
        return self.document.error(pointer, code, f"{spelled(pointer)} is {what}")

    def key_error(self, pointer: Pointer, code: StrEnum, message: str) -> Finding:
        """An error at a key."""
        return self.document.key_error(pointer, code, message)


def opening_only(document: Document, text: ServiceText, directory: Path) -> tuple[Document, ServiceText]:
    """The same without the files outside of a directory that reading or judging it would open; each is a warning.
    Links count by where they lead."""
    beside, inside = Path(document.path).absolute().parent, os.path.realpath(directory)
    told = list[Finding]()

    def kept(file: str, *pointer: str | int) -> bool:
        if Path(os.path.realpath(beside / file)).is_relative_to(inside):
            return True
        what = f"{spelled(pointer)} is {shown(file)}, outside of {shown(inside)}, so it is not opened"
        told.append(document.warning(pointer, ServiceCode.OUTSIDE_FILE, what))
        return False

    geo = replace(
        text.geo,
        databases=tuple(file for at, file in enumerate(text.geo.databases) if kept(file, "geo", "databases", at)),
        clouds={provider: file for provider, file in text.geo.clouds.items() if kept(file, "geo", "clouds", provider)},
    )
    trees = tuple(
        replace(tree, names=None) if tree.names and not kept(tree.names, "trees", at, "names") else tree
        for at, tree in enumerate(text.trees)
    )
    return replace(document, findings=(*document.findings, *told)), replace(text, geo=geo, trees=trees)


Check = Callable[[ServiceDraft], Iterator[Finding]]
"""One question to the file: an error for each place where the answer is no."""


def nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    """The remedy for a word that nothing is known by."""
    near = did_you_mean(word, known)
    return f"did you mean '{near}'?" if near else otherwise
