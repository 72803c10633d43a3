"""The snapshot channel: how generations travel from the publisher to machines that only answer.

A channel is a directory of plain files, so any web server, object store or rsync can carry it. ``latest.json`` holds a
signed manifest (Ed25519, RFC 8032) that names every file of a generation by its digest; files are cut where their
sections are, and each piece is kept once under its SHA-256, so that a new generation costs what changed.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mirrorlist.core.container import PREAMBLE, Section, padding
from mirrorlist.core.errors import ChannelError

FORMAT = 1
LATEST = "latest.json"
LARGEST_MANIFEST = 1 << 20
LARGEST_PIECE = 256 << 20
LARGEST_FILE = 4 << 30
MOST_FILES = 1000


class PieceName(msgspec.Struct, frozen=True):
    """One piece of a file: its SHA-256 in hexadecimal, and its length in bytes."""

    sha256: str
    size: int


class ChannelFile(msgspec.Struct, frozen=True):
    """A file of a generation, by the name it has in a state directory, and its pieces in order."""

    name: str
    sha256: str
    size: int
    pieces: tuple[PieceName, ...]


class Manifest(msgspec.Struct, frozen=True):
    """A generation. The snapshot is the last of its files, so that what it names is there before it."""

    format: int
    generation: int
    built_at: float
    files: tuple[ChannelFile, ...]


class _Envelope(msgspec.Struct):
    manifest: str
    signature: str


class _Sections(msgspec.Struct):
    sections: dict[str, Section]


def piece_path(digest: str) -> str:
    """Where a piece lies below the channel, packed with Zstandard."""
    return f"pieces/{digest[:2]}/{digest}.zst"


def pieces(data: memoryview) -> Iterator[memoryview]:
    """The pieces of a sealed file: what is before its arrays, and each array with the gap before it.

    A file of another kind is one piece; none is empty.
    """
    end = 0
    if len(data) >= PREAMBLE.size:
        length = PREAMBLE.unpack_from(data)[2]
        body = PREAMBLE.size + length + padding(length)
        try:
            sections = msgspec.msgpack.decode(data[PREAMBLE.size : PREAMBLE.size + length], type=_Sections).sections
        except msgspec.MsgspecError:
            sections = {}
        cuts = sorted({PREAMBLE.size, body, *(body + each.offset for each in sections.values())})
        for cut in cuts:
            if end < cut <= len(data):
                yield data[end:cut]
                end = cut
    if end < len(data):
        yield data[end:]


def file_of(name: str, data: memoryview) -> ChannelFile:
    """The description of a file."""
    named = tuple(PieceName(sha256(each).hexdigest(), len(each)) for each in pieces(data))
    return ChannelFile(name, sha256(data).hexdigest(), len(data), named)


def signed(manifest: Manifest, key: Ed25519PrivateKey) -> bytes:
    """The content of ``latest.json``."""
    text = msgspec.json.encode(manifest)
    signature = base64.b64encode(key.sign(text)).decode()
    return msgspec.json.encode(_Envelope(text.decode(), signature))


def verified_manifest(data: bytes, *keys: Ed25519PublicKey) -> Manifest:
    """The manifest in ``latest.json``, which one of the keys has signed.

    Raises:
        ChannelError: none has, or it is of a format that this release does not read.
    """
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
        text = envelope.manifest.encode()
        signature = base64.b64decode(envelope.signature, validate=True)
        if not any(_has_signed(key, signature, text) for key in keys):
            raise ChannelError("the manifest is not signed with this key; compare the keys of publisher and node")
        number = msgspec.json.decode(text, type=dict[str, object]).get("format")
        if number != FORMAT:
            raise ChannelError(f"the channel has format {number}; this release reads {FORMAT}: upgrade this node")
        found = msgspec.json.decode(text, type=Manifest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ChannelError(f"{LATEST} cannot be read: {error}") from None
    if len(found.files) > MOST_FILES or any(each.size > LARGEST_FILE for each in found.files):
        raise ChannelError(f"{LATEST} names too many files, or too large ones")
    return found


def _has_signed(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


# Keys are texts of one line: the 32 bytes of RFC 8032 in base64.


def new_key() -> str:
    """A new private key."""
    return base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def private_key(text: str) -> Ed25519PrivateKey:
    """Raises ChannelError where a text is no private key."""
    return Ed25519PrivateKey.from_private_bytes(_raw(text))


def public_key(text: str) -> Ed25519PublicKey:
    """Raises ChannelError where a text is no public key."""
    return Ed25519PublicKey.from_public_bytes(_raw(text))


def public_text(key: Ed25519PrivateKey) -> str:
    """The public key that belongs to a private one."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def _raw(text: str) -> bytes:
    try:
        found = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise ChannelError("a key is 32 bytes in base64, 44 characters; make one with mirrorlist channel-key FILE")
    return found
