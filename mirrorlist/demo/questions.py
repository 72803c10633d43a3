"""Asks the demo's service what its clients would ask, and judges the answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

import requests
from lxml import etree

from mirrorlist.demo.network import CLIENTS, DemoClient

LIST = "/mirrorlist/9/baseos?arch=x86_64"
METALINK = "/metalink?repo=baseos-9&arch=x86_64"
TIMEOUT_SECONDS = 10
HASHES = "{http://www.metalinker.org/}hash"


@dataclass(frozen=True, slots=True)
class Verdict:
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
) -> tuple[Verdict, ...]:
    """Ask for every client's list and for the metalink. ``origin``: the repository's directory there."""
    names = {url: name for name, url in mirror_urls.items()}
    lists = tuple(verdict_on_list(service_url, client, names, broken) for client in CLIENTS)
    return (*lists, verdict_on_metalink(service_url, origin))


def verdict_on_list(service_url: str, client: DemoClient, names: Mapping[str, str], broken: Collection[str]) -> Verdict:
    """The list of one client; a service that does not answer is a fault, no error."""
    try:
        response = ask(service_url, LIST, client.address)
    except requests.RequestException as error:
        return Verdict(client.who, "none", str(error))
    if response.status_code != HTTPStatus.OK:
        return Verdict(client.who, response.text.strip(), f"the status is {response.status_code}")
    listed = listed_names(response.text, names)
    return Verdict(client.who, ", ".join(listed), fault_of(listed, client, broken))


def listed_names(text: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """The mirrors of a text list, in its order; a URL that is no mirror's stands for itself."""
    urls = (line for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(next((names[base] for base in names if url.startswith(base)), url) for url in urls)


def fault_of(listed: tuple[str, ...], client: DemoClient, broken: Collection[str]) -> str | None:
    """What is wrong with a list. When all mirrors that should stand first are broken, any may."""
    if not listed:
        return "the list is empty"
    hidden = {other.opens for other in CLIENTS if other.opens} - {client.opens}
    if shown := hidden.intersection(listed):
        return f"it shows {', '.join(sorted(shown))}, which this client must not see"
    if listed[0] not in client.first and not client.first <= set(broken):
        return f"{listed[0]} stands first instead of {' or '.join(sorted(client.first))}"
    if client.alone and len(listed) > 1 and not client.first & set(broken):
        return f"it shows {len(listed)} mirrors instead of one"
    return None


def verdict_on_metalink(service_url: str, origin: Path) -> Verdict:
    """Whether the metalink has the checksum of the file that the origin has now."""
    question = "metalink"
    try:
        response = ask(service_url, METALINK)
        hashes = [element.text for element in etree.fromstring(response.content).iter(HASHES)]
    except (requests.RequestException, etree.XMLSyntaxError) as error:
        return Verdict(question, "none", str(error))
    digest = sha256((origin / "repodata" / "repomd.xml").read_bytes()).hexdigest()
    if digest not in hashes:
        return Verdict(question, f"{len(hashes)} hashes", f"none of them is the origin's sha256 {digest}")
    return Verdict(question, f"sha256 {digest[:16]}... of the origin's repomd.xml", None)
