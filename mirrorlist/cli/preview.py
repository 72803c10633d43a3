"""``mirrorlist preview``: what merging mirror files does."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from mirrorlist.cli.output.preview_forms import PREVIEW_FORMATS, markdown, summary, text
from mirrorlist.cli.output.preview_map import world_map
from mirrorlist.cli.output.preview_page import Telling
from mirrorlist.cli.output.reviews import plain_line
from mirrorlist.cli.output.written import writable, write_named
from mirrorlist.cli.shared.context import Context, json_option, pass_context
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import Severity
from mirrorlist.core.mirror import systems_of
from mirrorlist.core.model import MAIN
from mirrorlist.core.preview.preview import UNITS, Ground, rate_mbps
from mirrorlist.core.preview.preview import preview as previewed
from mirrorlist.core.review import Review
from mirrorlist.sources.geo.sources import AddressSources
from mirrorlist.sources.mirrors.address_places import through_a_day
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.submissions.changes import Directories, Told, read_change, read_client_counts
from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.submission import SubmissionTerms
from mirrorlist.sources.submissions.terms import CACHE, terms_of
from mirrorlist.store.snapshot_files import newest_facts

PATH = click.Path(path_type=Path)
MOST_FILES = 2000


class Rate(click.ParamType[float]):
    """A number and a unit, as Mbit/s."""

    name = "rate"

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Raises click.BadParameter for anything else."""
        found = rate_mbps(value) if isinstance(value, str) else value
        if found is None:
            self.fail(f"{value!r}: write a number and one of {', '.join(UNITS)}, as 40Gbit/s", param, ctx)
        return found


@click.command()
@click.option("--mirrors", "directory", type=PATH, help="The directory of all mirror files.")
@click.option("--service", "config", type=PATH, help="The service file.")
@click.option("--before", "former", type=PATH, help="A directory with the files as they were.")
@click.option("--removed", multiple=True, type=PATH, metavar="FILE", help="A file that goes away; may be repeated.")
@click.option("--traffic", type=Rate(), help="What the whole service's mirrors send, as 40Gbit/s or 12TiB/day.")
@click.option("--clients", "counts", type=PATH, help="Counted clients: CSV, or of mirrorlist counts --json.")
@click.option("--module", default=MAIN, show_default=True, help="For the clients of which module.")
@click.option("--within", "within_km", type=click.IntRange(1, 20_000), default=500, show_default=True, metavar="KM",
              help="How far away other mirrors are compared.")  # fmt: skip
@click.option("--rows", type=click.IntRange(1, 1000), default=10, show_default=True, help="Rows of each table.")
@click.option("--format", "form", type=click.Choice(list(PREVIEW_FORMATS)), default="text", show_default=True,
              help="What is written.")  # fmt: skip
@click.option("--map", "picture", type=PATH, help="Also write a map of the world to this file, as SVG.")
@click.option("--summary", "page", type=PATH, help="Also append the preview to this file, in Markdown.")
@json_option
@click.argument("files", nargs=-1, type=PATH)
@pass_context
def preview(
    context: Context,
    directory: Path | None,
    config: Path | None,
    former: Path | None,
    removed: tuple[Path, ...],
    traffic: float | None,
    counts: Path | None,
    module: str,
    within_km: int,
    rows: int,
    form: str,
    picture: Path | None,
    page: Path | None,
    as_json: bool,
    files: tuple[Path, ...],
) -> None:
    """Show what merging FILES does.

    Shown are the clients these mirrors get, what they take from others, and the traffic to expect.

    A file in the directory itself counts as new, one elsewhere as the new version of the file of that name, unless
    --before is given. Files that mirrorlist validate refuses are not previewed. The status is 0 if all were previewed,
    1 if one is refused or something cannot be read, 2 for a wrong call.
    """
    if not files and not removed:
        raise click.UsageError("name files to preview, or one that goes away with --removed")
    if len(files) + len(removed) > MOST_FILES:
        raise click.UsageError(f"at most {MOST_FILES} files are previewed at once")
    form = "json" if as_json else form
    service = context.at(config, directory).service()
    if module not in service.modules:
        raise click.UsageError(f"there is no module {module!r}; these are: {', '.join(service.modules)}")
    terms = terms_of(service)
    counted = read_client_counts(counts, terms.atlas.countries) if counts else None
    now = context.clock()
    told, refused = _read(files, removed, former, service, terms, now)
    telling = Telling(
        preview=previewed(told.change, replace(_ground(service, now), counted=counted), module, within_km),
        policy=service.policy,
        counted_by=f"counted in {counts}" if counts else "IPv4 addresses, of known place or named by a mirror",
        countries={code: country.name for code, country in read_countries().by_code.items()},
        within_km=within_km,
        rows=rows,
        traffic_mbps=traffic,
        not_yet=told.not_yet,
        refused=refused,
        missing=told.missing,
    )
    if form == "text" and sys.stdout.isatty():
        said = text(telling, shutil.get_terminal_size().columns, colour=not context.settings.no_color)
    else:
        said = PREVIEW_FORMATS[form](telling)
    click.echo(writable(said), nl=False)
    if picture:
        write_named("--map", picture, world_map(telling.preview, told.change.after).encode())
    if page:
        write_named("--summary", page, markdown(telling).encode(), "ab")
    click.echo(summary(telling.preview), err=True)
    sys.exit(1 if refused or told.missing else 0)


def _read(
    files: Sequence[Path],
    removed: Sequence[Path],
    former: Path | None,
    service: Service,
    terms: SubmissionTerms,
    now: float,
) -> tuple[Told, tuple[str, ...]]:
    """The change that the acceptable files are, and the paths of the refused ones; the reasons are printed."""
    where = Directories(Path(service.mirrors_dir), former, Path(service.state_dir))
    paths = tuple(dict.fromkeys(files))
    judged = judge_submissions(paths, where.mirrors, terms)
    accepts = Review(tuple(each.reviewed for each in judged)).accepts
    for each in judged:
        if not accepts(each.reviewed):
            for finding in each.reviewed.findings:
                if finding.severity is Severity.ERROR:
                    click.echo(plain_line(str(finding)), err=True)
    good = {path: each.mirror for path, each in zip(paths, judged, strict=True) if accepts(each.reviewed)}
    told = read_change(good, [path.name for path in removed], where, terms, now)
    return told, tuple(each.reviewed.path for each in judged if not accepts(each.reviewed))


def _ground(service: Service, now: float) -> Ground:
    """What is known of addresses, as the service would know it, and what it knew of mirrors when it last published."""
    found = AddressSources(Path(service.state_dir) / CACHE).read(service.geo)
    found = found.by_systems(systems_of(service.policy.reach))
    for refusal in found.refusals:
        click.echo(plain_line(f"warning: {refusal}"), err=True)
    facts = newest_facts(Path(service.state_dir))
    known = facts.mirrors if facts else ()
    return Ground(
        located=found.geo.located,
        asns=found.geo.asns,
        clouds=found.clouds,
        proof=found.proof,
        places=found.geo.places,
        country_places=found.country_places,
        policy=service.policy,
        votes=tuple(dict.fromkeys(pair for each in known for pair in each.pairs if pair.since is not None)),
        systems={each.name: each.systems for each in known},
        day_of=lambda mirrors: through_a_day(mirrors, service.policy.peak_hours, now),
    )
