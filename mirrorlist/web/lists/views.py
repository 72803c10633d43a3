"""Mirrorlists and metalinks as ordinary Flask views: every question, complete but slower than the hot path.

The hot path in web/lists/hot.py answers most of them before Flask; these views answer HEAD, the vault, every error, and
for each kind of client the first list in another format.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from flask import Blueprint, Response, request

from mirrorlist.core.errors import NotFound, NotReady
from mirrorlist.core.model import Client, Query, RepoMetadata
from mirrorlist.core.redirects.file_mirrors import FileSelection, FileSource, offer, sources_of, wanted_by
from mirrorlist.core.selection.answer import Selection
from mirrorlist.core.selection.client import CountryOf, client_at
from mirrorlist.core.selection.select import OUT_OF_REACH_NOTE, select
from mirrorlist.core.selection.usability import family_of
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.core.statistics import NO_SYSTEM, NONE, system_of
from mirrorlist.formats import file_metalink3, file_metalink4
from mirrorlist.formats.mirrorlist import CONTENT_TYPE as TEXT
from mirrorlist.formats.registry import LISTS, METALINKS
from mirrorlist.web.client_address import TrustedProxies, client_address
from mirrorlist.web.counts import (
    Counts,
    Joint,
    Labels,
    asked_by_question,
    labels_of_offer,
    labels_of_question,
    labels_of_selection,
)
from mirrorlist.web.generations import Generations
from mirrorlist.web.questions import ListKind, Question, Questions, sent_by
from mirrorlist.web.repeats import FORGETFUL, Repeats, request_of
from mirrorlist.web.responses import as_response

KEEP = "mirrorlist.keep"
"""Set in the environ where the hot path keeps the list for others: a function of the snapshot and the body."""


def lists(
    generations: Generations,
    country_of: CountryOf,
    counts: Counts,
    clock: Callable[[], float] = time.time,
    repeats: Repeats = FORGETFUL,
) -> Blueprint:
    """The views under /mirrorlist, /metalink and /isolist."""
    views = Blueprint("lists", __name__)
    reader = _Reader()

    def answer(**_: str) -> Response:
        current = generations.current
        if current is None:
            raise NotReady("the service has no snapshot yet; try again in a few seconds")
        snapshot = current.snapshot
        questions, now = reader.questions(snapshot), clock()
        question = questions.read(request.environ["PATH_INFO"], request.query_string.decode("latin-1"))
        client = asking(snapshot, country_of, question.ip)
        wanted = replace(wanted_by(question.query), family=question.family)
        question = questions.located(snapshot, question, now)
        if question.redirect:  # one address has to be there, even where a service wants no fallbacks
            question = replace(question, query=replace(question.query, by_tree=True))

        def labels(answered: Selection) -> Labels:
            query = replace(question.query, filter=answered.query.filter)
            rung = current.column(query, family_of(client), question.narrowing).rung
            system = system_of(request.headers.get("User-Agent", "")) if question.countme else NO_SYSTEM
            cell = asked_by_question(question)._replace(country=client.place.country or NONE, system=system)
            return {**labels_of_question(question, rung), Joint.ASKED: cell.label}

        counts.note(client.place.country, client.address, snapshot.facts.key)
        if is_of_one_file(snapshot, question):
            found = offer(snapshot, questions.belonging, wanted, client, now)
            if question.redirect:
                found = moved_on(found, snapshot, client, repeats, now)
            counts.add({**labels(found.selection), **labels_of_offer(client, found)})
            response = _redirected(found.sources) if question.redirect else as_response(*written_file(question, found))
            return warned(response, found.selection)
        metadata = metadata_for(snapshot, question.query) if question.kind is ListKind.METALINK else None
        selection = selected(snapshot, question, client, now)
        counts.add({**labels(selection), **labels_of_selection(client, selection)})
        if question.redirect:
            return warned(_redirected(sources_of(snapshot, wanted, selection)), selection)
        content_type, body = written(question, selection, metadata)
        keep = request.environ.get(KEEP)
        if keep is not None and OUT_OF_REACH_NOTE not in selection.notes:
            keep(snapshot, body)
        return warned(as_response(content_type, body), selection)

    for kind in ListKind:
        for rule in (f"/{kind.value}", f"/{kind.value}/<version>/<repository>"):
            views.add_url_rule(
                rule, kind.value, answer, methods=["GET"], strict_slashes=False, provide_automatic_options=False
            )
    return views


class _Reader:
    """Keeps what reads the questions of the present snapshot; making it costs milliseconds."""

    def __init__(self) -> None:
        self._kept: tuple[Snapshot, Questions] | None = None

    def questions(self, snapshot: Snapshot) -> Questions:
        kept = self._kept
        if kept is None or kept[0] is not snapshot:
            kept = snapshot, Questions(snapshot.facts.service.catalogue, snapshot.policy)
            self._kept = kept
        return kept[1]


def asking(snapshot: Snapshot, country_of: CountryOf, instead: bytes | None = None) -> Client:
    """The client of the present request, or the one at another address."""
    peer = request.environ.get("REMOTE_ADDR", "")
    forwarded = request.environ.get("HTTP_X_FORWARDED_FOR")
    address = instead or client_address(peer, forwarded, TrustedProxies(snapshot.facts.service.trusted_proxies))
    return client_at(snapshot, address, sent_by(peer, forwarded), country_of)


def moved_on(found: FileSelection, snapshot: Snapshot, client: Client, repeats: Repeats, now: float) -> FileSelection:
    """What a redirect goes by: a client that came back for the same file within seconds gets the next mirror first."""
    within = snapshot.policy.repeat_seconds
    turn = repeats.turn(request_of(request.environ), now, within) if within and client.address is not None else 0
    if not turn:
        return found
    passed = found.after(turn - 1).sources[0].mirror
    if passed is not None:
        repeats.pass_over(passed.name)
    return found.after(turn)


def answer_to(snapshot: Snapshot, question: Question, client: Client, now: float) -> tuple[str, bytes]:
    """Content type and body of the answer.

    Raises:
        NotFound: nothing carries what is asked for, or the module has no origin to take checksums from.
        NotReady: the origin's checksums are not known yet.
    """
    metadata = metadata_for(snapshot, question.query) if question.kind is ListKind.METALINK else None
    return written(question, selected(snapshot, question, client, now), metadata)


def written(question: Question, selection: Selection, metadata: RepoMetadata | None) -> tuple[str, bytes]:
    """Content type and body of a selection; a metalink needs the metadata."""
    if metadata is not None:
        metalink = METALINKS[question.format]
        return metalink.content_type, metalink.write(selection, metadata)
    listed = LISTS[question.format]
    return listed.content_type, listed.write(selection)


def is_of_one_file(snapshot: Snapshot, question: Question) -> bool:
    """Whether the answer is what a tree gives for a file: its metalink, or one address."""
    path, index = question.query.file, snapshot.files.get(question.query.target.module)
    if path is None or path.endswith("/") or not (question.redirect or question.kind is ListKind.METALINK):
        return False
    return index is not None and index.find(path) is not None


def written_file(question: Question, found: FileSelection) -> tuple[str, bytes]:
    """Content type and body of a file's metalink."""
    if question.format == "metalink4":
        return file_metalink4.CONTENT_TYPE, file_metalink4.file_metalink4(found)
    return file_metalink3.CONTENT_TYPE, file_metalink3.file_metalink3(found)


def selected(snapshot: Snapshot, question: Question, client: Client, now: float) -> Selection:
    """The selection with its comments; raises NotFound if nothing is in it."""
    selection = select(snapshot, question.query, client, now, question.narrowing)
    if not selection.choices and not selection.fallbacks:
        raise NotFound("no mirror that you can use carries this")
    notes = selection.notes
    if question.time:
        notes += (f"database creation time: {int(snapshot.facts.built_at)}",)
    return replace(selection, heading=question.heading, notes=notes)


def metadata_for(snapshot: Snapshot, query: Query) -> RepoMetadata:
    """The checksums of a repository; raises as ``answer_to`` does."""
    metadata = snapshot.facts.metadata.get(query.key)
    if metadata is not None:
        return metadata
    if query.target.module not in snapshot.facts.service.origins:
        raise NotFound("there is no metalink: service.yml names no origin for this; ask /mirrorlist instead")
    if not query.target.repository or not query.path.endswith("/"):
        raise NotFound("there are metalinks for repositories and indexed files only; ask /mirrorlist instead")
    raise NotReady("the origin's checksums are not known yet; try again in a minute")


def warned(response: Response, selection: Selection) -> Response:
    """The response with a header that says so where nobody is left whom the client is known to reach."""
    if OUT_OF_REACH_NOTE in selection.notes:
        response.headers["Mirrorlist-Note"] = OUT_OF_REACH_NOTE
    return response


def _redirected(sources: Sequence[FileSource]) -> Response:
    """MirrorManager's ``redirect=1``: the first address, and an empty text."""
    response = as_response(TEXT, b"", 302)
    response.headers["Location"] = sources[0].url
    return response
