"""The address ranges of cloud providers, from the JSON files that the providers publish.

To add a provider: write one parser and name it in ``PARSERS``. A parser yields (network, region) texts; what
is not a network or has no region is passed over.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import Prefix
from mirrorlist.core.prefixes import parse_prefix
from mirrorlist.regular_files import open_regular
from mirrorlist.sources.cloud_regions import canonical_region

Region = tuple[str, str]
"""Provider and region, both in lower case."""


def aws(data: Any) -> Iterator[tuple[str, str]]:
    """AWS ``ip-ranges.json``; a prefix stands there once for each service that uses it."""
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


def read_cloud_ranges(files: Mapping[str, str]) -> list[tuple[Prefix, Region]]:
    """All ranges of these files (provider to path), each once.

    Raises:
        GeoDatabaseError: a file cannot be read or has another layout than its provider's.
    """
    rows: dict[tuple[Prefix, Region], None] = {}
    for provider, path in files.items():
        rows.update(dict.fromkeys(_read(provider, Path(path))))
    return list(rows)


def _read(provider: str, path: Path) -> Iterable[tuple[Prefix, Region]]:
    try:
        with open_regular(path) as file:
            pairs = list(PARSERS[provider](json.loads(file.read())))
    except OSError as error:
        raise GeoDatabaseError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GeoDatabaseError(f"{path}: not {provider}'s list of address ranges ({type(error).__name__})") from None
    rows = (_row(provider, pair) for pair in pairs)
    return [(prefix, (provider, region)) for prefix, region in rows if prefix and region]


def _row(provider: str, pair: tuple[object, object]) -> tuple[Prefix | None, str]:
    network, region = pair
    if not isinstance(network, str) or not isinstance(region, str):
        return None, ""
    return prefix_of(network), canonical_region(provider, region)


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
