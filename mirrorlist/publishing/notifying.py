"""Send notices to owners, maintainers and the webhook, each noted as soon as it is out; take up what comes back."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import cast

from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import MailError
from mirrorlist.core.model import Mirror
from mirrorlist.core.owners.notices import DAY_SECONDS, Channel, Condition, NoticeKind, NoticePolicy, SentNotice, due
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.publishing.mail import (
    Letter,
    MailWords,
    Post,
    Transport,
    digest,
    letter,
    message,
    page_of,
    tell_webhook,
)
from mirrorlist.publishing.network_now import NetworkNow

LARGEST_BOUNCE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Notifier:
    """Writes to owners, to maintainers and to the webhook, as service.yml says."""

    service: Service
    words: MailWords
    sent: Sequence[SentNotice]
    note: Callable[[Iterable[SentNotice], float], None]
    """Remembers notices before the next one is written."""
    transport: Transport | None
    post: Post

    def run(self, network: NetworkNow, now: float) -> Iterator[UpdateResult]:
        """Sends what is due; a result for each notice.

        Raises:
            MailError: the mail server or the webhook does not take more now; what is left is sent by a later run.
        """
        found, sent = network.conditions(now), self.sent
        policy = NoticePolicy(frozenset(map(NoticeKind, self.service.notify.events)) or frozenset(NoticeKind))
        shown = network.record.network().mirrors
        if self.transport is not None:
            history = [each for each in sent if each.channel is Channel.MAIL]
            to = {each.name: each.email for each in network.files if each.email and each.notify}
            for name, news in due(shown, found, history, now, policy).items():
                if address := to.get(name):
                    written = letter(self.words, name, news, page_of(self.service, name))
                    yield self._mailed(self.transport, written, address, now)
            yield from self._digest(self.transport, found, sent, len(shown), now)
        if self.service.notify.webhook is not None:
            history = [each for each in sent if each.channel is Channel.WEBHOOK]
            for name, news in due(shown, found, history, now, policy).items():
                tell_webhook(self.service, news, now, self.post)
                self.note((_sent(Channel.WEBHOOK, each, now) for each in news), now)
                yield UpdateResult(name, UpdateOutcome.SENT, f"webhook: {', '.join(each.kind for each in news)}")

    def _mailed(self, transport: Transport, written: Letter, address: str, now: float) -> UpdateResult:
        bounce = transport.send(message(written, address, self.service.notify, now))
        self.note((_sent(Channel.MAIL, each, now, bounce) for each in written.conditions), now)
        if bounce:
            return UpdateResult(written.mirror, UpdateOutcome.REFUSED, bounce)
        return UpdateResult(written.mirror, UpdateOutcome.SENT, written.subject)

    def _digest(
        self, transport: Transport, found: Sequence[Condition], sent: Sequence[SentNotice], mirrors: int, now: float
    ) -> Iterator[UpdateResult]:
        to = self.service.notify.digest_to
        out = [each for each in found if each.kind is NoticeKind.OUT]
        last = max((each.at for each in sent if each.channel is Channel.DIGEST), default=0.0)
        bounced = bounces(sent)
        if to is None or now - last < DAY_SECONDS or not (out or bounced):
            return
        written = digest(self.words, out, mirrors, bounced)
        refused = transport.send(message(written, to, self.service.notify, now))
        self.note([SentNotice(Channel.DIGEST, "", NoticeKind.OUT, "digest", now, refused)], now)
        yield UpdateResult(
            "digest", UpdateOutcome.REFUSED if refused else UpdateOutcome.SENT, refused or written.subject
        )


def _sent(channel: Channel, condition: Condition, now: float, bounce: str | None = None) -> SentNotice:
    return SentNotice(channel, condition.mirror, condition.kind, condition.key, now, bounce)


def bounces(sent: Sequence[SentNotice]) -> dict[str, str]:
    """Mirrors whose last mail came back, and why."""
    last = {each.mirror: each for each in sent if each.channel is Channel.MAIL}
    return {name: each.bounce for name, each in last.items() if each.bounce}


_PERMANENT = re.compile(r"5\.\d{1,3}\.\d{1,3}")


def returned(data: bytes, files: Collection[Mirror]) -> dict[str, str]:
    """Mirrors whose owners a returned mail (RFC 3464) could not be delivered to for good, and why.

    Raises:
        MailError: it is no report on a delivery.
    """
    read = email.message_from_bytes(data[:LARGEST_BOUNCE], policy=email.policy.default)
    reports = [part for part in read.walk() if part.get_content_type() == "message/delivery-status"]
    if not reports:
        raise MailError("no delivery report (message/delivery-status, RFC 3464) in it; hand over the whole mail")
    failed: dict[str, str] = {}
    for part in reports:
        for block in cast("list[Message]", part.get_payload()):
            status, recipient = str(block.get("Status", "")), str(block.get("Final-Recipient", ""))
            if _PERMANENT.match(status.strip()):
                failed[recipient.rpartition(";")[2].strip().lower()] = str(block.get("Diagnostic-Code", status))
    return {each.name: failed[each.email.lower()] for each in files if each.email and each.email.lower() in failed}
