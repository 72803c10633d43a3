"""Attack the service case by case: a table, JSON, and status 1 where a bar is missed.

    bench/faults/run [--quick] [--minutes MINUTES] [--json FILE] [CASE ...]

Each case runs in a process of its own, with a limit on its time and memory, on loopback. Cases that are tests of the
project run as such; ``--quick`` makes the others smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from bench.faults.answers import flood, forwarded, isolation, requests, tampering
from bench.faults.held import ROOT, Case, tested
from bench.faults.kills import kills
from bench.faults.load import expensive_flood, reloads, soak
from bench.faults.slow_clients import slow_clients
from tests.clients.proxies import haproxy, nginx

MOST_BYTES = 4 << 30

CASES: dict[str, Case] = {
    "requests": requests,
    "forwarded": forwarded,
    "isolation": isolation,
    "forced values": tested("tests/web/test_second_check.py", "tests/sources/submissions/test_submission_fuzz.py"),
    "guarded fetcher": tested("tests/checks/fetching"),
    "tampering": tampering,
    "replay and reload": tested("tests/test_reload.py", "tests/web/test_coherence.py"),
    "reloads under load": reloads,
    "kills": tested("tests/store/test_kills.py", "tests/test_processes.py"),
    "kills under load": kills,
    "slow clients": slow_clients(),
    "slow clients, nginx": slow_clients(nginx),
    "slow clients, haproxy": slow_clients(haproxy),
    "flood": flood,
    "expensive flood": expensive_flood,
    "soak": soak,
    "outages": tested("tests/test_outages.py", "tests/store/test_database.py"),
    "hooks, channel, mail": tested("tests/web/test_hooks.py", "tests/following", "tests/publishing/test_mail.py"),
    "vantage uploads": tested("tests/web/test_vantage_reports.py", "tests/probing/test_vantage.py"),
    "uploads of counts": tested("tests/web/test_node_counts.py"),
    "pull and judge": tested("tests/pulling", "tests/test_validate_mirrors.py"),
}


def main() -> int:
    """Runs the cases, and prints a row for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak; default: 10, with --quick 15 seconds")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("case", nargs="*", help="names or parts of them; default: all")
    options = parser.parse_args()
    if options.inside:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        case = CASES[options.inside]
        held = soak(options.quick, options.minutes) if case is soak else case(options.quick)
        print(json.dumps([held.ok, held.told]))
        return 0
    print(f"load average at the start: {os.getloadavg()[0]:.2f}")
    rows = []
    for name in CASES:
        if not options.case or any(part in name for part in options.case):
            rows.append(_row(name, options.quick, options.minutes))
            print("{held:5} {case:23} {seconds:>6} s  {told}".format(**rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0 if all(row["held"] == "held" for row in rows) else 1


def _row(name: str, quick: bool, minutes: float) -> dict[str, object]:
    """One case in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("run")), "--inside", name, "--minutes", f"{minutes}"]
    command += ["--quick"] * quick
    began = time.monotonic()
    try:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300 if quick else 1800 + 60 * minutes,
            check=False,
        )
        ok, told = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else (False, done.stderr[-300:])
    except subprocess.TimeoutExpired:
        ok, told = False, "it did not end in time"
    return {
        "case": name,
        "held": "held" if ok else "FAILS",
        "seconds": round(time.monotonic() - began, 1),
        "told": told,
    }
