"""Mails and posts as they go over the wire: a real SMTP server on loopback takes them."""

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import json
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.core.catalogue.service import MailServer, Notify, Service, Site, SmtpSecurity
from mirrorlist.core.errors import MailError
from mirrorlist.core.health.verdicts import Override, Subject
from mirrorlist.core.model import MAIN, Mirror, Protocol
from mirrorlist.core.owners.network_report import NetworkReport
from mirrorlist.core.owners.notices import Channel, Condition, NoticeKind, SentNotice
from mirrorlist.core.public.encoding import PublicFile, encode_record
from mirrorlist.core.public.record import PublicRecord
from mirrorlist.core.public.types import MirrorState, PublicDetail, PublicNetwork
from mirrorlist.core.updates import UpdateOutcome
from mirrorlist.publishing.mail import Letter, MailWords, SmtpTransport, letter, message, plain, post, tell_webhook
from mirrorlist.publishing.network_now import NetworkNow
from mirrorlist.publishing.notifying import Notifier, bounces, returned
from mirrorlist.store.database import open_database
from mirrorlist.store.health import HealthStore
from mirrorlist.store.notices import NoticeStore
from tests.building import service as built_service
from tests.core.owners.test_notices import check, mirror
from tests.serving import checkout, free_port, served

NOW = 1_795_900_000.0
AUTHORITY = trustme.CA()
OUT = Condition("a.example.org", NoticeKind.OUT, "checks", NOW - 7200, ("main: no answer",), ("Start the server.",))


class Mailbox:
    """Keeps what it takes; refuses recipients that begin with the three digits of a status."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.rcpt: list[str] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address[:3].isdecimal():
            return f"{address[:3]} 5.1.1 <{address}>: no such \x1b[2Juser here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        read = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(read, EmailMessage)
        self.mails.append(read)
        self.rcpt += envelope.rcpt_tos
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, MailServer]]:
    box = Mailbox()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, MailServer(host="127.0.0.1", port=port, security=SmtpSecurity.NONE)
    controller.stop()


def notify(server: MailServer | None = None, **fields: Any) -> Notify:
    return Notify(server=server, sender="mirrors@example.org", reply_to="help@example.org", **fields)


def the_service(tmp_path: Path, told: Notify) -> Service:
    return built_service(name="Example", state_dir=str(tmp_path), site=Site(url="https://m.example.org/"), notify=told)


def network(*owners: tuple[str, str | None, bool], broken: bool = True) -> NetworkNow:
    """A network whose first mirrors are these; they are out while ``broken``."""
    names = [name for name, *_ in owners]
    others = [f"m{number}.example.org" for number in range(9)]
    details = {name: PublicDetail(checks=(check(),) if broken and name in names else ()) for name in [*names, *others]}
    state = MirrorState.DOWN if broken else MirrorState.FRESH
    mirrors = tuple(mirror(name, state if name in names else MirrorState.FRESH) for name in [*names, *others])
    record = encode_record(PublicRecord(network=PublicNetwork(mirrors=mirrors), details=details, logos={}))
    files = [
        Mirror(name=name, urls={MAIN: {Protocol.HTTPS: f"https://{name}/"}}, email=address, notify=wanted)
        for name, address, wanted in owners
    ]
    verdicts: dict[Subject, Any] = {}
    report = NetworkReport("Example", NOW, None, None, {}, (), (), (), (), ())
    return NetworkNow(PublicFile(record), files, verdicts, report)


def test_an_outage_reaches_its_owner_over_smtp_with_the_headers_of_a_machine(
    tmp_path: Path, mailbox: tuple[Mailbox, MailServer]
) -> None:
    box, server = mailbox
    store, service = NoticeStore(open_database(tmp_path)), the_service(tmp_path, notify(server))
    transport = SmtpTransport(server)
    owners = (("a.example.org", "owner@a.example.org", True), ("quiet.example.org", "q@q.example.org", False),
              ("no-address.example.org", None, True))  # fmt: skip

    def run(now: float, broken: bool = True) -> list[tuple[str, UpdateOutcome]]:
        notifier = Notifier(service, MailWords("Example"), store.sent(), store.add, transport, post)
        return [(each.what, each.outcome) for each in notifier.run(network(*owners, broken=broken), now)]

    assert run(NOW) == [("a.example.org", UpdateOutcome.SENT)]
    assert run(NOW + 300) == []
    assert run(NOW + 600, broken=False) == [("a.example.org", UpdateOutcome.SENT)]
    transport.close()
    first, second = box.mails
    assert box.rcpt == ["owner@a.example.org"] * 2
    assert (first["From"], first["Reply-To"], first["To"]) == (
        "mirrors@example.org",
        "help@example.org",
        "owner@a.example.org",
    )
    assert first["Subject"] == "a.example.org is not listed by Example"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"].endswith("@example.org>")
    assert first["Date"] == "Sat, 28 Nov 2026 21:06:40 +0000"
    text = first.get_content()
    assert "a.example.org since 2026-11-28 19:06 UTC, or only in part" in text
    assert "main over https (ipv4): no answer within 10 s" in text
    assert "See that the server is not overloaded." in text
    assert "Details: https://m.example.org/mirrors/a.example.org" in text
    assert '"notify: false"' in text
    assert second["Subject"] == "a.example.org is listed again by Example"


def test_a_mail_that_is_refused_for_good_is_noted_and_not_tried_again(
    tmp_path: Path, mailbox: tuple[Mailbox, MailServer]
) -> None:
    server = mailbox[1]
    store, service = NoticeStore(open_database(tmp_path)), the_service(tmp_path, notify(server))

    def run(address: str) -> list[str]:
        transport = SmtpTransport(server)
        notifier = Notifier(service, MailWords("Example"), store.sent(), store.add, transport, post)
        try:
            return [f"{each.outcome} {each.detail}" for each in notifier.run(network(("a", address, True)), NOW)]
        finally:
            transport.close()

    with pytest.raises(MailError, match=r"answers 450 5\.1\.1 .* nothing is lost"):
        run("450@example.org")
    assert store.sent() == []
    assert run("550@example.org") == ["refused 550 5.1.1 <550@example.org>: no such  [2Juser here"]
    assert bounces(store.sent())["a"].startswith("550 5.1.1")
    assert run("550@example.org") == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", [SmtpSecurity.STARTTLS, SmtpSecurity.TLS])
def test_tls_is_checked_and_the_password_comes_from_its_file(security: SmtpSecurity, tmp_path: Path) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(serving)
    trusting = ssl.create_default_context()
    AUTHORITY.configure_trust(trusting)
    (tmp_path / "password").write_text("s3cret\n")
    box, port, logins = Mailbox(), free_port(), []

    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"s3cret", handled=False)

    more: dict[str, Any] = {"authenticator": login, "auth_required": True}
    if security is SmtpSecurity.TLS:
        controller = Controller(
            box, hostname="127.0.0.1", port=port, ssl_context=serving, auth_require_tls=False, **more
        )
    else:
        controller = Controller(box, hostname="127.0.0.1", port=port, tls_context=serving, **more)
    controller.start()
    try:
        server = MailServer(host="127.0.0.1", port=port, security=security, user="me",
                            password_file=str(tmp_path / "password"))  # fmt: skip
        written = message(Letter("a", "s", "t\n", ()), "you@example.org", notify(server), NOW)
        with pytest.raises(MailError, match="certificate"):
            SmtpTransport(server).send(written)
        transport = SmtpTransport(server, trusting)
        assert transport.send(written) is None
        transport.close()
        (tmp_path / "password").write_text("wrong")
        with pytest.raises(MailError, match="answers 535"):
            SmtpTransport(server, trusting).send(written)
    finally:
        controller.stop()
    assert (logins[0], len(box.mails)) == ((b"me", b"s3cret"), 1)


def test_a_server_that_is_away_loses_nothing(tmp_path: Path) -> None:
    server = MailServer(host="127.0.0.1", port=free_port(), security=SmtpSecurity.NONE)
    store, service = NoticeStore(open_database(tmp_path)), the_service(tmp_path, notify(server))
    notifier = Notifier(service, MailWords("Example"), store.sent(), store.add, SmtpTransport(server), post)
    with pytest.raises(MailError, match="Connection refused; nothing is lost"):
        list(notifier.run(network(("a", "a@example.org", True)), NOW))
    assert store.sent() == []


def test_maintainers_get_one_digest_a_day(tmp_path: Path, mailbox: tuple[Mailbox, MailServer]) -> None:
    box, server = mailbox
    store = NoticeStore(open_database(tmp_path))
    service = the_service(tmp_path, notify(server, digest_to="all@example.org", events=("certificate",)))
    for now in (NOW, NOW + 3600, NOW + 90_000):
        transport = SmtpTransport(server)
        list(
            Notifier(service, MailWords("Example"), store.sent(), store.add, transport, post).run(
                network(("a", None, True)), now
            )
        )
        transport.close()
    assert [each["Subject"] for each in box.mails] == ["Example: 1 of 10 mirrors out"] * 2
    assert "a (since 2026-11-28 19:06 UTC): main over https (ipv4): no answer" in box.mails[0].get_content()


@pytest.mark.parametrize(
    "hostile", ["a\r\nBcc: x@example.org", "a\nb", "\u202eabc", "\x1b[2J", "{{ 7 * 7 }}", "a\u2028b"]
)
def test_a_strangers_text_stays_text_on_one_line(hostile: str) -> None:
    condition = Condition("a.example.org", NoticeKind.OUT, "k", NOW, (hostile,), (hostile,))
    written = letter(MailWords("Example"), "a.example.org", [condition], None)
    mail = email.message_from_bytes(
        message(written, "o@example.org", notify(), NOW).as_bytes(), policy=email.policy.default
    )
    assert mail.keys() == ["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted",
                           "X-Auto-Response-Suppress", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"]  # fmt: skip
    text = mail.get_content().replace("\r\n", "\n")  # type: ignore[attr-defined]
    assert f"  {plain(hostile)}\n" in text
    assert not {"\x1b", "\u202e", "\u2028", "\r"} & set(text)


def test_an_address_that_is_no_header_is_refused() -> None:
    with pytest.raises(MailError, match="cannot be addressed"):
        message(Letter("a", "s", "t", ()), "o@example.org\nBcc: x@example.org", notify(), NOW)


def test_an_operator_writes_in_another_language_and_mistakes_are_named(tmp_path: Path) -> None:
    own = tmp_path / "mail.yml"
    own.write_text('subjects:\n  out: "{{ mirror }} fehlt"\nout: |\n  Seit {{ since }}: {{ lines[0] }}\n')
    written = letter(MailWords("Beispiel", own), "a", [OUT], None)
    assert written.subject == "a fehlt"
    assert written.text.startswith("Seit 2026-11-28 19:06: main: no answer\n")
    for text, said in (
        ("outt: x\n", "unknown key 'outt'"),
        ("[", "mail.yml"),
        ("- a\n", "not a mapping"),
        ("out: '{{ mirorr }}'\n", "'mirorr' is undefined; copy the template"),
        ("out: '{{ mirror.__class__.__mro__ }}'\n", "unsafe|undefined|access"),
    ):
        own.write_text(text)
        with pytest.raises(MailError, match=said):
            letter(MailWords("Beispiel", own), "a", [OUT], None)


def test_a_webhook_gets_signed_json_without_any_address(tmp_path: Path) -> None:
    got: list[tuple[dict[str, str], bytes]] = []
    statuses = iter([204, 500])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(next(statuses))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    (tmp_path / "secret").write_text("key")
    with served(HTTPServer(("127.0.0.1", 0), Handler)) as url:
        told = notify(webhook=f"{url}/h", webhook_secret_file=str(tmp_path / "secret"))
        service, store = the_service(tmp_path, told), NoticeStore(open_database(tmp_path))
        notifier = Notifier(service, MailWords("Example"), store.sent(), store.add, None, post)
        [done] = notifier.run(network(("a", "a@example.org", False)), NOW)
        assert (done.what, done.outcome) == ("a", UpdateOutcome.SENT)
        assert [each.channel for each in store.sent()] == [Channel.WEBHOOK]
        with pytest.raises(MailError, match="status 500; nothing is lost"):
            tell_webhook(service, [OUT], NOW, post)
    headers, body = got[0]
    assert headers["X-Mirrorlist-Signature"] == "sha256=" + hmac.new(b"key", body, hashlib.sha256).hexdigest()
    assert b"@" not in body
    said = json.loads(body)
    assert (said["mirror"], said["event"], said["page"]) == ("a", "out", "https://m.example.org/mirrors/a")


DSN = """From: MAILER-DAEMON@example.org
To: mirrors@example.org
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

Sorry.
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; Owner@A.example.org
Action: failed
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 user unknown

--B--
"""


def test_a_mail_that_comes_back_later_is_noted_of_its_mirror(tmp_path: Path) -> None:
    files = [
        Mirror(name="a.example.org", urls={}, email="owner@a.example.org"),
        Mirror(name="b.example.org", urls={}, email="owner@b.example.org"),
    ]
    assert returned(DSN.format(status="5.1.1").encode(), files) == {"a.example.org": "smtp; 550 5.1.1 user unknown"}
    assert returned(DSN.format(status="4.2.2").encode(), files) == {}, "it is tried again"
    with pytest.raises(MailError, match="no delivery report"):
        returned(b"Subject: holiday\n\nI am away.\n", files)
    store = NoticeStore(open_database(tmp_path))
    assert not store.bounced("a.example.org", "why")
    store.add([SentNotice(Channel.MAIL, "a.example.org", NoticeKind.OUT, "checks", NOW)], NOW)
    assert store.bounced("a.example.org", "why")
    assert bounces(store.sent()) == {"a.example.org": "why"}


@pytest.mark.slow
def test_the_command_prints_what_it_would_send_and_takes_what_comes_back(tmp_path: Path) -> None:
    config = checkout(tmp_path, "a.example.org")

    def said(*arguments: str, stdin: str = "") -> tuple[int, str]:
        done = CliRunner().invoke(main, ["--config", str(config), *arguments], input=stdin)
        return done.exit_code, done.output

    assert said("publish")[0] == 0
    assert "add notify.smtp and notify.sender" in said("mail")[1]
    config.write_text(f"{config.read_text()}notify: {{smtp: {{host: 127.0.0.1, port: 1}}, sender: m@example.org}}\n")
    assert said("mail", "--json") == (0, "[]\n")
    override = Override("a.example.org", "serves old isos", "me", 1.0, 2_000_000_000.0)
    HealthStore(open_database(tmp_path / "state")).override(override)
    assert said("publish")[0] == 0
    code, text = said("mail", "--dry-run")
    assert (code, "To: mirror@example.org\nSubject: a.example.org is not listed by Linux" in text) == (0, True), text
    assert "serves old isos" in text
    code, text = said("mail")
    assert (code, ":1: Connection refused; nothing is lost" in text) == (1, True)
    bounce = DSN.format(status="5.1.1").replace("Owner@A.example.org", "mirror@example.org")
    assert said("mail", "--bounce", stdin=bounce) == (0, "a.example.org: no mail about it was sent\n")
    NoticeStore(open_database(tmp_path / "state")).add(
        [SentNotice(Channel.MAIL, "a.example.org", NoticeKind.OUT, "override", NOW)], NOW
    )
    assert said("mail", "--bounce", stdin=bounce) == (0, "a.example.org: smtp; 550 5.1.1 user unknown\n")
    assert "Mails that came back" in said("report")[1]
