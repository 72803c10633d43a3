"""Follow a snapshot channel: verify what is new, fetch the pieces that are missing, put files in place; hand in counts.

A channel is a directory or an address of http(s), which is read within bounds.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import msgspec
import requests
import structlog
import urllib3
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mirrorlist import __version__
from mirrorlist.core.channel import (
    LARGEST_MANIFEST,
    LARGEST_PIECE,
    LATEST,
    ChannelFile,
    Manifest,
    PieceName,
    piece_path,
    pieces,
    verified_manifest,
)
from mirrorlist.core.errors import ChannelError, MirrorlistError, SnapshotError, UploadRefused
from mirrorlist.core.files.folder import decode_index
from mirrorlist.core.snapshot import decode
from mirrorlist.files_on_disk import open_regular, read_mapped, write_whole
from mirrorlist.logs import LastingFault
from mirrorlist.store.count_files import CountFiles
from mirrorlist.store.index_files import prune_indexes
from mirrorlist.store.marks import Scheme, authorization
from mirrorlist.store.snapshot_files import FORMER, NAME, write_snapshot

DEADLINE_SECONDS = 60.0
_CONNECT_AND_READ_SECONDS = (5.0, 10.0)
_READ_AT_ONCE = 1 << 16


class PieceSource(Protocol):
    """Where pieces of generations are read from."""

    def file(self, name: str, most: int) -> bytes:
        """The content of a file of at most ``most`` bytes.

        Raises:
            ChannelError: it cannot be had.
        """


class ChannelSource(PieceSource, Protocol):
    """Where a channel is read from."""

    def changed(self, name: str, most: int) -> bytes | None:
        """The content of a file of at most ``most`` bytes; None where it is what it was at the last call.

        Raises:
            ChannelError: it cannot be had.
        """


class DirectorySource:
    """A directory on this machine: shared, or filled by rsync."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._last: tuple[int, int, int] | None = None

    def changed(self, name: str, most: int) -> bytes | None:
        try:
            found = (self._directory / name).stat()
        except OSError as error:
            raise ChannelError(f"{self._directory / name}: {error.strerror}") from None
        now = (found.st_ino, found.st_mtime_ns, found.st_size)
        if now == self._last:
            return None
        data = self.file(name, most)
        self._last = now
        return data

    def file(self, name: str, most: int) -> bytes:
        path = self._directory / name
        try:
            with open_regular(path) as file:
                data = file.read(most + 1)
        except OSError as error:
            raise ChannelError(f"{path}: {error.strerror or error}") from None
        return _bounded(data, most, str(path))


SETTLED_SECONDS = 2.0


class HttpSource:
    """A web server or object store. ``token`` is sent as a bearer token; only https protects it."""

    def __init__(self, url: str, token: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url.rstrip("/") + "/"
        self._clock = clock
        self._session = requests.Session()
        self._session.max_redirects = 3
        self._session.headers["User-Agent"] = f"mirrorlist/{__version__}"
        self._session.headers["Accept-Encoding"] = "identity"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._validators: dict[str, str] = {}

    def changed(self, name: str, most: int) -> bytes | None:
        return self._read(name, most, self._validators)

    def file(self, name: str, most: int) -> bytes:
        found = self._read(name, most, {})
        if found is None:
            raise ChannelError(f"{self._url}{name}: status 304 to a request without condition")
        return found

    def _read(self, name: str, most: int, validators: dict[str, str]) -> bytes | None:
        url, deadline = self._url + name, self._clock() + DEADLINE_SECONDS
        try:
            with self._session.get(url, headers=validators, timeout=_CONNECT_AND_READ_SECONDS, stream=True) as answer:
                if answer.status_code == 304:
                    return None
                if answer.status_code != 200:
                    raise ChannelError(f"{url}: status {answer.status_code}")
                data = bytearray()
                while len(data) <= most and (part := answer.raw.read1(_READ_AT_ONCE, decode_content=False)):
                    data += part
                    if self._clock() > deadline:
                        raise ChannelError(f"{url}: not complete after {DEADLINE_SECONDS:.0f} s")
                if validators is self._validators:
                    given = {"If-None-Match": "ETag", "If-Modified-Since": "Last-Modified"}
                    known = {ask: answer.headers[had] for ask, had in given.items() if had in answer.headers}
                    self._validators = known if _is_settled(answer.headers) else {}
                return _bounded(bytes(data), most, url)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise ChannelError(f"{url}: {type(error).__name__}") from None


def _is_settled(headers: Mapping[str, str]) -> bool:
    """Whether a file is old enough for its validators to show each later change (RFC 9110, 8.8.2.2).

    Servers know times to the second, and nginx makes its ETag of time and size: a file that is written twice in one
    second looks the same.
    """
    if "Last-Modified" not in headers:
        return True
    try:
        answered, modified = (parsedate_to_datetime(headers[name]).timestamp() for name in ("Date", "Last-Modified"))
    except (KeyError, ValueError):
        return False
    return answered - modified >= SETTLED_SECONDS


def _bounded(data: bytes, most: int, where: str) -> bytes:
    if len(data) > most:
        raise ChannelError(f"{where}: larger than {most} bytes")
    return data


def source_of(text: str, token: str | None = None) -> ChannelSource:
    """The source that an address or a path names."""
    if text.startswith(("https://", "http://")):
        return HttpSource(text, token)
    return DirectorySource(Path(text))


log = structlog.get_logger()

NOTE = "channel.json"
"""What was taken last, in the state directory of a node."""
_INDEX = re.compile(r"files\.[0-9a-f]{64}\.bin")


class NodeGeneration(msgspec.Struct, frozen=True):
    """The generation in effect, when it was built, and the digest of its snapshot."""

    generation: int
    built_at: float
    sha256: str


class Follower:
    """Brings the generations of a channel into the state directory of a node.

    Only generations that are newer than the last one are taken: an older one is a replay, whoever serves it. They are
    signed with one of the keys; there are two while the publisher gets another one.
    """

    def __init__(self, source: ChannelSource, keys: Sequence[Ed25519PublicKey], state_dir: Path) -> None:
        self._source = source
        self._keys = keys
        self._state_dir = state_dir
        self._waiting: bytes | None = None

    def step(self, now: float, older: bool = False) -> Manifest | None:
        """Takes what is new; None where nothing is. With ``older`` an older generation too, once.

        Raises:
            ChannelError, SnapshotError, OSError: what is new is not taken; the next step tries again.
        """
        data = self._source.changed(LATEST, LARGEST_MANIFEST)
        data = self._waiting if data is None else data
        if data is None:
            return None
        self._waiting = data  # until it is taken, it is new
        manifest = verified_manifest(data, *self._keys)
        snapshot = self._judged(manifest, older)
        if snapshot is None:
            self._waiting = None
            return None
        content = fetched(manifest, self._source, self._state_dir)
        decode(memoryview(content))
        write_snapshot(self._state_dir, content)
        taken = NodeGeneration(manifest.generation, manifest.built_at, snapshot.sha256)
        write_whole(self._state_dir / NOTE, [msgspec.json.encode(taken)])
        prune_indexes(self._state_dir, now)
        self._waiting = None
        return manifest

    def _judged(self, manifest: Manifest, older: bool) -> ChannelFile | None:
        """The snapshot of a manifest, if it is to be taken."""
        if not manifest.files or manifest.files[-1].name != NAME:
            raise ChannelError(f"generation {manifest.generation} has no snapshot")
        if any(not _INDEX.fullmatch(file.name) for file in manifest.files[:-1]):
            raise ChannelError(f"generation {manifest.generation} has a file that no node takes")
        snapshot, last = manifest.files[-1], self.taken()
        if last is None or not (self._state_dir / NAME).exists():
            return snapshot
        if manifest.generation == last.generation and snapshot.sha256 == last.sha256:
            return None
        if manifest.generation <= last.generation and not older:
            raise ChannelError(
                f"generation {manifest.generation} is not newer than {last.generation}, which is current: it is a "
                "replay, or the publisher started over (then take it once with mirrorlist follow --once --older)"
            )
        return snapshot

    def taken(self) -> NodeGeneration | None:
        """What was taken last; None where nothing was, or the note is damaged."""
        try:
            return msgspec.json.decode((self._state_dir / NOTE).read_bytes(), type=NodeGeneration)
        except (OSError, msgspec.MsgspecError):
            return None


def fetched(manifest: Manifest, source: PieceSource, state_dir: Path) -> bytes:
    """The snapshot of a generation, of which only pieces that are not here travel; its indexes are put in place.

    Raises:
        ChannelError, SnapshotError: something cannot be had, or is not what the manifest says.
    """
    have = _present(state_dir)
    for file in manifest.files[:-1]:
        path = state_dir / file.name
        if not path.exists():  # its name says what is in it
            content = _assembled(file, have, source)
            if f"files.{decode_index(memoryview(content)).digest}.bin" != file.name:
                raise ChannelError(f"{file.name}: its content has another digest")
            write_whole(path, [content])
    return _assembled(manifest.files[-1], have, source)


def _present(state_dir: Path) -> Mapping[str, bytes]:
    """The pieces of the snapshot that is here, by digest: most of the next one is the same."""
    for name in (NAME, *FORMER):
        try:
            return read_mapped(
                state_dir / name, lambda data: {sha256(each).hexdigest(): bytes(each) for each in pieces(data)}
            )
        except SnapshotError:
            continue
    return {}


def _assembled(file: ChannelFile, have: Mapping[str, bytes], source: PieceSource) -> bytes:
    parts = [have.get(each.sha256) or _piece(each, source) for each in file.pieces]
    content = b"".join(parts)
    if len(content) != file.size or sha256(content).hexdigest() != file.sha256:
        raise ChannelError(f"{file.name}: the pieces do not make the file that the manifest names")
    return content


def _piece(piece: PieceName, source: PieceSource) -> bytes:
    if piece.size > LARGEST_PIECE:
        raise ChannelError(f"a piece has {piece.size} bytes; at most {LARGEST_PIECE} are taken")
    packed = source.file(piece_path(piece.sha256), piece.size + 65_536)
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(packed)
        found = reader.read(piece.size + 1)
    except zstandard.ZstdError as error:
        raise ChannelError(f"{piece_path(piece.sha256)}: {error}") from None
    if len(found) != piece.size or sha256(found).hexdigest() != piece.sha256:
        raise ChannelError(f"{piece_path(piece.sha256)}: its content has another digest")
    return found


def follow(
    follower: Follower, every: float, stop: threading.Event, clock: Callable[[], float], lives: Callable[[], bool]
) -> None:
    """Follows until it is told to stop, or its parent is gone; what fails is logged once while it lasts."""
    said = ""
    while not stop.is_set() and lives():
        try:
            taken = follower.step(clock())
            if taken is not None:
                log.info("generation taken", generation=taken.generation, built_at=taken.built_at)
            elif said:
                log.info("the channel can be read again")
            said = ""
        except (ChannelError, SnapshotError, OSError) as error:
            if str(error) != said:
                log.error("no newer generation, the last one stays current", reason=str(error))
            said = str(error)
        stop.wait(every)


# What a node hands in: signed with its own key, so that whoever takes it reads nobody else's bytes.


def hand_in(
    session: requests.Session, url: str, scheme: Scheme, name: str, at: float, body: bytes, key: Ed25519PrivateKey
) -> None:
    """Uploads a body to the service at an address that ends with a slash.

    Raises:
        UploadRefused: it does not take it.
        MirrorlistError: it cannot be reached.
    """
    headers = {"Authorization": authorization(scheme, name, at, body, key), "User-Agent": f"mirrorlist/{__version__}"}
    try:
        with session.post(
            f"{url}hooks/{scheme.lower()}", data=body, headers=headers, timeout=(10.0, 60.0), allow_redirects=False,
            stream=True,
        ) as answer:  # fmt: skip
            said = answer.raw.read(500, decode_content=True).decode("utf-8", "replace")
    except requests.RequestException as error:
        raise MirrorlistError(f"{url}: nothing can be sent: {type(error).__name__}") from None
    if answer.status_code != 202:
        printable = "".join(char for char in said.lstrip("# ") if char.isprintable())
        raise UploadRefused(f"{url}: not taken, status {answer.status_code}: {printable}")


HAND_IN_SECONDS = 300.0
FIRST_HAND_IN_SECONDS = 15.0
OVER_SECONDS = 60.0
"""How long after midnight (UTC) a day is over: workers write what they counted every few seconds."""


class CountsDesk:
    """Hands in what this node counted: yesterday's once more when it is over, and today's again and again."""

    def __init__(self, url: str, name: str, key: Ed25519PrivateKey, counts: CountFiles) -> None:
        self._url, self._name, self._key, self._counts = url, name, key, counts
        self._session = requests.Session()
        self._whole: date | None = None
        self._fault = LastingFault()

    def step(self, now: float) -> bool:
        """Hands in what is due; what cannot be handed in is logged while it is new, and comes with the next step.
        False where nothing was counted yet."""
        today = datetime.fromtimestamp(now, UTC).date()
        yesterday = today - timedelta(days=1)
        is_over = datetime.fromtimestamp(now - OVER_SECONDS, UTC).date() == today
        days = [yesterday, today] if is_over and self._whole != yesterday else [today]
        counted = False
        try:
            for second, day in enumerate(days):  # of one second only one signature is taken
                if (body := self._counts.packed(day)) is not None:
                    counted = True
                    hand_in(self._session, self._url, Scheme.NODE, self._name, now + second, body, self._key)
        except MirrorlistError as error:
            if self._fault.is_new(str(error)):
                log.error("counts not handed over, they will come with the next ones", reason=str(error))
            return True
        if self._fault.is_over():
            log.info("counts are handed over again", to=self._url)
        if yesterday in days:
            self._whole = yesterday
        return counted

    def run(self, stop: threading.Event, clock: Callable[[], float], every: float = HAND_IN_SECONDS) -> None:
        """Steps until it is told to stop, the first one soon, so that a wrong key shows."""
        wait = FIRST_HAND_IN_SECONDS
        while not stop.wait(wait):
            wait = every if self.step(clock()) else FIRST_HAND_IN_SECONDS
