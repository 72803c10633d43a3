"""``mirrorlist override``: keep a mirror out for a while, or put it back."""

from __future__ import annotations

import getpass

import click

from mirrorlist.cli.output.durations import DURATION, moment
from mirrorlist.cli.shared.context import Context, json_option, pass_context, state_dir_of, tell_json
from mirrorlist.core.health.verdicts import Override
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.snapshot_files import mirror_called, published_facts

LONGEST_SECONDS = 10 * 365 * 86_400


@click.command()
@click.argument("name")
@click.option("--out", is_flag=True, help="Take the mirror out of every list.")
@click.option("--for", "seconds", type=DURATION, metavar="DURATION", help="For how long, as 6h or 2d.")
@click.option("--reason", help="Why; shown wherever the mirror is shown.")
@click.option("--clear", is_flag=True, help="End the override: the probes decide again.")
@json_option
@pass_context
def override(
    context: Context, name: str, out: bool, seconds: int | None, reason: str | None, clear: bool, as_json: bool
) -> None:
    """Keep the mirror NAME out of all lists, or put it back.

    It stays out for the given time, whatever its probes find."""
    if out == clear:
        raise click.UsageError("say either --out, with --for and --reason, or --clear")
    state_dir = state_dir_of(context)
    mirror_called(published_facts(state_dir), name)
    store = HealthStore(open_database(state_dir, context.settings.database))
    now = context.clock()
    if clear:
        done = store.clear_override(name, _author(), now)
        if as_json:
            tell_json({"name": name, "until": None, "changed": done})
            return
        click.echo(f"{name}: the probes decide again" if done else f"{name}: there is no override")
        return
    if seconds is None or not reason:
        raise click.UsageError("--out needs --for, as --for 6h, and --reason")
    if seconds > LONGEST_SECONDS:
        raise click.UsageError("--for is over ten years; retire the mirror in its file instead: status: retired")
    # It is shown on terminals, in logs and on pages, so it must be one line without control characters.
    line = "".join(character if character.isprintable() else "?" for character in " ".join(reason.split()))
    store.override(Override(name, line, _author(), now, now + seconds))
    if as_json:
        tell_json({"name": name, "until": now + seconds, "changed": True})
        return
    click.echo(f"{name}: out until {moment(now + seconds)} UTC")


def _author() -> str:
    """The user's name; a container may have none for its number."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
