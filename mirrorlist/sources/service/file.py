"""Read service.yml: the settings of one distribution's service, or every reason why it cannot start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from mirrorlist.core.catalogue.catalogue import Catalogue, Image
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.requirements import RequirementLevel, Requirements
from mirrorlist.core.catalogue.service import (
    DOWNLOADS,
    WEB_SCHEMES,
    ChannelPlace,
    Download,
    GeoSources,
    MailServer,
    Module,
    NetworkOverride,
    Notify,
    Service,
    SmtpSecurity,
    SyncSource,
    SyncSources,
    Vantage,
    WebNode,
)
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.content import ContentKind
from mirrorlist.core.errors import Finding, ServiceFileError, Severity
from mirrorlist.core.model import MAIN, Location, ReachPair, Repository
from mirrorlist.core.network.prefixes import canonical_network, prefix
from mirrorlist.core.selection.client import PackageManager, readers_by_name
from mirrorlist.sources.geo.records import CITY_PRECISION_KM
from mirrorlist.sources.mirrors.urls import tree_url
from mirrorlist.sources.service.checks import UNIX, check
from mirrorlist.sources.service.text import (
    AskedText,
    CityOf,
    DownloadText,
    ModuleText,
    NotifyText,
    OverrideText,
    RepositoryText,
    ServiceDraft,
    SourceText,
    TreeText,
    edition_of,
    opening_only,
    service_text,
)
from mirrorlist.sources.service.tree_checks import tree_prefix
from mirrorlist.sources.service.tree_names import read_names
from mirrorlist.sources.yaml.documents import START, Code, Document, Value, duration_seconds, finding
from mirrorlist.sources.yaml.reader import read_yaml
from mirrorlist.sources.yaml.schema_messages import SchemaFault
from mirrorlist.sources.yaml.schemas import findings_on, refused, with_booleans

# The key ``requirements``.


def _asked(text: AskedText) -> RequirementLevel:
    return RequirementLevel(
        bandwidth_mbps=text.bandwidth_mbps,
        storage_gb=text.storage_gb,
        update_frequency_seconds=duration_seconds(text.update_frequency) if text.update_frequency else None,
        protocols=text.protocols,
        availability_percent=text.availability_percent,
        complete_percent=text.complete_percent,
        agreement=text.agreement,
    )


_READ = {
    PackageManager.APT: ContentKind.APT, PackageManager.PACMAN: ContentKind.PACMAN, PackageManager.APK: ContentKind.APK,
}  # fmt: skip
"""What package managers read that read no rpm."""


def _kind(text: RepositoryText) -> ContentKind:
    """What a repository is said to be, or what its clients read; rpm where nothing is said or suggested."""
    if text.kind is not None:
        return text.kind
    readers = tuple(PackageManager(each) for each in text.clients) or readers_by_name(text.path, text.name)
    if text.suites and PackageManager.PACMAN not in readers:
        return ContentKind.APT
    if text.canaries:
        return ContentKind.PLAIN
    return next((_READ[each] for each in readers if each in _READ), ContentKind.RPM)


MAX_BYTES = 1024 * 1024
SCHEMA = "service"


def read_service(
    path: Path,
    mirrors_dir: Path | None = None,
    state_dir: Path | None = None,
    city_of: CityOf | None = None,
    within: Path | None = None,
) -> tuple[Service, tuple[Finding, ...]]:
    """The service that a file describes, and warnings about it. The directories given win over the file's.

    ``city_of`` finds the cities of overrides; without it their countries are all that is known. ``within`` is a
    directory out of which a file that somebody proposes opens nothing.

    Raises:
        ServiceFileError: the file cannot be used; it holds every error and warning, in the order of the file.
    """
    draft, warnings = _draft(path, city_of, within)
    base = path.absolute().parent
    text = draft.text
    module_names = dict.fromkeys([MAIN, *text.optional_module_versions, *text.modules])
    origins = {MAIN: text.origin} if isinstance(text.origin, str) else text.origin
    fallbacks = {MAIN: text.fallbacks} if isinstance(text.fallbacks, tuple) else text.fallbacks
    site_url = tree_url(text.site.url) if text.site.url else None
    state = state_dir.absolute() if state_dir else base / text.state_dir
    policy = text.policy
    service = Service(
        name=text.name,
        url=text.url,
        catalogue=draft.catalogue,
        mirrors_dir=str(mirrors_dir.absolute() if mirrors_dir else base / text.mirrors_dir),
        state_dir=str(state),
        policy=Policy(
            limit=policy.limit,
            protocol_order=policy.protocol_order,
            bands_km=policy.bands_km,
            border_km=policy.border_km,
            global_km=policy.global_km,
            far_km=policy.far_km,
            weight_cap_mbps=policy.weight_cap_mbps,
            turn_seconds=_seconds(policy.turn),
            lag_grace_seconds=duration_seconds(str(policy.lag_grace)) or 0,
            release_minimum_percent=policy.release_minimum,
            fallback_minimum=policy.fallback_minimum,
            alternates_days=policy.alternates_days,
            repeat_seconds=duration_seconds(str(policy.repeat_within)) or 0,
            tib_per_month=policy.tib_per_month,
            peak_hours=policy.peak_minutes,
            weights=text.weights,
            reach=tuple(
                ReachPair(clients, mirrors, None if cost == "never" else int(cost))
                for clients, row in text.reach.items()
                for mirrors, cost in row.items()
            ),
        ),
        modules={name: _module(name, text.modules.get(name, ModuleText())) for name in module_names},
        origins={
            module: tree_url(origin) if origin.startswith(WEB_SCHEMES) else str(base / origin)
            for module, origin in origins.items()
        },
        file_lists=text.file_lists,
        trusted_proxies=tuple(each if each == UNIX else _network(each) for each in text.trusted_proxies),
        fallbacks={module: tuple(map(tree_url, urls)) for module, urls in fallbacks.items()},
        trees=tuple(_tree(tree, base) for tree in text.trees),
        geo=GeoSources(
            databases=tuple(str(base / database) for database in text.geo.databases),
            downloads=tuple(_download(each, base, state) for each in text.geo.downloads),
            clouds={provider: str(base / file) for provider, file in text.geo.clouds.items()},
            cloud_downloads={
                provider: str(state / DOWNLOADS / f"{provider}.json") for provider in text.geo.cloud_downloads
            },
            overrides=tuple(_override(each, city_of) for each in text.geo.overrides),
        ),
        profile=text.profile,
        intranet_networks=tuple(map(_network, text.intranet_networks)),
        requirements=Requirements(_asked(text.requirements.minimum), _asked(text.requirements.preferred)),
        time_file=text.time_file,
        allowed_outdate_seconds=_seconds(text.allowed_outdate),
        required_protocols=text.required_protocols,
        approved=text.approved,
        site=replace(
            text.site,
            url=site_url,
            join_text=text.site.join_text.strip(),
            logo=str(base / text.site.logo) if text.site.logo else None,
        ),
        channel=ChannelPlace(str(base / at.directory), str(base / at.key_file)) if (at := text.channel) else None,
        notify=_notify(text.notify, base),
        vantages=tuple(Vantage(name, each.country, each.key) for name, each in text.vantages.items()),
        nodes=tuple(WebNode(name, key) for name, key in text.nodes.items()),
        sync=SyncSources(text.sync.policy, tuple(_source(each, city_of) for each in text.sync.sources)),
    )
    return service, warnings


def _draft(path: Path, city_of: CityOf | None, within: Path | None) -> tuple[ServiceDraft, tuple[Finding, ...]]:
    """The file, read and judged, with its warnings."""
    document = read_yaml(_data(path), str(path), MAX_BYTES)
    _stop_at_errors(document.findings)
    document = with_booleans(document, SCHEMA)
    if faults := refused(document, SCHEMA):
        _stop_at_errors(document.findings, findings_on(document, faults), _beside(document, faults, city_of, within))
    draft = _drafted(document, city_of, within)
    found = (*draft.document.findings, *check(draft))
    _stop_at_errors(found)
    return draft, found


NAMING = frozenset({"versions", "duplicated_versions", "vault_versions", "vault_mirror", "optional_module_versions",
                    "arches", "repos", "images", "modules", "origin"})  # fmt: skip
"""Keys with names that others use; while one of them is at fault, nothing is said of names elsewhere."""


_STAND_INS: dict[str, Value] = {"versions": ["1"], "arches": {"1": ["noarch"]}, "repos": [{"name": "a", "path": "a/"}]}
"""For needed keys that are refused, while nothing is said of names."""


def _beside(
    document: Document, faults: Sequence[SchemaFault], city_of: CityOf | None, within: Path | None
) -> tuple[Finding, ...]:
    """What else is wrong in the parts of a file that its schema does not refuse, so that all is said at once."""
    root, touched = _without(document.root or {}, faults)
    touched |= {key for key in _STAND_INS if key not in root}
    rest = replace(document, root={**_STAND_INS, **root})
    if refused(rest, SCHEMA):
        return ()
    return check(_drafted(rest, city_of, within), names=not touched & NAMING)


def _without(root: dict[str, Value], faults: Sequence[SchemaFault]) -> tuple[dict[str, Value], set[str]]:
    """The root without what is refused, and its keys of which more than an unknown one is gone.

    What holds a list goes as a whole, so that the rest stays at its place.
    """
    pruned: dict[str, Value] = deepcopy(root)
    touched: set[str] = set()
    for fault in faults:
        in_list = any(isinstance(step, int) for step in fault.pointer)
        *above, last = (fault.pointer[:1] if in_list else fault.pointer) or ("",)
        if fault.pointer and (in_list or fault.code is not Code.UNKNOWN_KEY):
            touched.add(str(fault.pointer[0]))
        where: Any = pruned
        for step in above:
            where = where.get(step, {}) if isinstance(where, dict) else {}
        if isinstance(where, dict):
            where.pop(last, None)
    return pruned, touched


def _drafted(document: Document, city_of: CityOf | None, within: Path | None) -> ServiceDraft:
    """The draft of a document that its schema accepts."""
    text = service_text(document.root or {})
    if within:
        document, text = opening_only(document, text, within)
    catalogue = Catalogue(
        versions=text.versions,
        latest=text.duplicated_versions,
        arches=text.arches,
        repositories={
            repo.name: Repository(
                repo.name, re.sub("/+", "/", f"{repo.path}/"), repo.versions, repo.arches, repo.vault, repo.clients,
                _kind(repo), repo.suites, repo.index, repo.canaries,
            )
            for repo in text.repos
        },
        plain={
            module: text.modules.get(module, ModuleText()).canaries
            for module in dict.fromkeys([*text.modules, *(() if isinstance(text.origin, str) else text.origin)])
            if module != MAIN and module not in text.optional_module_versions
        },
        module_versions=text.optional_module_versions,
        vault_versions=text.vault_versions,
        vault_urls=tuple(map(tree_url, [vault] if isinstance(vault := text.vault_mirror, str) else vault)),
        aliases=text.aliases,
        images=tuple(Image(image.path, image.versions, image.arches) for image in text.images),
    )  # fmt: skip
    return ServiceDraft(document, text, catalogue, city_of)


def _data(path: Path) -> bytes:
    """The bytes of a regular file, one more than are allowed at most."""
    try:
        if path.exists() and not path.is_file():
            raise _unusable(path, Code.NOT_A_REGULAR_FILE, "this is no file; name a service file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        what = f"the file cannot be read: {error.strerror}; name a service file that can"
        raise _unusable(path, Code.UNREADABLE_FILE, what) from None


def _unusable(path: Path, code: Code, message: str) -> ServiceFileError:
    return ServiceFileError((finding(str(path), START, Severity.ERROR, code, message),))


def _stop_at_errors(*groups: Iterable[Finding]) -> None:
    findings = sorted(finding for group in groups for finding in group)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise ServiceFileError(tuple(findings))


def _module(name: str, text: ModuleText) -> Module:
    return Module(
        title=text.title or name.capitalize(),
        rsync=text.rsync,
        space_gb=text.space_gb,
        interval_seconds=_seconds(text.interval) if text.interval else None,
    )


def _source(text: SourceText, city_of: CityOf | None) -> SyncSource:
    rsync = {module: tree_url(url) for module, url in text.rsync.items()}
    place = Location(country=text.country, city=text.city, latitude=_degrees(text.latitude),
                     longitude=_degrees(text.longitude))  # fmt: skip
    if text.country and place.latitude is None and city_of:
        found = city_of(text.country, text.city) if text.city else None
        latitude, longitude = found or (None, None)
        place = replace(place, latitude=latitude, longitude=longitude)
    web = {module: tree_url(url) for module, url in text.web.items()}
    return SyncSource(text.name, rsync, place, text.mirror, web)


def _tree(text: TreeText, base: Path) -> RedirectTree:
    return RedirectTree(
        prefix=tree_prefix(text.path),
        module=text.module,
        host=text.host,
        metadata=text.metadata,
        from_origin=text.from_origin,
        allow_http=text.allow_http,
        protocol=text.protocol,
        names=read_names(base / text.names, text.host) if text.names else {},
        names_file=str(base / text.names) if text.names else None,
        regions={word.upper(): f"{url.rstrip('/')}/" for word, url in text.regions.items()},
        router=text.router,
    )


def _download(text: DownloadText, base: Path, state: Path) -> Download:
    edition = edition_of(text)
    return Download(
        vendor=text.vendor,
        edition=edition,
        path=str(state / DOWNLOADS / f"{edition}.mmdb"),
        url=text.url,
        account=text.account,
        key_file=str(base / text.key_file) if text.key_file else None,
    )


_MAIL_PORTS = {SmtpSecurity.STARTTLS: 587, SmtpSecurity.TLS: 465, SmtpSecurity.NONE: 25}


def _notify(text: NotifyText, base: Path) -> Notify:
    server, webhook = None, text.webhook
    if (smtp := text.smtp) is not None:
        server = MailServer(
            host=smtp.host,
            port=smtp.port or _MAIL_PORTS[smtp.security],
            security=smtp.security,
            user=smtp.user,
            password_file=str(base / smtp.password_file) if smtp.password_file else None,
        )
    return Notify(
        server=server,
        sender=text.sender or "",
        reply_to=text.reply_to,
        events=text.events,
        digest_to=text.digest_to,
        templates=str(base / text.templates) if text.templates else None,
        webhook=webhook.url if webhook else None,
        webhook_secret_file=str(base / webhook.secret_file) if webhook and webhook.secret_file else None,
    )


def _override(text: OverrideText, city_of: CityOf | None) -> NetworkOverride:
    place = Location(
        country=text.country,
        city=text.city,
        latitude=_degrees(text.latitude),
        longitude=_degrees(text.longitude),
        precision_km=CITY_PRECISION_KM,
    )
    if text.country and text.city and city_of and place.latitude is None:
        latitude, longitude = city_of(text.country, text.city) or (None, None)
        place = replace(place, latitude=latitude, longitude=longitude)
    known = place.country or place.latitude is not None
    return NetworkOverride(prefix=prefix(_network(text.prefix)), location=place if known else None, asn=text.asn)


def _network(text: str) -> str:
    return str(ip_network(canonical_network(text) or text))


def _degrees(value: float | None) -> float | None:
    return None if value is None else float(value)


def _seconds(text: str) -> int:
    """A duration that the schema accepted."""
    return duration_seconds(text) or 0
