"""``mirrorlist serve``: the publisher and the workers of the service."""

from __future__ import annotations

import signal
import socket
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import structlog

from mirrorlist.cli.shared.context import Context, own_command, pass_context
from mirrorlist.core.channel import public_key
from mirrorlist.logs import is_json, set_up_logs
from mirrorlist.ports import address_of, claimed_path, claimed_port, claimed_state, passed_socket, release
from mirrorlist.server import Serving, become
from mirrorlist.settings import LOG_FORMATS, export, hook_secret, read_supervision

log = structlog.get_logger()


def octal(_: click.Context, __: click.Parameter, text: str) -> int:
    """A mode as ``chmod`` takes it."""
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise click.BadParameter(f"{text!r} is no mode; write one such as 660")
    return mode


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="The port.")
@click.option("--unix-socket", type=click.Path(path_type=Path), metavar="PATH",
              help="Listen on this socket instead of a port; name its proxy in trusted_proxies as unix.")  # fmt: skip
@click.option("--unix-socket-mode", default="660", show_default=True, callback=octal, metavar="MODE",
              help="Who may connect to it.")  # fmt: skip
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 256), help="One per core.")
@click.option(
    "--metadata-every",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How often the origin is asked for its metadata; 0 is never.",
)
@click.option("--files-every", type=click.FloatRange(min=0), default=0, show_default=True, metavar="SECONDS",
              help="Update files this long after the end of a run; 0 is never.")  # fmt: skip
@click.option("--follow", "source", metavar="URL|DIR",
              help="Answer from the snapshot channel of another machine; publish nothing here.")  # fmt: skip
@click.option("--key", "keys", multiple=True, metavar="KEY",
              help="With --follow: the publisher's public key; twice while it changes.")  # fmt: skip
@click.option("--metrics-host", default="127.0.0.1", show_default=True, help="Where monitoring is answered.")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Answer /metrics, /healthz and /readyz here.")
@click.option("--probe", is_flag=True, help="Probe the mirrors too, as mirrorlist probe does.")
@click.option("--no-keeper", is_flag=True, help="Another process runs mirrorlist keeper.")
@click.option("--log-format", type=click.Choice(LOG_FORMATS), help="As before the command.")
@pass_context
def serve(
    context: Context,
    host: str,
    port: int,
    unix_socket: Path | None,
    unix_socket_mode: int,
    workers: int,
    metadata_every: float,
    files_every: float,
    source: str | None,
    keys: tuple[str, ...],
    metrics_host: str,
    metrics_port: int | None,
    probe: bool,
    no_keeper: bool,
    log_format: str | None,
) -> None:
    """Answer clients. One process compiles snapshots, with --probe another one probes, the workers only read.

    A socket that systemd passes is used before --port and --unix-socket. SIGTERM and SIGINT end the service after the
    answers that are under way; SIGHUP renews the workers one by one, without a request that fails.
    """
    settings = replace(context.settings, log_format=log_format or context.settings.log_format)
    set_up_logs(settings.log_format, not settings.no_color)
    if source is not None and probe:
        raise click.UsageError("--probe belongs to the publisher's machine; this one only answers")
    if (source is None) is bool(keys):
        raise click.UsageError("--follow and --key go together; mirrorlist channel-key prints the key at the publisher")
    service = None if source else context.service()
    beside = context.settings.state or context.settings.config.parent / "state"
    state_dir = service.state_dir if service else str(beside.absolute())
    list(map(public_key, keys))  # the follower reads them again, and would be started again and again
    try:
        hook_secret(context.settings)  # the workers read it again, and would tell nobody
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    passed = read_supervision().sockets
    where_it_fails = click.get_current_context().call_on_close  # a start that comes through never returns
    claimed = _claimed(passed, host, port, unix_socket, unix_socket_mode)
    where_it_fails(claimed.close if passed else partial(release, claimed))
    metrics = claimed_port(metrics_host, metrics_port, "--metrics-") if metrics_port else None
    if metrics:
        where_it_fails(metrics.close)
    lock = claimed_state(Path(state_dir))
    export(settings, state_dir)
    where = address_of(claimed)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the process that this one becomes renews workers by it
    heading = service.name if service else str(source)
    if is_json(settings.log_format):
        log.info("serving", service=heading, address=where)
    else:
        click.echo(f"{heading}: {where}{'' if unix_socket else '/mirrorlist/<version>/<repository>'}", err=True)
    if source:
        publisher = [sys.executable, "-m", "mirrorlist", "--state", state_dir, "follow", source]
        publisher += [word for key in keys for word in ("--key", key)]
    else:
        every = ["--metadata-every", str(metadata_every), "--files-every", str(files_every)]
        every += [] if no_keeper else ["--jobs"]
        publisher = [*own_command(context, state_dir), "publish", "--watch", *every]
    become(
        Serving(
            workers=workers,
            state_dir=state_dir,
            publisher=publisher,
            claimed=claimed.fileno(),
            is_passed=bool(passed),
            lock=lock,
            metrics=metrics.fileno() if metrics else None,
            prober=[*own_command(context, state_dir), "probe", "--quiet"] if probe else [],
        )
    )


def _claimed(passed: int, host: str, port: int, unix_socket: Path | None, mode: int) -> socket.socket:
    if passed:
        return passed_socket(passed)
    return claimed_path(unix_socket.absolute(), mode) if unix_socket else claimed_port(host, port)
