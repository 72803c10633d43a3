"""``mirrorlist list``: the exact bytes that a client gets, without a server."""

from __future__ import annotations

import sys

import click

from mirrorlist.cli.context import Context, pass_context
from mirrorlist.cli.questions import client_of, query_of, question_options
from mirrorlist.core.query import for_metalink
from mirrorlist.web.lists import answer_to
from mirrorlist.web.questions import Kind, Question


@click.command("list")
@question_options
@click.option("--format", "kind", type=click.Choice([kind.value for kind in Kind]), default="mirrorlist",
              show_default=True, help="What to write.")  # fmt: skip
@pass_context
def list_(
    context: Context, ip: str, release: str, repo: str, arch: str, protocol: str, country: str, kind: str
) -> None:
    """Write what a client at --ip gets."""
    snapshot = context.snapshot()
    query = query_of(snapshot, release, repo, arch, protocol, country)
    question = Question(Kind(kind), for_metalink(query) if Kind(kind) is Kind.METALINK else query)
    _, body = answer_to(snapshot, question, client_of(snapshot, ip), context.clock())
    sys.stdout.buffer.write(body)
