"""What the quick lane costs for a network on loopback, and how long a mirror that dies is still handed out."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from mirrorlist.core.health.columns import reach_key
from mirrorlist.core.health.quick_lane import QuickTerms
from mirrorlist.core.health.verdicts import Family
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.probing.quick_lane import QuickProber
from mirrorlist.store.database import open_database
from mirrorlist.store.leader_election import PROBER, LeaderCandidate, leading, prober_lock
from mirrorlist.store.snapshot_files import NAME, read_newest, signature

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64]}
repos:
  - {name: baseos, path: BaseOS/$basearch/os/}
profile: intranet
intranet_networks: [127.0.0.0/8]
"""
KINDS = ("refuses", "silent", "500 Internal Server Error", "503 Service Unavailable", "429 Too Many Requests")
MOST_CPU_PERCENT = 10.0
MOST_PER_MINUTE = 1.2
MOST_SECONDS = 90.0
SETTLING_SECONDS = 60.0
"""In the first minute every mirror is looked at for the first time; then costs are measured."""


@dataclass(frozen=True)
class Cost:
    """What the lane cost while every mirror was good, per mirror and minute, and the process as a whole."""

    seconds: float
    requests: float
    connections: float
    bytes: float
    cpu_percent: float
    peak_mib: float


@dataclass(frozen=True)
class Death:
    """How one mirror died, and after how many seconds no list held it; None where it stayed."""

    kind: str
    seconds: float | None


class Servers:
    """A server for each mirror, which dies as it is told."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.dead: dict[int, str] = {}
        self.counts = {"requests": 0, "connections": 0, "bytes": 0}
        self.open: dict[int, set[asyncio.StreamWriter]] = {number: set() for number in range(count)}

    async def serve(self, told: Connection) -> None:
        """Listens, and does what comes over the pipe: a mirror's number and how it dies, or None for the counts."""
        self.listening = [await self._listen(number) for number in range(self.count)]
        told.send([server.sockets[0].getsockname()[1] for server in self.listening])
        while (order := await asyncio.to_thread(told.recv)) != "end":
            if order is None:
                told.send(dict(self.counts))
                continue
            number, kind = order
            self.dead[number] = kind
            if kind == "refuses":
                self.listening[number].close()
                for writer in self.open[number]:
                    writer.close()

    async def _listen(self, number: int) -> asyncio.Server:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.counts["connections"] += 1
            self.open[number].add(writer)
            with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
                while head := await reader.readuntil(b"\r\n\r\n"):
                    self.counts["requests"] += 1
                    kind = self.dead.get(number)
                    if kind == "silent":
                        await asyncio.sleep(30)
                        break
                    answer = f"HTTP/1.1 {kind or '200 OK'}\r\nContent-Length: 0\r\nDate: today\r\n\r\n".encode()
                    self.counts["bytes"] += len(head) + len(answer)
                    writer.write(answer)
            self.open[number].discard(writer)
            writer.close()

        return await asyncio.start_server(talk, "127.0.0.1", 0)


def serve_forever(count: int, told: Connection) -> None:
    """Runs the servers in a process of its own."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(Servers(count).serve(told))


def look_forever(state_dir: Path, told: Connection) -> None:
    """Runs the quick lane in a process of its own; for each word that comes, what it cost since the last."""
    engine = open_database(state_dir)
    with leading(engine, LeaderCandidate(prober_lock(engine, state_dir)), PROBER, time.time) as lead:
        assert lead is not None
        lane = QuickProber(state_dir, engine, time.time, lead, QuickTerms(), lambda _: None)
        threading.Thread(target=lane.run, daemon=True).start()
        cpu, at = _cpu(), time.monotonic()
        while told.recv() != "end":
            spent, now = _cpu(), time.monotonic()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            told.send({"seconds": now - at, "cpu": 100 * (spent - cpu) / (now - at), "peak": peak})
            cpu, at = spent, now


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def running(target: Callable[..., None], *given: object) -> Iterator[Connection]:
    """A process that is told over a pipe what to do, and to end."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=target, args=(*given, there), daemon=True)
    process.start()
    try:
        yield here
    finally:
        here.send("end")
        process.join(10)
        process.terminate()


@contextmanager
def published(directory: Path, ports: list[int]) -> Iterator[Path]:
    """A publisher for a network with a mirror at each port; its state directory."""
    (directory / "mirrors.d").mkdir()
    (directory / "service.yml").write_text(SERVICE)
    for number, port in enumerate(ports):
        (directory / "mirrors.d" / f"m{number:03}.yml").write_text(
            f"name: m{number:03}.example.org\naddress: {{http: 'http://127.0.0.1:{port}/'}}\nupdate_frequency: 3h\n"
            "sponsor: Example\nsponsor_url: https://example.org/\nemail: mirror@example.org\n"
        )
    command = [sys.executable, "-m", "mirrorlist", "--config", str(directory / "service.yml"), "publish", "--watch"]
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        while not (directory / "state" / NAME).exists():
            if process.poll() is not None:
                raise SystemExit((directory / "log").read_text())
            time.sleep(0.1)
        yield directory / "state"
    finally:
        process.terminate()
        process.wait(20)


def measured(mirrors: int, seconds: float, deaths: int, apart: float) -> tuple[Cost, list[Death]]:
    """What the lane costs for so long, and then so many deaths, one after the other."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        running(serve_forever, mirrors) as servers,
        published(Path(scratch), servers.recv()) as state_dir,
        running(look_forever, state_dir) as lane,
    ):
        time.sleep(SETTLING_SECONDS)
        before, _ = _asked(servers, None), _asked(lane, "cost")
        time.sleep(seconds)
        after, used = _asked(servers, None), _asked(lane, "cost")
        minutes = used["seconds"] / 60
        of_each = {name: (after[name] - before[name]) / mirrors / minutes for name in after}
        cost = Cost(used["seconds"], cpu_percent=used["cpu"], peak_mib=used["peak"], **of_each)
        return cost, list(_deaths(servers, state_dir, mirrors, deaths, apart))


def _asked(told: Connection, order: object) -> dict[str, float]:
    told.send(order)
    answer: dict[str, float] = told.recv()
    return answer


def _deaths(servers: Connection, state_dir: Path, mirrors: int, deaths: int, apart: float) -> Iterator[Death]:
    """Mirrors die at any moment of their turn, and the snapshot is read whenever it changes."""
    chosen = random.Random(1).sample(range(mirrors), deaths)
    died: dict[int, float] = {}
    out: dict[int, float] = {}
    key, seen, start = reach_key(MAIN, Protocol.HTTP, Family.IPV4), None, time.monotonic()
    while len(out) < deaths and time.monotonic() < start + deaths * apart + 2 * MOST_SECONDS:
        if len(died) < deaths and time.monotonic() >= start + len(died) * apart:
            number = chosen[len(died)]
            servers.send((number, KINDS[len(died) % len(KINDS)]))
            died[number] = time.monotonic()
        if seen != (seen := signature(state_dir / NAME)):
            facts = read_newest(state_dir).facts
            column = facts.health.bad_reach.get(key, bytes(mirrors))
            for place, mirror in enumerate(facts.mirrors):
                if column[place]:
                    out.setdefault(int(mirror.name[1:4]), time.monotonic())
        time.sleep(0.05)
    for order, number in enumerate(chosen):
        yield Death(KINDS[order % len(KINDS)], out[number] - died[number] if number in out else None)


def told(cost: Cost, deaths: list[Death]) -> tuple[list[str], bool]:
    """The lines of a table, and whether anything is above its limit."""
    rows = [
        f"quick lane, {cost.seconds:.0f} s, every mirror good: {cost.requests:.2f} requests (limit {MOST_PER_MINUTE}), "
        f"{cost.connections:.2f} connections and {cost.bytes:.0f} bytes per mirror and minute, "
        f"{cost.cpu_percent:.1f} % of a core (limit {MOST_CPU_PERCENT:.0f}), {cost.peak_mib:.0f} MiB",
        f"{'death to out of lists':26}{'deaths':>8}{'median s':>10}{'worst s':>9}{'limit s':>9}{'stayed':>8}",
    ]
    for kind in (*KINDS, "all"):
        found = [each.seconds for each in deaths if kind in ("all", each.kind)]
        times = [each for each in found if each is not None]
        if times:
            rows.append(f"{kind:26}{len(found):>8}{statistics.median(times):>10.1f}{max(times):>9.1f}"
                        f"{MOST_SECONDS:>9.1f}{len(found) - len(times):>8}")  # fmt: skip
    slow = any(each.seconds is None or each.seconds > MOST_SECONDS for each in deaths)
    return rows, slow or cost.requests > MOST_PER_MINUTE or cost.cpu_percent > MOST_CPU_PERCENT
