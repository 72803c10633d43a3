"""What is known of each country: its code, its English name, its continent, and where its people live.

A further name of a country goes into OTHER_NAMES. The table itself is built by scripts/build-countries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType

from mirrorlist.sources.place_names import folded

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
    return Countries(MappingProxyType({country.code: country for country in map(_country, _rows(text))}))


def _rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def _country(row: str) -> Country:
    code, name, continent, latitude, longitude = row.split("\t")
    return Country(code, name, continent, float(latitude), float(longitude))
