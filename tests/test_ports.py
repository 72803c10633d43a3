"""A port belongs to one service."""

from __future__ import annotations

import socket

import pytest

from mirrorlist.core.errors import PortError
from mirrorlist.ports import held_port
from tests.serving import free_port


def sharing(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A socket that listens as one of granian's workers does."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind((host, port))
    listening.listen()
    return listening


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1"])
def test_a_port_is_held_once_and_own_workers_share_it(host: str) -> None:
    port = free_port()
    with held_port(host, port):
        for _ in range(2):  # before anybody listens there, and afterwards
            with pytest.raises(PortError, match=f"^port {port} is in use; choose another with --port$"):
                held_port(host, port)
            with sharing(port, host), sharing(port, host), pytest.raises(PortError):
                held_port(host, port)
    held_port(host, port).close()


@pytest.mark.parametrize(("theirs", "ours"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "0.0.0.0")])
def test_a_service_at_all_addresses_and_one_at_a_single_one_exclude_each_other(theirs: str, ours: str) -> None:
    with held_port(theirs, port := free_port()), sharing(port, theirs), pytest.raises(PortError, match="is in use"):
        held_port(ours, port)


def test_a_port_that_another_program_shares_is_in_use() -> None:
    with sharing(port := free_port()), pytest.raises(PortError, match="is in use"):
        held_port("127.0.0.1", port)


def test_connections_that_have_just_ended_keep_nobody_away() -> None:
    port = free_port()
    with sharing(port) as listening, socket.create_connection(("127.0.0.1", port)):
        accepted, _ = listening.accept()
        accepted.close()  # the side that closes first waits in TIME_WAIT
    held_port("127.0.0.1", port).close()


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("192.0.2.1", "192.0.2.1 is no address of this machine; choose another with --host"),
        ("localhost", "--host is 'localhost', which is no IP address; write one, such as 127.0.0.1 or ::1"),
        ("", "--host is '', which is no IP address; write one, such as 127.0.0.1 or ::1"),
    ],
)
def test_a_host_that_nobody_can_listen_at_is_named(host: str, told: str) -> None:
    with pytest.raises(PortError) as raised:
        held_port(host, free_port())
    assert str(raised.value) == told
