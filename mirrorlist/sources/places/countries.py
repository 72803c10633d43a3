"""Countries: code, English name, continent, and the centre of the population.

A further name of a country goes into OTHER_NAMES. The table itself is built by scripts/build-countries.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType

# The gazetteer's data holds folded names: after a change here run scripts/build-gazetteer again.

_SILENT = re.compile(r"['’‘ʻʼʹ`´.²]")
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_AFTER_THE_NAME = re.compile(r"[,/(;|]| [-–] ")
_CODE_AT_END = re.compile(r".+\s([A-Z]{2})\s*\Z")
_NUMBER = re.compile(r"\b[0-9]+(?:e|er|st|nd|rd|th)?\b")
_LATIN = str.maketrans({
    **dict(zip("абвгдезийклмнопрстуфцыэіїђјљњћєґ", "abvgdeziiklmnoprstufcyeiidjlncyg", strict=True)),
    **dict(zip("αβγδεζηικλμνξοπρσςτυφχω", "avgdeziiklmnxoprsstyfho", strict=True)),
    "ё": "e", "ж": "zh", "х": "kh", "ч": "ch", "ш": "sh", "щ": "shch", "ю": "yu", "я": "ya", "ъ": "", "ь": "",
    "θ": "th", "ψ": "ps", "џ": "dz",
})  # fmt: skip
"""Letters of Cyrillic and Greek without accents, as names of cities are mostly written in Latin."""
_SHORT_NAMES = {
    "nyc": "new york city", "la": "los angeles", "sf": "san francisco", "dc": "washington", "hcmc": "ho chi minh city",
    "kl": "kuala lumpur", "spb": "saint petersburg", "jogja": "yogyakarta", "s gravenhage": "den haag",
}  # fmt: skip
_SAINT_BEFORE_A_NAME = re.compile(r"\b(Ste?)\.?(?=[A-Z])")
_WITHOUT_DECOMPOSITION = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ħ": "h", "ə": "a", "ǝ": "a"}
)
_SAINTS = {"st": "saint", "ste": "sainte"}

CITY_WORDS = frozenset({"city", "town", "municipality", "si", "shi", "gu", "ku", "gun", "do", "ri", "eup"})
"""Words at the end of a city's name that people leave out or add."""

STATE_WORDS = frozenset({
    "state", "province", "prefecture", "region", "county", "governorate", "voivodeship", "oblast", "krai",
    "kray", "republic", "district", "canton", "municipality", "department", "territory", "division", "parish",
    "emirate", "city", "rayon", "raion", "novads", "comunidad", "provincia", "departamento", "autonomous", "community",
    "special", "metropolitan", "capital", "ken", "fu", "do", "to", "si", "of", "de", "del",
    "della", "di", "da", "the", "and",
})  # fmt: skip
"""Words of a state's name that tell its kind, and the small words between them."""


def folded(text: str) -> str:
    """A spelling without case, accents, punctuation, a leading article, or the choice of St and Saint."""
    letters = unicodedata.normalize("NFKD", text.casefold().translate(_WITHOUT_DECOMPOSITION))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = _BETWEEN_WORDS.sub(" ", _SILENT.sub("", plain).replace("&", " and ")).split()
    if len(words) > 1:
        words = [_SAINTS.get(word, word) for word in words]
    return " ".join(words[1:] if words[:1] == ["the"] and len(words) > 1 else words)


def city_spellings(text: str) -> tuple[str, ...]:
    """The folded spellings under which a city may be known, the most faithful one first."""
    text = _SAINT_BEFORE_A_NAME.sub(r"\1 ", text)
    whole, name = folded(text), folded(_AFTER_THE_NAME.split(text)[0])
    words = _NUMBER.sub("", name).split()
    bare = " ".join(words)
    while len(words) > 1 and len(words[-1]) <= 2:  # a state's code, or the river in Frankfurt a. M.
        words.pop()
    last = (_SHORT_NAMES.get(name, ""), in_latin(name), bare, " ".join(words))
    return tuple(dict.fromkeys(filter(None, (whole, name, without_city_word(whole), without_city_word(name), *last))))


def state_behind(city: str) -> str | None:
    """What may be the state behind the name of a city: after a comma and the like, or two capitals at the end."""
    name, *after = _AFTER_THE_NAME.split(city, maxsplit=1)
    code = _CODE_AT_END.match(name)
    return (after[0].strip(" )") if after else code[1] if code else None) or None


def in_latin(name: str) -> str:
    """The folded name with Latin letters in place of Cyrillic and Greek ones."""
    return name.translate(_LATIN)


def joined_spellings(text: str) -> tuple[str, ...]:
    """The spellings of a city without blanks, with and without a last ``city``."""
    joined = [each.replace(" ", "") for each in city_spellings(text)]
    return tuple(dict.fromkeys((*joined, *(each.removesuffix("city") or each for each in joined))))


def without_city_word(name: str) -> str:
    """The folded name without a last word that only says that it is a city."""
    words = name.split()
    return " ".join(words[:-1]) if len(words) > 1 and words[-1] in CITY_WORDS else name


def state_spellings(text: str) -> tuple[str, ...]:
    """The folded spellings under which a state may be known, the most faithful one first."""
    text = _SAINT_BEFORE_A_NAME.sub(r"\1 ", text)
    said = (folded(text), folded(_AFTER_THE_NAME.split(text)[0]))
    names = (*said, *map(in_latin, said))
    return tuple(dict.fromkeys(filter(None, (*names, *map(without_state_words, names)))))


def without_state_words(name: str) -> str:
    """The folded name without the words that tell its kind; all of it if there are no others."""
    return " ".join(word for word in name.split() if word not in STATE_WORDS) or name


OTHER_NAMES: Mapping[str, tuple[str, ...]] = {
    "AE": ("UAE", "Emirates"),
    "AT": ("Österreich",),
    "BA": ("Bosnia", "Bosnia-Herzegovina"),
    "BE": ("België", "Belgique"),
    "BN": ("Brunei Darussalam",),
    "BO": ("Plurinational State of Bolivia", "Bolivia, Plurinational State of"),
    "BQ": ("Bonaire", "Caribbean Netherlands", "Bonaire, Sint Eustatius and Saba"),
    "BR": ("Brasil",),
    "BY": ("Belorussia", "Byelorussia"),
    "CC": ("Cocos (Keeling) Islands", "Keeling Islands"),
    "CD": ("DRC", "DR Congo", "Congo-Kinshasa", "Congo, The Democratic Republic of the", "Zaire"),
    "CG": ("Congo-Brazzaville", "Republic of Congo"),
    "CH": ("Schweiz", "Suisse", "Svizzera", "Swiss Confederation"),
    "CI": ("Côte d'Ivoire",),
    "CN": ("PRC", "People's Republic of China", "Mainland China"),
    "CV": ("Cape Verde",),
    "CZ": ("Czech Republic", "Česko"),
    "DE": ("Deutschland", "Federal Republic of Germany"),
    "DK": ("Danmark",),
    "ES": ("España",),
    "FI": ("Suomi",),
    "FK": ("Falkland Islands (Malvinas)", "Falklands", "Malvinas"),
    "FM": ("Federated States of Micronesia", "Micronesia, Federated States of"),
    "FO": ("Faeroe Islands", "Faroes"),
    "GB": (
        "UK",
        "Great Britain",
        "Britain",
        "England",
        "Scotland",
        "Wales",
        "Northern Ireland",
        "United Kingdom of Great Britain and Northern Ireland",
    ),
    "GM": ("Gambia, The",),
    "GR": ("EL", "Hellas", "Hellenic Republic"),
    "HK": ("Hong Kong SAR", "Hongkong", "Hong Kong SAR China"),
    "HU": ("Magyarország",),
    "IE": ("Republic of Ireland", "Éire"),
    "IR": ("Islamic Republic of Iran", "Iran, Islamic Republic of", "Persia"),
    "IS": ("Ísland",),
    "IT": ("Italia",),
    "KG": ("Kyrgyz Republic",),
    "KP": ("DPRK", "Democratic People's Republic of Korea", "Korea, Democratic People's Republic of"),
    "KR": ("Korea", "Republic of Korea", "Korea, Republic of", "Korea, South", "ROK"),
    "LA": ("Lao", "Lao PDR", "Lao People's Democratic Republic"),
    "LY": ("Libyan Arab Jamahiriya",),
    "MD": ("Republic of Moldova", "Moldova, Republic of"),
    "MF": ("Saint Martin (French part)",),
    "MK": ("Macedonia", "FYROM", "Republic of North Macedonia"),
    "MM": ("Burma",),
    "MO": ("Macau", "Macau SAR", "Macao SAR"),
    "NL": ("Holland", "Nederland"),
    "NO": ("Norge", "Noreg"),
    "NZ": ("Aotearoa",),
    "PH": ("Republic of the Philippines",),
    "PL": ("Polska",),
    "PN": ("Pitcairn Islands",),
    "PS": ("Palestine", "State of Palestine", "Palestine, State of", "Palestinian Territories"),
    "RE": ("La Réunion",),
    "RU": ("Russian Federation",),
    "SE": ("Sverige",),
    "SK": ("Slovak Republic",),
    "ST": ("São Tomé", "Sao Tome"),
    "SX": ("Sint Maarten (Dutch part)",),
    "SY": ("Syrian Arab Republic",),
    "SZ": ("Swaziland",),
    "TL": ("East Timor",),
    "TR": ("Türkiye", "Republic of Turkey", "Republic of Türkiye"),
    "TW": (
        "Taiwan, Province of China",
        "Taiwan, ROC",
        "Taiwan (ROC)",
        "Taiwan, Republic of China",
        "Republic of China",
        "Chinese Taipei",
        "Formosa",
    ),
    "TZ": ("United Republic of Tanzania", "Tanzania, United Republic of"),
    "UA": ("Ukraina",),
    "US": ("USA", "United States of America", "America"),
    "VA": ("Vatican City", "Holy See", "Holy See (Vatican City State)"),
    "VE": ("Bolivarian Republic of Venezuela", "Venezuela, Bolivarian Republic of"),
    "VG": ("Virgin Islands, British",),
    "VI": ("US Virgin Islands", "Virgin Islands, U.S."),
    "VN": ("Viet Nam", "Socialist Republic of Vietnam"),
    "XK": ("Republic of Kosovo",),
    "ZA": ("RSA", "Republic of South Africa"),
}
"""What people write for a country apart from its code and its name in the table. Two letters are codes that
are not ISO's: UK and EL are the European Union's."""


@dataclass(frozen=True, slots=True)
class Country:
    """A country by its ISO 3166-1 alpha-2 code (and XK); the place is its people's centre, in degrees."""

    code: str
    name: str
    continent: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Countries:
    """All countries, by code in capitals."""

    by_code: Mapping[str, Country]

    def normalise(self, text: str) -> str | None:
        """The code of a country that is written as a code or a name; None when nothing is known by it."""
        return self._codes.get(folded(text))

    @cached_property
    def _codes(self) -> Mapping[str, str]:
        codes = {folded(name): code for code, names in OTHER_NAMES.items() for name in names if code in self.by_code}
        codes.update((folded(country.name), code) for code, country in self.by_code.items())
        codes.update((code.casefold(), code) for code in self.by_code)
        return MappingProxyType(codes)


@cache
def read_countries() -> Countries:
    """The table that comes with the package; it is read once."""
    text = files("mirrorlist").joinpath("data", "countries.tsv").read_text(encoding="utf-8")
    countries = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            code, name, continent, latitude, longitude = line.split("\t")
            countries[code] = Country(code, name, continent, float(latitude), float(longitude))
    return Countries(MappingProxyType(countries))


# Names of continents as people write them, and the codes that each may mean.

NAMES: Mapping[str, tuple[str, ...]] = {
    "AF": (
        "Africa", "Afrika", "Afrique", "Sub-Saharan Africa", "North Africa", "South Africa", "East Africa",
        "West Africa", "Central Africa",
    ),
    "AN": ("Antarctica", "Antarctic", "Antarktis", "Antarctique"),
    "AS": (
        "Asia", "Asien", "Asie", "Southeast Asia", "South East Asia", "East Asia", "South Asia", "Central Asia",
        "West Asia", "Far East",
    ),
    "EU": (
        "Europe", "Europa", "EUR", "Western Europe", "Eastern Europe", "Northern Europe", "Southern Europe",
        "Central Europe", "West Europe", "East Europe", "North Europe", "South Europe",
    ),
    "NA": (
        "North America", "Northern America", "N America", "Northamerica", "NAM", "NorthAm", "Central America",
        "Middle America", "Caribbean", "Nordamerika", "Amérique du Nord", "América del Norte", "Norteamérica",
        "América do Norte",
    ),
    "OC": ("Oceania", "Australia", "Australasia", "Oceania/Australia", "Australia and Oceania", "Ozeanien", "Océanie"),
    "SA": (
        "South America", "Southern America", "S America", "Southamerica", "SAM", "Südamerika", "Amérique du Sud",
        "América del Sur", "Sudamérica", "Suramérica", "América do Sul",
    ),
}  # fmt: skip
"""What means one continent, beside its code. Parts of one are read as the whole."""

WIDER: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("America", "Americas", "AMER", "Latin America", "LATAM"), ("NA", "SA")),
    **dict.fromkeys(("Middle East", "MENA"), ("AS", "AF")), **dict.fromkeys(("APAC", "Asia Pacific"), ("AS", "OC")),
    "Eurasia": ("EU", "AS"), "EMEA": ("EU", "AS", "AF"),
}  # fmt: skip
"""Names with several meanings, of which the country selects one."""


def continents(text: str) -> tuple[str, ...]:
    """The codes of the continents that a text may mean; none for an unknown name."""
    code = text.strip().upper()
    return (code,) if code in NAMES else _MEANT.get(_key(text), ())


def _key(text: str) -> str:
    return folded(text).replace(" ", "")


_MEANT: Mapping[str, tuple[str, ...]] = {
    _key(name): codes
    for name, codes in (*WIDER.items(), *((name, (code,)) for code, names in NAMES.items() for name in names))
}
