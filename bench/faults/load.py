"""Load of clients while the service reloads, or while others ask for what is expensive: wrk, and what it finds."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.faults.held import ROOT, Held
from mirrorlist.store.snapshot_files import NAME
from tests.serving import PATH, SERVICE, Service, ask, checkout, mirror_file, put, serving

PATIENCE = 60.0
WITH_PLACES = SERVICE + "geo: {databases: [places.mmdb]}\n"


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
    p99: float
    """Milliseconds."""


class Wrk:
    """wrk at a port, for some seconds."""

    def __init__(self, port: int, seconds: float, script: Path | None = None, connections: int = CONNECTIONS) -> None:
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency"]
        command += ["-s", str(script)] if script else []
        self._process = subprocess.Popen(
            [*command, f"http://127.0.0.1:{port}{PATH}"], stdout=subprocess.PIPE, text=True
        )

    def runs(self) -> bool:
        """Whether it still asks."""
        return self._process.poll() is None

    def result(self) -> Load:
        """Waits for its end."""
        shown = self._process.communicate()[0]
        rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", shown), re.search(r"99%\s+([\d.]+)(us|ms|s)", shown)
        failed = re.findall(r"(?:Non-2xx or 3xx responses:|connect|read|write|timeout) (\d+)", shown)
        return Load(
            float(rate[1]) if rate else 0.0,
            sum(map(int, failed)),
            float(p99[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]] if p99 else 0.0,
        )


def _weight(service: Service) -> tuple[int, float]:
    """Descriptors, including the clients' connections, and private MiB, of all workers together."""
    files = mib = 0.0
    for pid in service.workers():
        resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
        mib += (resident - shared) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
        files += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return int(files), mib


def reloads(quick: bool) -> Held:
    """Good, bad, missing, half-written and shrunk input and broken snapshots and databases under load: no request
    fails, no answer mixes generations, and p99 is at most twice that of the quiet time beside it."""
    wanted, changes, ratios, bad, mixed = 20 if quick else 100, 0, list[float](), 0, 0
    with tempfile.TemporaryDirectory() as directory:
        config, pause = checkout(Path(directory) / "x", *(f"a{n}.example.org" for n in range(6))), Path(directory) / "p"
        put(config, WITH_PLACES)
        _pause(pause, 2)
        with serving(config) as service:
            while changes < wanted:
                quiet = Wrk(service.port, 5, pause, 8).result()
                load = Wrk(service.port, 10, pause, 8)
                while load.runs() and changes < wanted:
                    name = _changed(config, changes)
                    changes += 1
                    begun = time.monotonic()
                    while time.monotonic() - begun < (PATIENCE if name else 0.3):
                        status, body = ask(service.port)
                        mixed += status != 200 or len(set(re.findall(r"turn\d+", body))) > 1
                        if name and name in body:
                            break
                        time.sleep(0.02)
                    else:
                        mixed += bool(name)
                found = load.result()
                bad += quiet.bad + found.bad
                ratios.append(found.p99 / max(quiet.p99, 0.001))
    ratio = statistics.median(ratios)
    told = f"{changes} changes, {bad} bad answers, {mixed} mixed or missing, p99 {ratio:.2f} of the quiet one"
    return Held(not bad + mixed and ratio <= 2, told)


def _changed(config: Path, number: int) -> str | None:
    """Makes one of ten changes; every other one makes the input good, with a new mirror, whose name it is."""
    mirrors, state = config.parent / "mirrors.d", config.parent / "state"
    aside = config.with_name("aside")
    kind = number % 10
    if kind == 1:
        put(mirrors / "b.yml", "name: [")
    elif kind == 3:
        mirrors.rename(aside)
    elif kind == 5:
        put(state / NAME, (state / NAME).read_bytes()[: 1000 + number])
    elif kind == 7:
        put(config, SERVICE + "versions: {")
        put(config.with_name("places.mmdb"), b"garbage" * 100)
    elif kind == 9:
        for path in sorted(mirrors.glob("a*.yml"))[:2]:
            path.rename(path.with_suffix(".gone"))
    else:
        if aside.exists():
            aside.rename(mirrors)
        for path in mirrors.glob("*.gone"):
            path.rename(path.with_suffix(".yml"))
        put(config, WITH_PLACES)
        put(mirrors / "b.yml", mirror_file(f"turn{number}.example.org"))
        return f"turn{number}.example.org"
    return None


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
