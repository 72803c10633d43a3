"""Accept other forms of a value that have one meaning: ``10 Gbit/s`` for a number, one country for a list.

They are tried only where the schema refuses what the file says. To add one: a function here and its row in FORMS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from mirrorlist.core.model import Status
from mirrorlist.core.network.prefixes import canonical_network
from mirrorlist.sources.geo.clouds import canonical_region, known_regions
from mirrorlist.sources.mirrors.urls import SCHEMES, scheme_of, with_small_scheme
from mirrorlist.sources.yaml.documents import BOOLEAN_WORDS, Value


class Refused(ValueError):
    """An answer that cannot be used; says why, as the end of a sentence that begins with the answer."""


_BANDWIDTH = re.compile(
    r"(?:([1-9][0-9]?)\s*[x\u00d7*]\s*)?([0-9]{1,6}(?:[.,][0-9]{1,3})?)\s*(?:([tgm])(?:i?b|bit|bits|byte|bytes|be|e|igabit|egabit|erabit)?\s*)?"
    r"(?:/\s*s|ps|/\s*sec|per second)?\.?", re.IGNORECASE
)  # fmt: skip
_MBPS = {"m": 1, "g": 1000, "t": 1_000_000}


def bandwidth_mbps(text: str) -> int:
    """``1 Gbit/s``, ``2x10G``, ``500 Mbps`` in megabits per second; a number alone is that. Bytes are read as bits."""
    found = _BANDWIDTH.fullmatch(text.strip())
    if not found:
        raise Refused("is no bandwidth; write it as in 10 Gbit/s")
    mbps = int(found[1] or 1) * _number(found[2]) * _MBPS[(found[3] or "m").lower()]
    if not 1 <= mbps <= 100_000_000:
        raise Refused("is no bandwidth that a mirror has; write it as in 10 Gbit/s")
    return round(mbps)


_TIB = re.compile(r"([0-9]{1,7}(?:[.,][0-9]{1,3})?)\s*(?:ti?b?)?\s*(?:(?:/|per|an?)\s*month)?", re.IGNORECASE)


def monthly_tib(text: str) -> float:
    """``50 TiB``, ``2.5 TB/month`` in TiB; a number alone is that, and TB are read as TiB."""
    found = _TIB.fullmatch(text.strip())
    if not found:
        raise Refused("is no traffic of a month; write it in TiB, as in 50")
    return _number(found[1])


def _number(text: str) -> float:
    """``2.5``, ``2,5`` and ``2500``; three digits behind a comma are thousands: ``2,500``."""
    return float(re.sub(",(?=[0-9]{3}$)", "", text).replace(",", "."))


_UNIT = "seconds?|secs?|s|minutes?|mins?|m|hours?|hourly|hrs?|h|days?|d|weeks?|w"
_LENGTH = rf"([0-9]{{1,5}}(?:[.,][0-9]{{1,2}})?)\s*({_UNIT})"
_SPAN = re.compile(rf"(?:every\s+|pt)?{_LENGTH}(?:\s*(?:and\s*)?{_LENGTH})?|every\s+({_UNIT})")
_TIMES = re.compile(
    r"(once|twice|[a-z]+ times|[0-9]{1,3}\s*(?:times|x))\s*(?:an?|per|each|every|/)?\s*(hour|day|daily)"
)
_CRON = re.compile(r"(?:\*/([0-9]{1,2}) \*|[0-9]{1,2} (\*|\*/([0-9]{1,2})|[0-9]{1,2})) \* \* \*")
_COUNT_WORDS = {
    "once": 1, "twice": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "ten": 10, "twelve": 12,
}  # fmt: skip
_MINUTES = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440, "w": 10_080}
_PHRASES = {"hourly": "every hour", "daily": "every day", "weekly": "every week"}
_IN_ENGLISH = {
    "alle": "every", "jede": "every", "stunden": "hours", "stunde": "hour", "minuten": "minutes", "tage": "days",
    "toutes": "every", "les": "", "heures": "hours", "heure": "hour", "jours": "days", "cada": "every",
    "horas": "hours", "hora": "hour", "minutos": "minutes", "ore": "hours", "uur": "hours", "elke": "every",
}  # fmt: skip
"""Words of other languages in offers."""


def frequency(text: str) -> str:
    """``every 15 min``, ``twice an hour``, ``4 times a day``, ``1h30m``, a line of cron as 15m, 30m, 6h, 90m."""
    said = " ".join(_IN_ENGLISH.get(word, word) for word in text.lower().rstrip(".").split())
    said = " ".join(_PHRASES.get(said, said).split())
    if span := _SPAN.fullmatch(said):
        lengths = [(span[1], span[2]), (span[3], span[4]), ("1", span[5])]
        return _spelled(round(sum(float(n.replace(",", ".")) * _MINUTES[unit[0]] for n, unit in lengths if n and unit)))
    if times := _TIMES.fullmatch(said):
        first = times[1].removesuffix("times").removesuffix("x").strip()
        count = _COUNT_WORDS.get(first) or int(first if first.isdecimal() else 0)
        return _spelled(_MINUTES[times[2][0]] // count if count else 0)
    if cron := _CRON.fullmatch(said):
        hours = int(cron[3]) if cron[3] else 1 if cron[2] == "*" else 24
        return _spelled(int(cron[1]) if cron[1] else 60 * hours)
    raise Refused("is no interval; write it as in 3h, or every 15 min")


def _spelled(minutes: float) -> str:
    if minutes < 1:
        raise Refused("is no interval; write it as in 3h, or every 15 min")
    return f"{minutes // 60:.0f}h" if minutes % 60 == 0 else f"{minutes:.0f}m"


_SPACE = re.compile(
    r"([0-9]{1,9}(?:[.,][0-9]{1,3})?)\s*([kmgtp])(?:i?b(?:ytes?)?|igabytes?|erabytes?|egabytes?)?", re.IGNORECASE
)
_GB = {"k": 1e-6, "m": 1e-3, "g": 1, "t": 1000, "p": 1_000_000}


def storage_gb(text: str) -> int:
    """``4 TB``, ``500GB`` in gigabytes; a number alone is that."""
    said = text.strip()
    if re.fullmatch(r"[1-9][0-9]{0,8}", said):
        return int(said)
    found = _SPACE.fullmatch(said)
    gigabytes = round(_number(found[1]) * _GB[found[2].lower()]) if found else 0
    if gigabytes < 1:
        raise Refused("is no disk space; write it as in 4000 GB")
    return gigabytes


_RATE = re.compile(
    r"([1-9][0-9]{0,4})\s*(?:requests?)?\s*(?:(?:an?|per|/)\s*(m(?:in(?:ute)?)?|h(?:our)?|s(?:ec(?:ond)?)?))?",
    re.IGNORECASE,
)


def requests_per_minute(text: str) -> int:
    """``30/min``, ``1 per second``, ``600 requests an hour`` in requests per minute; a number alone is that."""
    found = _RATE.fullmatch(text.strip())
    per_minute = int(found[1]) * {"m": 1, "h": 1 / 60, "s": 60}[(found[2] or "m")[0].lower()] if found else 0
    if not 1 <= per_minute <= 10_000:
        raise Refused("is no number of requests per minute; write it as in 30")
    return int(per_minute)


Form = Callable[[Value], Value]
"""From what a file says to what it means; None where that is unknown."""
Field = tuple[str, ...]
"""The keys that lead to a value, with ``*`` for an index, a protocol or the name of a module."""

_TRUTHS: Mapping[str, bool] = {
    **BOOLEAN_WORDS, "true": True, "false": False, "y": True, "n": False, "t": True, "f": False, "1": True, "0": False,
    "never": False,
}  # fmt: skip
_CLOUDS: Mapping[str, str] = {
    "amazon": "aws",
    "amazon web services": "aws",
    "microsoft": "azure",
    "microsoft azure": "azure",
    "google": "gcp",
    "google cloud": "gcp",
    "oracle": "oci",
    "oracle cloud": "oci",
}
_DATE_FORMS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y",
)  # fmt: skip
"""Forms in which day and month cannot be taken for each other."""
_DEGREES = re.compile(r"([NSEW])?\s*([-+]?[0-9]{1,3}(?:[.,][0-9]{1,12})?)\s*°?\s*([NSEW])?", re.IGNORECASE)


def text_of(value: Value) -> Value:
    """The text without blanks around it, that of a whole number, or the only entry of a list."""
    if isinstance(value, list):
        return value[0] if len(value) == 1 else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else None


def only_entry(value: Value) -> Value:
    """The only entry of a list."""
    return value[0] if isinstance(value, list) and len(value) == 1 else None


def _read_by(read: Callable[[str], Value]) -> Form:
    """A form for texts. The only entry of a list is read like a text, or taken as it is."""

    def form(value: Value) -> Value:
        said = only_entry(value) if isinstance(value, list) else value
        try:
            return read(said.strip()) if isinstance(said, str) else said
        except Refused:
            return None

    return form


def book_of(value: Value) -> Value:
    """One URL, several as a list, or a list of a mapping for each, by protocol."""
    urls = value if isinstance(value, list) else [value]
    books = [each for each in urls if isinstance(each, dict)]
    if urls and len(books) == len(urls) and len({key for each in books for key in each}) == sum(map(len, books)):
        return {key: url for each in books for key, url in each.items()}
    found: dict[str, Value] = {scheme_of(url) or "": url for url in urls if isinstance(url, str)}
    return found if len(found) == len(urls) and set(SCHEMES).issuperset(found) else None


def truth(value: Value) -> Value:
    """A boolean as a word or as 1 and 0."""
    if isinstance(value, list):
        return truth(only_entry(value))
    if isinstance(value, str):
        return _TRUTHS.get(value.strip().lower())
    return bool(value) if value in (0, 1) else None


def _date(text: str) -> Value:
    text = re.sub(r"(?<=[0-9])[T ][0-9]{2}:[0-9:.]+(?:Z|[-+][0-9:]+)?$", "", text)
    for form in _DATE_FORMS:
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    return None


def _email(value: Value) -> Value:
    """The only address in a text, such as ``Kari <kari@example.org>``."""
    said = only_entry(value) if isinstance(value, list) else value
    found = re.findall(r"[^\s<>()\[\],;:\"]+@[^\s<>()\[\],;:\"]+", said) if isinstance(said, str) else []
    return found[0] if len(found) == 1 else None


def _degrees(directions: str) -> Form:
    """Degrees as text; ``directions`` are the letters of the positive and the negative half."""

    def read(text: str) -> Value:
        found = _DEGREES.fullmatch(text)
        letter = ((found[1] or "") + (found[3] or "")).upper() if found else ""
        if not found or letter not in ("", *directions):
            return None
        number = float(found[2].replace(",", "."))
        return -abs(number) if letter == directions[1] else number

    return _read_by(read)


def _entries(between: str) -> Form:
    """Text, or one number, as a list; ``between`` is what may be between its entries."""

    def form(value: Value) -> Value:
        if isinstance(value, str):
            return [word for word in re.split(between, value.strip()) if word] or None
        return [str(value)] if isinstance(value, int) and not isinstance(value, bool) else None

    return form


_COMMAS = _entries(r"\s*[,;]\s*")
_WORDS = _entries(r"[\s,;]+")


def _countries(value: Value) -> Value:
    """Names between commas, or codes between blanks."""
    is_codes = isinstance(value, str) and re.fullmatch(r"\s*[A-Za-z]{2}(\s+[A-Za-z]{2})+\s*", value)
    return _WORDS(value) if is_codes else _COMMAS(value)


def networks(value: Value) -> Value:
    """Networks in one text as a list of them; the URL of a list without what is around it."""
    if isinstance(value, str) and value.strip().lower().startswith("https://"):
        return with_small_scheme(value.strip())
    words = _WORDS(value) if isinstance(value, str) else None
    return words if isinstance(words, list) and all(canonical_network(str(word)) for word in words) else None


def _region(value: Value) -> Value:
    """``West Europe`` is ``westeurope``, as Azure shows it."""
    named = value if isinstance(value, str) else ""
    spelled = {each: canonical_region(each, named) for each in known_regions()}
    return next((spelled[each] for each, known in known_regions().items() if spelled[each] in known), None)


def _regions(value: Value) -> Value:
    if found := _region(value):
        return [found]
    return "all" if isinstance(value, str) and value.strip().lower() == "all" else _WORDS(value)


_GROUPED = re.compile("[0-9]{1,3}(?:,[0-9]{3})+")
"""One number with separators, or several short ones: nobody knows."""


def _systems(value: Value) -> Value:
    if isinstance(value, str) and _GROUPED.fullmatch(value.strip()):
        return None
    words = _WORDS(re.sub(r"(?i)\bASN?\s+(?=[0-9])", "AS", value)) if isinstance(value, str) else None
    return words if isinstance(words, list) and len(words) > 1 else None


FORMS: Mapping[Field, Form] = {
    ("name",): _read_by(lambda text: text.lower().rstrip(".")),
    ("address",): book_of,
    ("address", "*"): only_entry,
    ("address_optional", "*"): book_of,
    ("address_optional", "*", "*"): only_entry,
    ("update_frequency",): _read_by(frequency),
    ("sponsor",): text_of,
    ("sponsor_url",): only_entry,
    ("email",): _email,
    **{
        (*at, key): form
        for at in (("geolocation",), ("places", "*"))
        for key, form in {
            "continent": only_entry,
            # false is what programs write that have read NO
            "country": lambda value: "NO" if value is False else only_entry(value),
            "state_province": text_of,
            "city": text_of,
            "latitude": _degrees("NS"),
            "longitude": _degrees("EW"),
        }.items()
    },
    ("geolocation",): only_entry,
    ("geolocation", "time_zone"): text_of,
    ("places",): lambda value: [value] if isinstance(value, dict) else None,
    ("global",): truth,
    ("private",): truth,
    ("notify",): truth,
    ("monopoly",): truth,
    ("subnets",): networks,
    ("subnets", "*"): only_entry,
    ("asn",): _systems,
    ("cloud_type",): _read_by(lambda text: _CLOUDS.get(" ".join(text.lower().split()), text.lower())),
    ("cloud_regions",): _regions,
    ("cloud_regions", "*"): _region,
    ("status",): _read_by(lambda text: text.lower() if text.lower() in set(Status) else None),
    ("status_reason",): text_of,
    **dict.fromkeys(
        (("status_since",), ("status_until",), ("live_from",)), lambda value: _read_by(_date)(text_of(value))
    ),
    ("bandwidth_mbps",): _read_by(bandwidth_mbps),
    ("tib_per_month",): _read_by(monthly_tib),
    ("off_peak_only",): truth,
    ("storage_gb",): _read_by(storage_gb),
    ("countries_only",): _countries,
    ("countries_never",): _countries,
    ("countries_only", "*"): lambda value: "NO" if value is False else only_entry(value),
    ("countries_never", "*"): lambda value: "NO" if value is False else only_entry(value),
    ("logo",): text_of,
    ("sync",): lambda value: {"source": value} if isinstance(value, str) and value.strip() else None,
    ("sync", "source"): text_of,
    ("sync", "from"): text_of,
    ("probe",): lambda value: {"at_most": value} if isinstance(value, int | str) else None,
    ("probe", "at_most"): _read_by(requests_per_minute),
    ("contact_name",): text_of,
    ("peerings",): _COMMAS,
    ("peerings", "*"): text_of,
    ("agreement",): text_of,
}
"""The forms of each field."""
