"""``mirrorlist report``: which offers wait, who is on the way, below requirements, down or leaving."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from difflib import diff_bytes, unified_diff
from pathlib import Path

import click

from mirrorlist.cli.output.durations import moment
from mirrorlist.cli.output.reviews import PAGES
from mirrorlist.cli.output.written import write_named
from mirrorlist.cli.shared.context import Context, json_option, pass_context, state_dir_of
from mirrorlist.core.owners.network_report import DOWN_DAYS, Limits, NetworkReport, network_report
from mirrorlist.core.snapshot import Facts
from mirrorlist.publishing.network_now import observations
from mirrorlist.publishing.notifying import bounces
from mirrorlist.sources.mirrors.files import read_mirror_files, read_regular
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.submissions.changes import paused
from mirrorlist.store.database import open_database
from mirrorlist.store.notices import NoticeStore
from mirrorlist.store.snapshot_files import published_facts


@click.command("report")
@click.option("--format", "form", type=click.Choice(list(PAGES)), default="text", show_default=True,
              help="What is written.")  # fmt: skip
@click.option("--down-days", type=click.FloatRange(min=0), default=DOWN_DAYS, show_default=True, metavar="DAYS",
              help="Report mirrors that are down for longer.")  # fmt: skip
@click.option("--patch", "patch_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Also write a patch for git apply that removes the mirrors reported as down.")  # fmt: skip
@click.option("--patch-by", "way", type=click.Choice(["remove", "pause"]), default="remove", show_default=True,
              help="What the patch does with their files.")  # fmt: skip
@json_option
@pass_context
def report_(context: Context, form: str, down_days: float, patch_file: Path | None, way: str, as_json: bool) -> None:
    """Report what needs attention in the network served now."""
    state_dir, now = state_dir_of(context), context.clock()
    facts = published_facts(state_dir)
    engine = open_database(state_dir, context.settings.database)
    try:
        seen, came_back = observations(engine, state_dir, facts, now), bounces(NoticeStore(engine).sent())
    finally:
        engine.dispose()
    found = network_report(facts, replace(seen, bounces=came_back), now, Limits(down_days=down_days))
    click.echo(PAGES["json" if as_json else form](found), nl=False)
    if patch_file:
        _write_patch(patch_file, facts, found, way)


def _write_patch(file: Path, facts: Facts, found: NetworkReport, way: str) -> None:
    """Writes the patch, and reports which mirrors are not in it, and why."""
    directory = Path(facts.service.mirrors_dir)
    modules, countries = frozenset(facts.service.modules), read_countries()
    names = {mirror.name: name for name, mirror in read_mirror_files(directory, modules, countries).mirrors.items()}
    parts = []
    today = datetime.fromtimestamp(found.at, UTC).date()
    for each in found.down:
        reason = f"Down since {moment(each.since)[:10]}."
        path = directory / names[each.mirror] if each.mirror in names else None
        data = read_regular(path) if path else None
        told = path_in_repository(path) if path else ""
        if path is None or not isinstance(data, bytes) or not can_be_named(told):
            click.echo(f"not in the patch: {each.mirror}: its file cannot be found or named in a patch", err=True)
            continue
        new = paused(data, path.name, reason, today, (modules, countries)) if way == "pause" else None
        if way == "pause" and new is None:
            click.echo(f"not paused but removed: {each.mirror}: a few lines cannot pause its file", err=True)
        parts.append(patch(told, data, new))
    write_named("--patch", file, b"".join(parts))
    count = f"{len(parts)} mirror{'' if len(parts) == 1 else 's'}"
    click.echo(
        f"{file}: {count}; git apply {file}" if parts else f"{file}: empty, there is nothing to take out", err=True
    )


def path_in_repository(path: Path) -> str:
    """The path from the top of the repository; without one, from above the directory of mirror files."""
    top = next((each for each in path.absolute().parents if (each / ".git").exists()), path.absolute().parent.parent)
    return Path(os.path.relpath(path.absolute(), top)).as_posix()


# Changes of files as git applies them: a file that is removed, and one whose lines change.

_PLAIN = re.compile(r"(?!/)[A-Za-z0-9._/+-]+", re.ASCII)
_CONTEXT = 3


def can_be_named(path: str) -> bool:
    """Whether a path can be in a patch as it is."""
    return _PLAIN.fullmatch(path) is not None and ".." not in path.split("/")


def patch(path: str, old: bytes, new: bytes | None) -> bytes:
    """What leads from one text to another, or with None to no file. ``path`` is from the top, with slashes."""
    head = f"diff --git a/{path} b/{path}\n" + ("deleted file mode 100644\n" if new is None else "")
    after = b"/dev/null" if new is None else f"b/{path}".encode()
    rows = diff_bytes(unified_diff, _lines(old), _lines(new or b""), f"a/{path}".encode(), after, n=_CONTEXT)
    ended = (row if row.endswith(b"\n") else row + b"\n\\ No newline at end of file\n" for row in rows)
    return head.encode() + b"".join(ended)


def _lines(data: bytes) -> list[bytes]:
    """Lines as git counts them: only a line feed ends one."""
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
