"""The network in the layouts of others: armbian-router's JSON, plain text, GeoJSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from mirrorlist.core.model import MAIN, WEB_PROTOCOLS, Protocol
from mirrorlist.core.public import PublicMirror, State
from mirrorlist.core.rank import full_weight
from mirrorlist.web.answers import RouterServer
from mirrorlist.web.published import Published
from mirrorlist.web.words import iso, state_words

GEOJSON = "application/geo+json"
_GIVEN = frozenset({State.FRESH, State.UP, State.UNKNOWN})


def router_servers(published: Published) -> bytes:
    """Every mirror of the main module, as armbian-router tells its servers."""
    rows = [_server(mirror, published) for mirror in published.network.mirrors if mirror.urls.get(MAIN)]
    return msgspec.json.encode(rows)


def _server(mirror: PublicMirror, published: Published) -> RouterServer:
    url = urlsplit(_best_url(mirror.urls[MAIN]))
    available = mirror.state in _GIVEN
    return RouterServer(
        available=available,
        reason="" if available else state_words(mirror.state),
        host=url.netloc,
        path=url.path,
        latitude=mirror.latitude or 0.0,
        longitude=mirror.longitude or 0.0,
        weight=max(1, round(full_weight(mirror.name, mirror.bandwidth_mbps, published.snapshot.policy))),
        continent=mirror.continent or "",
        country=mirror.country or "",
        protocols=tuple(protocol.value for protocol in mirror.urls[MAIN]),
        ipv6=mirror.ipv6 is True,
        rules=(),
        lastChange=iso(mirror.since or 0.0),
    )


def _best_url(urls: Mapping[Protocol, str]) -> str:
    return next((urls[protocol] for protocol in WEB_PROTOCOLS if protocol in urls), next(iter(urls.values())))


def plain_text(published: Published) -> bytes:
    """One line a mirror of the main module: its address, country and state, parted by tabs."""
    lines = [
        f"{_best_url(mirror.urls[MAIN])}\t{mirror.country or '-'}\t{mirror.state.value}\n"
        for mirror in published.network.mirrors
        if mirror.urls.get(MAIN)
    ]
    return "".join(lines).encode()


def geojson(mirrors: Sequence[PublicMirror]) -> bytes:
    """The mirrors of known place as GeoJSON (RFC 7946)."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [mirror.longitude, mirror.latitude]},
            "properties": {
                "name": mirror.name,
                "state": mirror.state,
                "sponsor": mirror.sponsor,
                "country": mirror.country,
                "city": mirror.city,
                "bandwidth_mbps": mirror.bandwidth_mbps,
            },
        }
        for mirror in mirrors
        if mirror.latitude is not None and mirror.longitude is not None
    ]
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})
