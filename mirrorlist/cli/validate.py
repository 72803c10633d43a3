"""``mirrorlist validate``: judge mirror files as submissions."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from mirrorlist.cli.output.reviews import REVIEW_FORMATS, markdown, plain_line, sums, tell_ways, wrapped
from mirrorlist.cli.output.written import writable, write_named
from mirrorlist.cli.shared.context import Context, json_option, pass_context
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.review import Review, Reviewed
from mirrorlist.probing.online import OnlineCheck, Speed, asked, noted_addresses, place_data, placed_by_step
from mirrorlist.sources.mirrors.files import mirror_file_names, unread_files
from mirrorlist.sources.submissions.judge import Judged, judge_submissions, submitted_files
from mirrorlist.sources.submissions.submission import SubmissionTerms
from mirrorlist.sources.submissions.terms import terms_of

FOR_PEOPLE = ("text", "github")
PATH = click.Path(path_type=Path)


@click.command()
@click.option("--mirrors", "directory", type=PATH, help="The directory of all mirror files.")
@click.option("--service", "config", type=PATH, help="The service file.")
@click.option(
    "--within",
    type=PATH,
    metavar="DIRECTORY",
    help="Open no file outside of it that the service file names; for one that a stranger proposes.",
)
@click.option("--format", "form", type=click.Choice(list(REVIEW_FORMATS)), default="text", show_default=True,
              help="What is written.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Warnings refuse too.")
@click.option("--online", is_flag=True, help="Ask the mirrors too, over every protocol and address family.")
@click.option("--speed", is_flag=True, help="With --online: measure how fast each mirror sends at least.")
@click.option("--timeout", type=click.FloatRange(min=0.1, max=300), default=10.0, show_default=True, metavar="SECONDS",
              help="With --online: how long one request may take.")  # fmt: skip
@click.option("--summary", type=PATH, help="Also append the review to this file, in Markdown.")
@click.option("-v", "--verbose", is_flag=True, help="Show the place of each mirror, also where no FILES are named.")
@json_option
@click.argument("files", nargs=-1, type=PATH)
@pass_context
def validate(
    context: Context,
    directory: Path | None,
    config: Path | None,
    within: Path | None,
    form: str,
    strict: bool,
    online: bool,
    speed: bool,
    timeout: float,
    summary: Path | None,
    verbose: bool,
    as_json: bool,
    files: tuple[Path, ...],
) -> None:
    """Judge FILES, or all mirror files, as submissions.

    Each is judged among all others. Refused files come first. The assumed location of each mirror is shown for FILES,
    and with --verbose for all.

    Files and logos are held to more than a running service holds them to: docs/findings.md has every code. The status
    is 0 if every file is acceptable, 1 if one is refused or the service file cannot be used, 2 for a wrong call.
    """
    if speed and not online:
        raise click.UsageError("--speed measures mirrors that are asked; add --online")
    if online and within:
        raise click.UsageError("--online asks the origin that the service file names; leave out --within")
    form = "json" if as_json else form
    here = context.at(config, directory)
    service = here.service(within)
    terms = terms_of(service)
    judged = judge_submissions(_paths(files, service), Path(service.mirrors_dir), terms)
    reviewed = _reviewed(
        here, judged, terms, (timeout, Speed.MEASURED if speed else Speed.LEFT_OUT) if online else None
    )
    review = Review(reviewed, strict)
    shown = review if files or verbose or form not in FOR_PEOPLE else without_places(review)
    written = writable(REVIEW_FORMATS[form](shown))
    if form == "text" and sys.stdout.isatty():
        written = wrapped(written, shutil.get_terminal_size().columns)
    click.echo(written, nl=False)
    if online and form in FOR_PEOPLE:
        tell_ways(reviewed)
    if summary:
        write_named("--summary", summary, markdown(review).encode(), "ab")
    if len(reviewed) > 1 and form == "text":
        click.echo(writable(sums(review)), err=True, nl=False)
    click.echo(review.summary(), err=True)
    sys.exit(0 if review.accepted else 1)


def without_places(review: Review) -> Review:
    """The review of a whole network, where the places of all mirrors would hide what is wrong."""
    return replace(review, files=tuple(replace(each, place=None) for each in review.files))


def _reviewed(
    context: Context, judged: Sequence[Judged], terms: SubmissionTerms, online: tuple[float, Speed] | None
) -> tuple[Reviewed, ...]:
    """The reviews, with the results of online checks if requested, and with the places of addresses."""
    found = asked(judged, terms, *online) if online else [OnlineCheck(each.reviewed) for each in judged]
    known = dict(noted_addresses(context.settings.database, terms.service))
    known |= {each.reviewed.name: each.addresses for each in found if each.reviewed.name and each.addresses}
    place_of = place_data(terms.service)
    return tuple(placed_by_step(one, each.reviewed, known, place_of) for one, each in zip(judged, found, strict=True))


def _paths(files: Sequence[Path], service: Service) -> tuple[Path, ...]:
    """The named files, or all of them, relative to the current directory."""
    if files:
        return tuple(files)
    directory = Path(service.mirrors_dir)
    faults = mirror_file_names(directory)[1]
    for fault in faults:
        click.echo(plain_line(str(fault)))
    if faults:
        sys.exit(1)
    for unread in unread_files(directory):
        click.echo(plain_line(str(unread)), err=True)
    here = Path.cwd()
    every = submitted_files(directory)
    return tuple(path.relative_to(here) if path.is_relative_to(here) else path for path in every)
