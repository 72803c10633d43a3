"""What a submitted file does not say, and what rules ask about: silence must not be the way past them."""

from __future__ import annotations

from collections.abc import Iterator

from mirrorlist.core.errors import Finding
from mirrorlist.sources.submission import Check, Submission, Terms
from mirrorlist.sources.submission_codes import SubmissionCode as Code
from mirrorlist.sources.submitted_requirements import LEAVING, is_held_to_requirements


def says_how_often_it_syncs(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """The interval is given, on which several rules depend. A leaving mirror is let off."""
    key = "update_frequency"
    written = submission.document.original((key,)) in submission.document.places
    if written or submission.root.get("status") in LEAVING or _is_asked_for_it(submission, terms):
        return
    unknown = "nobody can tell whether the mirror syncs often enough"
    message = f"the file has no {key}, so {unknown}; add how often it syncs, as in '{key}: 3h'"
    yield submission.warning((key,), Code.NOT_GIVEN, message)


def _is_asked_for_it(submission: Submission, terms: Terms) -> bool:
    """Whether the service's requirements tell the same already."""
    mirror = submission.mirror
    if mirror is None or not is_held_to_requirements(mirror) or mirror.name in terms.service.approved:
        return False
    return any(asked.update_frequency_seconds for _, asked in terms.service.requirements.levels())


ABSENCE_CHECKS: tuple[Check, ...] = (says_how_often_it_syncs,)
