"""``mirrorlist update files`` beside the publisher: one run after another, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import structlog

from mirrorlist.cli.context import Context
from mirrorlist.core.errors import SnapshotError
from mirrorlist.indexing.steps import Outcome
from mirrorlist.publish import Publisher
from mirrorlist.store.snapshot_files import read_newest

log = structlog.get_logger()

_LOOK_SECONDS = 0.5
_TROUBLE = (Outcome.KEPT.value, Outcome.FAILED.value, Outcome.WARNING.value)


def files_loop(context: Context, publisher: Publisher, seconds: float, ended: threading.Event) -> None:
    """Runs until the publisher no longer leads; what a run took of memory goes with its process.

    The first run waits for the first snapshot, which names the mirrors. A run that is under way when the publisher ends
    is ended too.
    """
    while not _has_snapshot(publisher):
        if ended.wait(_LOOK_SECONDS):
            return
    told: frozenset[str] = frozenset()
    while True:
        try:
            told = _run(_command(context, publisher.service.state_dir), ended, told)
        except OSError as error:
            log.error("files not listed", reason=str(error))
        if ended.wait(seconds):
            return


def _has_snapshot(publisher: Publisher) -> bool:
    try:
        read_newest(Path(publisher.service.state_dir))
    except SnapshotError:
        return False
    return True


def _command(context: Context, state_dir: str) -> list[str]:
    settings = context.settings
    command = [sys.executable, "-m", "mirrorlist", "--config", str(settings.config), "--state", state_dir]
    command += ["--mirrors", str(settings.mirrors)] if settings.mirrors else []
    return [*command, "update", "files", "--once"]


def _run(command: list[str], ended: threading.Event, told: frozenset[str]) -> frozenset[str]:
    """One run, and what went wrong in it, which is told in the log where the run before did not say the same; its
    errors on standard error are this process's."""
    trouble: set[str] = set()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        threading.Thread(target=_end_with, args=(process, ended), daemon=True).start()
        for line in process.stdout or ():
            said = " ".join(line.split())
            if line.startswith(_TROUBLE):
                trouble.add(said)
                if said not in told:
                    log.warning("files", told=said)
            elif line.startswith(Outcome.BUILT.value):
                log.info("files", told=said)
    return frozenset(trouble)


def _end_with(process: subprocess.Popen[str], ended: threading.Event) -> None:
    while process.poll() is None:
        if ended.wait(_LOOK_SECONDS):
            process.terminate()
            return
