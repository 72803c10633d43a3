"""Read a snapshot channel from a directory or over http(s), within bounds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import requests
import urllib3

from mirrorlist import __version__
from mirrorlist.core.errors import ChannelError
from mirrorlist.files_on_disk import open_regular

DEADLINE_SECONDS = 60.0
_CONNECT_AND_READ_SECONDS = (5.0, 10.0)
_READ_AT_ONCE = 1 << 16


class ChannelSource(Protocol):
    """Where a channel is read from."""

    def changed(self, name: str, most: int) -> bytes | None:
        """The content of a file of at most ``most`` bytes; None where it is what it was at the last call.

        Raises:
            ChannelError: it cannot be had.
        """

    def file(self, name: str, most: int) -> bytes:
        """The content of a file, as above."""


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
                    self._validators = {ask: answer.headers[had] for ask, had in given.items() if had in answer.headers}
                return _bounded(bytes(data), most, url)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise ChannelError(f"{url}: {type(error).__name__}") from None


def _bounded(data: bytes, most: int, where: str) -> bytes:
    if len(data) > most:
        raise ChannelError(f"{where}: larger than {most} bytes")
    return data


def source_of(text: str, token: str | None = None) -> ChannelSource:
    """The source that an address or a path names."""
    if text.startswith(("https://", "http://")):
        return HttpSource(text, token)
    return DirectorySource(Path(text))
