"""Notices to mirror owners in the database: what was sent to whom, and what came back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import sqlalchemy as sa

from mirrorlist.core.owners.notices import Channel, NoticeKind, SentNotice
from mirrorlist.store.tables import NOTICES

KEPT_SECONDS = 400 * 86_400.0
"""Longer than a certificate lasts, so that each of its ends is reported once."""
LONGEST = 1000


class NoticeStore:
    """Reads and writes the notices of one database. No address of a person is in it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def sent(self) -> list[SentNotice]:
        """Every notice that is kept, the oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(NOTICES).order_by(NOTICES.c.id))
            return [
                SentNotice(Channel(row.channel), row.mirror, NoticeKind(row.kind), row.key, row.at, row.bounce)
                for row in rows
            ]

    def add(self, notices: Iterable[SentNotice], now: float) -> None:
        """Notes notices, all or none, and forgets old ones."""
        rows = [
            asdict(each) | {"key": each.key[:LONGEST], "bounce": each.bounce and each.bounce[:LONGEST]}
            for each in notices
        ]
        with self._engine.begin() as connection:
            if rows:
                connection.execute(NOTICES.insert(), rows)
            connection.execute(NOTICES.delete().where(NOTICES.c.at < now - KEPT_SECONDS))

    def bounced(self, mirror: str, why: str) -> bool:
        """Notes why the last mail about a mirror came back; False where none was sent."""
        mails = sa.and_(NOTICES.c.mirror == mirror, NOTICES.c.channel == Channel.MAIL)
        newest = sa.select(sa.func.max(NOTICES.c.at)).where(mails).scalar_subquery()
        change = NOTICES.update().where(mails, NOTICES.c.at == newest)
        with self._engine.begin() as connection:
            return connection.execute(change.values(bounce=why[:LONGEST])).rowcount > 0
