"""Whatever happens, no process of a demo outlives it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mirrorlist.demo.run import DemoStopped, ProcessEnded, Processes, has_ended

WAITING = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = (
    "import signal, subprocess, sys\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(child.pid, flush=True)\n"
    "child.wait()\n"
)


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def is_running(pid: int) -> bool:
    """Whether a process is there; a zombie is not, it waits for its starter to look."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in {"", "Z"}


def assert_gone(pid: int) -> None:
    deadline = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(pid)


def test_first_line_is_what_the_process_writes(tmp_path: Path) -> None:
    with Processes(tmp_path, threading.Event()) as processes:
        process = processes.start("a", python(WAITING))
        assert processes.first_line("a", process, 10) == "ready"


def test_all_processes_end_with_the_block(tmp_path: Path) -> None:
    with Processes(tmp_path, threading.Event()) as processes:
        started = [processes.start(name, python(WAITING)) for name in "abc"]
        assert [process.poll() for process in started] == [None, None, None]
    assert all(process.returncode is not None for process in started)


def test_all_processes_end_when_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Processes(tmp_path, threading.Event()) as processes:
        process = processes.start("a", python(WAITING))
        _ = 1 / 0
    assert process.returncode is not None


@pytest.mark.slow
def test_a_process_that_does_not_listen_is_killed_with_its_children(tmp_path: Path) -> None:
    before = time.monotonic()
    with Processes(tmp_path, threading.Event()) as processes:
        process = processes.start("stubborn", python(STUBBORN))
        child = int(processes.first_line("stubborn", process, 10))
        assert is_running(child)
    assert process.returncode == -9
    assert time.monotonic() - before < 10
    assert_gone(child)


def test_a_command_that_fails_is_told_with_its_output(tmp_path: Path) -> None:
    command = python("import sys; print('no such repository'); sys.exit(3)")
    with (
        pytest.raises(ProcessEnded, match=r"update ended with code 3; .*\n.*no such repository"),
        Processes(tmp_path, threading.Event()) as processes,
    ):
        processes.finish("update", command)


def test_a_process_that_ends_before_its_first_line_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(ProcessEnded, match="mirror ended with code 1"),
        Processes(tmp_path, threading.Event()) as processes,
    ):
        processes.first_line("mirror", processes.start("mirror", python("import sys; sys.exit(1)")), 10)


def test_the_user_can_end_a_demo_that_still_starts(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(DemoStopped), Processes(tmp_path, stop) as processes:
        processes.finish("slow", python(WAITING))
    assert all(process.returncode is not None for process in processes.running)


def test_children_of_a_process_that_was_killed_are_ended_too(tmp_path: Path) -> None:
    with Processes(tmp_path, threading.Event()) as processes:
        process = processes.start("stubborn", python(STUBBORN))
        child = int(processes.first_line("stubborn", process, 10))
        process.kill()
        while not has_ended(process):
            processes.pause()
        assert_gone(child)
