"""``mirrorlist import``: mirror files out of another service's data, judged, with what could not be carried over."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import click

from mirrorlist.cli.output.reviews import plain_line
from mirrorlist.cli.shared.context import Context, json_option, pass_context
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.model import MAIN
from mirrorlist.core.review import Review, Reviewed
from mirrorlist.importing import almalinux, armbian, mirrorbits, mirrormanager, table
from mirrorlist.importing.documents import Loss
from mirrorlist.importing.imported_mirror import Export, ImportRequest
from mirrorlist.importing.mirror_files import Written, in_their_places, write
from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.terms import terms_of
from mirrorlist.sources.yaml.documents import duration_seconds

Reader = Callable[[ImportRequest], Export]
READERS: Mapping[str, Reader] = {
    "almalinux": almalinux.read,
    "mirrorbits": mirrorbits.read,
    "mirrormanager": mirrormanager.read,
    "armbian": armbian.read,
    "table": table.read,
}
"""To add one: a module in importing/ and its row here."""
OPTIONS_OF: Mapping[str, tuple[str, ...]] = {
    "categories": ("mirrormanager",),
    "module": ("mirrorbits", "armbian", "table"),
    "columns": ("table",),
    "encoding": ("table",),
}
"""The kinds that an option is for."""


@click.command("import")
@click.argument("kind", type=click.Choice(list(READERS)))
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR",
              help="The directory that gets the mirror files.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--category", "categories", multiple=True, metavar="[MODULE=]NAME",
              help="MirrorManager's category that is the main tree, or a module; may be repeated.")  # fmt: skip
@click.option("--module", metavar="NAME", help="The module whose addresses these are; files that are there get them "
              "too.  [default: the main tree]")  # fmt: skip
@click.option("--columns", metavar="NAME,URL,...", help="What a table's columns mean, in their order, or as "
              "COLUMN=MEANING; - leaves one out.")  # fmt: skip
@click.option("--encoding", metavar="NAME", help="A table's encoding, such as cp1251.  [default: UTF-8]")
@click.option("--update-frequency", "frequency", metavar="3h",
              help="Sync interval of mirrors for which the source has none.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="What is written.")  # fmt: skip
@json_option
@pass_context
def import_(
    context: Context, /, kind: str, source: Path, out: Path, force: bool, frequency: str | None, form: str,
    as_json: bool, **given: str | tuple[str, ...] | None,
) -> None:  # fmt: skip
    """Write mirror files from another service's data in SOURCE.

    Every value that is not carried over is named, and every file is judged as a submission. The status is 0 if all
    mirrors were written and accepted, else 1.
    """
    if frequency is not None and duration_seconds(frequency) is None:
        raise click.UsageError(f"--update-frequency {frequency!r}: write a number and a unit, as 3h")
    service = context.service()
    request = _request(service, kind, source, given)
    export = READERS[kind](request)
    taken: set[str] = set()
    done = []
    for mirror in in_their_places(export.mirrors):
        if frequency and mirror.fields:
            mirror.fields.setdefault("update_frequency", frequency)
        done.append(write(mirror, out, taken, force, request.module))
    paths = tuple(each.path for each in done if each.path)
    judged = judge_submissions(paths, out, terms_of(service)) if paths else ()
    review = Review(tuple(each.reviewed for each in judged))
    reviewed = dict(zip(paths, review.files, strict=True))
    click.echo(IMPORT_FORMATS["json" if as_json else form](done, export.lost, reviewed, review), nl=False)
    sys.exit(0 if len(paths) == len(done) and review.accepted and done else 1)


def _request(
    service: Service, kind: str, source: Path, given: Mapping[str, str | tuple[str, ...] | None]
) -> ImportRequest:
    """What is asked for; an option that is not for this kind, or names a module that is not there, is a mistake."""
    for option, kinds in OPTIONS_OF.items():
        if given[option] and kind not in kinds:
            shown = "category" if option == "categories" else option
            raise click.UsageError(f"--{shown} is for {' and '.join(kinds)}")
    categories: dict[str, str] = {}
    for each in given["categories"] or ():
        module, equals, name = each.partition("=")
        module, name = (module, name) if equals and module in service.modules else (MAIN, each)
        if module in categories:
            raise click.UsageError(
                f"--category {each!r}: {categories[module]!r} is {module} already; write MODULE=NAME with a module of "
                f"service.yml: {', '.join(service.modules)}"
            )
        categories[module] = name
    module = str(given["module"] or MAIN)
    if module not in service.modules:
        raise click.UsageError(f"--module {module!r}: service.yml has {', '.join(service.modules)}")
    return ImportRequest(
        source=source,
        modules=frozenset(service.modules),
        categories=categories,
        module=module,
        columns=tuple(each.strip() for each in str(given["columns"] or "").split(",")) if given["columns"] else (),
        encoding=str(given["encoding"]) if given["encoding"] else None,
    )


def text(done: Sequence[Written], lost: Sequence[Loss], reviewed: Mapping[Path, Reviewed], review: Review) -> str:
    """Each mirror with its file, what was lost and what was found; what of the service was lost; the counts."""
    lines = []
    for each in done:
        lines.append(f"{each.mirror.said}: {each.path or f'not written: {each.why}'}")
        if each.path and each.mirror.paused:
            lines.append(f"  paused: {each.mirror.paused}")
        lines += [f"  not carried over: {line}" for line in _by_reason(each.mirror.lost)]
        lines += [f"  {found}" for found in (reviewed[each.path].findings if each.path else ())]
    lines += [f"not carried over of the service: {line}" for line in _by_reason(lost)]
    for said, count in _counts(done, lost).items():
        if count:
            lines.append(f"{said}: {', '.join(f'{key} {times}' for key, times in count.most_common())}")
    written = len(reviewed)
    paused = sum(bool(each.path and each.mirror.paused) for each in done)
    also = f", {paused} of them paused because they may not be for everybody" if paused else ""
    read = f"{len(done)} mirror{'' if len(done) == 1 else 's'} read"
    lines.append(f"{read}, {written} written{also}, {len(done) - written} not; {review.summary()}")
    return "".join(f"{plain_line(line)}\n" for line in lines)


def _by_reason(lost: Iterable[Loss]) -> Iterator[str]:
    """A line for each reason in a row, with all that is lost for it."""
    for why, same in groupby(lost, lambda each: each.why):
        yield f"{', '.join(f'{each.key} {each.value}'.rstrip() for each in same)}: {why}"


def _counts(done: Sequence[Written], lost: Sequence[Loss]) -> Mapping[str, Counter[str]]:
    of_mirrors = Counter(loss.key for each in done for loss in each.mirror.lost)
    of_service = Counter(each.key for each in lost)
    return {"Not carried over of mirrors": of_mirrors, "Not carried over of the service": of_service}


def as_json(done: Sequence[Written], lost: Sequence[Loss], reviewed: Mapping[Path, Reviewed], review: Review) -> str:
    """Everything, for programs."""
    mirrors = [
        {
            "said": each.mirror.said,
            "path": str(each.path) if each.path else None,
            "why": each.why,
            "paused": each.mirror.paused,
            "lost": list(map(str, each.mirror.lost)),
            "accepted": each.path is not None and review.accepts(reviewed[each.path]),
            "findings": [str(found) for found in (reviewed[each.path].findings if each.path else ())],
        }
        for each in done
    ]
    of_mirrors, of_service = _counts(done, lost).values()
    document = {
        "summary": review.summary(),
        "counts": {
            "read": len(done),
            "written": len(reviewed),
            "paused": sum(bool(each.path and each.mirror.paused) for each in done),
            "lost": dict(of_mirrors),
            "lost_of_service": dict(of_service),
        },
        "lost": list(map(str, lost)),
        "mirrors": mirrors,
    }
    return json.dumps(document, indent=2) + "\n"


IMPORT_FORMATS = {"text": text, "json": as_json}
