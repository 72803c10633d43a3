"""The names of continents: what people write for them, and the codes that each name may mean."""

from __future__ import annotations

from collections.abc import Mapping

from mirrorlist.sources.place_names import folded

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
    "America": ("NA", "SA"),
    "Americas": ("NA", "SA"),
    "AMER": ("NA", "SA"),
    "Latin America": ("NA", "SA"),
    "LATAM": ("NA", "SA"),
    "Eurasia": ("EU", "AS"),
    "Middle East": ("AS", "AF"),
    "MENA": ("AS", "AF"),
    "EMEA": ("EU", "AS", "AF"),
    "APAC": ("AS", "OC"),
    "Asia Pacific": ("AS", "OC"),
}
"""What means several, of which the country tells one."""


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
