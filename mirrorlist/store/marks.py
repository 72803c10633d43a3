"""Leave files in the state directory, by which one process asks another to look: marks, and what was signed.

A mark is a small file that is replaced whole. Whoever waits for it remembers the sign that it saw last, so any number
of processes may wait for one mark, and one that was left while nobody waited is seen later.
"""

from __future__ import annotations

import base64
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mirrorlist.core.catalogue.service import Vantage
from mirrorlist.core.channel import private_key, public_key
from mirrorlist.core.errors import ChannelError, MirrorlistError, UploadRefused
from mirrorlist.core.health.vantages import LEAST_SECONDS, Report
from mirrorlist.files_on_disk import open_regular, write_whole


class MarkName(StrEnum):
    """The file of each mark."""

    ORIGIN = "origin.mark"
    """The origin says that it changed: whoever follows it asks at once."""
    PROBE = "probe.mark"
    """The origin's metadata changed: the prober looks which mirrors have it."""


class MarkText(msgspec.Struct, frozen=True):
    """The content: when the mark was left, in seconds since 1970, and the paths that it is about."""

    at: float
    paths: tuple[str, ...] = ()


class Mark:
    """One mark of a state directory."""

    def __init__(self, state_dir: Path, name: MarkName) -> None:
        self._path = state_dir / name.value

    def leave(self, now: float, paths: tuple[str, ...] = ()) -> None:
        """Leaves the mark, whether or not anybody waits for it.

        Raises:
            MirrorlistError: the state directory cannot be written to.
        """
        try:
            write_whole(self._path, [msgspec.json.encode(MarkText(now, paths))])
        except OSError as error:
            message = f"{self._path}: {error.strerror}; let this user write to the state directory"
            raise MirrorlistError(message) from None

    def sign(self) -> Hashable:
        """A value that differs after each ``leave``; None while nobody left the mark."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def read(self) -> MarkText | None:
        """The content; None where there is none, or it cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=MarkText)
        except (OSError, msgspec.MsgspecError):
            return None


# Keys, by which machines know each other.

LONGEST_KEY = 4096


def read_private_key(file: Path) -> Ed25519PrivateKey:
    """The key in a file.

    Raises:
        ChannelError: it cannot be read, or others than its owner can read it.
    """
    try:
        with open_regular(file) as opened:
            if file.stat().st_mode & 0o077:
                raise ChannelError(f"{file}: others can read the signing key; run chmod 600 {file}")
            return private_key(opened.read(LONGEST_KEY).decode("ascii", "replace"))
    except PermissionError:
        raise ChannelError(f"{file}: this user may not read it; give it to the service's user with chown") from None
    except OSError as error:
        raise ChannelError(
            f"{file}: {error.strerror or error}; make a key with mirrorlist channel-key {file}"
        ) from None


# Reports of vantage points, and counts of nodes.
#
# What is uploaded comes with a header, ``Authorization: Vantage NAME AT SHA256 SIGNATURE``: the Ed25519 signature
# (RFC 8032) of the sender's name, the second and the digest of the body. So whoever has no key is refused before a byte
# of the body is read. A worker leaves a report that it accepts as a file per vantage; the publisher verifies it again
# and writes the votes, as workers never touch the database.

LARGEST_REPORT = 1 << 20
LONGEST_HEADER = 512
CLOCK_SECONDS = 300.0
"""How far the clocks of a sender and the service may differ; what was signed longer ago is old."""


class Signer(Protocol):
    """Who may upload something: a name, and a public key if it has one."""

    @property
    def name(self) -> str:
        """Its name in service.yml."""

    @property
    def key(self) -> str | None:
        """Its public key."""


class Scheme(StrEnum):
    """What is uploaded, by the first word of its header; a signature for one is none for the other."""

    VANTAGE = "Vantage"
    NODE = "Node"


STRANGERS = {
    Scheme.VANTAGE: "no vantage point has this name and key; compare them with vantages in service.yml",
    Scheme.NODE: "no node has this name and key; compare them with nodes in service.yml",
}


@dataclass(frozen=True, slots=True)
class SignedClaim:
    """Who uploads, when (seconds since 1970), and the SHA-256 of the body in hexadecimal."""

    scheme: Scheme
    name: str
    at: int
    digest: str

    @property
    def signed(self) -> bytes:
        """The bytes that the sender signs."""
        return f"mirrorlist {self.scheme.lower()}\n{self.name}\n{self.at}\n{self.digest}\n".encode()


def authorization(scheme: Scheme, name: str, at: float, body: bytes, key: Ed25519PrivateKey) -> str:
    """The header that goes with a body."""
    claim = SignedClaim(scheme, name, int(at), sha256(body).hexdigest())
    signature = base64.b64encode(key.sign(claim.signed)).decode()
    return f"{scheme.value} {claim.name} {claim.at} {claim.digest} {signature}"


def verified_claim(scheme: Scheme, header: str, signers: Sequence[Signer], now: float | None) -> SignedClaim:
    """The claim of a header that one of these has signed just now, or at any time where ``now`` is None.

    Raises:
        UploadRefused: it is malformed, of somebody unknown, forged, or of another time.
    """
    try:
        word, name, at, digest, signature = header[:LONGEST_HEADER].split(" ")
        claim = SignedClaim(scheme, name, int(at), digest)
        raw = base64.b64decode(signature, validate=True)
    except ValueError:
        word, claim, raw = "", SignedClaim(scheme, "", 0, ""), b""
    if word != scheme:
        raise UploadRefused(f"send a header Authorization: {scheme.value} NAME AT SHA256 SIGNATURE")
    signer = next((each for each in signers if each.name == claim.name and each.key), None)
    try:
        public_key((signer and signer.key) or NOBODY).verify(raw, claim.signed)
    except InvalidSignature:
        signer = None
    if signer is None:
        raise UploadRefused(STRANGERS[scheme])
    if now is not None and abs(claim.at - now) > CLOCK_SECONDS:
        raise UploadRefused(f"this was signed {claim.at - now:+.0f} s from now; set the clock, and send it at once")
    return claim


NOBODY = base64.b64encode(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")).decode()
"""A public key of RFC 8032 (7.1, TEST 1): an unknown name takes as long to refuse as a forged signature."""


def refuse_other(claim: SignedClaim, body: bytes) -> None:
    """Raises UploadRefused where a body is not the one that a claim is about."""
    if sha256(body).hexdigest() != claim.digest:
        raise UploadRefused("the body is not the one that was signed")


def read_report(claim: SignedClaim, body: bytes) -> Report:
    """The report that a claim is about.

    Raises:
        UploadRefused: it is another, or none.
    """
    refuse_other(claim, body)
    try:
        return msgspec.json.decode(body, type=Report)
    except msgspec.MsgspecError as error:
        raise UploadRefused(f"the report cannot be read: {error}") from None


class UploadBox:
    """What was uploaded into a state directory: the last of each sender, which stays there after it was taken.

    ``apart_seconds``: how far apart two have to be signed.
    """

    def __init__(self, state_dir: Path, scheme: Scheme = Scheme.VANTAGE, apart_seconds: float = LEAST_SECONDS) -> None:
        self.scheme = scheme
        self._directory = state_dir / f"{scheme.lower()}s"
        self._apart_seconds = apart_seconds

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.report"

    def last_at(self, name: str) -> int | None:
        """When the last one of a sender was signed."""
        try:
            with open_regular(self._path(name)) as file:
                return int(file.readline(LONGEST_HEADER).split(b" ")[2])
        except (OSError, ValueError, IndexError):
            return None

    def refuse_repeated(self, claim: SignedClaim) -> None:
        """Raises UploadRefused where one that was signed at this time or later is here, or another just before."""
        last = self.last_at(claim.name)
        if last is not None and (claim.at <= last or claim.at < last + self._apart_seconds):
            raise too_soon(claim.at, last)

    def leave(self, header: str, claim: SignedClaim, body: bytes) -> None:
        """Leaves it. Raises UploadRefused as ``refuse_repeated``, OSError where it cannot be written."""
        self.refuse_repeated(claim)
        write_whole(self._path(claim.name), [f"{header}\n".encode(), body])

    def read(self, vantage: Vantage) -> tuple[SignedClaim, Report]:
        """The report of a vantage, verified as when it came.

        Raises:
            UploadRefused: it is not of this vantage, or none.
            OSError: there is none.
        """
        with open_regular(self._path(vantage.name)) as file:
            header, body = file.readline(LONGEST_HEADER), file.read(LARGEST_REPORT + 1)
        claim = verified_claim(self.scheme, header.decode(errors="replace").rstrip("\n"), (vantage,), None)
        return claim, read_report(claim, body)


def too_soon(at: float, last: float) -> UploadRefused:
    """The refusal of a report that is not newer than the last, or follows it at once."""
    if at <= last:
        return UploadRefused("this was here before, or a newer one; each is taken once")
    return UploadRefused(f"the last report is {at - last:.0f} s old; looks have to be {LEAST_SECONDS:.0f} s apart")
