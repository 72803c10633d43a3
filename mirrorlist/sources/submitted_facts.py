"""What a submitted file says about its mirror: how often it syncs, how fast it is, where it stands, how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mirrorlist.core.errors import Finding
from mirrorlist.core.model import MAIN, PlaceSource
from mirrorlist.core.rank import is_public
from mirrorlist.sources.documents import shown
from mirrorlist.sources.durations import duration_seconds
from mirrorlist.sources.locations import located
from mirrorlist.sources.mirror_files import read_regular
from mirrorlist.sources.pictures import MOST_BYTES, picture_fault
from mirrorlist.sources.place_checks import placed_by
from mirrorlist.sources.spelling import did_you_mean
from mirrorlist.sources.submission import Check, Submission, Terms
from mirrorlist.sources.submission_codes import SubmissionCode as Code

PLAUSIBLE = 100
"""A bandwidth of more than so many times the cap needs the maintainers' word."""

COARSE = (PlaceSource.COUNTRY, PlaceSource.CONTINENT)


def syncs_often_enough(submission: Submission, terms: Terms) -> Iterator[Finding]:
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


def bandwidth_is_plausible(submission: Submission, terms: Terms) -> Iterator[Finding]:
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


def place_can_be_found(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """The names of the place lead further than to the country, where a city or state is given."""
    mirror = submission.mirror
    said = mirror.location if mirror else None
    if mirror is None or said is None or not is_public(mirror) or not (said.city or said.region):
        return
    found = located(said, terms.atlas)
    if found is None or found.source in COARSE:
        names = " and ".join(shown(name) for name in (said.city, said.region) if name)
        remedy = "correct them, write the nearest larger city, or give latitude and longitude"
        message = f"{names} cannot be found, so the mirror would be {placed_by(found)}; {remedy}"
        yield submission.error(("geolocation",), Code.UNRESOLVABLE_PLACE, message)


def place_is_one_place(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """The continent is that of the country, and the coordinates are not the sea where nobody wrote any."""
    place = submission.root.get("geolocation")
    if not isinstance(place, dict):
        return
    country = terms.atlas.countries.by_code.get(str(place.get("country")))
    continent = place.get("continent")
    if country and isinstance(continent, str) and continent != country.continent:
        message = (
            f"continent {shown(continent)} is not that of {country.code}; write '{country.continent}' or remove it"
        )
        yield submission.error(("geolocation", "continent"), Code.UNRESOLVABLE_PLACE, message)
    if place.get("latitude") == 0 and place.get("longitude") == 0:
        message = "latitude 0 and longitude 0 are in the sea; write where the mirror stands"
        yield submission.error(("geolocation", "latitude"), Code.UNRESOLVABLE_PLACE, message)


def time_zone_exists(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """The time zone is one of the IANA database, where this machine has that."""
    place = submission.root.get("geolocation")
    zone = place.get("time_zone") if isinstance(place, dict) else None
    known = {each.lower(): each for each in terms.time_zones()} if isinstance(zone, str) else {}
    if isinstance(zone, str) and known and zone not in known.values():
        near = did_you_mean(zone, known)
        remedy = f"did you mean '{known[near]}'?" if near else "write it as in Europe/Oslo"
        message = f"time_zone {shown(zone)} is not in the IANA database; {remedy}"
        yield submission.error(("geolocation", "time_zone"), Code.UNKNOWN_TIME_ZONE, message)


def logo_is_a_picture(submission: Submission, _: Terms) -> Iterator[Finding]:
    """The logo lies beside the file, and is a small picture."""
    name = submission.root.get("logo")
    if not isinstance(name, str) or Path(name).name != name:
        return
    data = read_regular(submission.directory / name, MOST_BYTES)
    fault = picture_fault(name, data) if isinstance(data, bytes) else "cannot be read; put the picture beside the file"
    if fault:
        yield submission.error(("logo",), Code.BAD_LOGO, f"logo {shown(name)} {fault}")


FACT_CHECKS: tuple[Check, ...] = (
    syncs_often_enough,
    bandwidth_is_plausible,
    place_can_be_found,
    place_is_one_place,
    time_zone_exists,
    logo_is_a_picture,
)
