"""AlmaLinux's own mirror files, where a copy of them lies beside the repository."""

import time
from collections import Counter
from pathlib import Path

import pytest

from mirrorlist.core.model import SERVED_STATUSES, Protocol
from mirrorlist.sources.mirrors.files import MirrorFiles, read_mirror_files
from mirrorlist.sources.places.countries import read_countries

REAL = Path(__file__).parents[4] / "shared" / "data" / "almalinux" / "mirrors.d"

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not there")


@pytest.fixture(scope="module")
def real() -> MirrorFiles:
    return read_mirror_files(REAL, ("main", "kitten"), read_countries())


def test_every_file_gives_a_mirror(real: MirrorFiles) -> None:
    assert len(real.mirrors) == len(real.files) == 400


def test_the_warnings_are_those_that_were_counted_by_hand(real: MirrorFiles) -> None:
    assert Counter(f"{each.severity} {each.code}" for each in real.findings) == {
        "warning file-name": 29,
        "warning private-without-networks": 15,
        "warning country-spelling": 5,
        "warning url-scheme": 5,
        "warning rsync-spelling": 4,
        "warning duplicate-key": 3,
        "warning sponsor-url": 3,
        "warning unknown-key": 2,
        "warning key-case": 1,
    }


def test_all_but_those_without_networks_can_be_served_to_somebody(real: MirrorFiles) -> None:
    served = [
        mirror
        for mirror in real.mirrors.values()
        if mirror.status in SERVED_STATUSES and (not mirror.private or mirror.subnets or mirror.asns or mirror.cloud)
    ]
    assert len(served) == 385


def test_no_url_is_handed_out_under_another_protocol(real: MirrorFiles) -> None:
    for mirror in real.mirrors.values():
        for urls in mirror.urls.values():
            assert {Protocol.HTTP, Protocol.HTTPS} & urls.keys()
            assert all(url.startswith(f"{protocol}://") and url.endswith("/") for protocol, url in urls.items())


def test_reading_them_all_takes_little_time() -> None:
    started = time.process_time()
    read_mirror_files(REAL, ("main", "kitten"), read_countries())

    assert time.process_time() - started < 3, "half a second is usual"
