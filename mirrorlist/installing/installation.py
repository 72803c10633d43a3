"""Installation: what one machine's files are made from, and every file that follows from it.

A further file is a row in FILES and a template in templates/; ``deploy/`` holds what they make of the defaults.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from mirrorlist.core.errors import InstallationError
from mirrorlist.kit.writing import KitFile, templates_of

CONFIG, PROGRAM, STATE = "/etc/mirrorlist/service.yml", "/usr/bin/mirrorlist", "/var/lib/mirrorlist"
"""Where the packages have them."""
HOST = "mirrors.example.org"
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
_HOMES = ("/home", "/root", "/run/user")
"""What ``ProtectHome=`` hides (systemd.exec(5))."""


class Proxy(StrEnum):
    """The web server that takes TLS and slow clients off the service."""

    NGINX = "nginx"
    HAPROXY = "haproxy"
    CADDY = "caddy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """One machine's service; the defaults are those of the packages and of ``deploy/``.

    ``config`` and ``program`` are absolute paths, ``state`` may be relative to the service file; the units
    keep theirs in STATE. ``host`` is the name that clients ask, in lower case.

    Raises:
        InstallationError: ``host`` is no name of a host.
    """

    name: str = "Example Linux"
    host: str = HOST
    config: str = CONFIG
    state: str = STATE
    program: str = PROGRAM
    proxy: Proxy = Proxy.NGINX
    origin: str | None = None

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.host):
            raise InstallationError(f"{self.host!a} is no host name; write one such as {HOST}")

    @property
    def is_packaged(self) -> bool:
        """Whether the units of a package are right as they are."""
        return (self.program, self.config, self.state) == (PROGRAM, CONFIG, STATE)

    @property
    def at_home(self) -> bool:
        """Whether a part of it is in a home directory, which the units otherwise hide from the service."""
        return any(PurePosixPath(path).is_relative_to(home) for path in (self.config, self.program) for home in _HOMES)


@dataclass(frozen=True, slots=True)
class _Row:
    """A template, and the file it becomes."""

    template: str
    name: str
    proxy: Proxy | None = None


FILES: tuple[_Row, ...] = (
    _Row("service.yml.j2", "service.yml"),
    _Row("mirror.yml.j2", "mirrors.d/mirror.example.org.yml"),
    _Row("sysusers.conf.j2", "systemd/sysusers.conf"),
    _Row("mirrorlist.service.j2", "systemd/mirrorlist.service"),
    _Row("mirrorlist-probe.service.j2", "systemd/mirrorlist-probe.service"),
    _Row("nginx.conf.j2", "nginx/mirrorlist.conf", Proxy.NGINX),
    _Row("haproxy.cfg.j2", "haproxy/haproxy.cfg", Proxy.HAPROXY),
    _Row("Caddyfile.j2", "caddy/Caddyfile", Proxy.CADDY),
)


_TEMPLATES = templates_of("mirrorlist.installing")


def installation_files(of: Installation) -> tuple[KitFile, ...]:
    """Every file of an installation, with its proxy's only.

    Raises:
        KitError: a value cannot be written safely in one of them.
    """
    values: Mapping[str, object] = {
        "name": of.name, "host": of.host, "config": of.config, "program": of.program, "origin": of.origin,
        "state": of.state, "units_state": STATE, "at_home": of.at_home,
    }  # fmt: skip
    return tuple(
        KitFile(row.name, _TEMPLATES.get_template(row.template).render(values))
        for row in FILES
        if row.proxy in (None, of.proxy)
    )
