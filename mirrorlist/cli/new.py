"""``mirrorlist new``: a mirror file from questions, flags, or an application by e-mail, judged at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from mirrorlist.checks.fetching.addresses import Resolver, resolved_within, system_resolver
from mirrorlist.checks.fetching.deadline import deadline_in
from mirrorlist.checks.fetching.result import Failed
from mirrorlist.cli.output.reviews import plain_line, text
from mirrorlist.cli.shared.context import Context, pass_context
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.model import Status
from mirrorlist.core.network.addresses import CACHES, KnownAddress, address_location
from mirrorlist.core.network.prefixes import packed
from mirrorlist.core.review import Review
from mirrorlist.files_on_disk import write_whole
from mirrorlist.sources.geo.sources import AddressSources
from mirrorlist.sources.submissions.applications import MAX_BYTES, read_application
from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.new_mirrors import ANSWERS, Value, mirror_file, understood
from mirrorlist.sources.submissions.submission import SubmissionTerms
from mirrorlist.sources.submissions.terms import CACHE, terms_of

LOOKUP_SECONDS = 10.0
STATUSES = click.Choice([each.value for each in Status])
Command = Callable[..., Any]


def answer_options(command: Command) -> Command:
    """An option for every answer."""
    for key in reversed(tuple(ANSWERS)):
        command = click.option(f"--{key.replace('_', '-')}", key, help=f"{ANSWERS[key].question}.")(command)
    return command


@click.command()
@answer_options
@click.option("--from", "mail", type=click.File("rb"), help="Read the answers from an e-mail; - is standard input.")
@click.option(
    "--status",
    type=click.Choice([each.value for each in Status]),
    help="Its status.  [default: live; offered with --from]",
)
@click.option("--offline", is_flag=True, help="Look up no addresses.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@pass_context
def new(context: Context, /, mail: Any, status: str | None, offline: bool, force: bool, **flags: str | None) -> None:
    """Write the file of a new mirror, and judge it as a submission.

    Without any answer all are asked for. Flags win over what an e-mail says. The status is 0 if the file was written
    and is acceptable, 1 if it was written and is not, and 2 if nothing was written.
    """
    write_new(context, {key: said for key, said in flags.items() if said is not None}, mail, status, force,
              None if offline else system_resolver)  # fmt: skip


def write_new(
    context: Context, flags: Mapping[str, str], mail: Any, status: str | None, force: bool, resolver: Resolver | None
) -> None:
    """The command, with the resolver as an argument; without one no name is looked up."""
    service = context.service()
    answers = {**(_mailed(mail.read(MAX_BYTES + 1)) if mail else {}), **flags}
    if not answers and mail is None:
        click.echo("Enter leaves a question out.")
        said = {key: click.prompt(answer.question, default="", show_default=False) for key, answer in ANSWERS.items()}
        answers = {key: each for key, each in said.items() if each.strip()}
    values, refused = understood(answers)
    for line in refused:
        _note(f"left out: {line}")
    if not {"http", "https"} & values.keys():
        raise click.UsageError("no usable address of http or https is known; give --https or --http")
    if "name" not in values:
        raise click.UsageError("no usable host name is known; give --name")
    name = str(values["name"])
    path = Path(service.mirrors_dir) / f"{name}.yml"
    path = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    if not force and (path.exists() or path.is_symlink()):
        raise click.UsageError(f"{path} is there already; change it, or write over it with --force")
    terms = terms_of(service)
    filled = _found_out(service, terms, name, values, resolver)
    try:
        offered = Status.OFFERED.value if mail else None
        write_whole(path, [mirror_file({**values, **filled}, status or offered).encode()])
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from None
    click.echo(f"{path}: written")
    review = Review(tuple(each.reviewed for each in judge_submissions([path], path.parent, terms)))
    click.echo(text(review), nl=False)
    click.echo(review.summary(), err=True)
    sys.exit(0 if review.accepted else 1)


def _mailed(data: bytes) -> dict[str, str]:
    """The answers in an e-mail; lines that cannot be parsed are reported."""
    if len(data) > MAX_BYTES:
        _note(f"the e-mail is longer than {MAX_BYTES} bytes; the rest was not read")
    application = read_application(data)
    for number, line in application.unknown:
        _note(f"line {number} was not understood: {line}")
    return dict(application.answers)


def _found_out(
    service: Service, terms: SubmissionTerms, name: str, values: Mapping[str, Value], resolver: Resolver | None
) -> dict[str, Value]:
    """Missing answers derived from the mirror's addresses: country, network, and the address it syncs from."""
    if resolver is None:
        return {}
    try:
        found = resolved_within(name, resolver, deadline_in(LOOKUP_SECONDS, time.monotonic))
    except (OSError, ValueError, Failed) as error:
        _note(f"{name} has no address yet ({error}); nothing was filled in from it")
        return {}
    public = [each for each in found if terms.address_fault(each) is None]
    for each in found:
        if each not in public:
            _note(f"{name} leads to {terms.address_fault(each)}; nothing was filled in from it")
    data = AddressSources(Path(service.state_dir) / CACHE).read(service.geo)
    known = [KnownAddress(each, data.geo.asns.at(packed(each) or b"") or None) for each in public]
    filled: dict[str, Value] = {}
    place = address_location(known, data.place_at) if known else None
    if place and place.country and "country" not in values:
        filled["country"] = place.country
        _note(f"country {place.country} was filled in from {', '.join(public)}; correct it if it is wrong")
    asns = {each.asn for each in known}
    if "asn" not in values and len(asns) == 1 and (asn := asns.pop()) and asn not in CACHES:
        filled["asn"] = asn
        _note(f"asn {asn} was filled in: its clients get this mirror first; remove it if the network is not yours")
    if "sync_from" not in values and len(public) == 1:
        filled["sync_from"] = public[0]
        _note(f"sync.from {public[0]} was filled in; correct it if the mirror connects from elsewhere")
    return filled


def _note(said: str) -> None:
    click.echo(plain_line(said), err=True)
