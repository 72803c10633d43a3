"""The content of service.yml: the distribution, its policy, and where things are read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mirrorlist import __version__
from mirrorlist.core.catalogue.catalogue import Catalogue
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.requirements import Requirements
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.model import MAIN, Location, Prefix

# Which machine a mirror copies: the sources that the project names, mirrors that may be copied, and the choice.

SYNC_OPTIONS = ("-avSH", "--exclude=.~tmp~", "--delete-delay", "--delay-updates", "--timeout=600")
"""How rsync copies a tree: new files appear together at the end, and what is gone is deleted after that."""


def sync_command(source: str, directory: str) -> tuple[str, ...]:
    """The words of the command that copies a tree, as the kit, the pages and the documentation print it."""
    return ("rsync", *SYNC_OPTIONS, source if source.endswith("/") else f"{source}/", f"{directory}/")


class SyncPolicy(StrEnum):
    """Which source a mirror is told to copy."""

    NEAREST = "nearest"
    FIRST = "first"
    MIRRORS = "mirrors"


@dataclass(frozen=True, slots=True)
class SyncSource:
    """A machine that mirrors may copy. ``rsync`` leads from a module to its tree's address, with a final slash.

    ``mirror`` is the name of the mirror that it is too, if it is one. ``web`` leads from a module to its tree's http(s)
    address, over which the prober sees how new it is.
    """

    name: str
    rsync: Mapping[str, str]
    location: Location = field(default_factory=Location)
    mirror: str | None = None
    web: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SyncSources:
    """What the project says on syncing; the order of the sources is the project's own."""

    policy: SyncPolicy = SyncPolicy.NEAREST
    sources: tuple[SyncSource, ...] = ()


WEB_SCHEMES = ("http://", "https://")
"""How an origin begins that is a web address; any other is a directory."""


class Profile(StrEnum):
    """Whether mirrors live on the public internet or inside one network."""

    PUBLIC = "public"
    INTRANET = "intranet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A tree that is synced on its own: what people call it, where to sync it from, how much it needs."""

    title: str
    rsync: str | None = None
    space_gb: int | None = None
    interval_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOverride:
    """The operator's word on a network: it wins over every source for exactly the fields that are given.

    ``location`` has a country, coordinates or both; IPv6 prefixes are no longer than 64.
    """

    prefix: Prefix
    location: Location | None = None
    asn: int | None = None


DOWNLOADS = "downloads"
"""The directory below the state that holds what is downloaded about addresses."""


class Vendor(StrEnum):
    """Who publishes a database of addresses, and so how it is asked for; ``url`` is any address."""

    DBIP = "dbip"
    MAXMIND = "maxmind"
    IPINFO = "ipinfo"
    URL = "url"


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A database that ``mirrorlist update geo`` renews, and the file that it keeps: ``path``, absolute.

    ``url`` replaces the vendor's own address; ``key_file`` holds the licence key or token.
    """

    vendor: Vendor
    edition: str
    path: str
    url: str | None = None
    account: int | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoSources:
    """The data that says where addresses are. Paths are absolute; the first that answers wins, field by field."""

    databases: tuple[str, ...] = ()
    downloads: tuple[Download, ...] = ()
    """Come after ``databases``; one that was never downloaded is no source yet."""
    clouds: Mapping[str, str] = field(default_factory=dict)
    """Provider (aws, azure, gcp, oci) to its own file of address ranges."""
    cloud_downloads: Mapping[str, str] = field(default_factory=dict)
    """Provider to the file that ``mirrorlist update clouds`` keeps; ``clouds`` win over it."""
    overrides: tuple[NetworkOverride, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """Something to click, and where it leads."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedImage:
    """An image in a version's directory of images; ``{version}`` and ``{arch}`` in names are filled in."""

    title: str
    file: str
    torrent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the public pages say that is not known from mirrors. ``url`` is the address of the service itself,
    ``repository`` that of the directory of mirror files at its host; ``logo`` is an absolute path."""

    url: str | None = None
    join_text: str = ""
    contacts: tuple[Link, ...] = ()
    geo_corrections: tuple[Link, ...] = ()
    images: tuple[PublishedImage, ...] = ()
    image_checksums: str | None = None
    gpg_key: str | None = None
    repository: str | None = None
    logo: str | None = None
    color: str | None = None
    links: tuple[Link, ...] = ()

    @property
    def user_agent(self) -> str:
        """What this service calls itself when it asks mirrors: its version, and the page that explains who asks."""
        name = f"mirrorlist/{__version__}"
        return f"{name} (+{self.url.rstrip('/')}/prober)" if self.url else name


@dataclass(frozen=True, slots=True)
class ChannelPlace:
    """Where generations are published for other machines, and the file of the key that signs them; absolute paths."""

    directory: str
    key_file: str


class SmtpSecurity(StrEnum):
    """How the connection to a mail server is encrypted; the value is the key's."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """The operator's mail server. ``password_file`` is an absolute path."""

    host: str
    port: int
    security: SmtpSecurity = SmtpSecurity.STARTTLS
    user: str | None = None
    password_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """How mirror owners and maintainers are written to. Without a ``server`` no mail is sent, without a ``webhook``
    (an http(s) URL) nothing is posted. Paths are absolute."""

    server: MailServer | None = None
    sender: str = ""
    reply_to: str | None = None
    events: tuple[str, ...] = ()
    """The kinds of notices; none means all."""
    digest_to: str | None = None
    templates: str | None = None
    webhook: str | None = None
    webhook_secret_file: str | None = None


@dataclass(frozen=True, slots=True)
class Vantage:
    """A machine elsewhere that looks at the mirrors from its country. ``key``: its public key, for uploads."""

    name: str
    country: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class WebNode:
    """A machine that only answers, and hands over what it counted, signed. ``key`` is its public key."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One distribution's service. Directories are absolute paths."""

    name: str
    url: str | None
    catalogue: Catalogue
    mirrors_dir: str
    state_dir: str
    policy: Policy = field(default_factory=Policy)
    modules: Mapping[str, Module] = field(default_factory=lambda: {MAIN: Module(title="Main")})
    origins: Mapping[str, str] = field(default_factory=dict)
    """Module to the directory or URL that mirrors copy; without one a module has no metalinks."""
    file_lists: Mapping[str, str] = field(default_factory=dict)
    """Module to a list of its files that the origin publishes: an http(s) URL, or a path below the origin."""
    trusted_proxies: tuple[str, ...] = ()
    """CIDR networks whose X-Forwarded-For is believed, and ``unix`` for peers without an address."""
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Module to URLs of trees that the project keeps itself, listed last when mirrors are few."""
    trees: tuple[RedirectTree, ...] = ()
    """Where single files are handed out by redirects."""
    geo: GeoSources = field(default_factory=GeoSources)
    profile: Profile = Profile.PUBLIC
    intranet_networks: tuple[str, ...] = ()
    """CIDR networks that the prober may reach although they are not public; only with ``Profile.INTRANET``."""
    time_file: str | None = None
    """A file below each module's tree that holds the time of the last sync, in seconds since 1970."""
    allowed_outdate_seconds: int = 12 * 3600
    requirements: Requirements = field(default_factory=Requirements)
    required_protocols: tuple[str, ...] = ("http", "https")
    approved: tuple[str, ...] = ()
    """Names of mirrors to which maintainers granted what a file alone does not get."""
    site: Site = field(default_factory=Site)
    sync: SyncSources = field(default_factory=SyncSources)
    """The machines that mirrors copy, and which of them a mirror is offered."""
    channel: ChannelPlace | None = None
    """The snapshot channel for machines that only answer."""
    notify: Notify = field(default_factory=Notify)
    """Holds addresses of people, so no snapshot has it."""
    vantages: tuple[Vantage, ...] = ()
    """The vantage points that vote on whether mirrors can be reached."""
    nodes: tuple[WebNode, ...] = ()
    """The machines whose counts are taken."""

    @property
    def own_networks(self) -> tuple[str, ...]:
        """The networks that may be reached although they are not public: those of an intranet."""
        return self.intranet_networks if self.profile is Profile.INTRANET else ()

    def last_resorts(self, module: str) -> tuple[str, ...]:
        """The project's own trees of a module: the fallbacks, or the origin where it is a web address."""
        trees = self.fallbacks.get(module, ())
        origin = self.origins.get(module, "")
        return trees or ((origin,) if origin.startswith(WEB_SCHEMES) else ())
