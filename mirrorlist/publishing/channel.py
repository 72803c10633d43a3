"""Write the snapshot channel: the files of a generation cut into pieces, and the signed manifest after them.

The other way come counts, which machines hand over.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import structlog
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mirrorlist.core.catalogue.service import ChannelPlace, Service
from mirrorlist.core.channel import (
    FORMAT,
    LARGEST_MANIFEST,
    LATEST,
    ChannelFile,
    Manifest,
    file_of,
    piece_path,
    pieces,
    signed,
    verified_manifest,
)
from mirrorlist.core.errors import ChannelError, MirrorlistError
from mirrorlist.files_on_disk import open_regular, read_mapped, write_whole
from mirrorlist.following.follower import CountsDesk
from mirrorlist.logs import LastingFault
from mirrorlist.settings import Settings
from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.index_files import index_path
from mirrorlist.store.marks import read_private_key
from mirrorlist.store.publications import only_one
from mirrorlist.store.snapshot_files import NAME, Signature, read_snapshot, signature

log = structlog.get_logger()

LEVEL = 6
SPARED_SECONDS = 3600.0
"""A piece that no manifest names any more stays for this long: a node may be reading the manifest before."""
_PIECE = re.compile(r"[0-9a-f]{64}\.zst")


def hand_over_counts(settings: Settings, state_dir: Path, stop: threading.Event, clock: Callable[[], float]) -> None:
    """Begins to hand over what this machine counts, in threads, if the settings say to whom. A key that cannot be read
    is logged; nothing else depends on it."""
    if not settings.counts_to or settings.node is None or settings.node_key is None:
        return
    try:
        key = read_private_key(settings.node_key)
    except ChannelError as error:
        log.error("counts are not handed over until this is fixed and the service restarted", reason=str(error))
        return
    for url in settings.counts_to:
        desk = CountsDesk(url, settings.node, key, CountFiles(state_dir))
        threading.Thread(target=desk.run, args=(stop, clock), name="counts", daemon=True).start()


class ChannelWriter:
    """Puts generations of a state directory into a channel."""

    def __init__(self, directory: Path, key: Ed25519PrivateKey) -> None:
        self._directory = directory
        self._key = key

    def write(self, state_dir: Path) -> Manifest | None:
        """Publishes the current snapshot and the file indexes it names; None where the channel has that generation.

        Several publishers may write into one channel.

        Raises:
            ChannelError: the channel has a newer generation.
            SnapshotError, OSError: a file cannot be read or written; the channel stays as it is.
        """
        facts = read_snapshot(state_dir / NAME).facts
        if self._has(facts.generation, facts.built_at):
            return None
        paths = [index_path(state_dir, digest) for digest in sorted(set(facts.file_indexes.values()))]
        paths = [*(path for path in paths if path.is_file()), state_dir / NAME]
        files = tuple(read_mapped(path, lambda data, name=path.name: self._put(name, data)) for path in paths)  # type: ignore[misc]
        manifest = Manifest(FORMAT, facts.generation, facts.built_at, files)
        with only_one(self._directory):
            if self._has(facts.generation, facts.built_at):
                return None
            write_whole(self._directory / LATEST, [signed(manifest, self._key)])
        self._prune(manifest)
        return manifest

    def _has(self, generation: int, built_at: float) -> bool:
        """Whether the channel has a generation; what nobody has signed with this key does not count."""
        latest = self._directory / LATEST
        try:
            with open_regular(latest, LARGEST_MANIFEST) as file:
                found = verified_manifest(file.read(), self._key.public_key())
        except (ChannelError, OSError):
            return False
        if found.generation > generation:
            raise ChannelError(
                f"{latest} has generation {found.generation}, and the current one is {generation}: another publisher "
                f"writes there, or this one started over (then delete {latest})"
            )
        return (found.generation, found.built_at) == (generation, built_at)

    def _put(self, name: str, data: memoryview) -> ChannelFile:
        for each in pieces(data):
            path = self._directory / piece_path(sha256(each).hexdigest())
            if not path.exists():
                write_whole(path, [zstandard.ZstdCompressor(level=LEVEL).compress(each)])
        return file_of(name, data)

    def _prune(self, manifest: Manifest) -> None:
        named = {piece_path(each.sha256) for file in manifest.files for each in file.pieces}
        for path in (self._directory / "pieces").glob("*/*.zst"):
            if path.relative_to(self._directory).as_posix() in named:
                path.touch()  # it counts from the last manifest that names it
            elif _PIECE.fullmatch(path.name) and time.time() - path.stat().st_mtime > SPARED_SECONDS:
                path.unlink(missing_ok=True)


class ChannelJob:
    """Keeps the channel of a service up to date with its state directory; what fails is logged while it is new."""

    def __init__(self, service: Callable[[], Service]) -> None:
        self._service = service
        self._written: tuple[ChannelPlace, Signature | None] | None = None
        self._fault = LastingFault()

    def run(self) -> None:
        """Writes the current generation, unless it was written already or service.yml names no channel."""
        service = self._service()
        place, state_dir = service.channel, Path(service.state_dir)
        found = signature(state_dir / NAME)
        if place is None or found is None or self._written == (place, found):
            return
        try:
            ChannelWriter(Path(place.directory), read_private_key(Path(place.key_file))).write(state_dir)
            self._written = place, found
            if self._fault.is_over():
                log.info("the channel is written again")
        except (MirrorlistError, OSError) as error:
            if self._fault.is_new(str(error)):
                log.error("channel not written, nodes keep the former generation", reason=str(error))
