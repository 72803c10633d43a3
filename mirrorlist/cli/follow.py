"""``mirrorlist follow``: take up the generations that another machine publishes."""

from __future__ import annotations

import os

import click

from mirrorlist.cli.output.durations import DURATION
from mirrorlist.cli.shared.context import (
    Context,
    json_option,
    pass_context,
    state_dir_of,
    stopped_by_signals,
    tell_json,
)
from mirrorlist.core.channel import public_key
from mirrorlist.following.follower import Follower, follow, source_of
from mirrorlist.publishing.channel import hand_over_counts


@click.command("follow")
@click.argument("source", metavar="URL|DIR")
@click.option("--key", "keys", required=True, multiple=True, metavar="KEY",
              help="The publisher's public key, as channel-key prints it; twice while it changes.")  # fmt: skip
@click.option("--every", type=DURATION, default="2s", show_default=True, help="How often to look for a generation.")
@click.option("--once", is_flag=True, help="Take what is new, then end.")
@click.option("--older", is_flag=True, help="With --once: take an older generation too, after a new beginning.")
@click.option("--parent", type=int, metavar="PID", help="End when this process, which started it, has.")
@json_option
@pass_context
def follow_(
    context: Context,
    source: str,
    keys: tuple[str, ...],
    every: int,
    once: bool,
    older: bool,
    parent: int | None,
    as_json: bool,
) -> None:
    """Take up the generations of a snapshot channel.

    For a machine that only answers. Only what is signed with the key and newer than the last generation is taken. A
    bearer token for the source is read from MIRRORLIST_CHANNEL_TOKEN.
    """
    if older and not once:
        raise click.UsageError("--older is for --once: nodes take an older generation only when a person says so")
    if as_json and not once:
        raise click.UsageError("--json needs --once; the log of a service is JSON with --log-format json")
    state_dir = state_dir_of(context)
    follower = Follower(source_of(source, context.settings.channel_token), [*map(public_key, keys)], state_dir)
    if once:
        taken = follower.step(context.clock(), older)
        if as_json:
            tell_json({"generation": taken.generation if taken else None})
            return
        click.echo(f"generation {taken.generation} taken" if taken else "nothing new")
        return
    with stopped_by_signals() as stop:
        hand_over_counts(context.settings, state_dir, stop, context.clock)
        follow(follower, every, stop, context.clock, lambda: parent is None or os.getppid() == parent)
