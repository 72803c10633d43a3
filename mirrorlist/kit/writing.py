"""Files of a kit by name: the template of each, and whether it is executable.

A further file is a row in FILES and a template in templates/. Values are quoted for the language of the file: whatever
is not Quoted stops the rendering, so that no filter is forgotten. A further language is a function that quotes or
refuses a value, its row in FILTERS, and rows in tests/kit/test_quoting.py.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from mirrorlist.core.catalogue.service import SYNC_OPTIONS
from mirrorlist.core.model import Protocol
from mirrorlist.core.network.prefixes import is_address
from mirrorlist.core.owners.kit import DEFAULT_PORTS, Kit, KitError, KitModule, Server
from mirrorlist.sources.yaml.documents import printable


class Quoted(str):
    """Text that is safe where the template has it."""

    __slots__ = ()


_UNQUOTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MARKDOWN = re.compile(r"[^A-Za-z0-9 ,'\"/=:.;()+\-\u00a0-\U0010ffff]")


def shell(value: object) -> Quoted:
    """One word of a POSIX shell."""
    return Quoted(shlex.quote(_line(value)))


def words(value: Iterable[str]) -> Quoted:
    """Words of a POSIX shell, with blanks between them."""
    return Quoted(" ".join(map(shell, value)))


def comment(value: object) -> Quoted:
    """The rest of a line that is a comment already; what ends lines or continues them is made visible."""
    return Quoted(printable(str(value)).rstrip("\\ "))


def nginx(value: object) -> Quoted:
    """One parameter of nginx. ``$`` cannot be quoted there, so it is refused."""
    return Quoted(f'"{_escaped(value, refused="$")}"')


def apache(value: object) -> Quoted:
    """One argument of an Apache directive; ``${`` and ``%{`` would be replaced, so they are refused."""
    return Quoted(f'"{_escaped(value, refused="$%<>")}"')


def caddy(value: object) -> Quoted:
    """One token of a Caddyfile; braces are placeholders, so they are refused."""
    return Quoted(f'"{_escaped(value, refused="{}")}"')


def systemd(value: object) -> Quoted:
    """One word of a unit's command or setting: specifiers and variables are doubled."""
    text = _escaped(value).replace("%", "%%").replace("$", "$$")
    return Quoted(f'"{text}"' if re.search(r"[^A-Za-z0-9@:/._%$-]", text) else text)


def systemd_text(value: object) -> Quoted:
    """A description in a unit: one line, in which only ``%`` means something."""
    return Quoted(comment(value).replace("%", "%%"))


def cron(value: object) -> Quoted:
    """One word of a command in a crontab, where ``%`` is a line's end."""
    return Quoted(shell(value).replace("%", "\\%"))


def rsyncd(value: object) -> Quoted:
    """The value of a parameter in rsyncd.conf: one line, no variables, not continued."""
    text = comment(value).strip()
    return Quoted(text.replace("%", "%%"))


def rsyncd_name(value: object) -> Quoted:
    """The name of a module in rsyncd.conf."""
    text = _line(value)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", text):
        raise KitError(f"{text!a} is not a valid name of an rsync module; write letters, digits, '.', '_' and '-'")
    return Quoted(text)


def markdown(value: object) -> Quoted:
    """Text in Markdown that stays text."""
    return Quoted(_MARKDOWN.sub(lambda found: f"&#{ord(found[0])};", comment(value)))


def code(value: object) -> Quoted:
    """A line inside an indented or fenced block of Markdown, which shows it as it is."""
    return comment(str(value).replace("```", "'''"))


def yaml(value: object) -> Quoted:
    """A string of YAML, on one line."""
    return Quoted(json.dumps(_line(value), ensure_ascii=False))


def number(value: object) -> Quoted:
    """A whole number."""
    return Quoted(int(str(value)))


def bare(value: object) -> Quoted:
    """A word of letters, digits, '.', '_' and '-', which needs no quotes in any language."""
    text = str(value)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", text):
        raise KitError(f"{text!a} cannot be without quotes")
    return Quoted(text)


FILTERS: Mapping[str, Callable[[Any], Quoted]] = {
    "sh": shell, "words": words, "comment": comment, "nginx": nginx, "apache": apache, "caddy": caddy,
    "systemd": systemd, "systemd_text": systemd_text, "cron": cron, "rsyncd": rsyncd, "rsyncd_name": rsyncd_name,
    "markdown": markdown, "code": code, "yaml": yaml, "number": number, "bare": bare,
}  # fmt: skip


def quoted_only(value: object) -> Quoted:
    """The value, if it was quoted; a template that puts out anything else has a fault."""
    if not isinstance(value, Quoted):
        raise TypeError(f"{value!a} is put out without being quoted")
    return value


def templates_of(package: str) -> Environment:
    """The templates of a package, which put out nothing that is not quoted."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(enabled_extensions=(), default=False),
        undefined=StrictUndefined,
        finalize=quoted_only,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(FILTERS)
    return made


def _line(value: object) -> str:
    text = str(value)
    if _UNQUOTABLE.search(text):
        raise KitError(f"{text!a} has characters that no configuration can hold; write it without them")
    return text


def _escaped(value: object, refused: str = "") -> str:
    text = _line(value)
    if any(each in text for each in refused):
        raise KitError(f"{text!a} has one of {refused}, which would be replaced by something else; leave it out")
    return text.replace("\\", "\\\\").replace('"', '\\"')


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
