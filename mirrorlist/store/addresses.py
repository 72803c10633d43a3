"""Addresses of mirrors in the database, as the prober last saw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from mirrorlist.core.network.addresses import KnownAddress
from mirrorlist.store.leader_election import Leadership
from mirrorlist.store.tables import MIRROR_ADDRESSES, grow

KEPT_SECONDS = 30 * 86_400.0
"""How long addresses are kept that no probe confirmed."""
VERSION = "addresses"
"""The row of HEALTH_VERSIONS that grows whenever a mirror's addresses change."""


class AddressStore:
    """Reads and writes the addresses in one database; with a ``lead`` it writes only while that counts."""

    def __init__(self, engine: sa.Engine, lead: Leadership | None = None) -> None:
        self._engine = engine
        self._lead = lead

    def known(self) -> dict[str, tuple[KnownAddress, ...]]:
        """The addresses of each mirror, by its name."""
        found: dict[str, tuple[KnownAddress, ...]] = {}
        table = MIRROR_ADDRESSES.c
        wanted = sa.select(table.mirror, table.address, table.asn).order_by(table.mirror, table.address)
        with self._engine.connect() as connection:
            for mirror, address, asn in connection.execute(wanted):
                found[mirror] = (*found.get(mirror, ()), KnownAddress(address, asn))
        return found

    def record(self, found: Mapping[str, Sequence[KnownAddress]], now: float) -> bool:
        """Notes the addresses of these mirrors in place of their former ones; whether any changed."""
        before = self.known()
        changed = any(set(before.get(name, ())) != set(known) for name, known in found.items())
        rows = [
            {"mirror": name, "address": each.address, "asn": each.asn, "seen_at": now}
            for name, known in found.items()
            for each in known
        ]
        with self._engine.begin() as connection:
            if self._lead:
                self._lead.hold(connection)
            connection.execute(MIRROR_ADDRESSES.delete().where(MIRROR_ADDRESSES.c.seen_at < now - KEPT_SECONDS))
            for name in found:
                connection.execute(MIRROR_ADDRESSES.delete().where(MIRROR_ADDRESSES.c.mirror == name))
            if rows:
                connection.execute(MIRROR_ADDRESSES.insert(), rows)
            if changed:
                grow(connection, VERSION)
        return changed
