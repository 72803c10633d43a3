"""What all tests share: how examples are run, how a run ends, and databases: SQLite, PostgreSQL where it is installed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings

from mirrorlist.store.database import open_database
from tests.postgres import Server, postgresql, programs

settings.register_profile("mirrorlist", settings(), deadline=None)  # a busy machine is no fault of the code
settings.load_profile("mirrorlist")
signal.signal(signal.SIGTERM, signal.default_int_handler)  # tests that are ended end what they started, and tidy up


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for a session; CI wants it, elsewhere its tests are skipped where it is not installed."""
    found = programs()
    if found is None:
        reason = "not installed: postgresql"
        if os.environ.get("MIRRORLIST_TEST_REQUIRE_CLIENTS") == "1":
            pytest.fail(f"{reason}, and MIRRORLIST_TEST_REQUIRE_CLIENTS=1 wants it", pytrace=False)
        pytest.skip(reason)
    with postgresql(found) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, one of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'mirrorlist.sqlite'}"
    server: Server = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def engine(url: str, tmp_path: Path) -> Iterator[sa.Engine]:
    """That database, with its tables."""
    opened = open_database(tmp_path, url)
    yield opened
    opened.dispose()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Writes the ids of the tests that failed into the file that MIRRORLIST_TEST_FAILED names, one per line."""
    if path := os.environ.get("MIRRORLIST_TEST_FAILED"):
        bad = [report.nodeid for kind in ("failed", "error") for report in terminalreporter.getreports(kind)]
        Path(path).write_text("".join(f"{each}\n" for each in sorted(set(bad))))
