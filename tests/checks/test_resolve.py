from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from mirrorlist.checks.deadline import deadline_in
from mirrorlist.checks.outcome import Failed, FailureKind
from mirrorlist.checks.resolve import MOST_LOOKUPS, resolved_within, system_resolver


def test_the_system_knows_its_own_name_and_reads_addresses() -> None:
    assert set(system_resolver("localhost")) <= {"127.0.0.1", "::1"}
    assert system_resolver("127.0.0.1") == ("127.0.0.1",)


@pytest.mark.parametrize("name", ["a" * 64, "a..b", "\x00"])
def test_a_name_that_is_none_has_no_address(name: str) -> None:
    with pytest.raises((OSError, ValueError)):
        resolved_within(name + ".invalid.", system_resolver, deadline_in(5, time.monotonic))


def test_hanging_look_ups_are_bounded_and_give_their_places_back() -> None:
    release = threading.Event()

    def hangs(name: str) -> list[str]:
        release.wait(10)
        return []

    with pytest.raises(Failed) as raised:
        for _ in range(MOST_LOOKUPS + 1):
            with suppress(TimeoutError):
                resolved_within("slow.test", hangs, deadline_in(0, time.monotonic))
    release.set()
    found = resolved_within("quick.test", lambda _: ["192.0.2.1"], deadline_in(5, time.monotonic))
    assert (raised.value.failure.kind, found) == (FailureKind.LOCAL, ("192.0.2.1",))
