"""Check a service.yml that its schema accepts: unresolved names and contradictory values.

A further check is a function that yields findings, and its place in CHECKS; its code is a row in
docs/service-yml.md and a refused example in tests/sources/service/test_file.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from itertools import chain, pairwise

from mirrorlist.core.catalogue.catalogue import BASEARCH, VERSION_MARK, release, spelled_versions
from mirrorlist.core.catalogue.service import WEB_SCHEMES, Profile, Vendor
from mirrorlist.core.errors import Finding
from mirrorlist.core.model import MAIN
from mirrorlist.core.network.prefixes import canonical_network, has_host_bits
from mirrorlist.sources.mirrors.urls import url_fault
from mirrorlist.sources.service.catalogue_checks import CATALOGUE_CHECKS, WHOLE_CATALOGUE_CHECKS, arches_of_versions
from mirrorlist.sources.service.text import Check, ServiceCode, ServiceDraft, edition_of, nearest
from mirrorlist.sources.service.tree_checks import TREE_CHECKS, place_faults, reach_names_exist, vantages_are_known
from mirrorlist.sources.yaml.documents import Code, Pointer, shown, spelled

# Images.
#
# A further check is a function that yields findings, and its place in IMAGE_CHECKS; its code is a row in
# docs/service-yml.md and a refused example in tests/sources/service/test_file.py.


def image_paths(draft: ServiceDraft) -> Iterator[Finding]:
    """An image's path stays below the mirror's tree, and varies by version and architecture only."""
    for index, image in enumerate(draft.text.images):
        if fault := _path_fault(image.path):
            yield draft.error(("images", index, "path"), ServiceCode.BAD_PATH, f"{shown(image.path)}, {fault}")


def _path_fault(path: str) -> str | None:
    if {".", ".."} & set(path.split("/")):
        return "which has a . or .. in it; write the plain path below the version's directory"
    rest = path.replace(VERSION_MARK, "").replace(BASEARCH, "")
    if "{" in rest or "}" in rest or "$" in rest:
        return f"in which more varies than {VERSION_MARK} and {BASEARCH}; write one entry for each file"
    return None


def image_versions(draft: ServiceDraft) -> Iterator[Finding]:
    """The versions of an image exist, and mirrors carry them."""
    found = {version: release(draft.catalogue, version) for version in spelled_versions(draft.catalogue)}
    known = [version for version in found if not found[version].vault]
    known = list(dict.fromkeys([*known, *(found[version].arches_key for version in known)]))
    for index, image in enumerate(draft.text.images):
        for number, version in enumerate(image.versions or ()):
            if version not in known:
                remedy = nearest(version, known, "add it to versions or remove it here")
                what = f"{shown(version)}, which is no version that mirrors carry; {remedy}"
                yield draft.error(("images", index, "versions", number), ServiceCode.UNKNOWN_VERSION, what)


def image_arches(draft: ServiceDraft) -> Iterator[Finding]:
    """The architectures of an image are some version's."""
    yield from arches_of_versions(draft, "images", draft.text.images)


IMAGE_CHECKS: tuple[Check, ...] = (image_paths, image_versions, image_arches)


# Sources to sync from.


def sources_are_apart(draft: ServiceDraft) -> Iterator[Finding]:
    """No two sources have one name."""
    seen: dict[str, int] = {}
    for index, source in enumerate(draft.text.sync.sources):
        first = seen.setdefault(source.name, index)
        if first != index:
            what = f"{shown(source.name)}, as in sync.sources[{first}]; write another name"
            yield draft.error(("sync", "sources", index, "name"), ServiceCode.SOURCE_TWICE, what)


def sources_have_modules(draft: ServiceDraft) -> Iterator[Finding]:
    """A source has addresses that can be asked, of modules that this file knows."""
    known = dict.fromkeys([MAIN, *draft.text.optional_module_versions, *draft.text.modules])
    for index, source in enumerate(draft.text.sync.sources):
        named = [("rsync", *each) for each in source.rsync.items()] + [("web", *each) for each in source.web.items()]
        for way, module, url in named:
            pointer = ("sync", "sources", index, way, module)
            if module not in known:
                remedy = nearest(module, known, "describe it under modules")
                message = f"sync.sources[{index}].{way}.{module} is not a known module; {remedy}"
                yield draft.key_error(pointer, Code.UNKNOWN_MODULE, message)
            if fault := url_fault(url):
                message = f"sync.sources[{index}].{way}.{module} {shown(url)} {fault}"
                yield draft.document.error(pointer, Code.BAD_URL, message)


def sources_are_places(draft: ServiceDraft) -> Iterator[Finding]:
    """The country and the city of a source are known."""
    for index, source in enumerate(draft.text.sync.sources):
        yield from place_faults(draft, ("sync", "sources", index), source)


SYNC_CHECKS: tuple[Check, ...] = (sources_are_apart, sources_have_modules, sources_are_places)


UNIX = "unix"
LONGEST_IPV6 = 64
"""Clients behind one /64 are one client, so nothing finer is known of an address."""


def check(draft: ServiceDraft, names: bool = True) -> tuple[Finding, ...]:
    """Every error in the order of the file. What needs names to be right is asked once they are; without ``names`` not
    at all."""
    if not names:
        return tuple(sorted(finding for each in NAMELESS_CHECKS for finding in each(draft)))
    found = [finding for each in CHECKS for finding in each(draft)]
    found = found or [finding for each in WHOLE_CATALOGUE_CHECKS for finding in each(draft)]
    return tuple(sorted(found))


def main_is_no_option(draft: ServiceDraft) -> Iterator[Finding]:
    """The main module's versions are under ``versions``."""
    if MAIN in draft.text.optional_module_versions:
        message = f"optional_module_versions.{MAIN} is the distribution itself; name its versions under versions"
        yield draft.key_error(("optional_module_versions", MAIN), ServiceCode.RESERVED_NAME, message)


def modules_exist(draft: ServiceDraft) -> Iterator[Finding]:
    """Origins, fallbacks and lists of files are of modules that this file knows."""
    known = dict.fromkeys([MAIN, *draft.text.optional_module_versions, *draft.text.modules])
    for key, value in (
        ("origin", draft.text.origin), ("fallbacks", draft.text.fallbacks), ("file_lists", draft.text.file_lists),
    ):  # fmt: skip
        for module in value if isinstance(value, Mapping) else ():
            if module not in known:
                remedy = nearest(module, known, "describe it under modules")
                message = f"{key}.{module} is not a known module; {remedy}"
                yield draft.key_error((key, module), Code.UNKNOWN_MODULE, message)


def addresses(draft: ServiceDraft) -> Iterator[Finding]:
    """Every http address is one that any client can use."""
    text = draft.text
    origins = (each for each in _placed("origin", text.origin) if each[1].startswith(WEB_SCHEMES))
    placed = chain(_placed("vault_mirror", text.vault_mirror), _placed("fallbacks", text.fallbacks), origins)
    for pointer, url in placed:
        if fault := url_fault(url):
            message = f"{spelled(pointer)} {shown(url)} {fault}"
            yield draft.document.error(pointer, Code.BAD_URL, message)


def _placed(key: str, value: object) -> Iterator[tuple[Pointer, str]]:
    """Every text at or below a key, with the way to it."""
    found: list[tuple[Pointer, object]] = [((key,), value)]
    for pointer, each in found:
        if isinstance(each, str):
            yield pointer, each
        elif isinstance(each, Mapping):
            found.extend(((*pointer, name), inner) for name, inner in each.items())
        elif isinstance(each, tuple):
            found.extend(((*pointer, index), inner) for index, inner in enumerate(each))


def origins_are_readable(draft: ServiceDraft) -> Iterator[Finding]:
    """An origin is a directory, or an address of http or https."""
    for pointer, text in _placed("origin", draft.text.origin):
        if "://" in text and not text.startswith(WEB_SCHEMES):
            what = f"{shown(text)}; write a directory, or an address that begins with http:// or https://"
            yield draft.error(pointer, Code.BAD_URL, what)


def bands_increase(draft: ServiceDraft) -> Iterator[Finding]:
    """Each band of distance ends farther away than the one before."""
    for index, (nearer, farther) in enumerate(pairwise(draft.text.policy.bands_km), start=1):
        if farther <= nearer:
            what = f"{farther}, after {nearer}; write the distances from the smallest to the greatest"
            yield draft.error(("policy", "bands_km", index), ServiceCode.NOT_INCREASING, what)


def proxies_are_networks(draft: ServiceDraft) -> Iterator[Finding]:
    """A trusted proxy is a network without host bits, an address, or a peer on a Unix socket."""
    for index, text in enumerate(draft.text.trusted_proxies):
        if text == UNIX:
            continue
        pointer, network = ("trusted_proxies", index), None if "%" in text else canonical_network(text)
        if network is None:
            what = f"{shown(text)}; write a network such as 192.0.2.0/24, an address, or {UNIX}"
            yield draft.error(pointer, Code.BAD_NETWORK, what)
        elif has_host_bits(text):
            what = f"{shown(text)}, which has host bits set; write {network}"
            yield draft.error(pointer, Code.HOST_BITS, what)
        else:
            wide = ip_network(network)
            least, strangers = _STRANGERS[wide.version]
            if wide.prefixlen < least and wide.overlaps(strangers):
                what = f"{spelled(pointer)} is {shown(text)}: strangers there choose whom they pose as; name your proxy"
                yield draft.document.warning(pointer, ServiceCode.TRUSTS_STRANGERS, what)


_STRANGERS = {4: (8, ip_network("0.0.0.0/0")), 6: (16, ip_network("2000::/3"))}
"""By family the least length of a network of proxies, as no provider has wider ones, and where strangers are."""


def intranet_networks_are_networks(draft: ServiceDraft) -> Iterator[Finding]:
    """The prober's networks have no host bits; the public profile has none."""
    if draft.text.intranet_networks and draft.text.profile is not Profile.INTRANET:
        message = "intranet_networks is for profile: intranet; write that too, or leave the networks out"
        yield draft.key_error(("intranet_networks",), ServiceCode.NOT_INTRANET, message)
    for index, text in enumerate(draft.text.intranet_networks):
        pointer, network = ("intranet_networks", index), canonical_network(text)
        if network is None:
            yield draft.error(pointer, Code.BAD_NETWORK, f"{shown(text)}; write a network such as 10.0.0.0/8")
        elif has_host_bits(text):
            yield draft.error(pointer, Code.HOST_BITS, f"{shown(text)}, which has host bits set; write {network}")


def overrides_are_networks(draft: ServiceDraft) -> Iterator[Finding]:
    """An override is of one network without host bits, which no other override has."""
    seen: dict[str, int] = {}
    for index, override in enumerate(draft.text.geo.overrides):
        pointer, text = ("geo", "overrides", index, "prefix"), override.prefix
        network = canonical_network(text)
        if network is None:
            what = f"{shown(text)}; write a network such as 192.0.2.0/24"
            yield draft.error(pointer, Code.BAD_NETWORK, what)
        elif has_host_bits(text):
            yield draft.error(pointer, Code.HOST_BITS, f"{shown(text)}, which has host bits set; write {network}")
        elif (found := ip_network(network)).version == 6 and found.prefixlen > LONGEST_IPV6:
            wider = ip_network((found.network_address, LONGEST_IPV6), strict=False)
            what = f"{shown(text)}, but places are kept for each /{LONGEST_IPV6}; write {wider}"
            yield draft.error(pointer, Code.BAD_NETWORK, what)
        elif seen.setdefault(str(found), index) != index:
            what = f"{shown(text)}, as in geo.overrides[{seen[str(found)]}]; put both into one"
            yield draft.error(pointer, ServiceCode.OVERRIDE_TWICE, what)


def overrides_are_places(draft: ServiceDraft) -> Iterator[Finding]:
    """The country and the city of an override are known."""
    for index, override in enumerate(draft.text.geo.overrides):
        yield from place_faults(draft, ("geo", "overrides", index), override)


def downloads_are_complete(draft: ServiceDraft) -> Iterator[Finding]:
    """A download says what its vendor needs to know, and no two are kept in one file."""
    seen: dict[str, int] = {}
    for index, each in enumerate(draft.text.geo.downloads):
        pointer, edition = ("geo", "downloads", index), edition_of(each)
        if each.vendor is Vendor.URL and each.url is None:
            yield draft.error(pointer, ServiceCode.BAD_DOWNLOAD, "without an address; write url")
        elif each.url is not None and (fault := url_fault(each.url)):
            message = f"{spelled((*pointer, 'url'))} {shown(each.url)} {fault}"
            yield draft.document.error((*pointer, "url"), Code.BAD_URL, message)
        if (each.vendor is Vendor.MAXMIND) != (each.account is not None):
            what = "without an account; write account: and its number" if each.account is None else (
                f"of {each.vendor}, which has no accounts; remove account"
            )  # fmt: skip
            yield draft.error(pointer, ServiceCode.BAD_DOWNLOAD, what)
        if seen.setdefault(edition.lower(), index) != index:
            what = f"kept as {edition}, as is geo.downloads[{seen[edition.lower()]}]; give one another edition"
            yield draft.error(pointer, ServiceCode.BAD_DOWNLOAD, what)


def mail_is_complete(draft: ServiceDraft) -> Iterator[Finding]:
    """Mail has a sender, and what is posted goes to an address that can be reached."""
    text = draft.text.notify
    if text.smtp is not None and text.sender is None:
        message = "notify has smtp but no sender; write the address that mails come from as notify.sender"
        yield draft.key_error(("notify", "smtp"), ServiceCode.BAD_NOTIFY, message)
    if text.smtp is None and (text.sender or text.digest_to):
        pointer = ("notify", "sender" if text.sender else "digest_to")
        message = f"{spelled(pointer)} needs a mail server; write notify.smtp, or remove it"
        yield draft.key_error(pointer, ServiceCode.BAD_NOTIFY, message)
    if text.webhook is not None and (fault := url_fault(text.webhook.url)):
        message = f"notify.webhook.url {shown(text.webhook.url)} {fault}"
        yield draft.document.error(("notify", "webhook", "url"), Code.BAD_URL, message)


NAMELESS_CHECKS: tuple[Check, ...] = (
    addresses, bands_increase, proxies_are_networks, intranet_networks_are_networks, overrides_are_networks,
    overrides_are_places, downloads_are_complete, mail_is_complete,
)  # fmt: skip
"""Those that ask for no name of a version, a repository or a module."""
CHECKS: tuple[Check, ...] = (
    *CATALOGUE_CHECKS,
    *IMAGE_CHECKS,
    main_is_no_option,
    modules_exist,
    origins_are_readable,
    *NAMELESS_CHECKS,
    reach_names_exist,
    vantages_are_known,
    *TREE_CHECKS,
    *SYNC_CHECKS,
)
