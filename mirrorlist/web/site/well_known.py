"""The files that robots, browsers and security researchers expect: robots.txt, favicon.ico, security.txt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response

from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import NotFound
from mirrorlist.web.rendering import ASSETS
from mirrorlist.web.responses import answer, made
from mirrorlist.web.site.published import Publications

TEXT = "text/plain; charset=utf-8"
DAY = 86_400
VALID_DAYS = 180
"""RFC 9116 recommends less than a year; the file is written again with each generation."""
QUERIES = ("/mirrorlist", "/metalink", "/isolist", "/yours", "/api/")
"""Answers that are made for each asker, and mean nothing to a search engine."""


def well_known(publications: Publications) -> Blueprint:
    """The views of these addresses."""
    views = Blueprint("well_known", __name__)
    icon = made(ASSETS["icon.png"].content_type, ASSETS["icon.png"].body)

    def robots() -> Response:
        return answer(made(TEXT, robots_text(publications.current().service).encode()), max_age=DAY)

    def favicon() -> Response:
        return answer(icon, max_age=DAY, policy="default-src 'none'; sandbox")

    def security() -> Response:
        published = publications.current()
        text = security_text(published.service, published.now)
        if text is None:
            raise NotFound("this service names no contact; its operator can, as site.contacts of service.yml")
        return answer(made(TEXT, text.encode()), max_age=DAY)

    rows: tuple[tuple[str, str, Callable[[], Response]], ...] = (
        ("/robots.txt", "robots", robots),
        ("/favicon.ico", "favicon", favicon),
        ("/.well-known/security.txt", "security", security),
    )
    for rule, name, view in rows:
        views.add_url_rule(rule, name, view, provide_automatic_options=False)
    return views


def robots_text(service: Service) -> str:
    """Pages may be found; lists, and redirects to files, are for clients."""
    trees = [tree.prefix for tree in service.trees if tree.prefix != "/"]
    return "".join(f"{line}\n" for line in ("User-agent: *", *(f"Disallow: {path}" for path in (*QUERIES, *trees))))


def security_text(service: Service, now: float) -> str | None:
    """RFC 9116's file with the operator's contacts; None without one that has a URI for the purpose."""
    contacts = [link.url for link in service.site.contacts if link.url.startswith(("https://", "mailto:"))]
    if not contacts:
        return None
    until = datetime.fromtimestamp(now, UTC) + timedelta(days=VALID_DAYS)
    lines = [*(f"Contact: {url}" for url in contacts), f"Expires: {until:%Y-%m-%dT%H:%M:%SZ}"]
    if service.site.url:
        lines.append(f"Canonical: {service.site.url.rstrip('/')}/.well-known/security.txt")
    return "".join(f"{line}\n" for line in lines)
