"""``mirrorlist import``: mirror files out of another service's data, judged, with what could not be carried over."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from mirrorlist.cli.output.reviews import plain_line
from mirrorlist.cli.shared.context import Context, pass_context
from mirrorlist.core.review import Review, Reviewed
from mirrorlist.importing import almalinux, armbian, mirrorbits, mirrormanager
from mirrorlist.importing.documents import Carried, Written, write
from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.terms import terms_of
from mirrorlist.sources.yaml.documents import duration_seconds

Reader = Callable[[Path, frozenset[str]], Iterator[Carried]]
READERS: Mapping[str, Reader] = {
    "almalinux": almalinux.read,
    "mirrorbits": mirrorbits.read,
    "mirrormanager": mirrormanager.read,
    "armbian": armbian.read,
}
"""To add one: a module in importing/ and its row here."""


@click.command("import")
@click.argument("kind", type=click.Choice(list(READERS)))
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR",
              help="The directory that gets the mirror files.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--category", metavar="NAME", help="Of MirrorManager's categories: the one that is the main tree.")
@click.option("--update-frequency", "frequency", metavar="3h",
              help="Sync interval of mirrors for which the source has none.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="What is written.")  # fmt: skip
@pass_context
def import_(
    context: Context, kind: str, source: Path, out: Path, force: bool, category: str | None, frequency: str | None,
    form: str,
) -> None:  # fmt: skip
    """Write mirror files from another service's data in SOURCE.

    Every file is judged as a submission. The status is 0 if all mirrors were written and accepted, else 1.
    """
    if category is not None and kind != "mirrormanager":
        raise click.UsageError("--category is for mirrormanager")
    if frequency is not None and duration_seconds(frequency) is None:
        raise click.UsageError(f"--update-frequency {frequency!r}: write a number and a unit, as 3h")
    service = context.service()
    reader = partial(mirrormanager.read, category=category) if category else READERS[kind]
    taken: set[str] = set()
    done = []
    for carried in reader(source, frozenset(service.modules)):
        if frequency and carried.fields and "update_frequency" not in carried.fields:
            carried.put("update_frequency", frequency)
        done.append(write(carried, out, taken, force))
    paths = tuple(each.path for each in done if each.path)
    judged = judge_submissions(paths, out, terms_of(service)) if paths else ()
    review = Review(tuple(each.reviewed for each in judged))
    reviewed = dict(zip(paths, review.files, strict=True))
    click.echo(IMPORT_FORMATS[form](done, reviewed, review), nl=False)
    sys.exit(0 if len(paths) == len(done) and review.accepted and done else 1)


def text(done: Sequence[Written], reviewed: Mapping[Path, Reviewed], review: Review) -> str:
    """Each mirror with its file, what was lost and what was found, then the counts."""
    lines = []
    for each in done:
        lines.append(f"{each.carried.said}: {each.path or f'not written: {each.why}'}")
        lines += [f"  not as it was: {lost}" for lost in each.carried.lost]
        lines += [f"  {found}" for found in (reviewed[each.path].findings if each.path else ())]
    written = len(reviewed)
    lines.append(f"{len(done)} mirrors read, {written} written, {len(done) - written} not; {review.summary()}")
    return "".join(f"{plain_line(line)}\n" for line in lines)


def as_json(done: Sequence[Written], reviewed: Mapping[Path, Reviewed], review: Review) -> str:
    """Everything, for programs."""
    mirrors = [
        {
            "said": each.carried.said,
            "path": str(each.path) if each.path else None,
            "why": each.why,
            "lost": each.carried.lost,
            "accepted": each.path is not None and review.accepts(reviewed[each.path]),
            "findings": [str(found) for found in (reviewed[each.path].findings if each.path else ())],
        }
        for each in done
    ]
    return json.dumps({"summary": review.summary(), "mirrors": mirrors}, indent=2) + "\n"


IMPORT_FORMATS = {"text": text, "json": as_json}
