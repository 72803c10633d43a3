"""Guards and asks for tests, and a fetch in a process of its own that tells what it cost."""

from __future__ import annotations

import json
import os
import resource
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mirrorlist.checks.fetching.addresses import Resolver
from mirrorlist.checks.fetching.fetch import Ask, Guard, fetch
from mirrorlist.checks.fetching.result import Failure
from mirrorlist.core.model import Prefix
from mirrorlist.core.network.prefixes import parse_prefix

PLAIN_CONTEXT = ssl.create_default_context()


def prefixes(*texts: str) -> tuple[Prefix, ...]:
    return tuple(parse_prefix(text)[0] for text in texts)


SERVER_ONLY = prefixes("127.0.0.2/32")
LOOPBACK = prefixes("127.0.0.0/8", "::1/128")


def names(table: Mapping[str, Sequence[str]]) -> Resolver:
    """A resolver that knows these names only."""

    def resolver(name: str) -> Sequence[str]:
        if name not in table:
            raise OSError(f"{name} is unknown")
        return table[name]

    return resolver


def guard(
    allowed: tuple[Prefix, ...] = SERVER_ONLY,
    resolver: Resolver | None = None,
    context: ssl.SSLContext = PLAIN_CONTEXT,
) -> Guard:
    return Guard(allowed=allowed, resolver=resolver or names({}), context=context)


def alone(url: str, environment: Mapping[str, str]) -> tuple[str, int, float]:
    """What a fetch in a new process comes to (a status or the kind of a failure), its growth in KiB, its seconds."""
    command = [sys.executable, "-m", "tests.checks.asking", url]
    root = Path(__file__).parents[2]
    run = subprocess.run(command, cwd=root, env={**os.environ, **environment}, capture_output=True, timeout=30)
    assert run.returncode == 0, run.stderr.decode()
    outcome, growth_kib, seconds = json.loads(run.stdout)
    return outcome, growth_kib, seconds


def main() -> None:
    """Peak memory only grows, so what it grew by is the most that the fetch held at any time."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    found = fetch(sys.argv[1], Ask(most_bytes=1024 * 1024, deadline_seconds=20.0), guard())
    seconds = time.monotonic() - start
    growth_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    outcome = found.kind.name if isinstance(found, Failure) else str(found.status)
    print(json.dumps([outcome, growth_kib, seconds]))  # noqa: T201  # the parent reads it


if __name__ == "__main__":
    main()
