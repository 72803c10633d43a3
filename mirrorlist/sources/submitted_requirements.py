"""Whether a submitted mirror meets what the service asks: an error below the minimum, a warning below the preferred."""

from __future__ import annotations

from collections.abc import Iterator

from mirrorlist.core.errors import Finding
from mirrorlist.core.model import Mirror, Status
from mirrorlist.core.rank import is_public
from mirrorlist.core.requirements import Level, Shortfall, shortfalls
from mirrorlist.sources.submission import Check, Submission, Terms
from mirrorlist.sources.submission_codes import SubmissionCode as Code

LEAVING = (Status.DECLINED, Status.RETIRING, Status.RETIRED)


def requirements_are_met(submission: Submission, terms: Terms) -> Iterator[Finding]:
    """The mirror has what the service asks for. Private, leaving and approved ones are let off."""
    mirror = submission.mirror
    if mirror is None or not is_held_to_requirements(mirror) or mirror.name in terms.service.approved:
        return
    for lack in shortfalls(mirror, terms.service.requirements):
        pointer = tuple(lack.key.split("."))
        if lack.level is Level.MINIMUM:
            yield submission.error(pointer, Code.BELOW_MINIMUM, f"{_said(lack)}; {_REMEDY}")
        else:
            yield submission.warning(pointer, Code.BELOW_PREFERRED, f"{_said(lack)}; offer more if you can")


_REMEDY = "offer more, or write what you really have"


def is_held_to_requirements(mirror: Mirror) -> bool:
    """Whether a mirror is one for the public that comes or stays."""
    return is_public(mirror) and mirror.status not in LEAVING


def _said(lack: Shortfall) -> str:
    what = "the least that this service asks for" if lack.level is Level.MINIMUM else "what this service prefers"
    return f"{lack.key} is {lack.has}, and {what} is {lack.asked}"


REQUIREMENT_CHECKS: tuple[Check, ...] = (requirements_are_met,)
