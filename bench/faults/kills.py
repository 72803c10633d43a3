"""Kills of each process of a running service, and of its database, while clients ask."""

from __future__ import annotations

import http.client
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.faults.held import Held
from tests.postgres import postgresql, programs
from tests.serving import ask, checkout, mirror_file, put, serving, until

ASKERS = 2
PATIENCE = 120.0
MOST_SECONDS = 5.0
"""How soon after a kill the service answers without a fault again."""


class Asking:
    """Clients that ask all the time: how many answers they got, and when one failed."""

    def __init__(self) -> None:
        self.answers = 0
        self.failed = list[float]()

    @contextmanager
    def at(self, port: int) -> Iterator[None]:
        """Until the block ends."""
        ended = threading.Event()

        def client() -> None:
            while not ended.is_set():
                try:
                    good = ask(port)[0] == 200
                except (OSError, http.client.HTTPException):
                    good = False
                self.answers += good
                if not good:
                    self.failed.append(time.monotonic())
                time.sleep(0.005)  # the machine has to start what was killed

        clients = [threading.Thread(target=client) for _ in range(ASKERS)]
        for each in clients:
            each.start()
        try:
            yield
        finally:
            ended.set()
            for each in clients:
                each.join()


def kills(quick: bool) -> Held:
    """Worker, publisher, prober and database in turn: at most the requests in flight are lost, all come back, and what
    changes afterwards is served."""
    rounds, slowest, asking = 2 if quick else 25, 0.0, Asking()
    with tempfile.TemporaryDirectory() as directory, ExitStack() as running:
        config = checkout(Path(directory) / "x", "a.example.org")
        found = programs()
        postgres = running.enter_context(postgresql(found)) if found else None
        url = postgres.new_database() if postgres else ""
        service = running.enter_context(serving(config, "--probe", database=url))
        until(PATIENCE, lambda: len(service.probers()) == 1)
        kinds = {"workers": (service.workers, 2), "publisher": (service.publishers, 1), "prober": (service.probers, 1)}
        with asking.at(service.port):
            for _ in range(rounds):
                for listed, count in kinds.values():
                    slowest = max(slowest, _killed(listed, count, asking))
                if postgres and postgres.process:
                    postgres.process.kill()
                    postgres.process.wait()
                    (postgres.socket / "data" / "postmaster.pid").unlink(missing_ok=True)
                    postgres.start()
            put(config.parent / "mirrors.d" / "b.yml", mirror_file("b.example.org"))
            until(PATIENCE, lambda: "b.example.org" in ask(service.port)[1])
    killed = rounds * len(kinds)
    told = (
        f"{killed} kills of {', '.join(kinds)}, {rounds if postgres else 0} of PostgreSQL: {asking.answers} answers, "
        f"{len(asking.failed)} lost, the last one {slowest:.1f} s after its kill"
    )
    return Held(len(asking.failed) <= ASKERS * killed and slowest < MOST_SECONDS, told)


def _killed(listed: Callable[[], set[int]], count: int, asking: Asking) -> float:
    """Kills one of a kind, and waits for another: after how many seconds the last answer was lost."""
    until(PATIENCE, lambda: len(listed()) == count)  # one that lost its database may just be starting again
    before, begun = listed(), time.monotonic()
    os.kill(min(before), signal.SIGKILL)
    until(PATIENCE, lambda: len(listed()) == count and listed() != before)
    return max([each - begun for each in asking.failed if each >= begun], default=0.0)
