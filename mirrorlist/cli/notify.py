"""``mirrorlist notify``: say that the origin has changed, so that the service asks it at once."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import click
import requests

from mirrorlist.cli.shared.context import Context, pass_context, state_dir_of
from mirrorlist.core.errors import MirrorlistError
from mirrorlist.settings import hook_secret
from mirrorlist.store.marks import Mark, MarkName

HOOK = "/hooks/origin"
LATER = (429, 503)
AGAIN_SECONDS = 5.0
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@click.command()
@click.option(
    "--url", metavar="URL", help="The service, such as https://mirrors.example.org/; without it this machine's."
)
@click.option("--timeout", type=click.FloatRange(min=1, max=600), default=30.0, show_default=True, metavar="SECONDS",
              help="With --url: how long to try.")  # fmt: skip
@pass_context
def notify(context: Context, url: str | None, timeout: float) -> None:
    """Say that the origin has changed.

    On the service's machine a mark in the state directory is enough. From another one name the service with --url; the
    secret is that of MIRRORLIST_HOOK_SECRET or MIRRORLIST_HOOK_SECRET_FILE.
    """
    if url is None:
        Mark(state_dir_of(context), MarkName.ORIGIN).leave(context.clock())
        click.echo("noted; whoever follows the origin asks it at once")
        return
    try:
        secret = hook_secret(context.settings)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if secret is None:
        raise click.UsageError("--url needs the secret: set MIRRORLIST_HOOK_SECRET or MIRRORLIST_HOOK_SECRET_FILE")
    click.echo(_called(hook_of(url), secret, timeout))


def hook_of(url: str) -> str:
    """The hook of a service; its address alone, with or without a final slash, is enough.

    Raises:
        UsageError: it is no http(s) address.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise click.UsageError(f"--url {url}: write an address such as https://mirrors.example.org/")
    if parts.scheme == "http" and host not in LOOPBACK:
        click.echo(f"warning: http shows the secret to everybody on the way to {host}; use https", err=True)
    return url if parts.path.endswith(HOOK) else url.rstrip("/") + HOOK


def _called(url: str, secret: str, seconds: float) -> str:
    """Calls the hook until it is not busy; what it answered.

    Raises:
        MirrorlistError: it refused, or did not answer in time.
    """
    ends_at = time.monotonic() + seconds
    while True:
        left = max(ends_at - time.monotonic(), 1.0)
        try:
            answer = requests.post(
                url, headers={"Authorization": f"Bearer {secret}"}, timeout=left, allow_redirects=False, data=b""
            )  # another host must not get the secret
        except requests.RequestException as error:
            raise MirrorlistError(f"{url}: {type(error).__name__}; see that the service runs at this address") from None
        if answer.status_code not in LATER or time.monotonic() + AGAIN_SECONDS > ends_at:
            break
        time.sleep(AGAIN_SECONDS)
    if answer.status_code == 202:
        return "noted; the service asks the origin at once"
    remedies = {
        401: "the secret is not the service's; compare MIRRORLIST_HOOK_SECRET on both sides",
        404: "the hook is off there; set MIRRORLIST_HOOK_SECRET for the service, and start it again",
        429: "it had too many calls; it asks the origin automatically every half minute",
        503: "it is busy, or cannot write to its state directory; see its log",
    }
    where = answer.headers.get("Location", "")[:200]
    remedy = f"it redirects to {where}; name that address" if answer.is_redirect else ""
    raise MirrorlistError(
        f"{url}: status {answer.status_code}: {remedies.get(answer.status_code, remedy or 'see its log')}"
    )
