"""Write to mirror owners and maintainers: notices as mails through the operator's server, and as JSON to a webhook."""

from __future__ import annotations

import email.policy
import hashlib
import hmac
import json
import smtplib
import ssl
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from importlib.resources import files
from pathlib import Path
from typing import Protocol as Interface

import requests
import yaml
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from mirrorlist import __version__
from mirrorlist.core.catalogue.service import MailServer, Notify, Service, SmtpSecurity
from mirrorlist.core.errors import MailError
from mirrorlist.core.owners.notices import Condition
from mirrorlist.files_on_disk import open_regular

DEADLINE_SECONDS = 30.0
LONGEST_SECRET = 4096
LARGEST_TEMPLATES = 256 * 1024
WIDEST = 990
"""Characters of a line, below the 998 of RFC 5322."""


def plain(text: str) -> str:
    """A stranger's text as one line of a mail: without control and formatting characters."""
    return "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text).strip()[:WIDEST]


# The words: Jinja templates of the package, replaced one by one by those of the operator.


class MailWords:
    """The texts of mails in the operator's language."""

    def __init__(self, service: str, templates: Path | None = None) -> None:
        """Raises MailError: the operator's file cannot be used."""
        found = yaml.safe_load(files("mirrorlist").joinpath("data", "mail.yml").read_text(encoding="utf-8"))
        self._service = service
        self._where = str(templates or "mail.yml")
        if templates is not None:
            own = _mapping(templates)
            if unknown := [key for key in own if key not in found]:
                raise MailError(f"{templates}: unknown key {unknown[0]!r}; known are {', '.join(found)}")
            found = found | own | {"subjects": found["subjects"] | (own.get("subjects") or {})}
        self._texts = found
        self._environment = SandboxedEnvironment(
            undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True
        )

    def subject(self, kind: str, **facts: object) -> str:
        return plain(self._rendered(self._texts["subjects"].get(kind, ""), facts))

    def body(self, kind: str, **facts: object) -> str:
        return self._rendered(self._texts[kind], facts).strip("\n") + "\n"

    def _rendered(self, text: object, facts: Mapping[str, object]) -> str:
        try:
            return self._environment.from_string(str(text)).render(service=self._service, **facts)
        except TemplateError as error:
            raise MailError(f"{self._where}: {error}; copy the template from the package's mail.yml again") from None


def _mapping(path: Path) -> dict[str, object]:
    try:
        with open_regular(path) as file:
            found = yaml.safe_load(file.read(LARGEST_TEMPLATES))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise MailError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not isinstance(found, dict):
        raise MailError(f"{path}: not a mapping of names to texts")
    return found


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail before it has an address: its subject, its text, and the conditions that it is about."""

    mirror: str
    subject: str
    text: str
    conditions: tuple[Condition, ...]


def letter(words: MailWords, mirror: str, conditions: Sequence[Condition], page: str | None) -> Letter:
    """One mail about a mirror, with everything that its owner should know now."""
    kinds = {each.kind for each in conditions}
    subject = words.subject(next(iter(kinds)).value if len(kinds) == 1 else "several", mirror=mirror)
    parts = [words.body(each.kind.value, **_facts(each), page=page) for each in conditions]
    closing = words.body("closing", mirror=mirror, page=page)
    return Letter(mirror, subject, "\n".join([*parts, closing]), tuple(conditions))


def _facts(condition: Condition) -> dict[str, object]:
    return {
        "mirror": condition.mirror,
        "since": condition.since and f"{datetime.fromtimestamp(condition.since, UTC):%Y-%m-%d %H:%M}",
        "lines": [plain(each) for each in condition.lines],
        "remedies": [plain(each) for each in condition.remedies],
    }


def digest(words: MailWords, out: Sequence[Condition], mirrors: int, bounced: Mapping[str, str]) -> Letter:
    """The maintainers' mail of a day."""
    facts: dict[str, object] = {
        "out": [_facts(each) for each in out],
        "mirrors": mirrors,
        "bounced": {name: plain(why) for name, why in bounced.items()},
    }
    return Letter("", words.subject("digest", **facts), words.body("digest", **facts), tuple(out))


def message(written: Letter, to: str, notify: Notify, now: float) -> EmailMessage:
    """The mail (RFC 5322), marked as written by a machine (RFC 3834), so that nobody's holiday answers it.

    Raises:
        MailError: an address cannot be written into a header.
    """
    mail = EmailMessage(policy=email.policy.SMTP)
    try:
        mail["From"] = notify.sender
        mail["To"] = to
        if notify.reply_to:
            mail["Reply-To"] = notify.reply_to
        mail["Subject"] = written.subject
        mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
        mail["Message-ID"] = make_msgid(domain=notify.sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
    except (ValueError, UnicodeError) as error:
        raise MailError(f"a mail about {written.mirror or 'the network'} cannot be addressed: {error}") from None
    mail.set_content(written.text)
    return mail


Post = Callable[[str, bytes, Mapping[str, str]], int]
"""Posts a body with these headers to a URL, and gives the status; raises requests.RequestException."""


class Transport(Interface):
    """What takes mails."""

    def send(self, mail: EmailMessage) -> str | None:
        """Hands a mail over; returns why it was refused for good, or None.

        Raises:
            MailError: the server does not take it now; the same mail may be tried later.
        """


class SmtpTransport:
    """A connection to the operator's mail server, opened with the first mail."""

    def __init__(self, server: MailServer, context: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._context = context or ssl.create_default_context()
        self._connection: smtplib.SMTP | None = None

    def send(self, mail: EmailMessage) -> str | None:
        try:
            if self._connection is None:
                self._connection = self._opened()
            self._connection.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            return self._judged(code, said)
        except smtplib.SMTPResponseException as error:
            return self._judged(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise MailError(
                f"{self._where}: {getattr(error, 'strerror', None) or error}; nothing is lost, it is tried again"
            ) from None
        return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _where(self) -> str:
        return f"mail server {self._server.host}:{self._server.port}"

    def _judged(self, code: int, said: bytes | str) -> str:
        self.close()
        text = plain(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)
        if 500 <= code < 600 and code not in (502, 503, 504, 530, 534, 535, 538):
            return f"{code} {text}"
        raise MailError(f"{self._where} answers {code} {text}; nothing is lost, it is tried again")

    def _opened(self) -> smtplib.SMTP:
        server = self._server
        if server.security is SmtpSecurity.TLS:
            made: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=DEADLINE_SECONDS, context=self._context
            )
        else:
            made = smtplib.SMTP(server.host, server.port, timeout=DEADLINE_SECONDS)
        with ExitStack() as opened:
            opened.callback(made.close)
            if server.security is SmtpSecurity.STARTTLS:
                made.starttls(context=self._context)
            if server.user is not None:
                made.login(server.user, secret(server.password_file))
            opened.pop_all()
        return made


@dataclass(frozen=True, slots=True)
class PrintingTransport:
    """Prints mails instead of sending them."""

    echo: Callable[[str], None]

    def send(self, mail: EmailMessage) -> str | None:
        self.echo(f"To: {mail['To']}\nSubject: {mail['Subject']}\n\n{mail.get_content()}")
        return None


def print_post(echo: Callable[[str], None]) -> Post:
    """A post that is printed instead."""

    def printed(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        echo(f"POST {url}\n{body.decode()}\n")
        return 200

    return printed


def secret(path: str | None) -> str:
    """The content of a file with one secret; raises OSError."""
    if path is None:
        return ""
    with open_regular(Path(path)) as file:
        return file.read(LONGEST_SECRET).decode("utf-8", "replace").strip()


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """A post as it is; redirects are not followed."""
    return requests.post(url, data=body, headers=dict(headers), timeout=(10.0, 10.0), allow_redirects=False).status_code


def tell_webhook(service: Service, conditions: Iterable[Condition], now: float, post: Post = post) -> None:
    """Posts each condition as JSON, signed with HMAC-SHA256 where there is a secret.

    Raises:
        MailError: the webhook does not take one.
    """
    notify = service.notify
    if notify.webhook is None:
        return
    for each in conditions:
        body = json.dumps(
            {
                "service": service.name,
                "mirror": each.mirror,
                "event": each.kind.value,
                "since": each.since,
                "at": now,
                "lines": [plain(line) for line in each.lines],
                "remedies": list(each.remedies),
                "page": page_of(service, each.mirror),
            }
        ).encode()
        headers = {"Content-Type": "application/json", "User-Agent": f"mirrorlist/{__version__}"}
        try:
            if notify.webhook_secret_file:
                key = secret(notify.webhook_secret_file).encode()
                headers["X-Mirrorlist-Signature"] = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
            status = post(notify.webhook, body, headers)
        except (requests.RequestException, OSError) as error:
            raise MailError(f"webhook: {type(error).__name__}; nothing is lost, it is tried again") from None
        if not 200 <= status < 300:
            raise MailError(f"webhook: status {status}; nothing is lost, it is tried again")


def page_of(service: Service, mirror: str) -> str | None:
    """The address of a mirror's page, where service.yml says where the pages are."""
    return f"{service.site.url}mirrors/{mirror}" if service.site.url else None
