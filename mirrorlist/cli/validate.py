"""``mirrorlist validate``: judge mirror files."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from mirrorlist.cli.context import Context, pass_context
from mirrorlist.core.errors import Finding, Severity
from mirrorlist.core.service import Service
from mirrorlist.sources.countries import read_countries
from mirrorlist.sources.mirror_files import parse_mirror, read_mirror_files


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_context
def validate(context: Context, files: tuple[Path, ...]) -> None:
    """Judge FILES, or all mirror files; status 1 if a mirror cannot be served because of an error."""
    service = context.service()
    count, findings = _judged(service, files)
    for finding in sorted(findings):
        click.echo(str(finding))
    severities = Counter(finding.severity for finding in findings)
    errors, warnings = severities[Severity.ERROR], severities[Severity.WARNING]
    click.echo(f"{count} mirrors can be used, {errors} errors, {warnings} warnings", err=True)
    sys.exit(1 if errors else 0)


def _judged(service: Service, files: Sequence[Path]) -> tuple[int, tuple[Finding, ...]]:
    countries, modules = read_countries(), frozenset(service.modules)
    if not files:
        found = read_mirror_files(Path(service.mirrors_dir), modules, countries)
        return len(found.mirrors), found.findings
    judged = [parse_mirror(file.read_bytes(), str(file), modules, countries) for file in files]
    return sum(mirror is not None for mirror, _ in judged), tuple(f for _, findings in judged for f in findings)
