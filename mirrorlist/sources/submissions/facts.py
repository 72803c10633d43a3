"""Check what a submitted file says about its mirror: sync interval, speed, location, logo."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from mirrorlist.core.catalogue.requirements import Level, Shortfall, shortfalls
from mirrorlist.core.errors import Finding
from mirrorlist.core.mirror import is_public
from mirrorlist.core.model import MAIN, Mirror, PlaceSource, Status
from mirrorlist.core.network.addresses import overlap
from mirrorlist.core.network.prefixes import canonical_network, is_address
from mirrorlist.sources.mirrors.files import read_regular
from mirrorlist.sources.mirrors.logos import MOST_BYTES, picture_fault
from mirrorlist.sources.mirrors.urls import url_fault
from mirrorlist.sources.places.checks import described_places, placed_by
from mirrorlist.sources.places.locations import located
from mirrorlist.sources.submissions.hosts import name_fault, public_name_fault
from mirrorlist.sources.submissions.networks import SHORTEST
from mirrorlist.sources.submissions.submission import (
    Check,
    Guard,
    Submission,
    SubmissionFault,
    SubmissionTerms,
    asked,
    prefix_of,
)
from mirrorlist.sources.submissions.submission import SubmissionCode as Code
from mirrorlist.sources.submissions.text import is_latin_in_disguise, look_alike
from mirrorlist.sources.yaml.documents import Code as LoaderCode
from mirrorlist.sources.yaml.documents import Pointer, Value, duration_seconds, shown
from mirrorlist.sources.yaml.schema_messages import did_you_mean

PLAUSIBLE = 100
"""A bandwidth above this multiple of the cap needs the maintainers' approval."""

COARSE = (PlaceSource.COUNTRY, PlaceSource.CONTINENT)


def syncs_often_enough(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """Between two synchronisations the mirror does not become stale."""
    text = submission.root.get("update_frequency")
    seconds = duration_seconds(text) if isinstance(text, str) else None
    if seconds is None:
        return
    allowed, asked = terms.service.allowed_outdate_seconds, terms.service.modules[MAIN].interval_seconds
    if seconds > allowed:
        remedy = "sync more often, and write how often"
        message = f"update_frequency {shown(text)} is longer than the {_hours(allowed)} after which a mirror is stale"
        yield submission.error(("update_frequency",), Code.UPDATE_FREQUENCY, f"{message}; {remedy}")
    elif asked is not None and seconds > asked:
        message = f"update_frequency {shown(text)} is longer than the {_hours(asked)} that this service asks for"
        yield submission.warning(("update_frequency",), Code.RARE_UPDATES, f"{message}; sync more often if you can")


def _hours(seconds: int) -> str:
    return f"{seconds / 3600:g} hours" if seconds >= 3600 else f"{seconds / 60:g} minutes"


def bandwidth_is_plausible(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """The declared bandwidth is one that a mirror can have."""
    mbps, cap = submission.root.get("bandwidth_mbps"), terms.service.policy.weight_cap_mbps
    if not isinstance(mbps, int) or isinstance(mbps, bool) or mbps <= cap or submission.name in terms.service.approved:
        return
    said = f"bandwidth_mbps {mbps} is more than"
    ask = "ask the maintainers to approve it"
    if mbps > PLAUSIBLE * cap:
        message = f"{said} {PLAUSIBLE * cap}, which no mirror has; write Mbit/s, not kbit/s, or {ask}"
        yield submission.error(("bandwidth_mbps",), Code.IMPLAUSIBLE_BANDWIDTH, message)
    else:
        message = f"{said} the cap and counts as {cap}; leave it if it is true, or {ask}"
        yield submission.warning(("bandwidth_mbps",), Code.BANDWIDTH_CAP, message)


def place_can_be_found(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """The names of a place lead further than to the country, where a city or state is given."""
    mirror = submission.mirror
    if mirror is None or not is_public(mirror):
        return
    for pointer, said in described_places(submission.document, mirror):
        found = located(said, terms.atlas)
        if (said.city or said.region) and (found is None or found.source in COARSE):
            names = " and ".join(shown(name) for name in (said.city, said.region) if name)
            near = terms.atlas.gazetteer.near_city(said.country or "", said.city) if said.city else None
            correct = f"did you mean {near}? If not," if near else "correct them,"
            remedy = f"{correct} write the nearest larger city, or give latitude and longitude"
            message = f"{names} cannot be found, so the mirror would be {placed_by(found)}; {remedy}"
            yield submission.error(pointer, Code.UNRESOLVABLE_PLACE, message)


def places_are_places(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """The continent is that of the country, and the coordinates are not the sea where nobody wrote any."""
    yield from _place_faults(submission, terms, ("geolocation",), submission.root.get("geolocation"))
    further = submission.root.get("places")
    for index, place in enumerate(further if isinstance(further, list) else ()):
        yield from _place_faults(submission, terms, ("places", index), place)


def _place_faults(submission: Submission, terms: SubmissionTerms, pointer: Pointer, place: Value) -> Iterator[Finding]:
    if not isinstance(place, dict):
        return
    country = terms.atlas.countries.by_code.get(str(place.get("country")))
    continent = place.get("continent")
    if country and isinstance(continent, str) and continent != country.continent:
        message = (
            f"continent {shown(continent)} is not that of {country.code}; write '{country.continent}' or remove it"
        )
        yield submission.error((*pointer, "continent"), Code.UNRESOLVABLE_PLACE, message)
    if place.get("latitude") == 0 and place.get("longitude") == 0:
        message = "latitude 0 and longitude 0 are in the sea; write where the mirror is"
        yield submission.error((*pointer, "latitude"), Code.UNRESOLVABLE_PLACE, message)


def time_zone_exists(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """The time zone is one of the IANA database, where this machine has that."""
    place = submission.root.get("geolocation")
    zone = place.get("time_zone") if isinstance(place, dict) else None
    known = {each.lower(): each for each in terms.time_zones()} if isinstance(zone, str) else {}
    if isinstance(zone, str) and known and zone not in known.values():
        near = did_you_mean(zone, known)
        remedy = f"did you mean '{known[near]}'?" if near else "write it as in Europe/Oslo"
        message = f"time_zone {shown(zone)} is not in the IANA database; {remedy}"
        yield submission.error(("geolocation", "time_zone"), Code.UNKNOWN_TIME_ZONE, message)


def logo_is_a_picture(submission: Submission, _: SubmissionTerms) -> Iterator[SubmissionFault]:
    """The logo lies beside the file, and is a small picture."""
    name = submission.root.get("logo")
    if not isinstance(name, str) or Path(name).name != name:
        return
    data = read_regular(submission.directory / name, MOST_BYTES)
    fault = picture_fault(name, data) if isinstance(data, bytes) else "cannot be read; put the picture beside the file"
    if fault:
        yield SubmissionFault(("logo",), Code.BAD_LOGO, f"logo {shown(name)} {fault}")


FACT_CHECKS: tuple[Check, ...] = (
    syncs_often_enough,
    bandwidth_is_plausible,
    place_can_be_found,
    places_are_places,
    time_zone_exists,
    asked(logo_is_a_picture),
)


# Requirements of the service: an error below the minimum, a warning below the preferred value.

LEAVING = (Status.DECLINED, Status.RETIRING, Status.RETIRED)


def requirements_are_met(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """The mirror has what the service asks for. Private, leaving and approved ones are let off."""
    mirror = submission.mirror
    if mirror is None or not is_held_to_requirements(mirror) or mirror.name in terms.service.approved:
        return
    for lack in shortfalls(mirror, terms.service.requirements):
        pointer = tuple(lack.key.split("."))
        if lack.level is Level.MINIMUM:
            yield submission.error(pointer, Code.BELOW_MINIMUM, f"{_said(lack)}; {_REMEDY}")
        else:
            yield submission.warning(pointer, Code.BELOW_PREFERRED, f"{_said(lack)}; offer more if you can")


_REMEDY = "offer more, or write what you really have"


def is_held_to_requirements(mirror: Mirror) -> bool:
    """Whether a mirror is one for the public that comes or stays."""
    return is_public(mirror) and mirror.status not in LEAVING


def _said(lack: Shortfall) -> str:
    what = "the least that this service asks for" if lack.level is Level.MINIMUM else "what this service prefers"
    return f"{lack.key} is {lack.has}, and {what} is {lack.asked}"


REQUIREMENT_CHECKS: tuple[Check, ...] = (requirements_are_met,)


# Other addresses: the sponsor's page, and the sources of copies. Nobody fetches them, but people follow the page, and
# the sources end up in the scripts and access lists of others.

SOURCE: Pointer = ("sync", "source")
FROM: Pointer = ("sync", "from")


def page_is_public(submission: Submission, terms: SubmissionTerms) -> Iterator[SubmissionFault]:
    """The sponsor's page is one that everybody who follows the link reaches."""
    url = submission.root.get("sponsor_url")
    host = _host(url) if isinstance(url, str) else None
    if not isinstance(url, str) or host is None:
        return
    if _has_bad_port(url):
        message = f"sponsor_url {shown(url)} has a port outside 1 to 65535; correct it or leave it out"
        yield SubmissionFault(("sponsor_url",), Code.BAD_PORT, message)
    if not terms.is_public:
        return
    if is_address(host):
        fault = terms.address_fault(host)
        said = f"{fault}, so nobody reaches it; write the sponsor's public page" if fault else None
    elif not host.isascii():  # a name in letters of another script is left to browsers, unless it deceives
        labels = map(is_latin_in_disguise, host.split("."))
        said = look_alike(host) or ("looks Latin and is not; write the name that people know" if any(labels) else None)
    else:
        said = name_fault(host) or public_name_fault(host)
    if said:
        message = f"the host of sponsor_url {shown(url)}: {said}"
        yield SubmissionFault(("sponsor_url",), Code.HOST_NOT_PUBLIC, message)


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _has_bad_port(url: str) -> bool:
    try:
        return urlsplit(url).port == 0
    except ValueError:
        return True


def source_is_plain(submission: Submission, _: SubmissionTerms) -> Iterator[SubmissionFault]:
    """What the mirror copies is the URL of a tree or the name of a mirror, and nothing that a shell understands."""
    source = _synced(submission).get("source")
    if not isinstance(source, str):
        return
    if fault := url_fault(source) if "://" in source else name_fault(source):
        yield SubmissionFault(SOURCE, LoaderCode.BAD_URL, f"sync.source {shown(source)} {fault}")


def copies_from_few_addresses(submission: Submission, terms: SubmissionTerms) -> Iterator[SubmissionFault]:
    """Where the mirror connects from is one host or a narrow public network, as it is let in there."""
    text = _synced(submission).get("from")
    if isinstance(text, str) and (fault := from_fault(text, submission.name, terms)):
        yield SubmissionFault(FROM, fault[0], f"sync.from {fault[1]}")


def from_fault(text: str, name: str, terms: SubmissionTerms) -> tuple[Code, str] | None:
    """Why the mirror of this name cannot be let in from there: the code, and the value with what is said about it."""
    network = canonical_network(text)
    if network is None:
        public = terms.is_public and name not in terms.service.approved
        fault = name_fault(text) or (public_name_fault(text) if public else None)
        return (Code.BAD_HOST, f"{shown(text)} {fault}") if fault else None
    if name in terms.service.approved:
        return None
    prefix = prefix_of(ip_network(network))
    special = next((called for each, called in terms.special if overlap(each, prefix)), None)
    if prefix.length < SHORTEST[4 if len(prefix.packed) == 4 else 6]:
        return Code.WIDE_NETWORK, f"{shown(text)} is wider than one mirror needs; write its address"
    if special and terms.is_public:
        remedy = "write the address that the source sees"
        return Code.RESERVED_NETWORK, f"{shown(text)} is not public ({special}); {remedy}"
    return None


def _synced(submission: Submission) -> dict[str, object]:
    sync = submission.root.get("sync")
    return sync if isinstance(sync, dict) else {}


LINK_GUARDS: tuple[Guard, ...] = (page_is_public, source_is_plain, copies_from_few_addresses)
LINK_CHECKS: tuple[Check, ...] = tuple(map(asked, LINK_GUARDS))


# Missing fields that rules ask about: leaving them out must not be the way past a rule.


def says_how_often_it_syncs(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """The interval is given, on which several rules depend. A leaving mirror is let off."""
    key = "update_frequency"
    written = submission.document.original((key,)) in submission.document.places
    if written or submission.root.get("status") in LEAVING or _is_asked_for_it(submission, terms):
        return
    unknown = "nobody can tell whether the mirror syncs often enough"
    message = f"the file has no {key}, so {unknown}; add how often it syncs, as in '{key}: 3h'"
    yield submission.warning((key,), Code.NOT_GIVEN, message)


def _is_asked_for_it(submission: Submission, terms: SubmissionTerms) -> bool:
    """Whether the service's requirements tell the same already."""
    mirror = submission.mirror
    if mirror is None or not is_held_to_requirements(mirror) or mirror.name in terms.service.approved:
        return False
    return any(asked.update_frequency_seconds for _, asked in terms.service.requirements.levels())


ABSENCE_CHECKS: tuple[Check, ...] = (says_how_often_it_syncs,)
