"""``mirrorlist channel-key``: make or show the key that signs the generations of a snapshot channel."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mirrorlist.core.channel import new_key, public_text
from mirrorlist.store.marks import read_private_key


@click.command("channel-key")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def channel_key(file: Path) -> None:
    """Make or read the signing key of a snapshot channel.

    Prints its public key. FILE is written if there is none, readable by its owner only.
    """
    if not file.exists():
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
                opened.write(f"{new_key()}\n")
        except OSError as error:
            raise click.UsageError(f"{file}: {error.strerror}") from None
    click.echo(public_text(read_private_key(file)))
