"""``mirrorlist compare``: ask another service and this one the same, and show how the answers differ."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import click

from mirrorlist.checks.fetching.fetch import Ask, Fetch, fetch, guard_of
from mirrorlist.checks.fetching.result import Failure, shown
from mirrorlist.cli.output.reviews import plain_line
from mirrorlist.cli.shared.compiled import snapshot_of
from mirrorlist.cli.shared.context import Context, json_option, pass_context, tell_json
from mirrorlist.core.catalogue.catalogue import repo_names, target
from mirrorlist.core.errors import BadRequest, MirrorlistError, NotFound, NotReady
from mirrorlist.core.network.prefixes import packed, parse_prefix
from mirrorlist.core.selection.client import client_at
from mirrorlist.core.selection.select import select
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.countries import country_of
from mirrorlist.importing.comparison import Difference, Served, compared, host_of, served
from mirrorlist.web.lists.views import answer_to
from mirrorlist.web.questions import Questions

MOST_REQUESTS = 1000
MOST_FAILURES = 5
MOST_BYTES = 1024 * 1024
LONGEST_LIST = 1024 * 1024
MOST_SHOWN = 10
STATUS = {BadRequest: 400, NotFound: 404, NotReady: 503}
ANY_ADDRESS = tuple(parse_prefix(text)[0] for text in ("0.0.0.0/0", "::/0"))
"""The other service is named by the operator, so it may be inside a network that is not public."""
PATH = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("old_url", metavar="OLD_URL")
@click.option("--ip", "ips", multiple=True, metavar="ADDRESS", help="Answer for this client; may be repeated.")
@click.option("--clients", type=PATH, help="A file with addresses of clients, one per line.")
@click.option("--repo", "repos", multiple=True, metavar="REPO",
              help="This repository, as baseos-9; may be repeated.  [default: all of the newest version]")  # fmt: skip
@click.option("--arch", help="The architecture.  [default: the first of each repository]")
@click.option("--path", "paths", multiple=True, metavar="PATH",
              help="This question, as /mirrorlist/9/baseos; may be repeated.")  # fmt: skip
@click.option("--paths", "file", type=PATH, help="A file with questions, one per line, as in a log.")
@click.option("--client-by", type=click.Choice(["header", "parameter"]), default="header", show_default=True,
              help="Name the client to OLD_URL by X-Forwarded-For, or by ip=.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0.1, max=60), default=10.0, show_default=True, metavar="SECONDS",
              help="How long one answer may take.")  # fmt: skip
@json_option
@pass_context
def compare(
    context: Context, old_url: str, ips: tuple[str, ...], clients: Path | None, repos: tuple[str, ...],
    arch: str | None, paths: tuple[str, ...], file: Path | None, client_by: str, timeout: float, as_json: bool,
) -> None:  # fmt: skip
    """Compare the answers of another service with this one's.

    OLD_URL is asked over the network, at most 1000 times. This service's answers are those of its files and health as
    they are now; it need not run. Without a client, OLD_URL answers for this machine, and this service for a client of
    unknown address.

    The status is 0 if clients lose nothing, 1 if a status differs, a mirror is missing or OLD_URL does not answer.
    """
    snapshot = snapshot_of(context)
    named = [*ips, *(_lines(clients) if clients else ())]
    for each in named:
        if packed(each) is None:
            raise click.UsageError(f"client {shown(each)!r}: write an IPv4 or IPv6 address")
    asked = named or [None]
    given = [*paths, *(_lines(file) if file else ())]
    questions = [_path(each) for each in given] + (
        _of_repositories(snapshot, repos, arch) if repos or not given else []
    )
    total = len(asked) * len(questions)
    if total > MOST_REQUESTS:
        raise click.UsageError(f"{total} requests are too many; name at most {MOST_REQUESTS} clients and questions")
    guard = replace(guard_of(snapshot.facts.service), allowed=ANY_ADDRESS)
    other = OtherService(_base(old_url), client_by, partial(fetch, guard=guard), timeout)
    here = ThisService(snapshot, context.clock())
    found = []
    for path, client in product(questions, asked):
        ours, reasons = here.answer(path, client)
        found.append(compared(path, client, other.answer(path, client), ours, reasons))
    if as_json:
        tell_json(
            {"old_url": other.url, "questions": total, "differences": [each for each in found if not each.is_none]}
        )
    else:
        tell(found)
    if len(asked) > 1 and other.is_blind:
        click.echo(
            f"warning: {other.url} gives every client the same answers; it may not believe --client-by {client_by}",
            err=True,
        )
    sys.exit(1 if any(each.is_bad for each in found) else 0)


def _lines(file: Path) -> list[str]:
    """The lines of a file without comments; raises UsageError for one that cannot be read or is too long."""
    data = file.read_bytes()[: LONGEST_LIST + 1]
    if len(data) > LONGEST_LIST:
        raise click.UsageError(f"{file} is longer than {LONGEST_LIST} bytes; take a sample of it")
    lines = (line.partition("#")[0].strip() for line in data.decode("utf-8", "replace").splitlines())
    return list(dict.fromkeys(line for line in lines if line))


def _path(text: str) -> str:
    if not text.startswith("/") or not text.isprintable() or not text.isascii() or " " in text:
        raise click.UsageError(f"question {shown(text)!r}: write a path such as /mirrorlist/9/baseos?arch=x86_64")
    return text


def _base(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and not parts.username
    except ValueError:
        good = None
    if not good:
        raise click.UsageError(f"{shown(url)}: write an address such as https://mirrors.example.org")
    return url.rstrip("/")


def _of_repositories(snapshot: Snapshot, repos: Sequence[str], arch: str | None) -> list[str]:
    """A question for each repository, in Fedora's spelling."""
    catalogue = snapshot.facts.service.catalogue
    known = repo_names(catalogue)
    newest = next((each for each in reversed(catalogue.versions) if each in catalogue.latest), catalogue.versions[-1])
    found = []
    for name in repos or [name for name, (version, _) in known.items() if version == newest]:
        if name not in known:
            raise NotFound(f"--repo {name}: unknown; write the repository and the version, as in {next(iter(known))}")
        try:
            arches = target(catalogue, *known[name]).arches
        except NotFound:
            if name in repos:
                raise
            continue
        found.append("/mirrorlist?" + urlencode({"repo": name, "arch": arch or next(iter(arches), "")}))
    return found


class OtherService:
    """The service that is compared with."""

    def __init__(self, url: str, client_by: str, get: Fetch, timeout: float) -> None:
        self.url = url
        self._by_header, self._get, self._timeout = client_by == "header", get, timeout
        self._seen: dict[str, set[tuple[str, ...]]] = {}
        self._failed = 0

    @property
    def is_blind(self) -> bool:
        """Whether it answered every client the same, to every question."""
        return bool(self._seen) and all(len(answers) == 1 for answers in self._seen.values())

    def answer(self, path: str, client: str | None) -> Served:
        """What it answers.

        Raises:
            MirrorlistError: it did not answer several times in a row.
        """
        url = self.url + path
        if client and not self._by_header:
            url += f"{'&' if '?' in path else '?'}ip={quote(client)}"
        ask = Ask(most_bytes=MOST_BYTES, deadline_seconds=self._timeout,
                  forwarded_for=client if self._by_header else None)  # fmt: skip
        got = self._get(url, ask)
        if isinstance(got, Failure):
            self._failed += 1
            if self._failed >= MOST_FAILURES:
                raise MirrorlistError(f"{self.url} failed {MOST_FAILURES} times in a row, the last time by {got}")
            return Served(0, fault=str(got))
        self._failed = 0
        found = served(got.status, got.body)
        self._seen.setdefault(path, set()).add(tuple(sorted(found.urls)))
        return found


@dataclass(frozen=True, slots=True)
class ThisService:
    """The answers of this service, made as a worker makes them."""

    snapshot: Snapshot
    now: float

    def answer(self, path: str, client: str | None) -> tuple[Served, dict[str, str]]:
        """What it answers, and why hosts are left out."""
        facts = self.snapshot.facts
        questions = Questions(facts.service.catalogue, facts.service.policy)
        where, _, query = path.partition("?")
        asker = client_at(self.snapshot, packed(client) if client else None, b"", country_of)
        try:
            question = questions.located(self.snapshot, questions.read(where, query), self.now)
            _, body = answer_to(self.snapshot, question, asker, self.now)
        except (BadRequest, NotFound, NotReady) as error:
            return Served(STATUS[type(error)], fault=""), {}
        left_out = select(self.snapshot, question.query, asker, self.now, question.narrowing).rejected
        reasons = {
            host: each.reason.value
            for each in left_out
            for urls in each.mirror.urls.values()
            for url in urls.values()
            if (host := host_of(url))
        }
        return served(200, body), reasons


def tell(found: Sequence[Difference], say: Callable[[str], None] = lambda line: click.echo(plain_line(line))) -> None:
    """Writes each difference, then the sums."""
    for each in found:
        if not each.is_none:
            say(f"{each.path}{f' for {each.client}' if each.client else ''}")
            for line in _lines_of(each):
                say(f"  {line}")
    missing = Counter((row.host, row.reason) for each in found for row in each.missing)
    if missing:
        say("")
        say("missing here, by mirror:")
        for (host, reason), times in missing.most_common():
            say(f"  {times:5}  {host}  {reason}")
    same, lost = sum(each.is_none for each in found), sum(each.is_bad for each in found)
    say(f"{len(found)} questions: {same} answered the same, {len(found) - same - lost} in another way, {lost} worse")


def _lines_of(found: Difference) -> Iterator[str]:
    if found.fault:
        yield found.fault
    if found.status_there != found.status_here:
        yield f"status {found.status_there or 'unknown'} there, {found.status_here} here"
        return
    for row in found.missing[:MOST_SHOWN]:
        yield f"missing here: {row.host}: {row.reason}"
    if (more := len(found.missing) - MOST_SHOWN) > 0:
        yield f"missing here: {more} more"
    if found.only_here:
        shown_hosts = ", ".join(found.only_here[:MOST_SHOWN])
        more = len(found.only_here) - MOST_SHOWN
        yield f"only here: {shown_hosts}" + (f" and {more} more" if more > 0 else "")
    for other in found.other_urls[:MOST_SHOWN]:
        yield f"another URL: {other.there} there, {other.here} here"
    if found.order_from:
        yield f"the order differs from rank {found.order_from} on"
