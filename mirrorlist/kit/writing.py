"""Files of a kit by name: the template of each, and whether it is executable.

A further file is a row in FILES and a template in templates/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mirrorlist.core.catalogue.service import SYNC_OPTIONS
from mirrorlist.core.model import Protocol
from mirrorlist.core.network.prefixes import is_address
from mirrorlist.core.owners.kit import DEFAULT_PORTS, Kit, KitModule, Server
from mirrorlist.kit.quoting import Quoted, apache, caddy, nginx, templates_of

TYPES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("text/html", ("html", "htm")),
    ("text/css", ("css",)),
    ("text/plain", ("txt", "asc", "sha256", "sha512", "repo", "treeinfo", "list", "md", "log")),
    ("application/xml", ("xml", "meta4", "metalink")),
    ("application/json", ("json",)),
    ("application/gzip", ("gz", "tgz")),
    ("application/x-xz", ("xz",)),
    ("application/x-bzip2", ("bz2",)),
    ("application/zstd", ("zst",)),
    ("application/x-iso9660-image", ("iso",)),
    ("application/x-rpm", ("rpm", "drpm")),
    ("application/vnd.debian.binary-package", ("deb", "udeb")),
    ("image/png", ("png",)),
    ("image/svg+xml", ("svg",)),
)
"""Media types of what mirrors hold; anything else is application/octet-stream. None is a coding: clients want files
as they are."""

CERTIFICATES = "/etc/letsencrypt/live"
WEBROOT = "/var/www/letsencrypt"


@dataclass(frozen=True, slots=True)
class KitFile:
    """One file of a kit: its name below the kit's directory, its text, and whether it is a program."""

    name: str
    text: str
    program: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """A template and the file it becomes. ``{unit}`` and ``{slug}`` are filled in."""

    template: str
    name: str
    each_module: bool = False
    program: bool = False
    servers: tuple[Server, ...] = tuple(Server)
    needs: Protocol | None = None


FILES: tuple[_Row, ...] = (
    _Row("README.md.j2", "README.md"),
    _Row("sync.sh.j2", "sync/{unit}", each_module=True, program=True),
    _Row("sync.service.j2", "systemd/{unit}.service", each_module=True),
    _Row("sync.timer.j2", "systemd/{unit}.timer", each_module=True),
    _Row("cron.j2", "cron/{slug}"),
    _Row("nginx.conf.j2", "nginx/{slug}.conf", servers=(Server.NGINX,)),
    _Row("nginx-tls.conf.j2", "nginx/{slug}-tls.conf", servers=(Server.NGINX,), needs=Protocol.HTTPS),
    _Row("apache.conf.j2", "apache/{slug}.conf", servers=(Server.APACHE,)),
    _Row("apache-tls.conf.j2", "apache/{slug}-tls.conf", servers=(Server.APACHE,), needs=Protocol.HTTPS),
    _Row("Caddyfile.j2", "caddy/{slug}.caddy", servers=(Server.CADDY,)),
    _Row(
        "renewed.sh.j2", "certbot/{slug}-renewed", program=True, servers=(Server.NGINX, Server.APACHE),
        needs=Protocol.HTTPS,
    ),
    _Row("rsyncd.conf.j2", "rsyncd.conf", needs=Protocol.RSYNC),
)  # fmt: skip


_TEMPLATES = templates_of("mirrorlist.kit")


def written(kit: Kit, server: Server) -> tuple[KitFile, ...]:
    """Every file of a kit.

    Raises:
        KitError: a value cannot be written in one of the files.
    """
    rows = [row for row in FILES if server in row.servers and (row.needs is None or kit.ports[row.needs])]
    return tuple(
        KitFile(
            row.name.format(unit=module.unit if module else "", slug=kit.slug),
            _TEMPLATES.get_template(row.template).render(kit=kit, module=module, **_facts(kit, server)),
            row.program,
        )
        for row in rows
        for module in (kit.modules if row.each_module else (None,))
    )


def _facts(kit: Kit, server: Server) -> Mapping[str, object]:
    hosts = tuple(f"[{host}]" if ":" in host else host for host in kit.hosts)
    https = kit.ports[Protocol.HTTPS]
    ways = [(path, module) for module in kit.modules for path in module.web_paths]
    sites = [
        caddy(f"{scheme}://{host}" if port == DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{port}")
        for host in hosts
        for scheme in (Protocol.HTTP, Protocol.HTTPS)
        for port in kit.ports[scheme]
    ]
    port = f":{https[0]}" if https and https[0] != DEFAULT_PORTS[Protocol.HTTPS] else ""
    return {
        "server": server.value,
        "sync_options": SYNC_OPTIONS,
        "types": TYPES,
        "webroot": WEBROOT,
        "certificate": f"{CERTIFICATES}/{kit.mirror}",
        "http_ports": kit.ports[Protocol.HTTP] or (80,),
        "https_ports": kit.ports[Protocol.HTTPS],
        "rsync_ports": kit.ports[Protocol.RSYNC],
        "has_http": bool(kit.ports[Protocol.HTTP]),
        "ways": tuple(sorted(ways, key=lambda way: (-len(way[0]), way[0]))),  # longest path first, for Apache
        "cron_time": cron_time,
        "http_hosts": hosts,
        "certified": tuple(host for host in kit.hosts if not is_address(host)),
        "open_ports": tuple(f"{port} ({protocol})" for protocol, ports in kit.ports.items() for port in ports),
        "nginx_redirect": Quoted(f'{nginx(f"https://{hosts[0]}{port}")[:-1]}$request_uri"'),
        "apache_redirect": Quoted(f'{apache(f"https://{hosts[0]}{port}/")[:-1]}$1"'),
        "caddy_sites": Quoted(", ".join(sites)),
    }


def cron_time(module: KitModule) -> str:
    """The five fields of a crontab for an interval, at least as often as asked; the minute is the mirror's own."""
    minutes = module.interval_seconds // 60
    if minutes < 60:
        step = max(each for each in (5, 10, 15, 20, 30) if each <= max(minutes, 5))
        return f"{module.minute % step}-59/{step} * * * *"
    hours = max(each for each in (1, 2, 3, 4, 6, 8, 12, 24) if each <= minutes // 60)
    return f"{module.minute} {'0' if hours == 24 else '*' if hours == 1 else f'*/{hours}'} * * *"
