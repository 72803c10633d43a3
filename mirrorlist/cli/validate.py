"""``mirrorlist validate``: judge mirror files."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from mirrorlist.cli.context import Context, pass_context
from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.model import Mirror
from mirrorlist.core.service import Service
from mirrorlist.sources.locations import Atlas, placed, read_atlas
from mirrorlist.sources.mirror_files import parse_mirror, read_mirror_files
from mirrorlist.sources.place_checks import placed_by


@dataclass(frozen=True, slots=True)
class Judged:
    """The mirrors that can be used, placed, by the path of their file; and what was said."""

    mirrors: Mapping[str, Mirror]
    findings: tuple[Finding, ...]


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_context
def validate(context: Context, files: tuple[Path, ...]) -> None:
    """Judge FILES, or all mirror files, and tell where each mirror is taken to be.

    The status is 1 if a mirror cannot be served because of an error.
    """
    service = context.service()
    judged = _judged(service, files)
    for path, mirror in judged.mirrors.items():
        click.echo(f"{path}: {placed_by(mirror.location)}")
    for finding in sorted(judged.findings):
        click.echo(str(finding))
    severities = Counter(finding.severity for finding in judged.findings)
    errors, warnings = severities[Severity.ERROR], severities[Severity.WARNING]
    click.echo(f"{len(judged.mirrors)} mirrors can be used, {errors} errors, {warnings} warnings", err=True)
    sys.exit(1 if errors else 0)


def _judged(service: Service, files: Sequence[Path]) -> Judged:
    atlas, modules = read_atlas(), frozenset(service.modules)
    if not files:
        directory = Path(service.mirrors_dir)
        found = read_mirror_files(directory, modules, atlas.countries, atlas)
        mirrors = {str(directory / name): mirror for name, mirror in found.mirrors.items()}
        return Judged(_placed(mirrors, atlas), found.findings)
    judged = {str(file): parse_mirror(file.read_bytes(), str(file), modules, atlas.countries, atlas) for file in files}
    findings = tuple(each for _, told in judged.values() for each in told)
    return Judged(_placed({path: mirror for path, (mirror, _) in judged.items() if mirror}, atlas), findings)


def _placed(mirrors: Mapping[str, Mirror], atlas: Atlas) -> dict[str, Mirror]:
    return {path: placed(mirror, atlas) for path, mirror in mirrors.items()}
