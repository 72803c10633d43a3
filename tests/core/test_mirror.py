""""""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mirrorlist.core.mirror import status_on
from mirrorlist.core.model import Status
from tests.building import mirror

TODAY = date(2026, 11, 21)
YESTERDAY, SAME_DAY, TOMORROW = "2026-11-20", "2026-11-21", "2026-11-22"


@pytest.mark.parametrize(
    ("status", "until", "live_from", "today"),
    [
        (Status.LIVE, None, None, Status.LIVE),
        (Status.LIVE, YESTERDAY, None, Status.LIVE),
        (Status.LIVE, None, YESTERDAY, Status.LIVE),
        (Status.LIVE, None, SAME_DAY, Status.LIVE),
        (Status.LIVE, None, TOMORROW, Status.SYNCING),
        (Status.PAUSED, None, None, Status.PAUSED),
        (Status.PAUSED, TOMORROW, None, Status.PAUSED),
        (Status.PAUSED, SAME_DAY, None, Status.PAUSED),
        (Status.PAUSED, YESTERDAY, None, Status.LIVE),
        (Status.PAUSED, YESTERDAY, SAME_DAY, Status.LIVE),
        (Status.PAUSED, YESTERDAY, TOMORROW, Status.SYNCING),
        (Status.RETIRING, None, None, Status.RETIRING),
        (Status.RETIRING, SAME_DAY, None, Status.RETIRING),
        (Status.RETIRING, YESTERDAY, None, Status.RETIRED),
        (Status.RETIRING, None, TOMORROW, Status.RETIRING),
        (Status.RETIRED, YESTERDAY, YESTERDAY, Status.RETIRED),
        (Status.DECLINED, YESTERDAY, YESTERDAY, Status.DECLINED),
        (Status.OFFERED, YESTERDAY, YESTERDAY, Status.OFFERED),
        (Status.ACCEPTED, YESTERDAY, YESTERDAY, Status.ACCEPTED),
        (Status.PAPERWORK, YESTERDAY, YESTERDAY, Status.PAPERWORK),
        (Status.DEPLOYING, YESTERDAY, YESTERDAY, Status.DEPLOYING),
        (Status.SYNCING, YESTERDAY, YESTERDAY, Status.SYNCING),
    ],
)
def test_dates_come_true_by_themselves(status: Status, until: str | None, live_from: str | None, today: Status) -> None:
    given = mirror("a", "berlin", status=status, status_until=until, live_from=live_from)
    assert status_on(given, TODAY) == replace(given, status=today)
