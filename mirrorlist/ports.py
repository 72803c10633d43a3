"""Claim a port for one service, although its workers share it."""

from __future__ import annotations

import errno
import socket
from ipaddress import ip_address

from mirrorlist.core.errors import PortError


def held_port(host: str, port: int) -> socket.socket:
    """A socket that keeps other services from a port for as long as it is open; our own workers may listen there.

    It is bound as if it would not share the port, and shares it only then: so it cannot be had while another socket
    is bound there, and who asks for it afterwards is refused.

    Raises:
        PortError: the port is in use, or nobody may listen there.
    """
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        raise PortError(f"--host is {host!r}, which is no IP address; write one, such as 127.0.0.1 or ::1") from None
    held = socket.socket(family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have just ended do not count
    try:
        held.bind((host, port))
    except OSError as error:
        held.close()
        raise PortError(_told(host, port, error)) from None
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return held


def _told(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use; choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} is not allowed for this user; choose one above 1023 with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; choose another with --host"
    return f"cannot listen at {host}, port {port}: {error.strerror}; choose others with --host and --port"
