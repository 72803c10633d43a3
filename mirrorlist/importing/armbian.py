"""Import armbian-router's ``dlrouter.yaml``: servers with a place, a weight, protocols and rules; map of names."""

from __future__ import annotations

from collections.abc import Mapping

from mirrorlist.core.errors import ImportFault
from mirrorlist.importing.documents import Loss, data_of, yaml_of
from mirrorlist.importing.imported_mirror import (
    Export,
    ImportedMirror,
    ImportedRow,
    ImportRequest,
    entries,
    is_blank,
    masked,
    number,
    rows,
    strays,
    text,
)
from mirrorlist.sources.places.countries import continents, read_countries

USUAL_WEIGHT = 10
SETTINGS = {
    "dl_map": "copy the file, and name it in service.yml as names of the tree",
    "specialextensions": "write it into the file of dl_map as special_extensions, or have the map made with redi_url",
    "checkurl": "write origin into service.yml: content is compared, not one file",
    "topchoices": "bandwidth_mbps and weights spread clients",
    "samecitythreshold": "policy.bands_km of service.yml says what is equally near",
    "cachesize": "nothing has to be set",
    "reloadtoken": "credentials are never copied; files are read again when they change",
    "bind": "mirrorlist serve --host and --port",
    "geodb": "geo.databases of service.yml",
    "asndb": "geo.databases of service.yml",
    "certdatapath": "the system's certificates are used",
    "loglevel": "docs/settings.md",
    "enableprofiler": "there is none",
}
"""What becomes of the keys beside the servers."""
_WHAT = {"location.country.iso_code": "country", "location.continent.code": "continent",
         "asn.autonomous_system_number": "asn", "asn": "asn", "ip": "ip"}  # fmt: skip
_HOW = ("is", "in", "is_not", "not_in")


def read(request: ImportRequest) -> Export:
    """Every server of the file.

    Raises:
        ImportFault: it has none.
    """
    lost: list[Loss] = []
    document = yaml_of(data_of(request.source), request.source, lost)
    listed = document.pop("servers", None)
    servers = rows(listed)
    if not servers:
        raise ImportFault(f"{request.source} has no list of servers; name armbian-router's dlrouter.yaml")
    settings = ImportedMirror("the service")
    settings.leave(ImportedRow(document), SETTINGS)
    lost += [*settings.lost, *strays(listed, "server")]
    return Export([_mirror(ImportedRow(each), request.module) for each in servers], lost)


def _mirror(row: ImportedRow, module: str) -> ImportedMirror:
    said = text(row.take("server")) or ""
    mirror = ImportedMirror(masked(said).strip("'") or "a server without an address")
    bare = said.partition("://")[2] or said
    mirror.addresses((f"{scheme}://{bare}" for scheme in _schemes(mirror, row) if bare), module)
    mirror.coordinates(row)
    continent = row.take("continent")
    if not is_blank(continent):
        codes = continents(str(continent))
        if len(codes) == 1:
            mirror.place("continent", codes[0])
        else:
            mirror.lose("continent", continent, "no part of the world; name it in regions of the tree")
            mirror.pause(f"Its region {masked(continent)} is none of the world.")
    weight = row.take("weight")
    if not is_blank(weight) and number(weight) != USUAL_WEIGHT:
        factor = number(weight)
        told = f"{mirror.name or mirror.said}: {max((factor or 0) / USUAL_WEIGHT, 0.01):g}"
        remedy = f"write weights: {{{told}}} into service.yml, or bandwidth_mbps here"
        mirror.lose("weight", weight, remedy if factor else "it is no weight")
    rules = row.take("rules")
    for rule in rules if isinstance(rules, list) else [] if is_blank(rules) else [rules]:
        _rule(mirror, ImportedRow(rule if isinstance(rule, Mapping) else {"rule": rule}))
    mirror.leave(row, {})
    return mirror


def _schemes(mirror: ImportedMirror, row: ImportedRow) -> list[str]:
    """What the server gives: http and https, as armbian-router takes for granted, unless it names one of them."""
    named = [str(each).lower() for each in entries(row.take("protocols"))]
    web: list[str] = [scheme for scheme in ("https", "http") if scheme in named] or ["https", "http"]
    for other in named:
        if other not in web:
            mirror.lose("protocols", other, "the file does not say at which address")
    return web


def _rule(mirror: ImportedMirror, rule: ImportedRow) -> None:
    """Restricts the mirror as one rule does. All rules of a server hold at once."""
    field = (text(rule.take("field")) or "").lower()
    given = [(how, value) for how in _HOW if not is_blank(value := rule.take(how))]
    further = [masked(value) for _, value in rule.left()]
    for how, value in given or [("", further)]:
        values = [text(each) or "" for each in (value if isinstance(value, list) else [value])]
        what = None if further or not given else _WHAT.get(field)
        if what is None or not _restricted(mirror, what, how in ("is", "in"), values):
            mirror.lose("rules", " ".join((field, how, *values)).strip(), "mirror files cannot say this")
            mirror.pause("A rule of its server cannot be carried over.")


def _restricted(mirror: ImportedMirror, what: str, only: bool, values: list[str]) -> bool:
    """Whether the mirror's file can say it, and does so now."""
    if what in ("asn", "ip"):
        key = "asn" if what == "asn" else "subnets"
        if not only or key in mirror.fields or "private" in mirror.fields:
            return False
        found = [int(each) for each in values if each.isdecimal()] if what == "asn" else values
        if not found or len(found) != len(values):
            return False
        mirror.fields.update({"private": True, key: found})
        return True
    target = "countries_only" if only else "countries_never"
    if target in mirror.fields:
        return False
    codes = values
    if what == "continent":
        codes = [each.code for each in read_countries().by_code.values() if each.continent in values]
    mirror.countries("rules", codes, target)
    return bool(codes)
