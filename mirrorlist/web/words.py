"""Format numbers, times and codes as words for pages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from babel.dates import format_date
from babel.numbers import format_decimal
from flask import request
from markupsafe import Markup

from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.health.verdicts import EventKind, Family
from mirrorlist.core.public.types import STATE_WORDS, MirrorState, PublicCheck, PublicMirror
from mirrorlist.core.selection.explanation import Asker
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.web.client_address import TrustedProxies
from mirrorlist.web.languages import ENGLISH, country_in, gettext, language, ngettext

_UNITS = ((86_400 * 2, 86_400, "day"), (3600 * 2, 3600, "hour"), (120, 60, "minute"), (0, 1, "second"))


def _counted(unit: str, number: int) -> str:
    """``1 day``, ``3 days``; each unit by its own call, so that it is found for translation."""
    if unit == "day":
        return ngettext("%(num)d day", "%(num)d days", number)
    if unit == "hour":
        return ngettext("%(num)d hour", "%(num)d hours", number)
    if unit == "minute":
        return ngettext("%(num)d minute", "%(num)d minutes", number)
    return ngettext("%(num)d second", "%(num)d seconds", number)


_FLAG_A = 0x1F1E6
FAMILY_WORDS = {Family.IPV4: "IPv4", Family.IPV6: "IPv6"}
KIND_WORDS = {
    EventKind.UP: "back",
    EventKind.DOWN: "down",
    EventKind.OVERRIDDEN: "taken out",
    EventKind.CLEARED: "given back",
}


def duration(seconds: float | None) -> str:
    """``3 hours``, ``1 day``; empty for None."""
    return "" if seconds is None else _counted(*_in_units(seconds))


def _in_units(seconds: float) -> tuple[str, int]:
    """The unit that a duration is given in, and how many of it."""
    for least, size, name in _UNITS:
        if seconds >= least or seconds == size:
            return name, max(0, round(seconds / size))
    return "second", 0


def every(seconds: float) -> str:
    """``every 3 hours``, ``every hour``."""
    unit, number = _in_units(seconds)
    if number != 1:
        return gettext("every %(time)s", time=_counted(unit, number))
    return {
        "day": gettext("every day"), "hour": gettext("every hour"), "minute": gettext("every minute"),
        "second": gettext("every second"),
    }[unit]  # fmt: skip


def moment(at: float | None) -> str:
    """``2026-11-22 01:05``, in UTC; empty for None."""
    return _utc(at).strftime("%Y-%m-%d %H:%M") if at is not None else ""


def day(at: float | None) -> str:
    """``2026-11-22``, in UTC; empty for None."""
    return _utc(at).strftime("%Y-%m-%d") if at is not None else ""


def iso(at: float) -> str:
    """``2026-11-22T01:05:00Z``, for machines."""
    return _utc(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _utc(at: float) -> datetime:
    """A time in UTC; what no calendar holds becomes its end."""
    return datetime.fromtimestamp(max(0.0, min(at, 253_402_300_799.0)), UTC)


def number(count: int) -> str:
    """``1,234``, as the language of the page writes it."""
    return format_decimal(count, locale=language())


def month(code: str) -> str:
    """``October 2026`` of ``2026-10``, in the language of the page."""
    year, _, numbered = code.partition("-")
    return format_date(date(int(year), int(numbered), 1), "LLLL y", locale=language())


def speed(mbps: int | None) -> str:
    """``10 Gbit/s``, ``500 Mbit/s``; empty for None."""
    if mbps is None:
        return ""
    if mbps >= 1_000_000:
        return f"{mbps / 1_000_000:.3g} Tbit/s"
    return f"{mbps / 1000:g} Gbit/s" if mbps >= 1000 else f"{mbps} Mbit/s"


def size(length: int | None) -> str:
    """``1.9 GB``, ``700 MB``, ``512 bytes``, in powers of 1000 as disks are sold; empty for None."""
    if length is None:
        return ""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if length >= unit:
            return f"{length / unit:.3g} {name}" if length < 999.5 * unit else f"{length / unit:.0f} {name}"
    return f"{length} byte{'' if length == 1 else 's'}"


def percent(part: float | None) -> str:
    """``99.9 %``; a little less than everything is never shown as 100 %."""
    if part is None:
        return ""
    shown = min(part * 100, 99.9) if part < 1 else 100.0
    return f"{shown:.1f} %".replace(".0 %", " %")


def flag(country: str | None) -> str:
    """The country's flag as two regional indicator letters; empty for anything but two capital letters."""
    if not country or len(country) != 2 or not (country.isascii() and country.isupper()):
        return ""
    return "".join(chr(_FLAG_A + ord(letter) - ord("A")) for letter in country)


def country_name(country: str | None) -> str:
    """The name of a country in the language of the page, or its code where the name is not known."""
    known = read_countries().by_code.get(country or "")
    return country_in(country or "") or (known.name if known else country or "")


CONTINENT_WORDS = {
    "AF": "Africa", "AN": "Antarctica", "AS": "Asia", "EU": "Europe", "NA": "North America",
    "OC": "Oceania", "SA": "South America",
}  # fmt: skip


def continent_name(code: str | None) -> str:
    """The name of a continent in the language of the page; ``Place unknown`` for None."""
    return gettext(CONTINENT_WORDS[code]) if code in CONTINENT_WORDS else gettext("Place unknown")


def map_link(mirror: PublicMirror) -> str:
    """Where the mirror's place is shown on a map; empty where it is not known."""
    if mirror.latitude is None or mirror.longitude is None:
        return ""
    return f"https://www.openstreetmap.org/?mlat={mirror.latitude:.2f}&mlon={mirror.longitude:.2f}&zoom=8"


def coordinates(asker: Asker) -> str:
    """``53° N, 13° E`` in the language of the page; empty where no more than the country is known."""
    if asker.latitude is None or asker.longitude is None:
        return ""
    north, east = f"{abs(asker.latitude):.0f}", f"{abs(asker.longitude):.0f}"
    return ", ".join(
        (
            gettext("%(number)s° N", number=north) if asker.latitude >= 0 else gettext("%(number)s° S", number=north),
            gettext("%(number)s° E", number=east) if asker.longitude >= 0 else gettext("%(number)s° W", number=east),
        )
    )


def breakable(name: str) -> Markup:
    """A host name that browsers break after its dots, not inside its words."""
    return Markup(".<wbr>").join(name.split("."))


def check_state(state: str) -> str:
    """How one way to a mirror is, as ``HealthRow.state`` says it: ``good``, ``failing (1 of 2)``."""
    if found := re.fullmatch(r"failing \(([0-9]+) of ([0-9]+)\)", state):
        return gettext("failing (%(bad)s of %(needed)s)", bad=found[1], needed=found[2])
    return gettext(state.lower())


def depth(check: PublicCheck) -> str:
    """How the content of what is good was checked, as ``HealthRow.depth`` says it, in the language of the page."""
    if not check.kind and check.files_seen_at is None and check.next_at is None:
        return gettext(check.depth)
    if check.files_seen is None or check.files_seen_at is None:
        text = gettext("only its index was compared")
    else:
        seen = str(check.files_seen)
        count = gettext("%(seen)s of %(named)s", seen=seen, named=check.files_named) if check.files_named else seen
        text = gettext("%(count)s files seen, the last at %(time)s UTC", count=count, time=moment(check.files_seen_at))
    after = gettext("next look about %(time)s UTC", time=moment(check.next_at)) if check.next_at is not None else ""
    return "".join((f"{check.kind}: " if check.kind else "", text, f"; {after}" if after else ""))


# What probes found, and what a mirror waits for: facts in sentences, each of which pages translate.

FOUND = (
    "status %(status)s", "answers with status %(status)s", "%(where)s answers with status %(status)s",
    "an HTML page", "missing",
    "its Valid-Until is over", "an older version that is still accepted", "a version that the origin has replaced",
    "older than all that is known of the origin's versions", "older than the origin's",
    "%(file)s that the origin never published", "%(seen)s bytes, but %(size)s at the origin",
    "not a time: %(text)s", "it says %(time)s", "synced %(hours)s hours ago",
    "it answers; nothing on it is compared with the origin", "the time file",
    "not asked: the time for this mirror was over", "not asked: the mirror fell silent", "no time was left for it",
    "its files could not be asked for", "it lacked files, and they could not be looked at again this time",
    "not compared: nearly all mirrors contradict the origin in the same way (%(outcome)s)",
    "%(outcome)s, which did not answer since the last probe",
    "it refuses %(agent)s's User-Agent (%(said)s), and not the prober's",
    "it refuses the prober's User-Agent, so it was asked under %(agent)s's",
    "the rsync client is not installed here", "rsync ended with %(status)s: %(said)s",
    "%(host)s has none in %(family)s", "%(host)s has no address",
    "%(where)s accepts no connection within %(seconds)s s", "no TLS handshake within %(seconds)s s",
    "expired", "not valid yet", "wrong name: %(text)s", "unknown issuer: %(text)s",
    "%(bad)s of %(heard)s vantage points (this prober is one) cannot reach it",
    "%(down)s of %(all)s addresses: %(faults)s", "over this family nothing can be reached: %(said)s",
    "it does not answer as it should: %(outcome)s", "it is not up to date itself: %(what)s",
    "it is out at least until %(until)s UTC, as it fell several times lately",
    "it is good again, and back after a good probe",
    "it is good again, and back after %(more)s more good probe in a row",
    "it is good again, and back after %(more)s more good probes in a row",
    "%(waits)s, but out until %(until)s UTC, as it fell several times lately",
)  # fmt: skip
"""The sentences of probes and of core/health, with ``%(name)s`` for what differs; a test looks for them there."""
_MOST_FOUND = 500
_VALUE = re.compile(r"%\((\w+)\)s")


def _pattern(text: str) -> re.Pattern[str]:
    """What the sentences of a text look like."""
    pieces = _VALUE.split(text)
    return re.compile("".join(f"(?P<{each}>.+?)" if at % 2 else re.escape(each) for at, each in enumerate(pieces)))


_PATTERNS = tuple((text, _pattern(text)) for text in FOUND)


def finding(text: str) -> str:
    """What a probe found, in the language of the page; what a server or a file said stays as it is."""
    if language() == ENGLISH or len(text) > _MOST_FOUND:
        return text
    for known, pattern in _PATTERNS:
        if found := pattern.fullmatch(text):
            return gettext(known, **{name: finding(value) for name, value in found.groupdict().items()})
    for mark in ("; ", ": "):
        first, parted, rest = text.partition(mark)
        if parted:
            return f"{finding(first)}{mark}{finding(rest)}"
    return gettext(text)


def title_line(text: str) -> str:
    """The text with a capital at its beginning, the rest as it is."""
    return f"{text[:1].upper()}{text[1:]}"


def kind_words(kind: EventKind) -> str:
    """What happened to a mirror, in a word or two."""
    return gettext(KIND_WORDS[kind])


def state_words(state: MirrorState) -> str:
    """A mirror's state for people."""
    return gettext(STATE_WORDS[state])


# The address of the service, for lines to copy: that of service.yml, or else the one the client used.

_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?", re.ASCII)
_NOBODY = "mirrors.example.org"


def base_url(service: Service) -> str:
    """The address without a slash at its end. A Host header that is not a host name is not used."""
    if service.site.url:
        return service.site.url.rstrip("/")
    host = request.headers.get("Host", "")
    return f"{_scheme(service)}://{host if _HOST.fullmatch(host) else _NOBODY}"


def _scheme(service: Service) -> str:
    """The scheme of the request, as a trusted proxy saw it."""
    forwarded = request.headers.get("X-Forwarded-Proto", "")
    if forwarded in ("http", "https"):
        _, trusted = TrustedProxies(service.trusted_proxies).peer(request.environ.get("REMOTE_ADDR", ""))
        if trusted:
            return forwarded
    return "https" if request.scheme == "https" else "http"
