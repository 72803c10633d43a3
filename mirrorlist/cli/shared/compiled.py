"""The publisher that commands use, and a snapshot of the files as they are now."""

from __future__ import annotations

import secrets
from pathlib import Path

from mirrorlist.cli.shared.context import Context
from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.snapshot import Snapshot
from mirrorlist.publishing.publisher import Inputs, Publisher
from mirrorlist.store.database import open_database
from mirrorlist.store.records import Records

KEY_BYTES = 32


def publisher_of(context: Context, service: Service) -> Publisher:
    """The publisher of this service."""
    settings = context.settings
    inputs = Inputs(settings.config, settings.mirrors, settings.state)
    records = Records(lambda: open_database(Path(service.state_dir), settings.database))
    return Publisher(inputs, records, service, lambda: secrets.token_bytes(KEY_BYTES))


def snapshot_of(context: Context) -> Snapshot:
    """A snapshot of the files as they are now; nothing is written."""
    return publisher_of(context, context.service()).compiled(context.clock())
