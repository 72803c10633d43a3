"""The publisher that commands use, mirrors and a snapshot of the files as they are, and what is asked of these."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from mirrorlist.cli.output.reviews import plain_line
from mirrorlist.cli.shared.context import Context
from mirrorlist.core.catalogue.query import Spellings
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import BadRequest, DatabaseError, Severity
from mirrorlist.core.health.columns import paths_of
from mirrorlist.core.health.report import HealthRow, depth_of, report, summary
from mirrorlist.core.model import Client, Mirror, Query
from mirrorlist.core.network.prefixes import packed
from mirrorlist.core.public.encoding import checking_of
from mirrorlist.core.selection.client import client_at
from mirrorlist.core.snapshot import Facts, Snapshot
from mirrorlist.countries import country_of
from mirrorlist.publishing.publisher import Inputs, Publisher
from mirrorlist.sources.mirrors.files import read_mirror_files
from mirrorlist.sources.places.locations import placed, read_atlas
from mirrorlist.sources.submissions.guarded import guarded_files
from mirrorlist.sources.submissions.terms import terms_of
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.history import HistoryStore
from mirrorlist.store.metadata import NamedFileStore
from mirrorlist.store.records import Records
from mirrorlist.web.questions import ListKind, Question, family_asked

KEY_BYTES = 32


def publisher_of(context: Context, service: Service) -> Publisher:
    """The publisher of this service."""
    settings = context.settings
    inputs = Inputs(settings.config, settings.mirrors, settings.state)
    records = Records(lambda: open_database(Path(service.state_dir), settings.database))
    return Publisher(inputs, records, service, lambda: secrets.token_bytes(KEY_BYTES))


def snapshot_of(context: Context) -> Snapshot:
    """A snapshot of the files as they are now; nothing is written."""
    return publisher_of(context, context.service()).compiled(context.clock())


def known_mirrors(service: Service) -> tuple[Mirror, ...]:
    """All mirrors that have a usable file, with their places; faults in other files are reported on standard error."""
    atlas = read_atlas()
    files = read_mirror_files(Path(service.mirrors_dir), frozenset(service.modules), atlas.countries)
    for finding in files.findings:
        if finding.severity is Severity.ERROR:
            click.echo(plain_line(f"{finding}"), err=True)
    served = guarded_files(files, Path(service.mirrors_dir), terms_of(service))
    return tuple(placed(mirror, atlas) for mirror in served.values())


class Checks:
    """How the content of mirrors is checked, by the prober's database. Says nothing while that is away."""

    def __init__(self, context: Context, facts: Facts) -> None:
        self._store: HealthStore | None = None
        try:
            engine = open_database(Path(facts.service.state_dir), context.settings.database)
            counts, runs = NamedFileStore(engine).counts(), HistoryStore(engine).runs()
        except (DatabaseError, sa.exc.SQLAlchemyError):
            return
        self._store, self._checking = HealthStore(engine), checking_of(facts, counts, runs, context.clock())

    def of(self, mirror: Mirror, query: Query) -> str:
        """How deep what a query asks for was checked on a mirror, and when next; nothing of what has no verdicts."""
        paths = paths_of(query)
        return depth_of(self._rows(mirror), paths) if self._store and paths else ""

    def summary(self, mirror: Mirror) -> str:
        """How much of what a mirror carries was compared."""
        return summary(mirror, self._rows(mirror), self._checking) if self._store else ""

    def _rows(self, mirror: Mirror) -> tuple[HealthRow, ...]:
        verdicts = self._store.verdicts(mirror.name) if self._store else {}
        return report(mirror, verdicts, checking=self._checking)


# The options with which commands ask a question as a client would.

Command = Callable[..., Any]


def question_options(command: Command) -> Command:
    """``--ip``, ``--version``, ``--repo``, ``--arch``, ``--protocol``, and those that filter mirrors."""
    for option in reversed(
        (
            click.option("--ip", required=True, help="The client's address."),
            click.option("--version", "release", required=True, help="The version, as clients write it: 9, 9.8."),
            click.option("--repo", required=True, help="The repository, as in baseos."),
            click.option("--arch", default="", help="The architecture, as in x86_64."),
            click.option("--protocol", default="", help="https or http only."),
            click.option("--ipv", default="", help="4 or 6: only mirrors that work over IPv4 or IPv6."),
            click.option("--country", default="", help="Only mirrors in these countries: DE,AT; -DE: not there."),
            click.option("--avoid-country", default="", help="No mirrors in these countries."),
            click.option("--avoid", default="", help="Not these mirrors, by host: mirror.example.org,..."),
            click.option("--only", default="", help="Only these mirrors, by host."),
        )
    ):
        command = option(command)
    return command


def question_of(snapshot: Snapshot, release: str, repo: str, **given: str) -> Question:
    """The question of these options, for a list; raises as ``Questions.read``."""
    service = snapshot.facts.service
    query = Spellings(service.catalogue, service.policy).by_path(release, repo, given)
    return Question(ListKind.MIRRORLIST, query, "mirrorlist", family=family_asked(given))


def client_of(snapshot: Snapshot, ip: str) -> Client:
    """The client at an address.

    Raises:
        BadRequest: the text is not an address.
    """
    address = packed(ip)
    if address is None:
        raise BadRequest(f"--ip {ip}: not an IPv4 or IPv6 address")
    return client_at(snapshot, address, b"", country_of)
