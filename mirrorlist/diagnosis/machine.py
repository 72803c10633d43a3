"""Examine the machine: disk, clock, port, limits and the permissions of files."""

from __future__ import annotations

import http.client
import os
import resource
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path

from mirrorlist.core.readiness import AHEAD_SECONDS
from mirrorlist.diagnosis.finding import Diagnosis, Patient, error, good, span, warning
from mirrorlist.workers import CONNECTIONS, OTHER_FILES

GIGABYTE = 1 << 30
LEAST_BYTES = 100 << 20
WRONG_SECONDS = 120.0
PATIENCE_SECONDS = 3.0


def disk(patient: Patient) -> Iterator[Diagnosis]:
    """Whether the state can be written, and how much room is left."""
    directory = patient.state_dir
    if not directory.is_dir():
        yield warning("disk", f"{directory} is not there yet", "start the service; its user must be able to make it")
        return
    owner = directory.stat().st_uid
    if owner != os.geteuid():
        yield warning("disk", f"{directory} belongs to another user (number {owner})", "run this as the service's user")
        return
    trial = directory / f".doctor.{os.getpid()}"
    try:
        trial.write_bytes(b"x" * 4096)
    except OSError as fault:
        yield error(
            "disk", f"{directory} cannot be written: {fault.strerror}",
            "make room, remount it writable, or give the service's user the directory; the last snapshot is served",
        )  # fmt: skip
    else:
        trial.unlink()
    room = shutil.disk_usage(directory).free
    inodes = os.statvfs(directory)
    told = f"{room / GIGABYTE:.1f} GiB free at {directory}"
    if room < LEAST_BYTES or (inodes.f_files and inodes.f_favail < 1000):
        yield error(
            "disk", f"{told}, {inodes.f_favail} inodes", "make room: snapshots, counts and history cannot be written"
        )
    elif room < GIGABYTE:
        yield warning("disk", told, "make room before it is full")
    else:
        yield good("disk", told)


def clock(patient: Patient) -> Iterator[Diagnosis]:
    """The clock beside the newest snapshot and, over the network, the origin's."""
    ahead = patient.facts.built_at - patient.now if patient.facts else 0.0
    if ahead > AHEAD_SECONDS:
        yield error(
            "clock",
            f"it is {span(ahead)} behind that of the newest snapshot",
            "set the clock: timedatectl set-ntp true",
        )
        return
    origin = next((url for url in patient.service.origins.values() if url.startswith(("http://", "https://"))), None)
    theirs = _date_of(origin) if origin and patient.asks_network else None
    if theirs is None:
        yield good("clock", "not behind the newest snapshot; the origin's was not asked")
    elif abs(off := patient.now - theirs) > WRONG_SECONDS:
        side = "ahead of" if off > 0 else "behind"
        yield error("clock", f"it is {span(off)} {side} the origin's", "set the clock: timedatectl set-ntp true")
    else:
        yield good("clock", f"{abs(off):.0f} seconds from the origin's")


def _date_of(url: str) -> float | None:
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(host, timeout=PATIENCE_SECONDS)
        try:
            connection.request("HEAD", "/" + rest.partition("/")[2])
            return parsedate_to_datetime(connection.getresponse().headers["Date"] or "").timestamp()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        return None


def port(patient: Patient) -> Iterator[Diagnosis]:
    """Who answers at the service's port, or at its Unix socket."""
    path = patient.unix_socket
    where = f"unix:{path}" if path else f"{patient.host}, port {patient.port}"
    connection = http.client.HTTPConnection(patient.host, patient.port, timeout=PATIENCE_SECONDS)
    try:
        if path:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(PATIENCE_SECONDS)
            connection.sock.connect(str(path))
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(65_536).decode("utf-8", "replace").strip()
    except (ConnectionRefusedError, FileNotFoundError):
        yield error(
            "port", f"nobody listens at {where}", "start mirrorlist serve, or name its --port or its --unix-socket"
        )
        return
    except (OSError, http.client.HTTPException) as fault:
        yield error("port", f"{where} does not answer: {fault}", "see what listens there: ss -ltnp")
        return
    finally:
        connection.close()
    if '"status":"' not in body:
        yield error("port", f"at {where} something else answers ({answer.status})", "see what listens there: ss -ltnp")
    elif '"status":"ready"' in body:
        yield good("port", f"the service answers at {where}")
    else:
        yield warning("port", f"the service at {where} says {body}", "correct what it names")


def limits(patient: Patient) -> Iterator[Diagnosis]:
    """Open files for connections, and who runs this."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < CONNECTIONS + OTHER_FILES:
        yield warning(
            "limits",
            f"{hard} open files are too few for {CONNECTIONS} connections",
            "write LimitNOFILE=8192 into the unit",
        )
    else:
        yield good("limits", "open files for all connections")


def permissions(patient: Patient) -> Iterator[Diagnosis]:
    """Files that others may write decide what clients get; secrets that others may read are none."""
    settings, service = patient.settings, patient.service
    found = False
    for path in (settings.config, Path(service.mirrors_dir), patient.state_dir):
        if (mode := _mode(path)) is not None and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            found = True
            yield error("permissions", f"everybody may write {path}", f"chmod o-w {path}")
    keys = [Path(each.key_file) for each in service.geo.downloads if each.key_file]
    for path in [*keys, *filter(None, (settings.secret_file, settings.node_key))]:
        if (mode := _mode(path)) is None:
            found = True
            yield error(
                "permissions",
                f"{path} cannot be read by this user",
                f"chown or chmod it for the service's user: {path}",
            )
        elif mode & (stat.S_IROTH | stat.S_IWOTH):
            found = True
            yield error("permissions", f"everybody may read the secret in {path}", f"chmod o= {path}")
    if patient.state_dir.is_dir() and (strangers := strangers_in(patient.state_dir, patient.state_dir.stat().st_uid)):
        found = True
        yield error(
            "permissions",
            f"{len(strangers)} of the files in {patient.state_dir} are not its owner's, such as {strangers[0].name}: "
            "a command was run as the wrong user",
            f"chown -R --reference={patient.state_dir} {patient.state_dir}",
        )
    if not found:
        yield good("permissions", "nobody else may write what is served, or read secrets")


def strangers_in(directory: Path, owner: int) -> list[Path]:
    """The files below a directory that somebody else owns."""
    found = []
    for path in sorted(directory.rglob("*")):
        with suppress(OSError):  # it has gone meanwhile
            if path.lstat().st_uid != owner:
                found.append(path)
    return found


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except OSError:
        return None
