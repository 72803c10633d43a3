"""The text that the demo prints: what is running, and lines to paste that ask as clients anywhere would.

Everything fits into 80 columns, except for a long directory name.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from shlex import quote

import requests
from lxml import etree
from rich.console import Console
from rich.table import Table

from mirrorlist.demo.directory import Layout
from mirrorlist.demo.network import CLIENTS, MIRRORS, DemoClient

# Asks the demo's service what its clients would ask, and judges the answers.

LIST = "/mirrorlist/9/baseos?arch=x86_64"
METALINK = "/metalink?repo=baseos-9&arch=x86_64"
TIMEOUT_SECONDS = 10
HASHES = "{http://www.metalinker.org/}hash"


@dataclass(frozen=True, slots=True)
class DemoVerdict:
    """What was asked, what came back, and the fault in it, if any."""

    question: str
    answer: str
    fault: str | None


def ask(service_url: str, path: str, address: str | None = None) -> requests.Response:
    """One request as the client at this address, straight to the service whatever proxy is configured."""
    with requests.Session() as session:
        session.trust_env = False
        headers = {"X-Forwarded-For": address} if address else {}
        return session.get(f"{service_url}{path}", headers=headers, timeout=TIMEOUT_SECONDS)


def answers(service_url: str) -> bool:
    """Whether the service gives lists already."""
    try:
        return ask(service_url, LIST).status_code == HTTPStatus.OK
    except requests.RequestException:
        return False


def verdicts(
    service_url: str, mirror_urls: Mapping[str, str], origin: Path, broken: Collection[str]
) -> tuple[DemoVerdict, ...]:
    """Ask for every client's list and for the metalink. ``origin``: the repository's directory there."""
    names = {url: name for name, url in mirror_urls.items()}
    lists = tuple(verdict_on_list(service_url, client, names, broken) for client in CLIENTS)
    return (*lists, verdict_on_metalink(service_url, origin))


def verdict_on_list(
    service_url: str, client: DemoClient, names: Mapping[str, str], broken: Collection[str]
) -> DemoVerdict:
    """The list of one client; a service that does not answer is a fault, no error."""
    try:
        response = ask(service_url, LIST, client.address)
    except requests.RequestException as error:
        return DemoVerdict(client.who, "none", str(error))
    if response.status_code != HTTPStatus.OK:
        return DemoVerdict(client.who, response.text.strip(), f"the status is {response.status_code}")
    listed = listed_names(response.text, names)
    return DemoVerdict(client.who, ", ".join(listed), fault_of(listed, client, broken))


def listed_names(text: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """The mirrors of a text list, in its order; a URL of no mirror is kept as it is."""
    urls = (line for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(next((names[base] for base in names if url.startswith(base)), url) for url in urls)


def fault_of(listed: tuple[str, ...], client: DemoClient, broken: Collection[str]) -> str | None:
    """What is wrong with a list. When all mirrors that should come first are broken, any may."""
    if not listed:
        return "the list is empty"
    hidden = {other.opens for other in CLIENTS if other.opens} - {client.opens}
    if shown := hidden.intersection(listed):
        return f"it shows {', '.join(sorted(shown))}, which this client must not see"
    if listed[0] not in client.first and not client.first <= set(broken):
        return f"{listed[0]} comes first instead of {' or '.join(sorted(client.first))}"
    if client.alone and len(listed) > 1 and not client.first & set(broken):
        return f"it shows {len(listed)} mirrors instead of one"
    return None


def verdict_on_metalink(service_url: str, origin: Path) -> DemoVerdict:
    """Whether the metalink has the checksum of the file that the origin has now."""
    question = "metalink"
    try:
        response = ask(service_url, METALINK)
        hashes = [element.text for element in etree.fromstring(response.content).iter(HASHES)]
    except (requests.RequestException, etree.XMLSyntaxError) as error:
        return DemoVerdict(question, "none", str(error))
    digest = sha256((origin / "repodata" / "repomd.xml").read_bytes()).hexdigest()
    if digest not in hashes:
        return DemoVerdict(question, f"{len(hashes)} hashes", f"none of them is the origin's sha256 {digest}")
    return DemoVerdict(question, f"sha256 {digest[:16]}... of the origin's repomd.xml", None)


WIDTH = 80


def show(console: Console, *lines: str) -> None:
    """Lines exactly as they are: no markup, no colours, no wrapping, so that they can be pasted."""
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def mirror_table(
    ports: Mapping[str, int], pids: Mapping[str, int], stale: Collection[str], dead: Collection[str]
) -> Table:
    """Every mirror of the demo, where it is, and how it is."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for heading in ("Mirror", "Place", "Serves", "Port", "Process", "State"):
        table.add_column(heading, no_wrap=True, justify="right" if heading in {"Port", "Process"} else "left")
    for mirror in MIRRORS:
        table.add_row(
            mirror.name,
            f"{mirror.city.name}, {mirror.city.country}",
            mirror.serves,
            str(ports[mirror.name]),
            str(pids[mirror.name]),
            state(mirror.name, stale, dead),
        )
    return table


def state(name: str, stale: Collection[str], dead: Collection[str]) -> str:
    """A mirror's state in one word; a dead one is not called stale as well."""
    if name in dead:
        return "dead"
    return "stale" if name in stale else "fresh"


def what_runs(service_url: str, pid: int, layout: Layout) -> tuple[str, ...]:
    """Where the service, its files and its logs are."""
    return (
        "",
        f"Service     {service_url}  (process {pid})",
        f"Files       {layout.root}",
        "Origin      origin/, copied to a tree for each mirror under trees/",
        "Requests    logs/<mirror>.log has a line for each request that a mirror gets",
    )


def curl_lines(service_url: str) -> tuple[str, ...]:
    """One line a client; the addresses of countries are those of real networks there."""
    return (
        "",
        "Play a client anywhere (the service trusts 127.0.0.1 as a proxy):",
        "",
        f"U='{service_url}{LIST}'",
        *(curl_line(client) for client in CLIENTS),
        f"curl '{service_url}{METALINK}'",
    )


def curl_line(client: DemoClient) -> str:
    """The line that asks as this client, and who that is."""
    header = f" -H 'X-Forwarded-For: {client.address}'" if client.address else ""
    return f'curl{header} "$U"'.ljust(52) + f"  # {client.who}"


def explain_lines(layout: Layout) -> tuple[str, ...]:
    address = next(client.address for client in CLIENTS if client.address)
    return (
        "",
        "Why this order? Every mirror, chosen or left out, with its reason:",
        "",
        f"{program()} \\",
        f"  --config {quote(readable(layout.service_file))} \\",
        f"  explain --ip {address} --version 9 --repo baseos",
    )


def program() -> str:
    """How this user calls the commands: by name if it is on the search path, else by this Python."""
    return "mirrorlist" if shutil.which("mirrorlist") else f"{quote(readable(Path(sys.executable)))} -m mirrorlist"


def dnf_lines(layout: Layout) -> tuple[str, ...]:
    """A dnf with caches and packages of its own below the demo's directory; any user may run it."""
    return (
        "",
        "Ask with the real dnf, by metalink (it leaves this system's packages alone):",
        "",
        f"D={quote(str(layout.root))}",
        *dnf_command("--refresh repoquery"),
        "",
        "By mirrorlist: --enablerepo=demo-baseos-mirrorlist after --disablerepo='*'.",
        "As root, a package too: install -y --downloadonly hello, instead of repoquery.",
    )


def dnf_command(action: str) -> tuple[str, ...]:
    """The dnf command of the demo in lines, below the directory ``$D``; ``action`` is what dnf is to do."""
    return (
        'dnf --setopt=reposdir="$D" --setopt=cachedir="$D/dnf/cache" \\',
        '  --installroot="$D/dnf/root" --releasever=9 --forcearch=x86_64 --noplugins \\',
        f"  --disablerepo='*' --enablerepo=demo-baseos,demo-appstream {action}",
    )


def broken_lines(stale: Collection[str], dead: Collection[str]) -> tuple[str, ...]:
    """What to look for when mirrors are broken on purpose."""
    told = []
    if stale:
        told.append(f"Stale: {', '.join(sorted(stale))}: has hello 1.0 only; dnf still finds 2.0.")
    if dead:
        told.append(f"Dead: {', '.join(sorted(dead))}: its process is gone; dnf goes to the next mirror.")
    return ("", *told) if told else ()


def verdict_lines(verdicts: Iterable[DemoVerdict]) -> tuple[str, ...]:
    """A line for each verdict, which says first whether it is right."""
    return tuple(
        f"wrong  {verdict.question}: {verdict.fault}"
        if verdict.fault
        else f"right  {verdict.question}: {shortened(verdict.answer, WIDTH - 9 - len(verdict.question))}"
        for verdict in verdicts
    )


def shortened(text: str, width: int) -> str:
    """The text in at most ``width`` characters; dots stand for what is cut."""
    return text if len(text) <= width else f"{text[: width - 3]}..."


def readable(path: Path) -> str:
    """The path from the current directory, if it is below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
