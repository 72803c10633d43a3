"""The options with which commands ask a question as a client would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from mirrorlist.core.catalogue.query import Spellings
from mirrorlist.core.errors import BadRequest
from mirrorlist.core.model import Client, Query
from mirrorlist.core.network.prefixes import packed
from mirrorlist.core.selection.client import client_at
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.countries import country_of

Command = Callable[..., Any]


def question_options(command: Command) -> Command:
    """``--ip``, ``--version``, ``--repo``, ``--arch``, ``--protocol``, and those that filter mirrors."""
    for option in reversed(
        (
            click.option("--ip", required=True, help="The client's address."),
            click.option("--version", "release", required=True, help="The version, as clients write it: 9, 9.8."),
            click.option("--repo", required=True, help="The repository, as in baseos."),
            click.option("--arch", default="", help="The architecture, as in x86_64."),
            click.option("--protocol", default="", help="https or http only."),
            click.option("--country", default="", help="Only mirrors in these countries: DE,AT; -DE: not there."),
            click.option("--avoid-country", default="", help="No mirrors in these countries."),
            click.option("--avoid", default="", help="Not these mirrors, by host: mirror.example.org,..."),
            click.option("--only", default="", help="Only these mirrors, by host."),
        )
    ):
        command = option(command)
    return command


def query_of(snapshot: Snapshot, release: str, repo: str, **given: str) -> Query:
    """The query of these options; raises as ``Spellings.by_path``."""
    service = snapshot.facts.service
    return Spellings(service.catalogue, service.policy).by_path(release, repo, given)


def client_of(snapshot: Snapshot, ip: str) -> Client:
    """The client at an address.

    Raises:
        BadRequest: the text is not an address.
    """
    address = packed(ip)
    if address is None:
        raise BadRequest(f"--ip {ip}: not an IPv4 or IPv6 address")
    return client_at(snapshot, address, b"", country_of)
