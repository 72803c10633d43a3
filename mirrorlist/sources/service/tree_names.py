"""Read further names of files: a JSON object, lines with a bar, or the list of assets of armbian-router's map."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from mirrorlist.files_on_disk import open_regular

LARGEST = 32 * 1024 * 1024
MOST_NAMES = 200_000
LONGEST = 1024
GITHUB = "github.com"
"""Where images are that no mirror has; armbian-router leads there as well."""
SUFFIXES: Mapping[str, str] = {
    "boot-sms.img.xz": "-boot-sms", "boot-boe.img.xz": "-boot-boe", "boot-csot.img.xz": "-boot-csot",
    "boe.img.xz": "-boe", "csot.img.xz": "-csot", "kebab.img.xz": "-kebab", "recovery.img.xz": "-recovery",
    "rootfs.img.xz": "-rootfs",
    "hyperv.zip.xz": "-hyperv", "img.qcow2": "-qcow2", "img.qcow2.xz": "-qcow2", "boot.bin.xz": "-uboot-bin",
}  # fmt: skip
"""What armbian-router adds to the name of an image with a special ending; ``special_extensions`` of the file win."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]|(?:^|/)\.\.?(?:/|$)|//")
_COMPANIONS = ("asc", "sha", "torrent")


class NamesFault(ValueError):
    """A file of names cannot be used; says why, as the end of a sentence that begins with its name."""


def read_names(path: Path, host: str | None) -> dict[str, str]:
    """Names to paths below the tree, or to whole URLs of other hosts than the tree's. A path begins without a slash.

    Raises:
        NamesFault: the file cannot be read, or a row of it cannot be used.
    """
    try:
        with open_regular(path, LARGEST) as file:
            data = file.read(LARGEST)
    except OSError as error:
        raise NamesFault(f"cannot be read: {error.strerror}") from None
    try:
        text = data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise NamesFault(f"is not UTF-8 at byte {error.start + 1}; save it as UTF-8") from None
    found: dict[str, str] = {}
    for name, target in _json(text, host) if text.lstrip()[:1] in ("{", "[") else _lines(text):
        found.setdefault(*_checked(name, target, host))
        if len(found) > MOST_NAMES:
            raise NamesFault(f"has more than {MOST_NAMES} names; write fewer")
    return found


def _lines(text: str) -> Iterator[tuple[str, str]]:
    delimiter = "|" if "|" in text.partition("\n")[0] else ","
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if row and any(cell.strip() for cell in row) and not row[0].startswith("#"):
                if len(row) < 2:
                    raise NamesFault(f"has a line without a path: {row[0][:60]!a}; write name|path")
                yield row[0].strip(), row[1].strip()
    except csv.Error as error:
        raise NamesFault(f"is no table ({error})") from None


def _json(text: str, host: str | None) -> Iterator[tuple[str, str]]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise NamesFault(f"is no JSON that can be read ({error})") from None
    if not isinstance(found, dict):
        raise NamesFault("is a list; write an object of names and paths, or one with assets")
    if not isinstance(found.get("assets"), list):
        yield from found.items()
        return
    given = found.get("special_extensions")
    suffixes = {**SUFFIXES, **(given if isinstance(given, dict) else {})}
    further = []
    for asset in found["assets"]:
        if not isinstance(asset, dict):
            raise NamesFault("has an asset that is no object")
        yield from _names_of(asset, suffixes)
        further.append(asset)
    for asset in further:  # the addresses that pages link, where no other asset has the name
        for key in ("", *(f"_{each}" for each in _COMPANIONS)):
            linked, target = asset.get(f"redi_url{key}"), asset.get(f"file_url{key}")
            if isinstance(linked, str) and isinstance(target, str) and linked and target:
                yield _path_of(linked), _target(target)


def _names_of(asset: Mapping[str, Any], suffixes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The names that armbian-router makes of an asset."""
    parts = {key: str(asset.get(key) or "") for key in (
        "board_slug", "distro_release", "kernel_branch", "image_variant", "preinstalled_application", "file_extension",
        "download_repository", "file_url",
    )}  # fmt: skip
    if not (parts["board_slug"] and parts["file_url"]):
        return
    ending = parts["file_extension"]
    fitting = [key for key in suffixes if ending == key or ending.endswith(f".{key}")]
    name = (
        ("nightly/" if parts["download_repository"] == "os" else "")
        + f"{parts['board_slug']}/{parts['distro_release'].title()}_{parts['kernel_branch']}_{parts['image_variant']}"
        + (f"-{parts['preinstalled_application']}" if parts["preinstalled_application"] else "")
        + (str(suffixes[max(fitting, key=len)]) if fitting else "")
    )
    target = _target(parts["file_url"])
    companion = ending.rpartition(".")[2]
    if companion in _COMPANIONS:
        yield f"{name}.{companion}", target
        return
    yield name, target
    if ending:
        yield f"{name}.{ending}", target
    for each in _COMPANIONS:
        if isinstance(url := asset.get(f"file_url_{each}"), str) and url:
            yield f"{name}.{each}", _target(url)


def _target(url: str) -> str:
    """The path of an asset, or its whole URL where mirrors do not have it."""
    return url if urlsplit(url).hostname == GITHUB else _path_of(url)


def _path_of(url: str) -> str:
    return unquote(urlsplit(url).path) if "://" in url else url


def _checked(name: Any, target: Any, host: str | None) -> tuple[str, str]:
    if not isinstance(name, str) or not isinstance(target, str):
        raise NamesFault(f"has a name or a path that is no text: {str(name)[:60]!a}")
    if "://" in target and urlsplit(target).hostname == host:
        target = _path_of(target)
    plain = name.lstrip("/"), target if "://" in target else target.lstrip("/")
    for each in plain:
        if not each or len(each) > LONGEST or _UNSAFE.search(each.partition("://")[2] or each):
            raise NamesFault(f"has a name or path that no file can have: {each[:60]!a}; write plain names and slashes")
    if "://" in plain[1] and not re.fullmatch(r"https?://[!-~]+", plain[1]):
        raise NamesFault(f"has an address that is none of the web: {plain[1][:60]!a}")
    return plain
