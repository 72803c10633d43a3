"""A port, a Unix socket and a state directory belong to one service."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest

from mirrorlist.core.errors import PortError
from mirrorlist.ports import claimed_path, claimed_port, claimed_state, opened, passed_socket, release
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
    with claimed_port(host, port):
        for _ in range(2):  # before anybody listens there, and afterwards
            with pytest.raises(PortError, match=f"^port {port} is in use; choose another with --port$"):
                claimed_port(host, port)
            with sharing(port, host), sharing(port, host), pytest.raises(PortError):
                claimed_port(host, port)
    claimed_port(host, port).close()


@pytest.mark.parametrize(("theirs", "ours"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "0.0.0.0")])
def test_a_service_at_all_addresses_and_one_at_a_single_one_exclude_each_other(theirs: str, ours: str) -> None:
    with claimed_port(theirs, port := free_port()), sharing(port, theirs), pytest.raises(PortError, match="is in use"):
        claimed_port(ours, port)


def test_a_port_that_another_program_shares_is_in_use() -> None:
    with sharing(port := free_port()), pytest.raises(PortError, match="is in use"):
        claimed_port("127.0.0.1", port)


def test_connections_that_have_just_ended_keep_nobody_away() -> None:
    port = free_port()
    with sharing(port) as listening, socket.create_connection(("127.0.0.1", port)):
        accepted, _ = listening.accept()
        accepted.close()  # the side that closes first waits in TIME_WAIT
    claimed_port("127.0.0.1", port).close()


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("192.0.2.1", "192.0.2.1 is not an address of this machine; choose another with --host"),
        ("localhost", "--host is 'localhost', which is not an IP address; write one, such as 127.0.0.1 or ::1"),
        ("", "--host is '', which is not an IP address; write one, such as 127.0.0.1 or ::1"),
    ],
)
def test_a_host_that_nobody_can_listen_at_is_named(host: str, told: str) -> None:
    with pytest.raises(PortError) as raised:
        claimed_port(host, free_port())
    assert str(raised.value) == told


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_each_worker_has_a_queue_of_its_own_at_a_claimed_port(host: str) -> None:
    with claimed_port(host, port := free_port()) as claimed:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, port)).close()
        with opened(claimed, 5) as one, opened(claimed, 5) as other:
            other.listen(5)
            for _ in range(20):
                socket.create_connection((host, port)).close()
                other.accept()[0].close()  # one that does not listen yet is given none
            one.listen(5)
            with socket.create_connection((host, port)) as client:
                assert client.getpeername()[:2] == one.getsockname()[:2] == other.getsockname()[:2]
        with socket.create_server((host, 0), family=claimed.family):
            pass


def test_a_unix_socket_is_claimed_once_with_its_mode_and_goes_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    claimed = claimed_path(path, 0o660)
    with pytest.raises(PortError, match="is in use; choose another path"):
        claimed_path(path, 0o660)  # it does not listen before there is something to answer
    opened(claimed, 5).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with pytest.raises(PortError, match="is in use; choose another path"):
        claimed_path(path, 0o660)
    release(claimed)
    assert not path.exists()


def test_a_unix_socket_that_a_dead_process_left_is_replaced_and_a_successor_keeps_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    claimed_path(path, 0o600).close()
    claimed = claimed_path(path, 0o600)
    path.unlink()
    with claimed_path(path, 0o600) as successor:
        opened(successor, 5).close()
        release(claimed)
        assert path.exists()


def test_a_unix_socket_whose_queue_is_full_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with ExitStack() as stack, socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(path))
        hung.listen(0)
        with pytest.raises(BlockingIOError):
            while True:
                waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect(str(path))
        with pytest.raises(PortError, match="is in use"):
            claimed_path(path, 0o660)


def test_nothing_but_a_socket_is_replaced(tmp_path: Path) -> None:
    for path in (tmp_path / "file", tmp_path / "link"):
        path.symlink_to("file") if path.name == "link" else path.write_text("precious")
        with pytest.raises(PortError, match="something else of this name"):
            claimed_path(path, 0o600)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize(
    ("path", "told"),
    [("/nonexistent/a.sock", "No such file or directory; choose"), ("/tmp/" + "a" * 108, "longer than")],
)
def test_a_path_that_cannot_be_claimed_is_named(path: str, told: str) -> None:
    with pytest.raises(PortError, match=told) as raised:
        claimed_path(Path(path), 0o600)
    assert str(raised.value).startswith(f"--unix-socket {path}")


def test_several_passed_sockets_are_refused() -> None:
    with pytest.raises(PortError, match="systemd passed 2 sockets"):
        passed_socket(2)


def test_a_state_directory_is_worked_on_by_one_service(tmp_path: Path) -> None:
    held = claimed_state(tmp_path / "state")
    assert held is not None
    with pytest.raises(PortError, match=rf"another serve \(process {os.getpid()}\) works on {tmp_path}/state; stop it"):
        claimed_state(tmp_path / "state")
    os.close(held)
    again = claimed_state(tmp_path / "state")
    assert again is not None
    os.close(again)


def test_a_state_directory_that_cannot_be_read_or_made_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, told in [(tmp_path / "file", "File exists"), (tmp_path / "file" / "below", "Not a directory")]:
        with pytest.raises(PortError, match=f"^the state directory {path} cannot be used: {told}; start this as"):
            claimed_state(path)
    closed, me = tmp_path / "closed", os.geteuid()
    closed.mkdir(mode=0)
    if me == 0:
        pytest.skip("root may read everything")
    with pytest.raises(PortError, match="cannot be used: Permission denied"):
        claimed_state(closed)


def test_a_state_directory_that_cannot_be_written_is_served_from_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "serve.lock").mkdir()  # also for root none that can be opened to write
    assert claimed_state(tmp_path) is None
