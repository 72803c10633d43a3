"""A worker that has shown more pages of 530 mirrors than it keeps holds little more than one that shows nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mirrorlist.core.snapshot import encode
from mirrorlist.store.snapshot_files import write_snapshot
from tests.web.networks import record_of

MOST_KB = 40_000
PROGRAM = """
import sys
from pathlib import Path
import flask

def held():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))

flask.Flask("empty")
before = held()
from mirrorlist.app import plain_app, put_front
from mirrorlist.countries import country_of
from mirrorlist.reload import Reloader
from mirrorlist.web.time_budget import Budget, Budgets
from mirrorlist.web.counts import Counts
from werkzeug.test import Client

reloader, counts = Reloader(Path(sys.argv[1]), 3600.0), Counts()
app = plain_app(reloader, country_of, counts)
endless = Budget(0, float("inf"))  # a worker grants fewer pages a second than are asked here
put_front(app, reloader, country_of, counts, Budgets(endless, endless))
reloader.start()
client = Client(app)
paths = ["/", "/kitten", "/yours", "/status", "/join", "/isos", "/mirrors/map-light.svg", "/mirrors/map-dark.svg",
         "/mirrors.json", "/api/v1/mirrors", "/api/v1/mirrors.geojson", "/openapi.json", "/mirrors/feed.atom",
         *(f"/mirrors/mirror{number}.example.org" for number in range(20, 150) if number % 41)]
for path in paths:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
print(held() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this system does not tell what is held")
def test_a_worker_stays_small(tmp_path: Path) -> None:
    write_snapshot(tmp_path, encode(record_of(530)))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) < MOST_KB
