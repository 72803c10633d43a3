"""Claim what one service has for itself: its port or its Unix socket, and its state directory."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import structlog

from mirrorlist.core.errors import PortError
from mirrorlist.files_on_disk import locked

log = structlog.get_logger()

FIRST_PASSED = 3
"""The descriptor of the first socket that systemd passes; see sd_listen_fds(3)."""
LONGEST_PATH = 107
"""Bytes of the path of a Unix socket; see unix(7)."""


def claimed_port(host: str, port: int, option: str = "--") -> socket.socket:
    """A socket that keeps other services from a port for as long as it is open. It never listens: see ``opened``.

    It is bound as if it would not share the port, and shares it only then: so it cannot be had while another socket
    is bound there, and who asks for it afterwards is refused. ``option`` is what the options of host and port begin
    with.

    Raises:
        PortError: the port is in use, or nobody may listen there.
    """
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        raise PortError(
            f"{option}host is {host!r}, which is not an IP address; write one, such as 127.0.0.1 or ::1"
        ) from None
    claimed = socket.socket(family, socket.SOCK_STREAM)
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have just ended do not count
    try:
        claimed.bind((host, port))
    except OSError as error:
        claimed.close()
        raise PortError(_reported(host, port, option, error)) from None
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return claimed


def claimed_path(path: Path, mode: int) -> socket.socket:
    """A socket that is bound to a path with these permissions. One that a dead process left there is replaced.

    Raises:
        PortError: another process listens there, something else has this name, or it cannot be made.
    """
    if len(str(path).encode()) > LONGEST_PATH:
        raise PortError(f"--unix-socket {path}: longer than the {LONGEST_PATH} bytes that a socket's path may have")
    claimed = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_abandoned(path)
        claimed.bind(str(path))
        path.chmod(mode)
    except OSError as error:
        claimed.close()
        raise PortError(f"--unix-socket {path}: {error.strerror}; choose a path that this user may write") from None
    except PortError:
        claimed.close()
        raise
    return claimed


def _remove_abandoned(path: Path) -> None:
    """Removes a socket that nobody listens on."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise PortError(f"--unix-socket {path}: there is something else of this name; choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.setblocking(False)
        try:
            asked.connect(str(path))
        except ConnectionRefusedError:
            if not _is_bound(path):
                path.unlink()
                return
        except BlockingIOError:  # it listens, and has as many who wait as may
            pass
    raise PortError(f"--unix-socket {path} is in use; choose another path")


def _is_bound(path: Path) -> bool:
    """Whether a process has a socket there, which need not listen yet; see proc(5)."""
    try:
        rows = Path("/proc/self/net/unix").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    return any(row.split(maxsplit=7)[7:] == [str(path)] for row in rows)


def passed_socket(count: int) -> socket.socket:
    """The socket that systemd passes to a service with ``count`` of them.

    Raises:
        PortError: there are several, or it is none that streams are accepted on.
    """
    if count != 1:
        raise PortError(f"systemd passed {count} sockets, and serve takes one: leave one ListenStream= in the unit")
    passed = socket.socket(fileno=FIRST_PASSED)
    if passed.type != socket.SOCK_STREAM or not passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        passed.detach()
        raise PortError("systemd passed a socket that accepts no streams: write ListenStream= and Accept=no")
    return passed


def opened(claimed: socket.socket, backlog: int) -> socket.socket:
    """A socket for a worker. Of a port each call yields another one with a queue of its own, between which the kernel
    spreads connections once it listens; of anything else all are one, and whoever is first takes a connection.

    Raises:
        OSError: there are too many sockets.
    """
    if claimed.family == socket.AF_UNIX or claimed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        claimed.listen(backlog)
        return claimed.dup()
    listening = socket.socket(claimed.family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind(claimed.getsockname())
    return listening


def release(claimed: socket.socket) -> None:
    """Closes a socket, and removes its path if it has one on which nobody else listens by now."""
    name = claimed.getsockname() if claimed.family == socket.AF_UNIX else ""
    claimed.close()
    if name:
        with suppress(OSError, PortError):
            _remove_abandoned(Path(name))


def claimed_state(state_dir: Path) -> int | None:
    """The descriptor of a lock on a state directory, which lasts until every copy of it is closed. None where nothing
    can be written, as on a full disk: the last snapshot can be served from there.

    Raises:
        PortError: another service runs on it, or nothing can be read there either.
    """
    path = state_dir / "serve.lock"
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if not os.access(f"{state_dir}/.", os.R_OK | os.X_OK):
            raise PortError(
                f"the state directory {state_dir} cannot be used: {error.strerror}; start this as the user that it "
                "belongs to, or name another with --state"
            ) from None
        log.warning("the state directory cannot be written", reason=str(error))
        return None
    if not locked(descriptor):
        other = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise PortError(
            f"another serve (process {other}) works on {state_dir}; stop it, or name another directory with --state"
        )
    with suppress(OSError):  # the disk may be full
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def address_of(claimed: socket.socket) -> str:
    """What a socket listens on, as an operator writes it: ``http://[::1]:8000`` or ``unix:/run/mirrorlist.sock``."""
    if claimed.family == socket.AF_UNIX:
        return f"unix:{claimed.getsockname()}"
    host, port = claimed.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reported(host: str, port: int, option: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use; choose another with {option}port"
    if error.errno == errno.EACCES:
        return f"port {port} is not allowed for this user; choose one above 1023 with {option}port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; choose another with {option}host"
    return f"cannot listen at {host}, port {port}: {error.strerror}; choose others with {option}host and {option}port"
