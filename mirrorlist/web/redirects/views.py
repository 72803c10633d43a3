"""The redirector as an ordinary Flask view: every request for a file, complete but slower than the fast path.

web/redirects/hot.py answers most redirects before Flask; this answers metalinks, pages, checksums, parameters and
every error.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import MethodNotAllowed

from mirrorlist.core.catalogue.trees import TreePath, quoted
from mirrorlist.core.errors import NotFound, NotReady
from mirrorlist.core.files.index import DirectoryEntry
from mirrorlist.core.mirror import country_of
from mirrorlist.core.model import Client
from mirrorlist.core.public.types import clean, web_url
from mirrorlist.core.redirects.file_mirrors import FileSelection, FileSource, offer, resort_urls
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.core.selection.explanation import asker
from mirrorlist.core.selection.known_files import YEAR_10000
from mirrorlist.core.selection.usability import family_of
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.core.statistics import NONE
from mirrorlist.formats import checksum, file_json, file_metalink3, file_metalink4
from mirrorlist.formats.file_json import readable
from mirrorlist.formats.links import digest, fitting, links
from mirrorlist.sources.mirrors.logos import read_logo
from mirrorlist.web.counts import Counts, Joint, asked_by_file, labels_of_file, labels_of_offer
from mirrorlist.web.generations import Generations
from mirrorlist.web.lists.views import asking, moved_on, warned
from mirrorlist.web.redirects.requests import FileRequest, FileRequests, Form, wants_links
from mirrorlist.web.rendering import html, inline_style
from mirrorlist.web.repeats import FORGETFUL, Repeats
from mirrorlist.web.responses import HTML, PAGE_VARY, as_response

# Logos of sponsors: PNG and WebP files that lie beside the mirror files.

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def logo(mirrors_dir: str, name: str) -> tuple[str, bytes] | None:
    """Content type and bytes of a logo; None if there is no such picture, or it is too big."""
    path = Path(mirrors_dir) / name
    found = read_logo(path) if _NAME.fullmatch(name) and not path.is_symlink() else None
    return (found.content_type, found.data) if found else None


METHODS = ("GET", "HEAD")


def files(
    generations: Generations,
    country_of: CountryOf,
    counts: Counts,
    clock: Callable[[], float] = time.time,
    repeats: Repeats = FORGETFUL,
) -> Blueprint:
    """Answers whatever lies in a tree of service.yml, before any other view is looked for."""
    views = Blueprint("files", __name__)
    reader = _Reader()

    @views.before_app_request
    def answer() -> Response | None:
        current = generations.current
        if current is None or not current.snapshot.facts.service.trees:
            return None
        requests = reader.requests(current.snapshot)
        place = requests.place(request.environ)
        if place is None:
            return None
        if request.method not in METHODS:
            raise MethodNotAllowed(valid_methods=METHODS)
        if place.elsewhere:
            counts.add(labels_of_file(Form.REDIRECT.name, place.tree.module))
            return redirect(FileSource(place.elsewhere, None))
        asked = requests.read(request.environ, place)
        return _Answer(requests, asked, asking(current.snapshot, country_of), counts, clock()).response(repeats)

    return views


class _Reader:
    """Keeps what reads the requests of the present snapshot; making it costs milliseconds."""

    def __init__(self) -> None:
        self._kept: FileRequests | None = None

    def requests(self, snapshot: Snapshot) -> FileRequests:
        if self._kept is None or self._kept.snapshot is not snapshot:
            self._kept = FileRequests(snapshot)
        return self._kept


class _Answer:
    """One request's answer."""

    def __init__(self, requests: FileRequests, asked: FileRequest, client: Client, counts: Counts, now: float) -> None:
        self._requests, self._snapshot, self._belonging = requests, requests.snapshot, requests.belonging
        self._asked, self._wanted = asked, asked.wanted
        self._client, self._counts, self._now = client, counts, now

    @property
    def _place(self) -> TreePath:
        return self._wanted.place

    def response(self, repeats: Repeats) -> Response:
        """The answer; a directory has one of its own."""
        index = self._snapshot.files.get(self._place.tree.module)
        is_file = index is not None and not self._place.is_directory and index.find(self._place.path) is not None
        entries = None if index is None or is_file else index.entries(self._place.path)
        if entries is not None:
            return self._page(
                "directory.html",
                path=readable(self._place.front + self._place.path).rstrip("/") + "/",
                rows=_rows(self._place, entries),
            )
        found = self._offer()
        if self._place.is_directory:
            # The project's own tree, because only that surely has the whole directory.
            wanted = replace(self._wanted, place=found.place)
            family = wanted.family or family_of(self._client)
            resorts = () if found.selection.query.target.vault else resort_urls(self._snapshot, wanted, family)
            return redirect(FileSource(resorts[0], None) if resorts else found.sources[0])
        if self._asked.form is Form.REDIRECT:
            found = moved_on(found, self._snapshot, self._client, repeats, self._now)
        response = FORMS[self._asked.form](self, found)
        of_file = labels_of_file(self._asked.form.name, self._place.tree.module)
        country, cell = self._client.place.country, asked_by_file(self._requests.repository_of(found.place))
        asked = cell._replace(country=country or NONE).label
        self._counts.add({**of_file, **labels_of_offer(self._client, found), Joint.ASKED: asked})
        self._counts.note(country, self._client.address, self._snapshot.facts.key)
        return warned(response, found.selection)

    def _offer(self) -> FileSelection:
        """The offer by the protocols that are wanted, or by the others where no good one is by them."""
        asked = self._asked
        if not asked.otherwise:
            return self._offered()
        try:
            kept: FileSelection | None = self._offered()
        except (NotFound, NotReady):
            kept = None
        if kept is not None and not kept.is_desperate:
            return kept
        self._wanted = replace(self._wanted, protocols=asked.otherwise)
        found = self._offered()
        if kept is None or not found.is_desperate:
            return found
        self._wanted = asked.wanted
        return kept

    def _offered(self) -> FileSelection:
        return offer(self._snapshot, self._belonging, self._wanted, self._client, self._now)

    def redirected(self, found: FileSelection) -> Response:
        """302 with the headers of RFC 6249."""
        response = redirect(found.sources[0])
        if wants_links(request.headers.get("User-Agent", "")):
            path = found.place.quoted
            others = [
                (source.url.removesuffix(path), country_of(source.mirror) if source.mirror else None)
                for source in found.sources[1:]
            ]
            for before, after in fitting(links(others, self._place.front), path):
                response.headers.add("Link", f"{before}{path}{after}")
        if found.known and found.known.sha256 and not found.known.changes:
            response.headers["Digest"] = digest(bytes.fromhex(found.known.sha256))
        return response

    def metalink4(self, found: FileSelection) -> Response:
        """The document of RFC 5854."""
        return _negotiated(file_metalink4.CONTENT_TYPE, file_metalink4.file_metalink4(found))

    def metalink3(self, found: FileSelection) -> Response:
        """The document of version 3.0."""
        return _negotiated(file_metalink3.CONTENT_TYPE, file_metalink3.file_metalink3(found))

    def json(self, found: FileSelection) -> Response:
        """Everything as JSON."""
        return _negotiated(file_json.CONTENT_TYPE, file_json.file_json(found))

    def sha256(self, found: FileSelection) -> Response:
        """The line of sha256sum."""
        return _checksum(found, found.known.sha256 if found.known else None)

    def sha512(self, found: FileSelection) -> Response:
        """The line of sha512sum."""
        return _checksum(found, found.known.sha512 if found.known else None)

    def page(self, found: FileSelection) -> Response:
        """The page for people."""
        return self._page(
            "file.html",
            offer=found,
            first=found.sources[0].mirror,
            asker=asker(self._client),
            country_of=country_of,
            clean=clean,
            web_url=web_url,
        )

    def _page(self, template: str, **values: object) -> Response:
        """A page without scripts, without resources from elsewhere, and not shown in frames."""
        facts = self._snapshot.facts
        site_url = (facts.service.site.url or "").rstrip("/")
        at_root = not self._place.tree.prefix.strip("/")
        frame = {"service": facts.service, "site": facts.service.site, "now": facts.built_at,
                 "generation": facts.generation, "here": "", "home": site_url or (None if at_root else "")}  # fmt: skip
        style, policy = inline_style(facts.service.site.color)
        response = _negotiated(HTML, html(template, style=style, crumbs=_crumbs(self._place), **frame, **values))
        response.headers["Vary"] = f"Accept, {PAGE_VARY}"
        response.headers["Content-Security-Policy"] = policy
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def logo(self, found: FileSelection) -> Response:
        """The logo of a mirror that is shown to this client."""
        told = [source.mirror for source in found.sources] + [each.mirror for each in found.shown]
        mirror = next((mirror for mirror in told if mirror and mirror.name == self._asked.logo), None)
        picture = logo(self._snapshot.facts.service.mirrors_dir, mirror.logo) if mirror and mirror.logo else None
        if picture is None:
            raise NotFound("there is no such logo")
        return _negotiated(*picture)


FORMS: dict[Form, Callable[[_Answer, FileSelection], Response]] = {
    Form.REDIRECT: _Answer.redirected,
    Form.METALINK4: _Answer.metalink4,
    Form.METALINK3: _Answer.metalink3,
    Form.JSON: _Answer.json,
    Form.SHA256: _Answer.sha256,
    Form.SHA512: _Answer.sha512,
    Form.PAGE: _Answer.page,
    Form.LOGO: _Answer.logo,
}


def redirect(source: FileSource) -> Response:
    """302 to a source; caches may not store it."""
    response = Response(b"", status=302)
    del response.headers["Content-Type"]
    response.headers["Location"] = source.url
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Vary"] = "Accept"
    return response


def _negotiated(content_type: str, body: bytes) -> Response:
    response = as_response(content_type, body)
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response


def _checksum(found: FileSelection, hexadecimal: str | None) -> Response:
    if hexadecimal is None:
        raise NotReady("the checksum of this file is no longer known; try again in a minute")
    return _negotiated(checksum.CONTENT_TYPE, checksum.checksum(hexadecimal, found.name))


@dataclass(frozen=True, slots=True)
class DirectoryRow:
    """One line of a directory's page."""

    name: str
    href: str
    size: int | None
    mtime: int | None


def _crumbs(place: TreePath) -> list[tuple[str, str]]:
    """The directories above a place, each with its address, and the place itself without one."""
    steps = place.path.rstrip("/").split("/") if place.path.strip("/") else []
    above = [(readable(place.front.strip("/")) or "/", place.front)]
    above += [
        (readable(step), f"{place.front}{quoted('/'.join(steps[: number + 1]))}/") for number, step in enumerate(steps)
    ]
    return [*above[:-1], (above[-1][0], "")]


def _rows(place: TreePath, entries: Sequence[DirectoryEntry]) -> list[DirectoryRow]:
    directory = place.path if place.is_directory else f"{place.path}/"
    rows = []
    for entry in entries:
        slash = "/" if entry.is_directory else ""
        is_a_time = entry.mtime is not None and 0 <= entry.mtime < YEAR_10000
        href = place.front + quoted(directory + entry.name) + slash
        rows.append(DirectoryRow(entry.name + slash, href, entry.size, entry.mtime if is_a_time else None))
    return rows
