"""Answer monitoring: ``/healthz``, ``/readyz`` and ``/metrics``. No budget holds them back.

``/metrics`` is for operators: at the service's own port it is there for the networks that ``MIRRORLIST_METRICS_FOR``
names and nobody else, and at a port of its own for whoever can reach that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from mirrorlist.core.errors import NotFound, NotReady
from mirrorlist.core.network.prefixes import canonical_network, contains, parse_prefix
from mirrorlist.core.readiness import NOTHING_LOADED, Readiness, readiness
from mirrorlist.web.client_address import TrustedProxies, client_address
from mirrorlist.web.responses import private
from mirrorlist.web.site.published import Publications

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
OPERATOR = "mirrorlist.operator"
"""Set in the environ of requests that come by the port for operators."""
JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"


def operations(
    publications: Publications,
    registry: CollectorRegistry | None = None,
    allowed: Sequence[str] = (),
    clock: Callable[[], float] = time.time,
) -> Blueprint:
    """The views of these addresses; without a registry there are no metrics."""
    views = Blueprint("operations", __name__)
    readers = [parse_prefix(canonical_network(network) or network)[0] for network in allowed]

    def healthz() -> Response:
        return private(_TEXT, b"ok\n")

    def readyz() -> Response:
        try:
            published = publications.current()
        except NotReady:
            found = NOTHING_LOADED
        else:
            found = readiness(published.snapshot.facts, published.network, clock())
        return private(JSON, msgspec.json.encode(found) + b"\n", 503 if found.status is Readiness.NOT_READY else 200)

    def metrics() -> Response:
        if registry is None or not (request.environ.get(OPERATOR) or may_read()):
            raise NotFound("there is nothing here")
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return private(content_type, encode(registry))

    def may_read() -> bool:
        if not readers:
            return False
        proxies = TrustedProxies(publications.current().service.trusted_proxies)
        peer, forwarded = request.environ.get("REMOTE_ADDR", ""), request.environ.get("HTTP_X_FORWARDED_FOR")
        address = client_address(peer, forwarded, proxies)
        return address is not None and any(contains(reader, address) for reader in readers)

    for view in (healthz, readyz, metrics):
        views.add_url_rule(f"/{view.__name__}", view.__name__, view, provide_automatic_options=False)
    return views


class OperatorsPort:
    """The application at a port for operators: the addresses above and nothing else of another application."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] in PATHS:
            return self._application({**environ, OPERATOR: True}, start_response)
        start_response("404 Not Found", [("Content-Type", _TEXT)])
        return (f"# here are {', '.join(sorted(PATHS))}\n".encode(),)
