"""``mirrorlist mail``: write to the owners of mirrors that are out, back, or need something."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mirrorlist.cli.shared.context import Context, json_option, pass_context, tell_json
from mirrorlist.core.updates import UpdateOutcome
from mirrorlist.publishing.mail import MailWords, PrintingTransport, SmtpTransport, post, print_post
from mirrorlist.publishing.network_now import network_now
from mirrorlist.publishing.notifying import LARGEST_BOUNCE, Notifier, returned
from mirrorlist.store.database import open_database
from mirrorlist.store.notices import NoticeStore


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would be sent; send and note nothing.")
@click.option("--bounce", is_flag=True, help="Read a mail that came back from standard input, and note it.")
@json_option
@pass_context
def mail(context: Context, dry_run: bool, bounce: bool, as_json: bool) -> None:
    """Write to the owners of mirrors that are out, back or in need.

    Sends what is due through notify.smtp and notify.webhook of service.yml, and each notice once. Run it every few
    minutes. Ends with status 1 if a server refused a mail; what could not be handed over is sent by the next run.
    """
    if as_json and (dry_run or bounce):
        raise click.UsageError("--json is for what was sent; leave out --dry-run and --bounce")
    service, now = context.service(), context.clock()
    notify = service.notify
    if notify.server is None and notify.webhook is None:
        raise click.UsageError("service.yml names no way to write to anybody; add notify.smtp and notify.sender")
    engine = open_database(Path(service.state_dir), context.settings.database)
    try:
        store, network = NoticeStore(engine), network_now(service, engine, now)
        if bounce:
            found = returned(sys.stdin.buffer.read(LARGEST_BOUNCE), network.files)
            for name, why in found.items():
                known = store.bounced(name, why)
                click.echo(f"{name}: {why}" if known else f"{name}: no mail about it was sent")
            if not found:
                click.echo("nothing noted: no mirror has this address, or the failure is not permanent")
            return
        words = MailWords(service.name, Path(notify.templates) if notify.templates else None)
        if dry_run:
            printing = PrintingTransport(click.echo) if notify.server else None
            list(
                Notifier(service, words, store.sent(), lambda *_: None, printing, print_post(click.echo)).run(
                    network, now
                )
            )
            return
        transport = SmtpTransport(notify.server) if notify.server else None
        results = []
        try:
            for each in Notifier(service, words, store.sent(), store.add, transport, post).run(network, now):
                results.append(each)
                if not as_json:
                    click.echo(f"{each.outcome.value:9}  {each.what}  {each.detail}")
        finally:
            if transport is not None:
                transport.close()
    finally:
        engine.dispose()
    if as_json:
        tell_json(results)
    sys.exit(1 if any(each.outcome is UpdateOutcome.REFUSED for each in results) else 0)
