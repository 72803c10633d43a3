"""Import armbian-router's ``dlrouter.yaml``: servers with a place, a weight and protocols."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mirrorlist.core.errors import ImportFault
from mirrorlist.importing.documents import Carried, data_of, number, rows, text, texts, yaml_of

USUAL_WEIGHT = 10
CONTINENTS = ("AF", "AN", "AS", "EU", "NA", "OC", "SA")


def read(source: Path, _: frozenset[str]) -> Iterator[Carried]:
    """Every server of the file.

    Raises:
        ImportFault: it has none.
    """
    servers = rows(yaml_of(data_of(source), source).get("servers"))
    if not servers:
        raise ImportFault(f"{source} has no list of servers; name armbian-router's dlrouter.yaml")
    for row in servers:
        said = text(row.get("server")) or ""
        carried = Carried(said or "a server without an address")
        bare = said.partition("://")[2] or said
        schemes = [each for each in texts(row.get("protocols")) if each in ("https", "http")] or ["https", "http"]
        carried.addresses(f"{scheme}://{bare}" for scheme in schemes if bare)
        carried.coordinates(row, "latitude", "longitude")
        continent = text(row.get("continent"))
        carried.place("continent", continent if continent in CONTINENTS else None)
        weight = number(row.get("weight"))
        if weight is not None and weight != USUAL_WEIGHT:
            told = f"{carried.name}: {max(weight / USUAL_WEIGHT, 0.01):g}"
            carried.lost.append(
                f"weight {weight:g}: write weights: {{{told}}} into service.yml, or bandwidth_mbps here"
            )
        carried.lose(row, {"rules": "write countries_only or countries_never, or private with asn"})
        yield carried
