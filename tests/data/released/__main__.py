"""Writes the snapshot and the file index of the present version."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from mirrorlist import __version__
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.files.build import IndexDraft
from mirrorlist.core.files.index import File, Indexed, IndexFacts
from mirrorlist.core.files.mirror_listing import Holdings
from mirrorlist.core.model import MAIN, CloudRegions
from mirrorlist.core.snapshot import encode
from tests.building import NOW, metadata, mirror, snapshot


def main() -> None:
    """Writes both files, unless they are there."""
    directory = Path(__file__).parent / __version__
    if directory.exists():
        sys.exit(f"{directory} exists; what was released stays as it is")
    directory.mkdir()
    mirrors = [
        mirror("berlin", "berlin", subnets=("198.51.100.0/24", "2001:db8::/48"), bandwidth_mbps=10_000),
        mirror("paris", "paris", asns=(64500,), countries_never=("US",)),
        mirror("hidden", "tokyo", private=True, monopoly=True, subnets=("203.0.113.0/24",)),
        mirror("cloud", "chicago", cloud=CloudRegions("aws", ("us-east-1",))),
    ]
    found = snapshot(
        mirrors,
        at={"198.51.100.0/24": "berlin", "192.0.2.0/25": "FR"},
        asns={"192.0.2.0/26": 64500},
        clouds={"192.0.2.128/28": ("aws", "us-east-1")},
        metadata={"9.8/BaseOS/x86_64/os/": metadata(alternates="b")},
        policy=Policy(near=8, variants=2),
    )
    (directory / "snapshot.bin").write_bytes(encode(found))
    draft = IndexDraft((File("9.8/a.iso", 10, 1_790_000_000, None), File("9.8/b.iso", 20, 1_790_000_000, b"x" * 32)), 2)
    draft.add(0, Holdings(np.array([True, True]), np.array([True, True])))
    draft.add(1, Holdings(np.array([True, False]), np.array([True, True])))
    holders = tuple(Indexed(each.name, NOW - 600) for each in mirrors[:2])
    made = draft.sealed(IndexFacts(MAIN, NOW, NOW - 600, "test", holders, {}))
    (directory / "index.bin").write_bytes(b"".join(made.parts))


main()
