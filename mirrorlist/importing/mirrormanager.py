"""Import from MirrorManager: JSON of its sites and hosts, nested or as rows of its tables, or its public mirror page.

The names are those of its database. docs/moving.md has the query that writes the rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from lxml import etree, html

from mirrorlist.core.errors import ImportFault
from mirrorlist.core.model import MAIN
from mirrorlist.importing.documents import Loss, data_of, json_of
from mirrorlist.importing.imported_mirror import (
    WEB_FIRST,
    Export,
    ImportedMirror,
    ImportedRow,
    ImportRequest,
    entries,
    is_blank,
    masked,
    rows,
    strays,
    text,
)

OBSERVED = (
    "id", "site_id", "host_id", "category_id", "host_category_id",
    "created_at", "created_by", "config", "last_checked_in", "last_crawled", "last_crawls",
    "last_crawl_duration", "crawl_failures", "directories", "publiclist", "email_on_drop", "email_on_add",
)  # fmt: skip
"""What MirrorManager found out or keeps for itself."""
LOST = {
    "comment": "write a comment into the file",
    "peer_asns": "name them in asn if their clients shall get the mirror first",
    "always_up2date": "the prober looks at every mirror",
    "acl_ips": "sync.from holds one address",
    "disable_reason": "it was why MirrorManager had switched the mirror off",
}
URLS = ("urls", "host_category_urls", "host_category_url")
"""Names of a category's addresses."""
CHILDREN = {"netblocks": "host_netblock", "acl_ips": "host_acl_ip", "countries_allowed": "host_country_allowed",
            "peer_asns": "host_peer_asn"}  # fmt: skip
"""What a host has several of, and the tables of these."""
_LINK = re.compile(r"(https?|rsync|ftp)://", re.ASCII)
_CONSUMED = ("country", "site name", "site", "host", "category", "content", "categories", "bandwidth")
"""Columns of the page that are carried over."""


def read(request: ImportRequest) -> Export:
    """Every host of an export, with the addresses of the categories that are chosen.

    Raises:
        ImportFault: it is in none of the layouts, or nobody said which of several categories is the main tree.
    """
    data = data_of(request.source)
    if data.lstrip().startswith(b"<"):
        hosts, lost = _page(data, request)
    else:
        found = json_of(data, request.source)
        lists = [found.get("hosts"), found.get("sites")] if isinstance(found, dict) else [found]
        hosts = [_host(site, host) for site, host in _hosts(found)]
        lost = [loss for each in lists if isinstance(each, list) for loss in strays(each)]
    if not hosts:
        raise ImportFault(
            f"{request.source} has no hosts; export sites with hosts, categories and urls, or save the page"
        )
    chosen = _chosen(request, Counter(title for _, books in hosts for title in books))
    for mirror, books in hosts:
        for title, urls in books.items():
            if title in chosen:
                mirror.addresses(urls, chosen[title])
            else:
                mirror.lose("category", title, f"{len(urls)} addresses; import it with --category")
    return Export([mirror for mirror, _ in hosts], lost)


def _many(hosts: int) -> str:
    return f"{hosts} host{'' if hosts == 1 else 's'}"


Books = dict[str, list[str]]
"""The URLs of a host by category."""


def _chosen(request: ImportRequest, counts: Mapping[str, int]) -> Mapping[str, str]:
    """The module of each category that is carried over. Trees of two categories are never mixed.

    Raises:
        ImportFault: there are several and none is chosen, or one that is chosen is not there.
    """
    told = ", ".join(
        f"{title!r} ({_many(count)})" for title, count in sorted(counts.items(), key=lambda each: -each[1])
    )
    if missing := [title for title in request.categories.values() if title not in counts]:
        raise ImportFault(f"{request.source} has no category {missing[0]!r}; it has {told or 'none'}")
    if not request.categories and len(counts) > 1:
        raise ImportFault(
            f"{request.source} has {len(counts)} categories: {told}; say which is the main tree with "
            "--category NAME, and which others are modules with --category MODULE=NAME"
        )
    return {title: module for module, title in request.categories.items()} or dict.fromkeys(counts, MAIN)


def _hosts(found: Any) -> Iterator[tuple[Mapping[Any, Any], Mapping[Any, Any]]]:
    """Hosts with their sites, which are around them, beside them or missing."""
    if isinstance(found, dict) and isinstance(found.get("host"), list):
        found = _nested(found)
    if isinstance(found, dict) and ("hosts" in found or "sites" in found):
        sites = {str(each.get("id", each.get("name"))): each for each in rows(found.get("sites"))}
        for host in rows(found.get("hosts")):
            site = host.get("site", host.get("site_id"))
            yield (site if isinstance(site, dict) else sites.get(str(site), {})), host
        found = [each for each in rows(found.get("sites")) if {"hosts", "categories", *URLS} & each.keys()]
    for each in rows(found):
        if "hosts" in each:
            yield from ((each, host) for host in rows(each["hosts"]))
        else:
            site = each.get("site")
            yield (site if isinstance(site, dict) else {}), each


def _nested(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of the tables, each below the one that it belongs to."""

    def by(table: str, key: str) -> dict[str, list[Mapping[Any, Any]]]:
        found: dict[str, list[Mapping[Any, Any]]] = {}
        for each in rows(tables.get(table)):
            found.setdefault(str(each.get(key)), []).append(each)
        return found

    names = {str(each.get("id")): each.get("name") for each in rows(tables.get("category"))}
    urls, categories = by("host_category_url", "host_category_id"), by("host_category", "host_id")
    children = {key: by(table, "host_id") for key, table in CHILDREN.items()}
    hosts = []
    for host in rows(tables.get("host")):
        number = str(host.get("id"))
        of_host = [
            {
                "category": names.get(str(each.get("category_id"))),
                "always_up2date": each.get("always_up2date"),
                "urls": urls.get(str(each.get("id")), []),
            }
            for each in categories.get(number, ())
        ]
        hosts.append({**host, "categories": of_host, **{key: found.get(number, []) for key, found in children.items()}})
    return {"sites": tables.get("site"), "hosts": hosts}


def _host(site: Mapping[Any, Any], host: Mapping[Any, Any]) -> tuple[ImportedMirror, Books]:
    owner, row = ImportedRow(site), ImportedRow(host)
    mirror = ImportedMirror(text(row.take("name")) or "a host without a name")
    books: Books = {}
    for category in _categories(mirror, row):
        title = _title(category)
        urls = [url for key in URLS for url in _public(mirror, category.take(key))]
        if urls:
            books.setdefault(title, []).extend(urls)
        if mirror.flag("always_up2date", category.take("always_up2date")):
            mirror.lose("always_up2date", title, LOST["always_up2date"])
        category.drop(OBSERVED)
        mirror.leave(category, LOST)
    mirror.answer(owner, "name", "sponsor")
    mirror.answer(owner, "org_url", "sponsor_url")
    mirror.answer(row, "robot_email", "email")
    mirror.answer(row, "country", "country")
    mirror.answer(row, "bandwidth_int", "bandwidth")
    mirror.coordinates(row)
    _clients(mirror, owner, row)
    sources = entries(row.take("acl_ips"), "ip")
    if sources:
        mirror.read("acl_ips", sources[0], "sync_from")
    for source in sources[1:]:
        mirror.lose("acl_ips", source, LOST["acl_ips"])
    for system in entries(row.take("peer_asns"), "asn"):
        mirror.lose("peer_asns", system, LOST["peer_asns"])
    active = [mirror.flag(key, each.take(key)) for each in (row, owner) for key in ("admin_active", "user_active")
              if key in (host if each is row else site)]  # fmt: skip
    if not all(active):
        mirror.disable("Not active in MirrorManager.")
    if text(most := row.take("max_connections")) != "1" and not is_blank(most):
        mirror.lose("max_connections", most, "mirror files have no field for it")
    for record in (row, owner):
        record.drop((*OBSERVED, "site", "hosts"))
        mirror.leave(record, LOST)
    return mirror, books


def _categories(mirror: ImportedMirror, row: ImportedRow) -> Iterator[ImportedRow]:
    """The categories of a host, as a list or by their names; addresses beside them are of one without a name."""
    for key in ("categories", "host_categories"):
        given = row.take(key)
        if isinstance(given, Mapping):
            given = [{"name": name, **(each if isinstance(each, Mapping) else {"urls": each})}
                     for name, each in given.items()]  # fmt: skip
        yield from map(ImportedRow, rows(given))
        mirror.lost += strays(given, "category")
    yield ImportedRow({key: row.take(key) for key in URLS})


def _clients(mirror: ImportedMirror, owner: ImportedRow, row: ImportedRow) -> None:
    """Takes who may have the mirror. Restrictions that cannot be read pause it, so that nobody else gets it."""
    private = [mirror.flag("private", each.take("private")) for each in (owner, row)]
    if any(private):
        mirror.put("private", True)
    preferred, system = row.take("asn_clients"), row.take("asn")
    if not is_blank(system):
        if is_blank(preferred) or mirror.flag("asn_clients", preferred):
            mirror.read("asn", system, "asn")
        else:
            mirror.lose("asn", system, "asn_clients is off, so its clients do not get the mirror first")
    networks = []
    for each in entries(row.take("netblocks"), "netblock"):
        try:
            networks.append(str(ip_network(str(each), strict=False)))
        except ValueError:
            mirror.lose("netblock", each, "names are not resolved; write the network")
    mirror.put("subnets", networks)
    mirror.countries("countries_allowed", entries(row.take("countries_allowed"), "country"), "countries_only")


def _title(category: ImportedRow) -> str:
    named = category.take("category")
    named = category.take("name") if named is None else named
    return text(named.get("name") if isinstance(named, dict) else named) or "without a name"


def _public(mirror: ImportedMirror, urls: object) -> Iterator[str]:
    """The URLs that are for everybody. A private one is for other mirrors to copy from, and never handed out."""
    if isinstance(urls, Mapping) and "url" not in urls:
        urls = list(urls.values())
    for each in urls if isinstance(urls, list) else entries(urls):
        row = ImportedRow(each if isinstance(each, Mapping) else {"url": each})
        url = row.take("url")
        row.drop(OBSERVED)
        if mirror.flag("private", row.take("private")):
            mirror.lose("private address", url, "it is for other mirrors alone, and never given to clients")
        elif not is_blank(url):
            yield url
        mirror.leave(row, LOST)


def _page(data: bytes, request: ImportRequest) -> tuple[list[tuple[ImportedMirror, Books]], list[Loss]]:
    """The rows of the page's tables that have links to a mirror."""
    try:
        page = html.document_fromstring(data, parser=html.HTMLParser(no_network=True, encoding="utf-8"))
    except (etree.LxmlError, ValueError) as error:
        raise ImportFault(f"{request.source} is not a readable page ({error}); save it again") from None
    hosts: list[tuple[ImportedMirror, Books]] = []
    lost: list[Loss] = []
    for row in page.iter("tr"):
        table = next(row.iterancestors("table"), row)
        heads = [text(cell.text) or text(cell.text_content()) or "" for cell in table.iter("th")]
        links = [(text(link.text_content()) or "", link.get("href") or "") for link in row.iter("a")]
        if any(word.lower() in WEB_FIRST and _LINK.match(url) for word, url in links):
            hosts.append(_page_row(row, links, heads))
        elif cells := [text(cell.text_content()) or "" for cell in row.iterchildren("td")]:
            lost.append(Loss("row", masked(" ".join(cells)), "it has no link to a mirror"))
    if page.find_class("pagination"):
        lost.append(Loss("page", "", f"it is one of several, with {_many(len(hosts))}; import the others too"))
    return hosts, lost


def _page_row(
    row: html.HtmlElement, links: Sequence[tuple[str, str]], heads: Sequence[str]
) -> tuple[ImportedMirror, Books]:
    urls = [url for word, url in links if word.lower() in WEB_FIRST and _LINK.match(url)]
    site = next(((word, url) for word, url in links if url not in urls), None)
    mirror = ImportedMirror(site[0] if site and site[0] else urls[0])
    for name, url in [site] if site else []:
        mirror.put("sponsor", name)
        if _LINK.match(url):
            mirror.read("site", url, "sponsor_url")
    cells = [text(cell.text_content()) or "" for cell in row.iterchildren("td")]
    code = next((each for each in cells if re.fullmatch("[A-Z]{2}", each, re.ASCII)), None)
    speed = next((each for each in cells if each.isdecimal()), None)
    for key, value, answer in (("country", code, "country"), ("bandwidth", speed, "bandwidth")):
        if value is not None:
            mirror.read(key, value, answer)
    for head, cell in zip(heads, cells, strict=False):
        if head.lower() not in _CONSUMED and cell.lower() not in ("", "no"):
            mirror.lose(head, cell, LOST.get(head.lower().removesuffix("s"), "mirror files have no field for it"))
    return mirror, _listed_books(row) or {"without a name": urls}


def _listed_books(row: html.HtmlElement) -> Books:
    """The links of each category, where these are the items of a list in the row: first its name, then its links."""
    found: Books = {}
    for item in row.iter("li"):
        urls = [link.get("href") or "" for link in item.iter("a")]
        if urls := [url for url in urls if _LINK.match(url)]:
            found.setdefault(text(item.text) or "without a name", []).extend(urls)
    return found
