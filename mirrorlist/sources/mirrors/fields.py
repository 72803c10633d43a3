"""Build a Mirror from the values of a file; optional ones that the schema refuses are left out first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from itertools import islice
from pathlib import PurePath
from typing import Any

from mirrorlist.core.model import MAIN, CloudRegions, Location, Mirror, Protocol, Status
from mirrorlist.core.network.prefixes import canonical_network, prefix
from mirrorlist.sources.geo.clouds import canonical_region, known_regions
from mirrorlist.sources.mirrors.forms import FORMS, Field
from mirrorlist.sources.mirrors.repairs import REPAIRS, MirrorDraft, Surroundings
from mirrorlist.sources.mirrors.urls import tree_url, url_fault
from mirrorlist.sources.places.countries import Countries
from mirrorlist.sources.yaml.documents import Code, Pointer, Value, duration_seconds, shown, spelled
from mirrorlist.sources.yaml.schema_messages import SchemaFault, did_you_mean
from mirrorlist.sources.yaml.schemas import refused

MOST_ROUNDS = 4
"""What is left out can leave something else without its partner, but not for long."""
MOST_WRITTEN = 5

_SINGLE = (
    "update_frequency", "sponsor", "sponsor_url", "email", "asn", "status_reason", "status_since", "status_until",
    "bandwidth_mbps", "storage_gb", "logo", "contact_name", "agreement", "peerings", "sync", "probe", "geolocation",
    "address_optional", "places", "global", "notify", "subnets",
)  # fmt: skip
_ADDRESSES: tuple[Field, ...] = (("address", "*"), ("address_optional", "*", "*"))
_PLACE = ("continent", "country", "state_province", "city", "latitude", "longitude", "time_zone")

OPTIONAL: frozenset[Field] = frozenset({
    *((key,) for key in _SINGLE),
    *(("geolocation", key) for key in _PLACE),
    ("places", "*"), *(("places", "*", key) for key in _PLACE),
    ("address_optional", "*"), ("asn", "*"), ("subnets", "*"), ("peerings", "*"), ("sync", "source"), ("sync", "from"),
    ("probe", "at_most"),
})  # fmt: skip
"""Left out wherever the schema refuses them."""

OPTIONAL_IF_EMPTY: frozenset[Field] = frozenset({
    *_ADDRESSES, ("monopoly",), ("off_peak_only",), ("cloud_type",), ("cloud_regions",), ("countries_never",),
})  # fmt: skip
"""Left out where they say nothing, as in a form that was not filled in; anything else there is an error, but for an
address beside others."""

_SAYS_NOTHING: tuple[Value, ...] = (None, "", "-", "none", "n/a", [], {})
_WITH_PARTNER = {"latitude": "longitude", "longitude": "latitude"}


def settled(draft: MirrorDraft, around: Surroundings) -> list[SchemaFault]:
    """Repair all that can be repaired, leave out optional values that cannot, and give back what is refused still."""
    _repair(draft, around)
    faults = refused(draft.finished(), "mirror")
    if faults and _read_forms(draft, faults):
        _repair(draft, around)
        faults = refused(draft.finished(), "mirror")
    for _ in range(MOST_ROUNDS):
        found = [fault for fault in faults if _is_optional(draft, fault.pointer)]
        for fault in found:
            _tell_left_out(draft, fault.pointer, fault.code, fault.message, fault.at_key)
        lost = [fault.pointer for fault in found]
        partners = ((*each[:-1], _WITH_PARTNER[str(each[-1])]) for each in lost if each[-1] in _WITH_PARTNER)
        draft.remove(*dict.fromkeys((*lost, *partners)))
        if not found:
            break
        faults = refused(draft.finished(), "mirror")
    return faults


def leave_out(draft: MirrorDraft, pointer: Pointer, code: Code, message: str) -> None:
    """Take a value out of the file, and tell it."""
    _tell_left_out(draft, pointer, code, message)
    draft.remove(pointer)


def _tell_left_out(draft: MirrorDraft, pointer: Pointer, code: Code, message: str, at_key: bool = False) -> None:
    tell = draft.warn_key if at_key else draft.warn
    tell(pointer, code, f"{message}; it is left out until then")
    if not _says_nothing(draft.value(pointer)):
        draft.left_out[pointer] = draft.findings[-1]


def field_of(pointer: Pointer) -> Field:
    """The keys that lead to a value, without the names that a file chooses."""
    if pointer[:1] in (("address",), ("address_optional",)):
        return (str(pointer[0]), *("*" for _ in pointer[1:]))
    return tuple("*" if isinstance(step, int) else step for step in pointer)


def _repair(draft: MirrorDraft, around: Surroundings) -> None:
    for repair in REPAIRS:
        repair(draft, around)
    _leave_out_unusable(draft)


def _leave_out_unusable(draft: MirrorDraft) -> None:
    """Leave out addresses that nobody can be given, where the mirror has others, and networks that are none."""
    for pointer, book in list(draft.address_books()):
        for key, url in list(book.items()):
            fault = url_fault(url) if isinstance(url, str) and not _says_nothing(url) else None
            if fault and _can_do_without(draft, (*pointer, key)):
                leave_out(draft, (*pointer, key), Code.BAD_URL, f"{spelled((*pointer, key))} {shown(url)} {fault}")
    bad = [("subnets", index) for _, index, text in draft.texts("subnets") if canonical_network(text) is None]
    for each in bad:
        message = f"{spelled(each)} {shown(draft.value(each))} is no network; write it as in 192.0.2.0/24"
        _tell_left_out(draft, each, Code.BAD_NETWORK, message)
    draft.remove(*bad)


def _can_do_without(draft: MirrorDraft, pointer: Pointer) -> bool:
    """Whether the mirror has a main tree on the web also without this address."""
    others = {key: url for key, url in draft.mapping("address").items() if ("address", key) != pointer}
    web = (others.get(key) for key in ("http", "https"))
    return any(isinstance(url, str) and url_fault(url) is None for url in web) or pointer[0] != "address"


def _read_forms(draft: MirrorDraft, faults: list[SchemaFault]) -> bool:
    """Whether a value had another form, with one meaning, which that meaning replaces now."""
    found = False
    for pointer, code in {fault.pointer: fault.code for fault in reversed(faults) if not fault.at_key}.items():
        form, value = FORMS.get(field_of(pointer)), draft.value(pointer)
        meant = form(value) if form and value is not None else None
        if meant is not None and (type(meant), meant) != (type(value), value):
            said = _written(meant)
            message = f"{spelled(pointer)} is {shown(value)}, which is read as {said}; write {said}"
            draft.warn(pointer, code, message)
            draft.put(pointer, meant)
            found = True
    return found


def _written(value: Value) -> str:
    """A value as a mirror file has it, on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]" if len(value) <= MOST_WRITTEN else "a list"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {shown(each)}' for key, each in value.items())}}}"
    return shown(value)


def _is_optional(draft: MirrorDraft, pointer: Pointer) -> bool:
    field = field_of(pointer)
    if field in _ADDRESSES and _can_do_without(draft, pointer):
        return True
    return field in OPTIONAL or (field in OPTIONAL_IF_EMPTY and _says_nothing(draft.value(pointer)))


def _says_nothing(value: Value) -> bool:
    return (value.strip().lower() if isinstance(value, str) else value) in _SAYS_NOTHING


Fields = Mapping[str, Any]


def mirror_from(fields: Fields, countries: Countries) -> Mirror:
    """The mirror; the fields are those that the schema accepts, with URLs and networks checked."""
    books = {MAIN: fields.get("address"), **fields.get("address_optional", {})}
    subnets, asn = fields.get("subnets"), fields.get("asn", [])
    sync = fields.get("sync", {})
    home = _location(fields.get("geolocation", {}), countries)
    places = tuple(found for each in fields.get("places", []) if (found := _location(each, countries)))
    is_global = fields.get("global", False)
    if home is None and not is_global:
        home, places = next(iter(places), None), places[1:]
    return Mirror(
        name=fields["name"],
        urls={
            module: {protocol: tree_url(book[protocol]) for protocol in Protocol if protocol in book}
            for module, book in books.items()
            if book
        },
        update_frequency_seconds=duration_seconds(fields.get("update_frequency", "")),
        sponsor=fields.get("sponsor", ""),
        sponsor_url=fields.get("sponsor_url"),
        email=fields.get("email"),
        location=home,
        places=places,
        is_global=is_global,
        private=fields.get("private", False),
        monopoly=fields.get("monopoly", False),
        subnets=_unique(prefix(text) for text in subnets) if isinstance(subnets, list) else (),
        subnets_url=subnets if isinstance(subnets, str) else None,
        asns=_unique(int(each) for each in (asn if isinstance(asn, list) else [asn])),
        cloud=_cloud(fields),
        status=Status(fields.get("status", Status.LIVE)),
        status_reason=fields.get("status_reason"),
        status_since=fields.get("status_since"),
        status_until=fields.get("status_until"),
        live_from=fields.get("live_from"),
        bandwidth_mbps=_whole(fields.get("bandwidth_mbps")),
        storage_gb=_whole(fields.get("storage_gb")),
        time_zone=fields.get("geolocation", {}).get("time_zone"),
        countries_only=_unique(fields.get("countries_only", [])),
        countries_never=_unique(fields.get("countries_never", [])),
        logo=fields.get("logo"),
        sync_source=sync.get("source"),
        sync_from=sync.get("from"),
        requests_per_minute=_whole(fields.get("probe", {}).get("at_most")),
        contact_name=fields.get("contact_name"),
        peerings=tuple(fields.get("peerings", [])),
        agreement=fields.get("agreement"),
        notify=fields.get("notify", True),
        tib_per_month=_number(fields.get("tib_per_month")),
        off_peak_only=fields.get("off_peak_only", False),
    )


def _location(place: Fields, countries: Countries) -> Location | None:
    """A place as the file describes it; None where that says nothing."""
    country = countries.by_code.get(place.get("country", ""))
    found = Location(
        continent=country.continent if country else place.get("continent"),
        country=country.code if country else None,
        region=place.get("state_province") or None,
        city=place.get("city") or None,
        latitude=_number(place.get("latitude")),
        longitude=_number(place.get("longitude")),
    )
    return found if found != Location() else None


def _cloud(fields: Fields) -> CloudRegions | None:
    if "cloud_type" not in fields:
        return None
    regions = fields["cloud_regions"]
    provider = fields["cloud_type"]
    names = _unique(canonical_region(provider, name) for name in ([regions] if isinstance(regions, str) else regions))
    return CloudRegions(provider, None if "all" in names else names)


def _unique(values: Any) -> tuple[Any, ...]:
    """Each value once, in the order of the file."""
    return tuple(dict.fromkeys(values))


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _whole(value: float | None) -> int | None:
    """JSON Schema takes 1000.0 for an integer; here it becomes one."""
    return None if value is None else int(value)


# Checks beyond the schema: URLs, networks, dates, and whether the mirror serves anybody.
# To add one: a function here, its place in CHECKS, and a code for what it reports.

MOST_REGIONS = 256
"""The schema refuses more; comparing thousands with the names that are known would take seconds."""


def check_file_name(draft: MirrorDraft) -> None:
    """The file is named after the mirror, so that people find it."""
    name, file = draft.root.get("name"), PurePath(draft.document.path)
    if isinstance(name, str) and file.stem != name:
        message = f"name {shown(name)} differs from the file's name; rename the file to {shown(name + '.yml')}"
        draft.warn(("name",), Code.FILE_NAME, message)


def check_urls(draft: MirrorDraft) -> None:
    """Every URL can be handed to any client."""
    for pointer, book in draft.address_books():
        for key, url in book.items():
            fault = url_fault(url) if isinstance(url, str) else None
            if fault:
                draft.refuse((*pointer, key), Code.BAD_URL, f"{spelled((*pointer, key))} {shown(url)} {fault}")


def check_dates(draft: MirrorDraft) -> None:
    """Every date is in the calendar."""
    for key in ("status_since", "status_until", "live_from"):
        text = draft.root.get(key)
        if isinstance(text, str) and not _is_date(text):
            message = f"{key} {shown(text)} is no date; write year-month-day, as in 2026-12-24"
            if field_of((key,)) in OPTIONAL:
                leave_out(draft, (key,), Code.BAD_DATE, message)
            else:
                draft.refuse((key,), Code.BAD_DATE, message)


def check_private(draft: MirrorDraft) -> None:
    """A private mirror names the networks that it serves."""
    networks = (draft.root.get(key) for key in ("subnets", "asn", "cloud_type"))
    if draft.root.get("private") is True and not any(networks):
        remedy = "add subnets or asn; to switch a mirror off, write 'status: paused'"
        message = f"private is true, but no network is named, so the mirror serves nobody; {remedy}"
        draft.warn(("private",), Code.PRIVATE_WITHOUT_NETWORKS, message)


def check_regions(draft: MirrorDraft) -> None:
    """The regions of a cloud are known; a new one is used although this release does not know it."""
    provider = draft.root.get("cloud_type")
    known = known_regions().get(provider, frozenset()) if isinstance(provider, str) else frozenset()
    for _, index, text in islice(draft.texts("cloud_regions"), MOST_REGIONS):
        if known and text != "all" and canonical_region(str(provider), text) not in known:
            near = did_you_mean(text, sorted(known))
            remedy = f"did you mean '{near}'?" if near else f"write it as {provider} does, or all"
            message = f"cloud_regions[{index}] {shown(text)} is no known region of {provider}; {remedy}"
            draft.warn(("cloud_regions", index), Code.UNKNOWN_REGION, message)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


CHECKS: tuple[Callable[[MirrorDraft], None], ...] = (
    check_file_name,
    check_urls,
    check_dates,
    check_private,
    check_regions,
)
