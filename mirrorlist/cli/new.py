"""``mirrorlist new``: a mirror file from questions, flags, or an application by e-mail, judged before it is written."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mirrorlist.checks.fetching.addresses import Resolver, resolved_within, system_resolver
from mirrorlist.checks.fetching.result import Failed, deadline_in
from mirrorlist.cli.output.reviews import plain_line, text
from mirrorlist.cli.shared.context import Context, pass_context
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.model import Status
from mirrorlist.core.network.addresses import CACHES, KnownAddress, address_location
from mirrorlist.core.network.prefixes import packed
from mirrorlist.core.review import Review
from mirrorlist.files_on_disk import write_whole
from mirrorlist.sources.geo.sources import AddressSources
from mirrorlist.sources.mirrors.forms import Refused
from mirrorlist.sources.places.gazetteer import read_gazetteer
from mirrorlist.sources.submissions.applications import MAX_BYTES, read_application
from mirrorlist.sources.submissions.judge import judge_submissions
from mirrorlist.sources.submissions.new_mirrors import (
    ANSWERS,
    FIRST,
    Value,
    host_of,
    mirror_file,
    read_answer,
    understood,
)
from mirrorlist.sources.submissions.submission import SubmissionTerms
from mirrorlist.sources.submissions.terms import CACHE, terms_of

LOOKUP_SECONDS = 10.0
LIVE = Status.LIVE.value
OFFERED = Status.OFFERED.value
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
    help="Its status; live: clients get it once the file is served.  [default: offered]",
)
@click.option("--offline", is_flag=True, help="Look up no addresses.")
@click.option("--force", is_flag=True, help="Write over a file that is there, and write one that is refused.")
@pass_context
def new(context: Context, /, mail: Any, status: str | None, offline: bool, force: bool, **flags: str | None) -> None:
    """Write the file of a new mirror, and judge it as a submission.

    With no options it prompts, what is required first, and checks each answer at once. Flags win over what an e-mail
    says. Nothing is written that is refused, and no client gets the mirror before its status is live.

    The status is 0 if the file was written, 1 if it is refused, and 2 for a wrong call or a file that is there.
    """
    write_new(context, {key: said for key, said in flags.items() if said is not None}, mail, status, force,
              None if offline else system_resolver)  # fmt: skip


def write_new(
    context: Context, flags: Mapping[str, str], mail: Any, status: str | None, force: bool, resolver: Resolver | None
) -> None:
    """The command, with the resolver as an argument; without one no name is looked up."""
    service = context.service()
    terms = terms_of(service)
    answers = {**(_mailed(mail.read(MAX_BYTES + 1)) if mail else {}), **flags}
    if answers or mail:
        values, refused = understood(answers)
        for line in refused:
            _note(f"left out: {line}")
        if not {"http", "https"} & values.keys():
            raise click.UsageError("no usable address of http or https is known; give --https or --http")
        if "name" not in values:
            raise click.UsageError("no usable host name is known; give --name")
        values = {**values, **_found_out(service, terms, str(values["name"]), values, resolver)}
    else:
        values, status = _asked(service, terms, status, resolver)
    path = Path(service.mirrors_dir) / f"{values['name']}.yml"
    path = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    if not force and (path.exists() or path.is_symlink()):
        raise click.UsageError(f"{path} is there already; change it, or write over it with --force")
    written = mirror_file(values, status or OFFERED)
    review = _judged(written, path, terms)
    click.echo(text(review), nl=False)
    if review.accepted or force:
        try:
            write_whole(path, [written.encode()])
        except OSError as error:
            raise click.UsageError(f"{path} cannot be written: {error.strerror}") from None
        click.echo(f"{path}: written")
        _tell_steps(service, path, status or OFFERED, str(values["name"]))
    click.echo(review.summary(), err=True)
    if not review.accepted and not force:
        _note("nothing was written; correct the answers, or write the file nevertheless with --force")
    sys.exit(0 if review.accepted else 1)


def _judged(written: str, path: Path, terms: SubmissionTerms) -> Review:
    """The review of a file that is not there yet, among all others."""
    with tempfile.TemporaryDirectory(prefix="mirrorlist-") as directory:
        draft = Path(directory) / path.name
        draft.write_text(written, encoding="utf-8")
        [judged] = judge_submissions([draft], path.parent, terms)
    findings = tuple(replace(each, path=str(path)) for each in judged.reviewed.findings)
    return Review((replace(judged.reviewed, path=str(path), findings=findings),))


def _tell_steps(service: Service, path: Path, status: str, name: str) -> None:
    """The next three steps."""
    where = f"{service.site.url.rstrip('/')}/mirrors/{name}" if service.site.url else f"mirrorlist health {name}"
    listed = (
        f"Clients get the mirror once the file is merged and served: {where}"
        if status == LIVE
        else f"Write status: live into the file when clients may get the mirror; it is {status} until then."
    )
    click.echo(f"""\
Next:
  1. mirrorlist validate --online {path}   asks the mirror itself
  2. git add {path} && git commit, then open a pull request
  3. {listed}""")


def _asked(
    service: Service, terms: SubmissionTerms, status: str | None, resolver: Resolver | None
) -> tuple[dict[str, Value], str | None]:
    """The answers of a person at the terminal, what is required first; and the status."""
    click.echo("Required; Enter takes what is in brackets.")
    values: dict[str, Value] = {}
    while not {"https", "http"} & values.keys():
        for key in ("https", "http"):
            _ask(values, key, None)
        if not values:
            click.echo("  clients need one of the two")
    name = host_of(values)
    values["name"] = name or _ask(values, "name", None, needed=True)
    found = _found_out(service, terms, str(values["name"]), values, resolver)
    needed = service.requirements.minimum.update_frequency_seconds
    suggested = {**found, "update_frequency": f"{needed // 60}m" if needed and needed < 10_800 else "3h"}
    for key in FIRST:
        _ask(values, key, suggested.get(key), needed=key in ("update_frequency", "country"))
    for key, value in found.items():
        values.setdefault(key, value)
    if click.confirm("Say more, such as bandwidth and coordinates?", default=False):
        for key in ANSWERS:
            if key not in values and key not in FIRST and key not in ("https", "http", "name"):
                _ask(values, key, None)
    if status is None and click.confirm("May clients get it as soon as the file is served?", default=False):
        status = LIVE
    return values, status


def _ask(values: dict[str, Value], key: str, suggested: Value | None, needed: bool = False) -> Value:
    """Asks until the answer can be used; an empty one leaves the question out unless it is needed."""
    shown = {"default": str(suggested)} if suggested is not None else {"default": "", "show_default": False}
    while True:
        said = click.prompt(ANSWERS[key].question, **shown)
        if not said.strip() and not needed:
            return ""
        try:
            values[key] = read_answer(key, said)
        except Refused as fault:
            click.echo(plain_line(f"  {' '.join(said.split())[:80]!a} {fault}"))
            continue
        if key == "city" and (country := values.get("country")):
            cities = read_gazetteer()
            if not cities.cities(str(country), str(values["city"])):
                near = cities.near_city(str(country), str(values["city"]))
                click.echo(
                    f"  not known in {country}" + (f"; did you mean {near}?" if near else "; write a larger one")
                )
                if not click.confirm("  Keep it?", default=False):
                    del values["city"]
                    continue
        return values[key]


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
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        _note(f"{name} has no address yet ({why}); nothing was filled in from it")
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
