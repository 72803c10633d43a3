"""Places that are not a mirror's own: what a redirect of the mirror leads to there, the mirror does not have.

Such a mirror often sends on what it lacks to a redirector, and this service would send its clients in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mirrorlist.core.model import Mirror
from mirrorlist.core.rank import is_public
from mirrorlist.core.service import WEB_SCHEMES, Service

SERVICE = "this service"
ORIGIN = "the origin"
FALLBACK = "a fallback of the service"
DEFAULT_PORTS = (80, 443)

Places = Mapping[str, Sequence[tuple[str, str, str | None]]]
"""Host and port to the paths there, with whose they are, and the mirror's name where it is a mirror's."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Tells whose a URL is that a mirror redirects to; ``mirror`` is its name."""

    mirror: str
    places: Places

    def of(self, url: str) -> str | None:
        """Whose the URL is, in words; None where it is the mirror's own, or nobody's that is known.

        Another path of a host counts as that host's too: servers give one tree under several names.
        """
        host, path = _place(url)
        found = self.places.get(host, ())
        below = max((each for each in found if path.startswith(each[0])), key=lambda each: len(each[0]), default=None)
        if below is not None:
            return None if any(each[2] == self.mirror and each[0] == below[0] for each in found) else below[1]
        return None if not found or any(name == self.mirror for _, _, name in found) else found[0][1]


def places_of(service: Service, mirrors: Iterable[Mirror]) -> Places:
    """All places that are known: this service's own, and every mirror's."""
    found: dict[str, list[tuple[str, str, str | None]]] = {}

    def add(url: str, whose: str, name: str | None = None) -> None:
        if url.startswith(WEB_SCHEMES):
            host, path = _place(url)
            found.setdefault(host, []).append((path.rstrip("/") + "/", whose, name))

    for mirror in mirrors:
        whose = f"the mirror {mirror.name}" if is_public(mirror) else "another mirror"
        for urls in mirror.urls.values():
            for url in urls.values():
                add(url, whose, mirror.name)
    for url in service.origins.values():
        add(url, ORIGIN)
    for urls_of_module in service.fallbacks.values():
        for url in urls_of_module:
            add(url, FALLBACK)
    for host in {tree.host for tree in service.trees if tree.host}:
        add(f"https://{host}/", SERVICE)
    if service.site.url:
        add(service.site.url, SERVICE)
    return found


def _place(url: str) -> tuple[str, str]:
    """Host with its port where that is an unusual one, and path; nowhere for what is no URL."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        return "", ""
    return host if port is None or port in DEFAULT_PORTS else f"{host}:{port}", parts.path or "/"
