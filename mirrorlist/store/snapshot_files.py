"""Snapshots on disk: written atomically, read back memory-mapped, with the former ones as a reserve."""

from __future__ import annotations

import os
import re
import shutil
from functools import partial
from pathlib import Path

from mirrorlist.core.container import Pause, at_once
from mirrorlist.core.errors import NotFound, SnapshotError
from mirrorlist.core.model import Mirror
from mirrorlist.core.snapshot import Facts, Snapshot, decode
from mirrorlist.files_on_disk import read_mapped, sync_directory, write_to_disk

NAME = "snapshot.bin"
FORMER = ("snapshot.1.bin", "snapshot.2.bin")
_TEMPORARY = re.compile(r"snapshot\.tmp\.\d+")


def write_snapshot(state_dir: Path, data: bytes) -> Path:
    """Replaces the current snapshot; two former ones are kept.

    The bytes are on disk before the name leads to them, so a crash or a full disk leaves the former snapshot.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    for entry in state_dir.iterdir():
        if _TEMPORARY.fullmatch(entry.name):
            entry.unlink(missing_ok=True)
    temporary = state_dir / f"snapshot.tmp.{os.getpid()}"
    try:
        write_to_disk(temporary, [data])
        _keep_former(state_dir)
        temporary.replace(state_dir / NAME)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(state_dir)
    return state_dir / NAME


def _keep_former(state_dir: Path) -> None:
    """Gives the current file a second name, so that there is no moment without a current one."""
    for older, newer in ((FORMER[1], FORMER[0]), (FORMER[0], NAME)):
        source = state_dir / newer
        if source.exists():
            link = state_dir / f"snapshot.tmp.{os.getpid()}1"
            link.unlink(missing_ok=True)
            try:
                link.hardlink_to(source)
            except OSError:  # the file system has no hard links
                shutil.copyfile(source, link)
            link.replace(state_dir / older)
            link.unlink(missing_ok=True)


def read_snapshot(path: Path, pause: Pause = at_once) -> Snapshot:
    """The snapshot in a file, mapped. A thread beside others that must answer pauses now and then.

    Raises:
        SnapshotError: there is none, or it is not whole.
    """
    return read_mapped(path, partial(decode, pause=pause))


def read_newest(state_dir: Path) -> Snapshot:
    """The current snapshot, or a former one where that is not whole.

    Raises:
        SnapshotError: none is there, or none can be read; the message names each reason.
    """
    reasons: list[str] = []
    for path in (state_dir / name for name in (NAME, *FORMER)):
        if _is_missing(path):
            continue
        try:
            return read_snapshot(path)
        except SnapshotError as error:
            reasons.append(str(error))
    nothing = (
        f"nothing is published in {state_dir} yet; run mirrorlist publish first, or name its directory with --state"
    )
    raise SnapshotError("; ".join(reasons) or nothing)


def _is_missing(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


Signature = tuple[int, int, int]


def signature(path: Path) -> Signature | None:
    """What distinguishes one version of a file from another without reading it; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def newest_facts(state_dir: Path) -> Facts | None:
    """The facts of the newest whole snapshot; None where there is none."""
    try:
        return read_newest(state_dir).facts
    except SnapshotError:
        return None


# Shared by the health commands: the running service's snapshot, and the database beside it.


def published_facts(state_dir: Path) -> Facts:
    """What the newest snapshot says.

    Raises:
        SnapshotError: there is none.
    """
    return read_newest(state_dir).facts


def mirror_called(facts: Facts, name: str) -> Mirror:
    """Raises NotFound where the snapshot has no mirror of this name."""
    for mirror in facts.mirrors:
        if mirror.name == name:
            return mirror
    raise NotFound(f"no mirror is called {name}; mirrorlist mirrors --names shows all")
