"""Download databases and cloud ranges from their vendors into files, bounded, and only when they changed; unpack them.

The addresses and answers are those of DB-IP's free downloads, of MaxMind's update service as geoipupdate uses it, and
of IPinfo's data downloads. The operator names the vendors, so their addresses are trusted; what they send is bounded.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, cast

import requests
import urllib3

from mirrorlist import __version__
from mirrorlist.core.catalogue.service import Download, Vendor
from mirrorlist.core.errors import DownloadError
from mirrorlist.files_on_disk import open_regular

DEADLINE_SECONDS = 1800.0
LARGEST = 2 << 30
"""Bytes of a download, and of what it holds unpacked."""
LARGEST_PAGE = 4 << 20
_CONNECT_AND_READ_SECONDS = (10.0, 60.0)
_READ_AT_ONCE = 1 << 20

_DBIP = "https://download.db-ip.com/free/{edition}-{month}.mmdb.gz"
_MAXMIND = "https://updates.maxmind.com/geoip/databases/{edition}/update"
_IPINFO = "https://ipinfo.io/data/{edition}.mmdb"

CLOUD_URLS: Mapping[str, str] = {
    "aws": "https://ip-ranges.amazonaws.com/ip-ranges.json",
    "azure": "https://www.microsoft.com/en-us/download/details.aspx?id=56519",
    "gcp": "https://www.gstatic.com/ipranges/cloud.json",
    "oci": "https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json",
}
"""Where each provider publishes its ranges; Azure's is a page with a link to a file of the week."""
_AZURE_FILE = re.compile(rb"https?://[^\s\"'<>]{1,300}/ServiceTags_Public_\d{8}\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What an earlier answer said of its content, for a conditional request. ``url`` is where it came from."""

    url: str = ""
    etag: str | None = None
    modified: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came. ``validators`` are for the next request; ``md5`` is the database's, where the vendor says it."""

    validators: Validators
    md5: str | None = None


def download_session() -> requests.Session:
    """The session of a run: a few redirects, and the name of this program."""
    session = requests.Session()
    session.max_redirects = 5
    session.headers["User-Agent"] = f"mirrorlist/{__version__}"
    return session


@dataclass(frozen=True, slots=True)
class Downloader:
    """Downloads one file after another; ``clock`` is monotonic."""

    session: requests.Session
    clock: Callable[[], float] = time.monotonic
    chunk: int = field(default=_READ_AT_ONCE)

    def database(self, wanted: Download, key: str | None, former: Validators, now: float, to: Path) -> Answer | None:
        """Writes the database to ``to``, unpacked; None where it is what it was.

        Raises:
            DownloadError: it could not be had whole; the message names the vendor's answer and the remedy.
        """
        packed = to.with_suffix(".packed")
        try:
            answer = self._asked(wanted, key, former, now, packed)
            if answer is not None:
                unpack(packed, to)
                if answer.md5 and _md5(to) != answer.md5.lower():
                    raise DownloadError(f"{wanted.edition}: what came is not what its MD5 says; try again later")
            return answer
        finally:
            packed.unlink(missing_ok=True)

    def _asked(self, wanted: Download, key: str | None, former: Validators, now: float, to: Path) -> Answer | None:
        if wanted.vendor is Vendor.MAXMIND:  # it compares the MD5 of the present database itself
            url = wanted.url or _MAXMIND.format(edition=wanted.edition)
            present = Path(wanted.path)
            params = {"db_md5": _md5(present) if present.exists() else "0" * 32}
            return self.file(url, Validators(), to, params=params, account=(str(wanted.account), _needed(key, wanted)))
        if wanted.vendor is Vendor.IPINFO:
            url = wanted.url or _IPINFO.format(edition=wanted.edition)
            return self.file(url, former, to, params={"token": _needed(key, wanted)})
        if wanted.url is not None:
            return self.file(wanted.url, former, to, headers={"Authorization": f"Bearer {key}"} if key else None)
        this_month, last_month = (_DBIP.format(edition=wanted.edition, month=month) for month in _months(now))
        try:
            return self.file(this_month, former, to)
        except NotThere:  # a month's file appears in the course of its first days
            return self.file(last_month, former, to)

    def file(
        self,
        url: str,
        former: Validators,
        to: Path,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        account: tuple[str, str] | None = None,
    ) -> Answer | None:
        """Writes what an address has to ``to``; None where it is what it was.

        Raises:
            NotThere: status 404 or 410.
            DownloadError: anything else that is not a whole file.
        """
        sent = dict(headers or {}) | {"Accept-Encoding": "identity"}
        if former.url == url:
            sent |= {"If-None-Match": former.etag} if former.etag else {}
            sent |= {"If-Modified-Since": former.modified} if former.modified else {}
        deadline = self.clock() + DEADLINE_SECONDS
        try:
            with self.session.get(
                url, params=params, headers=sent, auth=account, timeout=_CONNECT_AND_READ_SECONDS, stream=True
            ) as answer:
                if answer.status_code == 304:
                    return None
                _judged(answer.status_code, url, answer.headers.get("Retry-After"))
                with to.open("wb") as file:
                    for part in self._parts(answer, url, deadline):
                        file.write(part)
                given = answer.headers.get
                return Answer(
                    Validators(url=url, etag=given("ETag"), modified=given("Last-Modified")), given("X-Database-MD5")
                )
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise DownloadError(f"{url}: {_reason(error)}; the former file stays, try again later") from None

    def _parts(self, answer: requests.Response, url: str, deadline: float) -> Iterator[bytes]:
        """The body as it came, without a Content-Encoding undone: what is packed is recognised by its first bytes."""
        total = 0
        while part := answer.raw.read1(self.chunk, decode_content=False):
            total += len(part)
            if total > LARGEST:
                raise DownloadError(f"{url}: larger than {LARGEST} bytes; is it the right file?")
            if self.clock() > deadline:
                raise DownloadError(f"{url}: not complete after {DEADLINE_SECONDS:.0f} s; the former file stays")
            yield part

    def page(self, url: str) -> bytes:
        """A page to be looked through, ``LARGEST_PAGE`` bytes at most; raises DownloadError."""
        deadline = self.clock() + DEADLINE_SECONDS
        try:
            with self.session.get(
                url, headers={"Accept-Encoding": "identity"}, timeout=_CONNECT_AND_READ_SECONDS, stream=True
            ) as answer:
                _judged(answer.status_code, url, answer.headers.get("Retry-After"))
                found = bytearray()
                for part in self._parts(answer, url, deadline):
                    found += part
                    if len(found) > LARGEST_PAGE:
                        break
                return bytes(found[:LARGEST_PAGE])
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise DownloadError(f"{url}: {_reason(error)}; the former file stays, try again later") from None

    def ranges(self, provider: str, url: str, former: Validators, to: Path) -> Answer | None:
        """Writes the ranges of a cloud provider to ``to``; None where they are what they were; raises DownloadError."""
        if provider == "azure" and not url.endswith(".json"):
            found = _AZURE_FILE.search(self.page(url))
            if found is None:
                raise DownloadError(
                    f"{url}: no link to ServiceTags_Public_<date>.json in it; name the file's own address"
                )
            url = found.group().decode("ascii")
        return self.file(url, former, to)


class NotThere(DownloadError):
    """The address has no file."""


def _needed(key: str | None, wanted: Download) -> str:
    if not key:
        raise DownloadError(
            f"{wanted.edition}: {wanted.vendor} wants a key; put it into a file and name it as key_file, "
            f"or into {KEY_VARIABLES[wanted.vendor]}"
        )
    return key


KEY_VARIABLES: Mapping[Vendor, str] = {
    Vendor.MAXMIND: "MIRRORLIST_MAXMIND_KEY",
    Vendor.IPINFO: "MIRRORLIST_IPINFO_TOKEN",
}
"""The settings that hold a vendor's key where service.yml names no ``key_file``."""


def _judged(status: int, url: str, retry_after: str | None) -> None:
    if status == 200:
        return
    if status in (404, 410):
        raise NotThere(f"{url}: status {status}; is the edition spelled as the vendor spells it?")
    if status in (401, 402, 403):
        raise DownloadError(f"{url}: status {status}; the vendor refuses the key: check account, key and licence")
    if status == 429:
        after = f" in {retry_after} s" if retry_after and retry_after.isdecimal() and len(retry_after) < 8 else ""
        raise DownloadError(
            f"{url}: status 429; the vendor's limit of downloads is reached, ask again{after or ' tomorrow'}"
        )
    raise DownloadError(f"{url}: status {status}; the former file stays, try again later")


def _reason(error: Exception) -> str:
    """What happened, without the address: that may hold a key."""
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout):
        return "no answer in time"
    text = type(error).__name__
    if "IncompleteRead" in f"{error!r}":
        return "the connection ended before the file did"
    return text


def _months(now: float) -> tuple[str, str]:
    """This month and the last, as 2026-11."""
    today = datetime.fromtimestamp(now, UTC).date()
    last = today.replace(day=1).toordinal() - 1
    return f"{today:%Y-%m}", f"{type(today).fromordinal(last):%Y-%m}"


def _md5(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def unpack(packed: Path, to: Path) -> None:
    """Writes the database that a download holds; its first bytes say how it is packed.

    Raises:
        DownloadError: the download ends early, is damaged or too large, or holds no database.
    """
    with packed.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        if not head.startswith(b"\x1f\x8b"):
            _write(to, iter(partial(file.read, _READ_AT_ONCE), b""), packed)
            return
        inner = to.with_suffix(".unpacked")
        try:
            _write(inner, _gunzipped(file, packed), packed)
            if not _is_tar(inner):
                inner.replace(to)
                return
            _write_member(inner, to, packed)
        finally:
            inner.unlink(missing_ok=True)


def _write(to: Path, parts: Iterable[bytes], packed: Path) -> None:
    total = 0
    with to.open("wb") as file:
        for part in parts:
            total += len(part)
            if total > LARGEST:
                raise DownloadError(f"{packed.stem}: larger than {LARGEST} bytes unpacked; is it the right file?")
            file.write(part)


def _gunzipped(file: IO[bytes], packed: Path) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(31)
    try:
        while not unpacker.eof and (part := file.read(_READ_AT_ONCE)):
            while part and not unpacker.eof:
                yield unpacker.decompress(part, _READ_AT_ONCE)
                part = unpacker.unconsumed_tail
    except zlib.error as error:
        raise DownloadError(f"{packed.stem}: damaged ({error}); the former file stays, try again later") from None
    if not unpacker.eof:
        raise DownloadError(f"{packed.stem}: it ends early; the former file stays, try again later")


def _is_tar(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(257)
        return file.read(5) == b"ustar"


def _write_member(archive: Path, to: Path, packed: Path) -> None:
    """Writes the first database of a tar archive; nothing else of it touches the disk."""
    try:
        with tarfile.open(archive, "r:") as members:
            for member in members:
                if member.isfile() and member.name.endswith(".mmdb"):
                    found = cast("IO[bytes]", members.extractfile(member))
                    return _write(to, iter(partial(found.read, _READ_AT_ONCE), b""), packed)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise DownloadError(f"{packed.stem}: not a readable archive ({error})") from None
    raise DownloadError(f"{packed.stem}: an archive without a .mmdb file; is it the right file?")
