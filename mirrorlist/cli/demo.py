"""``mirrorlist demo``: a mirror network on this machine, with the service in front."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click
from rich.console import Console

WIDTH = 80
DEMO_PACKAGES = frozenset({"rpm_rs", "rpmrepo_metadata", "mmdb_writer", "netaddr"})


DEMO_DISTRIBUTIONS = ("mmdb-writer", "netaddr", "rpm-rs", "rpmrepo-metadata")
"""The extra "demo". They are named one by one: a name of this program on an index may be that of a stranger."""


@click.command()
@click.option("--stale", multiple=True, metavar="NAME", help="This mirror keeps an older state (repeatable).")
@click.option("--dead", multiple=True, metavar="NAME", help="Stop this mirror's process (repeatable).")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-state"),
    show_default=True,
    help="Where the demo's files go.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The service's port [default: a free one].")
@click.option("--once", is_flag=True, help="Check the answers of all clients, then end; 1 if one is wrong.")
def demo(stale: tuple[str, ...], dead: tuple[str, ...], directory: Path, port: int, once: bool) -> None:
    """Run a small mirror network and the service on 127.0.0.1. It shows how to ask it.

    The network has a real yum repository, mirrors on all continents, a private one, one that serves its
    network alone, one of a provider's AS and one in a cloud region. Ctrl-C ends everything.
    """
    try:
        # Imported here, because the packages that make repositories come with the extra "demo" only,
        # and every other command must work without them.
        from mirrorlist.demo.run import Wishes, run
    except ImportError as error:
        if error.name not in DEMO_PACKAGES:
            raise
        raise click.ClickException(
            f"the demo needs the package {error.name}; run: pip install {' '.join(DEMO_DISTRIBUTIONS)}"
        ) from error

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    console = Console(width=min(WIDTH, Console().width))
    wishes = Wishes(directory, port, frozenset(stale), frozenset(dead), once)
    raise SystemExit(0 if run(wishes, console, stop) else 1)
