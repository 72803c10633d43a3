"""Check the file trees of a service.yml that its schema accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mirrorlist.core.catalogue.service import WEB_SCHEMES
from mirrorlist.core.catalogue.trees import RESERVED, Keeps, MetadataFrom
from mirrorlist.core.channel import public_key
from mirrorlist.core.errors import Finding
from mirrorlist.core.mirror import is_country
from mirrorlist.core.model import MAIN
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.service.text import Check, OverrideText, ServiceCode, ServiceDraft, SourceText, nearest
from mirrorlist.sources.service.tree_names import NamesFault, read_names
from mirrorlist.sources.yaml.documents import Code, Pointer, shown, spelled


def tree_prefix(path: str) -> str:
    """The path of a tree with its final slash."""
    return path if path.endswith("/") else f"{path}/"


def trees_have_modules(draft: ServiceDraft) -> Iterator[Finding]:
    """A tree is of a module that this file knows."""
    known = dict.fromkeys([MAIN, *draft.text.optional_module_versions, *draft.text.modules])
    for index, tree in enumerate(draft.text.trees):
        if tree.module not in known:
            remedy = nearest(tree.module, known, "describe it under modules")
            what = f"{shown(tree.module)}, which is not a known module; {remedy}"
            yield draft.error(("trees", index, "module"), Code.UNKNOWN_MODULE, what)


def trees_leave_the_service_alone(draft: ServiceDraft) -> Iterator[Finding]:
    """Only on a host of its own may a tree be where the service answers."""
    for index, tree in enumerate(draft.text.trees):
        first = tree.path.split("/")[1]
        if tree.host is None and (not first or first in RESERVED):
            what = f"{shown(tree.path)}, where the service itself answers; write another path, or give the tree a host"
            yield draft.error(("trees", index, "path"), ServiceCode.RESERVED_PATH, what)


def trees_are_apart(draft: ServiceDraft) -> Iterator[Finding]:
    """No two trees have the same path on the same host."""
    seen: dict[tuple[str | None, str], int] = {}
    for index, tree in enumerate(draft.text.trees):
        first = seen.setdefault((tree.host, tree_prefix(tree.path)), index)
        if first != index:
            what = f"{shown(tree.path)}, as in trees[{first}]; write another path or another host"
            yield draft.error(("trees", index, "path"), ServiceCode.TREE_TWICE, what)


def trees_have_origins(draft: ServiceDraft) -> Iterator[Finding]:
    """Metadata that comes from the origin needs one that clients can reach, or a fallback."""
    text = draft.text
    fallbacks = text.fallbacks if isinstance(text.fallbacks, Mapping) else {MAIN: text.fallbacks}
    origins = {MAIN: text.origin} if isinstance(text.origin, str) else text.origin
    for index, tree in enumerate(text.trees):
        if fallbacks.get(tree.module) or origins.get(tree.module, "").startswith(WEB_SCHEMES):
            continue
        why = f"but no client can ask the origin of {tree.module}; name an address under fallbacks"
        if tree.metadata is MetadataFrom.ORIGIN:
            yield draft.error(("trees", index, "metadata"), ServiceCode.NO_FALLBACK, f"origin, {why}")
        elif tree.from_origin:
            yield draft.error(("trees", index, "from_origin"), ServiceCode.NO_FALLBACK, f"given, {why}")


def trees_keep_https(draft: ServiceDraft) -> Iterator[Finding]:
    """A tree that keeps the client's protocol sends nobody from https to http."""
    for index, tree in enumerate(draft.text.trees):
        if tree.protocol is Keeps.AS_ASKED and tree.allow_http:
            what = "as_asked, but allow_http sends clients from https to http; leave one of them out"
            yield draft.error(("trees", index, "protocol"), ServiceCode.CONTRADICTION, what)


def trees_have_names(draft: ServiceDraft) -> Iterator[Finding]:
    """A file of names can be read, and says what files can be called."""
    base = Path(draft.document.path).absolute().parent
    for index, tree in enumerate(draft.text.trees):
        try:
            if tree.names:
                read_names(base / tree.names, tree.host)
        except NamesFault as fault:
            what = f"{shown(tree.names)}, which {fault}"
            yield draft.error(("trees", index, "names"), ServiceCode.BAD_NAMES, what)


TREE_CHECKS: tuple[Check, ...] = (
    trees_have_modules,
    trees_leave_the_service_alone,
    trees_are_apart,
    trees_have_origins,
    trees_keep_https,
    trees_have_names,
)


# Countries and cities that service.yml names.


def place_faults(draft: ServiceDraft, pointer: Pointer, named: OverrideText | SourceText) -> Iterator[Finding]:
    """A country or a city that nobody knows; coordinates make the city a mere remark."""
    countries = read_countries()
    country, city = named.country, named.city
    if country is None:
        return
    if country not in countries.by_code:
        meant = countries.normalise(country)
        remedy = f"write {meant}" if meant else "write its ISO 3166-1 alpha-2 code"
        what = f"{shown(country)}, which is no country's code; {remedy}"
        yield draft.error((*pointer, "country"), Code.UNKNOWN_COUNTRY, what)
    elif city and named.latitude is None and draft.city_of and draft.city_of(country, city) is None:
        what = f"{shown(city)}, which is not known in {country}; write latitude and longitude instead"
        yield draft.error((*pointer, "city"), Code.UNKNOWN_CITY, what)


LARGEST_ASN = 4_294_967_295


def reach_names_exist(draft: ServiceDraft) -> Iterator[Finding]:
    """The countries of pairs are known, and the numbers of ASes are some that there can be."""
    for clients, row in draft.text.reach.items():
        for pointer, named in ((("reach", clients), clients), *((("reach", clients, key), key) for key in row)):
            if fault := _side_fault(named):
                yield draft.key_error(pointer, ServiceCode.BAD_REACH, f"{spelled(pointer)} names {named}, {fault}")


def _side_fault(named: str) -> str | None:
    if is_country(named):
        return None if named in read_countries().by_code else "which is no country's code; write one of ISO 3166"
    if re.fullmatch("as[0-9]+", named):
        return f"which is no mirror's name; an AS is written {named.upper()}"
    too_large = named.startswith("AS") and int(named[2:]) > LARGEST_ASN
    return f"which is no AS; the largest number is {LARGEST_ASN}" if too_large else None


def vantages_are_known(draft: ServiceDraft) -> Iterator[Finding]:
    """The countries of vantage points are known, and each has a key of its own."""
    owners: dict[bytes, str] = {}
    for name, each in draft.text.vantages.items():
        if each.country not in read_countries().by_code:
            what = f"{shown(each.country)}, which is no country's code; write one of ISO 3166"
            yield draft.error(("vantages", name, "country"), Code.UNKNOWN_COUNTRY, what)
        if each.key and (owner := owners.setdefault(public_key(each.key).public_bytes_raw(), name)) != name:
            what = f"that of {owner} too; one volunteer would vote twice: ask for a key for each"
            yield draft.error(("vantages", name, "key"), ServiceCode.BAD_VANTAGE, what)
