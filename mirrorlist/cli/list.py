"""``mirrorlist list``: print the exact bytes that a client gets, without a server."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from mirrorlist.cli.shared.compiled import client_of, question_of, question_options, snapshot_of
from mirrorlist.cli.shared.context import Context, json_option, pass_context
from mirrorlist.core.catalogue.query import for_metalink
from mirrorlist.formats.registry import LISTS, METALINKS
from mirrorlist.web.lists.views import answer_to
from mirrorlist.web.questions import ListKind

FORMATS = ("mirrorlist", "metalink", *(name for name in (*LISTS, *METALINKS) if name != "mirrorlist"))


@click.command("list")
@question_options
@click.option("--format", "format_", type=click.Choice(FORMATS), default="mirrorlist", show_default=True,
              help="What to write; metalink is metalink3.")  # fmt: skip
@json_option
@pass_context
def list_(context: Context, /, ip: str, release: str, repo: str, format_: str, as_json: bool, **given: str) -> None:
    """Write what a client at --ip gets."""
    snapshot = snapshot_of(context)
    format_ = "json" if as_json else format_
    name = "metalink3" if format_ == "metalink" else format_
    question = replace(question_of(snapshot, release, repo, **given), format=name)
    if name in METALINKS:
        question = replace(question, kind=ListKind.METALINK, query=for_metalink(question.query))
    _, body = answer_to(snapshot, question, client_of(snapshot, ip), context.clock())
    sys.stdout.buffer.write(body)
