"""The requirements for submissions, for the commands that judge them."""

from __future__ import annotations

from pathlib import Path

import click

from mirrorlist.cli.output.reviews import plain_line
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import Severity
from mirrorlist.core.model import Mirror
from mirrorlist.sources.mirrors.files import read_mirror_files
from mirrorlist.sources.places.locations import placed, read_atlas
from mirrorlist.sources.submissions.guarded import guarded_files
from mirrorlist.sources.submissions.terms import terms_of


def known_mirrors(service: Service) -> tuple[Mirror, ...]:
    """All mirrors that have a usable file, with their places; faults in other files are reported on standard error."""
    atlas = read_atlas()
    files = read_mirror_files(Path(service.mirrors_dir), frozenset(service.modules), atlas.countries)
    for finding in files.findings:
        if finding.severity is Severity.ERROR:
            click.echo(plain_line(f"{finding}"), err=True)
    served = guarded_files(files, Path(service.mirrors_dir), terms_of(service))
    return tuple(placed(mirror, atlas) for mirror in served.values())
