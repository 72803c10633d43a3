"""What cloud providers call their regions, and how people spell these names.

scripts/build-cloud-regions makes the list of names; a spelling that differs by more than case and hyphens goes
into ``OTHER_NAMES``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType

OTHER_NAMES: Mapping[str, Mapping[str, str]] = {
    "azure": {
        "brazilne": "brazilnortheast",
        "brazilse": "brazilsoutheast",
        "centralfrance": "francecentral",
        "chilec": "chilecentral",
        "germanyn": "germanynorth",
        "germanywc": "germanywestcentral",
        "norwaye": "norwayeast",
        "norwayw": "norwaywest",
        "southfrance": "francesouth",
        "switzerlandn": "switzerlandnorth",
        "switzerlandw": "switzerlandwest",
    },
}
"""What Azure's files of addresses call a region, and what its users do."""

WITHOUT_HYPHENS = frozenset({"azure"})
"""Providers whose names have none: there ``west-europe`` is ``westeurope``."""

_BETWEEN = re.compile(r"[\s_-]+")


@lru_cache(maxsize=4096)
def canonical_region(provider: str, name: str) -> str:
    """A region's name in the spelling of its users: lower case, with hyphens where the provider writes them."""
    return _spellings(provider).get(_plain(name)) or (_plain(name) if provider in WITHOUT_HYPHENS else name.lower())


@cache
def known_regions() -> Mapping[str, frozenset[str]]:
    """The regions of each provider that are known to this release."""
    text = files("mirrorlist").joinpath("data", "cloud-regions.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return MappingProxyType({
        provider: frozenset(region for owner, region in rows if owner == provider) for provider, _ in rows
    })  # fmt: skip


@cache
def _spellings(provider: str) -> Mapping[str, str]:
    """Each known name without hyphens, and the name itself."""
    names = {_plain(region): region for region in known_regions().get(provider, ())}
    return MappingProxyType({**names, **OTHER_NAMES.get(provider, {})})


def _plain(name: str) -> str:
    return _BETWEEN.sub("", name.strip().lower())
