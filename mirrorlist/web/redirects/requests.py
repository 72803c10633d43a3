"""Parse requests for files: from a WSGI environ to the file wanted, and the form in which it is wanted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from werkzeug.http import parse_list_header, parse_options_header

from mirrorlist.core.catalogue.query import asked_filter, asked_protocols, parameters
from mirrorlist.core.catalogue.trees import Keeps, RedirectTree, TreePath, Trees
from mirrorlist.core.errors import BadRequest, NotFound
from mirrorlist.core.model import Protocol
from mirrorlist.core.redirects.file_mirrors import FileQuery
from mirrorlist.core.selection.known_files import RepositoryLocator, known_file
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.formats import file_json, file_metalink3, file_metalink4
from mirrorlist.web.client_address import TrustedProxies
from mirrorlist.web.questions import family_asked

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Form(Enum):
    """How a file is answered; the value is what ends its address, where one does."""

    REDIRECT = ""
    PAGE = "?mirrorlist"
    JSON = "?json"
    LOGO = "?logo"
    METALINK4 = ".meta4"
    METALINK3 = ".metalink"
    SHA256 = ".sha256"
    SHA512 = ".sha512"


ENDINGS = (Form.METALINK4, Form.METALINK3, Form.SHA256, Form.SHA512)
BY_TYPE = {
    file_metalink4.CONTENT_TYPE: Form.METALINK4,
    file_metalink3.CONTENT_TYPE: Form.METALINK3,
    file_json.CONTENT_TYPE: Form.JSON,
}
"""Content types that an Accept header has to name to get something else than a redirect; of equals the first."""
_LONGEST_ACCEPT = 1000
_ANY_FILE = ("/*", "application/octet-stream")
"""How media ranges end that fit any file, and so a redirect to one."""
_QUALITY = re.compile(r"0?\.[0-9]+|0\.?|1(?:\.0*)?", re.ASCII)
_FOLLOWS_METALINKS = "ZYpp"
"""How libzypp begins its User-Agent. It names metalink types beside ``*/*`` as aria2 does, but takes a metalink in
place of any file, and asks again with ``*/*`` alone when that fails (seen with 17.25)."""
_FETCHES_DUPLICATES = re.compile(r"wget2/|Wget/2\.(?:[01]\.|2\.0)", re.ASCII)


@dataclass(frozen=True, slots=True)
class FileRequest:
    """What is wanted, in which form; ``logo`` is the name of the mirror whose logo is asked for. ``otherwise`` are the
    protocols that the client may be sent to where nobody good gives the file by those that are wanted."""

    wanted: FileQuery
    form: Form
    logo: str = ""
    otherwise: tuple[Protocol, ...] = ()


class FileRequests:
    """Reads the requests of one generation. Make one for each snapshot and keep it."""

    def __init__(self, snapshot: Snapshot) -> None:
        service = snapshot.facts.service
        self.snapshot = snapshot
        self.belonging = RepositoryLocator(service.catalogue)
        self.trees = Trees(service.trees)
        self._proxies = TrustedProxies(service.trusted_proxies)

    def place(self, environ: WSGIEnvironment) -> TreePath | None:
        """The place that is asked for, or None; raises as ``Trees.find`` does."""
        return self.trees.find(environ.get("HTTP_HOST", ""), environ["PATH_INFO"])

    def repository_of(self, place: TreePath) -> tuple[str, str, str] | None:
        """Name, version and arch of the repository that a file lies in, links followed."""
        return self.belonging.named(place.tree.module, place.path if place.real is None else place.real)

    def read(self, environ: WSGIEnvironment, place: TreePath) -> FileRequest:
        """The request for a place.

        Raises:
            BadRequest: a parameter is malformed.
            NotFound: the file's checksum is asked for, and is not known.
        """
        given = parameters(environ.get("QUERY_STRING", ""))
        accept, agent = environ.get("HTTP_ACCEPT", ""), environ.get("HTTP_USER_AGENT", "")
        form, place = self._form(given, place, accept, follows_metalinks(agent))
        https = self.is_https(environ)
        asked = asked_protocols(given)
        possible = self._possible(place.tree, https)
        if asked:
            protocols = tuple(protocol for protocol in possible if protocol in asked)
            if not protocols:
                raise BadRequest("protocol=http is not for those who come by https; ask by http, or leave it out")
        else:
            protocols = self.allowed(place.tree, https)
        wanted = FileQuery(
            place,
            protocols,
            asked_filter(given),
            family_asked(given),
        )
        otherwise = () if asked else possible
        return FileRequest(wanted, form, given.get("logo", ""), () if otherwise == wanted.protocols else otherwise)

    def is_https(self, environ: WSGIEnvironment) -> bool:
        """Whether the client came by https, to this server or to a trusted proxy that says so."""
        if environ["wsgi.url_scheme"] == "https":
            return True
        told = environ.get("HTTP_X_FORWARDED_PROTO")
        return told is not None and "https" in told.lower() and self._proxies.peer(environ.get("REMOTE_ADDR", ""))[1]

    def allowed(self, tree: RedirectTree, https: bool) -> tuple[Protocol, ...]:
        """The protocols that a client is sent to as long as somebody good gives the file by them, the preferred one
        first."""
        if tree.protocol is Keeps.AS_ASKED and not https:
            return (Protocol.HTTP,)
        return self._possible(tree, https)

    def _possible(self, tree: RedirectTree, https: bool) -> tuple[Protocol, ...]:
        """The protocols that a client may be sent to at all."""
        if https and not tree.allow_http:
            return (Protocol.HTTPS,)
        order = (Protocol.HTTP,) if tree.protocol is Keeps.AS_ASKED else self.snapshot.policy.protocol_order
        return tuple(dict.fromkeys((*order, Protocol.HTTPS, Protocol.HTTP)))

    def _form(self, given: Mapping[str, str], place: TreePath, accept: str, follows: bool) -> tuple[Form, TreePath]:
        if "logo" in given:
            return Form.LOGO, place
        if "json" in given:
            return Form.JSON, place
        known = by_ending(self.snapshot, self.belonging, place)
        if "mirrorlist" in given:
            return (Form.JSON if best_named(accept)[0] is Form.JSON else Form.PAGE), place
        return known or (best_named(accept)[0] if follows else accepted(accept), place)


def by_ending(snapshot: Snapshot, belonging: RepositoryLocator, place: TreePath) -> tuple[Form, TreePath] | None:
    """The form and the file of an address such as ``x.iso.meta4``; a real file of that name comes first.

    Without an index it is not known which files are real. Then checksums, which nobody knows either, are taken
    to be files, and metalinks not.
    """
    form = next((form for form in ENDINGS if place.path.endswith(form.value)), None)
    if form is None:
        return None
    of = replace(place, path=place.path.removesuffix(form.value))
    if of.is_directory:
        return None
    index = snapshot.files.get(place.tree.module)
    if index is not None and index.find(place.path) is not None:
        return None
    known = known_file(snapshot, belonging, of)
    if form in (Form.METALINK4, Form.METALINK3):
        return (form, of) if known or index is None else None
    if known is None:
        return None
    if not (known.sha256 if form is Form.SHA256 else known.sha512):
        raise NotFound("the %(form)s of this file is not known", form=form.name)
    return form, of


def is_particular(user_agent: str) -> bool:
    """Whether a client is answered by the view alone: it wants no Link headers, or each on a line of its own, or
    metalinks."""
    return user_agent.startswith("aria2") or not wants_links(user_agent) or follows_metalinks(user_agent)


def follows_metalinks(user_agent: str) -> bool:
    """Whether a client that can take a metalink in place of a file would rather have it."""
    return user_agent.startswith(_FOLLOWS_METALINKS)


def wants_links(user_agent: str) -> bool:
    """Whether a client copes with Link headers.

    wget2 before 2.2.1 fetches the first duplicate beside the redirect's target, so that ``-O`` writes the file twice
    (https://github.com/rockdaboot/wget2/issues/375; seen with 1.99.1).
    """
    return _FETCHES_DUPLICATES.match(user_agent) is None


def accepted(accept: str) -> Form:
    """The form that an Accept header wants. A type that is named beside ``*/*`` is one that the client can take too;
    only with a higher quality, or without ``*/*``, would it rather have that than the file."""
    form, quality = best_named(accept)
    of_files = [given for kind, given in _ranges(accept) if kind == "*" or kind.endswith(_ANY_FILE)]
    best_of_files = max((1.0 if given is None else given for given in of_files), default=0.0)  # None: unreadable
    return form if quality > best_of_files else Form.REDIRECT


def best_named(accept: str) -> tuple[Form, float]:
    """The best of the forms that an Accept header names, with its quality; a redirect with 0 if it names none."""
    best, form = 0.0, Form.REDIRECT
    for kind, quality in _ranges(accept):
        found = BY_TYPE.get(kind)
        if found and quality and (quality > best or (quality == best and _rank(found) < _rank(form))):
            best, form = quality, found
    return form, best


def _ranges(accept: str) -> list[tuple[str, float | None]]:
    """The media ranges of an Accept header (RFC 9110, 12.5.1) in lower case, with their qualities; None where one
    cannot be read."""
    found = []
    for item in parse_list_header(accept[:_LONGEST_ACCEPT]):
        kind, given = parse_options_header(item)
        quality = given.get("q", "1")
        found.append((kind.strip().lower(), float(quality) if _QUALITY.fullmatch(quality) else None))
    return found


def _rank(form: Form) -> int:
    order = list(BY_TYPE.values())
    return order.index(form) if form in order else len(order)
