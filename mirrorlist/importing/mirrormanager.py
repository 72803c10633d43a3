"""Import from MirrorManager: JSON of its sites and hosts in its database's names, or its public mirror page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from lxml import etree, html

from mirrorlist.core.errors import ImportFault
from mirrorlist.importing.documents import (
    PROTOCOLS,
    Carried,
    Row,
    countries,
    data_of,
    json_of,
    rows,
    text,
    texts,
    whole,
)
from mirrorlist.sources.yaml.documents import shown

LOST = {
    "comment": "write a comment into the file",
    "internet2": "there is no such field",
    "max_connections": "there is no such field",
    "peer_asns": "name them in asn if their clients shall get the mirror first",
}
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_LINK = re.compile(r"(https?|rsync|ftp)://", re.ASCII)


def read(source: Path, _: frozenset[str], category: str | None = None) -> Iterator[Carried]:
    """Every host of an export; of its categories the one that is named, else its first.

    Raises:
        ImportFault: it is in neither layout.
    """
    data = data_of(source)
    if data.lstrip()[:1] == b"<":
        yield from _page(data, source, category)
        return
    found = json_of(data, source)
    hosts = list(_hosts(found))
    if not hosts:
        raise ImportFault(f"{source} has no hosts; export sites with hosts, categories and urls, or save the page")
    for site, host in hosts:
        carried = Carried(text(host.get("name")) or "a host without a name")
        books = {_title(each): texts_of_urls(each.get("urls")) for each in rows(host.get("categories"))}
        books = books or {"": texts_of_urls(host.get("urls"))}
        _choose(carried, books, category)
        carried.put("sponsor", text(site.get("name")))
        carried.put("sponsor_url", text(site.get("org_url")))
        carried.put("email", text(host.get("robot_email")))
        carried.place("country", next(iter(countries(host.get("country"))), None))
        carried.coordinates(host, "latitude", "longitude")
        carried.put("bandwidth_mbps", whole(host.get("bandwidth_int")))
        carried.put("private", True if host.get("private") is True or site.get("private") is True else None)
        asn = whole(host.get("asn"))
        if asn and host.get("asn_clients") is not False:
            carried.put("asn", asn)
        carried.put("subnets", list(_networks(carried, texts(host.get("netblocks")))))
        carried.put("countries_only", countries(host.get("countries_allowed")))
        sources = texts(host.get("acl_ips"))
        carried.put("sync", {"from": sources[0]} if sources else None)
        carried.lost += [f"acl_ips {each}: sync.from holds one address" for each in sources[1:5]]
        if any(each.get(key) is False for each in (host, site) for key in ("admin_active", "user_active")):
            carried.put("status", "paused")
            carried.put("status_reason", "Not active in MirrorManager.")
        carried.lose(host, LOST)
        yield carried


def _hosts(found: Any) -> Iterator[tuple[Row, Row]]:
    """Hosts with their sites, which are around them, beside them or missing."""
    if isinstance(found, dict) and ("hosts" in found or "sites" in found):
        sites = {str(each.get("id", each.get("name"))): each for each in rows(found.get("sites"))}
        for host in rows(found.get("hosts")):
            site = host.get("site", host.get("site_id"))
            yield (site if isinstance(site, dict) else sites.get(str(site), {})), host
        found = found.get("sites")
    for each in rows(found):
        if "hosts" in each:
            yield from ((each, host) for host in rows(each["hosts"]))
        elif "categories" in each or "urls" in each:
            site = each.get("site")
            yield (site if isinstance(site, dict) else {}), each


def _choose(carried: Carried, books: Mapping[str, Sequence[str]], wanted: str | None) -> None:
    """The addresses of the wanted category, else of the first; trees of two are never mixed."""
    chosen = wanted if wanted in books else next(iter(books), "") if wanted is None else None
    carried.addresses(books.get(chosen, ()) if chosen is not None else ())
    others = [title or "without a name" for title in books if title != chosen]
    carried.lost += [f"category {shown(title)}: import it with --category" for title in others]


def _title(category: Row) -> str:
    named = category.get("category", category.get("name", category.get("Name")))
    return text(named.get("name") if isinstance(named, dict) else named) or ""


def texts_of_urls(value: object) -> list[str]:
    """The URLs of a list of texts or of rows with a ``url``."""
    if isinstance(value, list):
        return texts([each.get("url") if isinstance(each, dict) else each for each in value])
    return texts(value)


def _networks(carried: Carried, blocks: Iterable[str]) -> Iterator[str]:
    for each in blocks:
        try:
            yield str(ip_network(each, strict=False))
        except ValueError:
            carried.lost.append(f"netblock {each[:60]!r}: names are not resolved; write the network")


def _listed_books(row: html.HtmlElement) -> dict[str, list[str]]:
    """The links of each category, where these are the items of a list in the row: first its name, then its links."""
    found: dict[str, list[str]] = {}
    for item in row.iter("li"):
        urls = [link.get("href") or "" for link in item.iter("a")]
        if urls := [url for url in urls if _LINK.match(url)]:
            found.setdefault(text(item.text) or "", []).extend(urls)
    return found


def _page(data: bytes, source: Path, wanted: str | None) -> Iterator[Carried]:
    """The rows of the page's tables that have links to a mirror, with the country in a cell of its own."""
    try:
        page = html.document_fromstring(data, parser=html.HTMLParser(no_network=True, encoding="utf-8"))
    except (etree.LxmlError, ValueError) as error:
        raise ImportFault(f"{source} is not a readable page ({error}); save it again") from None
    for row in page.iter("tr"):
        links = [(text(link.text_content()) or "", link.get("href") or "") for link in row.iter("a")]
        urls = [url for word, url in links if word.lower() in PROTOCOLS and _LINK.match(url)]
        if not urls:
            continue
        cells = [text(cell.text_content()) or "" for cell in row.iter("td")]
        carried = Carried(next((word for word, url in links if url not in urls), urls[0]) or urls[0])
        _choose(carried, _listed_books(row) or {"": urls}, wanted)
        site = next(((word, url) for word, url in links if url not in urls), None)
        carried.put("sponsor", site[0] if site else None)
        carried.put("sponsor_url", site[1] if site and _LINK.match(site[1]) else None)
        carried.place("country", next((each for each in cells if _COUNTRY.fullmatch(each)), None))
        carried.put("bandwidth_mbps", next((whole(each) for each in cells if each.isdecimal()), None))
        yield carried
