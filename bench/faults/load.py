"""Load of clients while the service reloads, or while others ask for what is expensive: wrk, and what it finds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.faults.held import ROOT, Held
from tests.serving import PATH, Service, checkout, mirror_file, put, serving


def soak(quick: bool, minutes: float = 10.0) -> Held:
    """Half of the peak for so long, with a reload every 5 s: no answer 5xx, descriptors and memory flat."""
    seconds = 15.0 if quick else 60 * minutes
    with tempfile.TemporaryDirectory() as directory:
        config = checkout(Path(directory) / "x", "a.example.org")
        with serving(config) as service:
            pause = Path(directory) / "pause.lua"
            pause.write_text("")
            peak = Wrk(service.port, 3, pause).result()
            each = 1000 * CONNECTIONS / peak.a_second  # milliseconds between the requests of a connection
            _pause(pause, each)
            busy = 1000 * CONNECTIONS / Wrk(service.port, 3, pause).result().a_second - each
            _pause(pause, 2 * each - busy)
            load, reloads, half = Wrk(service.port, seconds, pause), 0, _weight(service)
            begun = time.monotonic()
            while (past := time.monotonic() - begun) < seconds - 1:
                if past >= 5 * (reloads + 1):
                    reloads += 1
                    put(config.parent / "mirrors.d" / "b.yml", mirror_file(f"b{reloads}.example.org"))
                if past < seconds / 2:
                    half = _weight(service)
                time.sleep(0.2)
            end, found = _weight(service), load.result()
            taken = service.log().count('"published"') - 1
    files, grown, most = end[0] - half[0], end[1] - half[1], 8.0 if quick else 2.0
    told = (
        f"{found.a_second:.0f} of {peak.a_second:.0f} a second for {seconds:.0f} s, {reloads} reloads, "
        f"{found.bad} bad answers, {grown:+.1f} MiB and {files:+d} descriptors in the second half"
    )
    return Held(not found.bad and taken >= reloads and files <= 0 and grown < most, told)


def _pause(script: Path, milliseconds: float) -> None:
    """Has wrk wait before each request."""
    script.write_text(f"function delay() return {max(milliseconds, 0):.0f} end\n")


CONNECTIONS = 256


@dataclass(frozen=True)
class Load:
    """What wrk found: requests a second, and answers that were neither 2xx nor 3xx, or that never came."""

    a_second: float
    bad: int


class Wrk:
    """wrk at a port, for some seconds."""

    def __init__(self, port: int, seconds: float, script: Path) -> None:
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", str(script)]
        self._process = subprocess.Popen(
            [*command, f"http://127.0.0.1:{port}{PATH}"], stdout=subprocess.PIPE, text=True
        )

    def result(self) -> Load:
        """Waits for its end."""
        shown = self._process.communicate()[0]
        rate = re.search(r"Requests/sec:\s+([\d.]+)", shown)
        failed = re.findall(r"(?:Non-2xx or 3xx responses:|connect|read|write|timeout) (\d+)", shown)
        return Load(float(rate[1]) if rate else 0.0, sum(map(int, failed)))


def _weight(service: Service) -> tuple[int, float]:
    """Descriptors, including the clients' connections, and private MiB, of all workers together."""
    files = mib = 0.0
    for pid in service.workers():
        resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
        mib += (resident - shared) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
        files += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return int(files), mib


def expensive_flood(quick: bool) -> Held:
    """A flood of filters and other formats: plain lists keep 0.8 of their speed at rest, in the same run."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "found.json"
        command = [sys.executable, "bench/run", "--rounds", "3" if quick else "7", "--json", str(file), "dear lists"]
        done = subprocess.run([*command, "--seconds", "2"], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            return Held(False, done.stderr.strip()[-200:])
        [row] = json.loads(file.read_text())
    return Held(row["rps ratio"] >= 0.8, f"{row['rps ratio']} of the speed at rest, {row['spread']}")
