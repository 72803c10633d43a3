"""When a new generation is probably a mistake: most of the mirrors are gone, and nobody deleted their files."""

from __future__ import annotations

from collections.abc import Sequence

from mirrorlist.core.errors import Shrunk
from mirrorlist.core.model import Mirror

GUARDED_ABOVE = 10
"""Mirrors; a network this small may lose as many as it likes, but not all."""
LEAST_SHARE = 0.7


def refuse_loss(former: Sequence[Mirror], mirrors: Sequence[Mirror], unusable: int) -> None:
    """Refuses a generation with under 70 % of the former mirrors, unless their files were deleted.

    ``unusable`` is how many files give no mirror. A snapshot does not say which file a mirror came from; but no more
    of them are lost than files are unusable.

    Raises:
        Shrunk: too many are lost; the message names the first.
    """
    if not former or (mirrors and len(former) <= GUARDED_ABOVE):
        return
    there = {mirror.name for mirror in mirrors}
    gone = [mirror.name for mirror in former if mirror.name not in there]
    lost = min(len(gone), unusable) if mirrors else len(gone)
    if lost > (1 - LEAST_SHARE) * len(former):
        raise Shrunk(
            f"{lost} of {len(former)} mirrors are lost, but their files were not deleted; the former snapshot stays. "
            f"If this is meant, run mirrorlist publish --force. First gone: {', '.join(gone[:5])}"
        )
