"""The address of the service, for lines to copy: as service.yml says, else as the asker reached it."""

from __future__ import annotations

import re

from flask import request

from mirrorlist.core.service import Service
from mirrorlist.web.client import TrustedProxies

_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?", re.ASCII)
_NOBODY = "mirrors.example.org"


def base_url(service: Service) -> str:
    """The address without a slash at its end. A Host header that is no host is not repeated."""
    if service.site.url:
        return service.site.url.rstrip("/")
    host = request.headers.get("Host", "")
    return f"{_scheme(service)}://{host if _HOST.fullmatch(host) else _NOBODY}"


def _scheme(service: Service) -> str:
    """The scheme of the request, as a trusted proxy saw it."""
    forwarded = request.headers.get("X-Forwarded-Proto", "")
    if forwarded in ("http", "https"):
        _, trusted = TrustedProxies(service.trusted_proxies).peer(request.environ.get("REMOTE_ADDR", ""))
        if trusted:
            return forwarded
    return "https" if request.scheme == "https" else "http"
