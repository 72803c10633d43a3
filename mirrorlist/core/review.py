"""The result of a review of submitted files: the findings in each file, and whether it is acceptable."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from mirrorlist.core.errors import Finding, Severity


@dataclass(frozen=True, slots=True)
class EndpointResult:
    """What one way to a mirror came to when it was asked. ``good`` is None where that says nothing."""

    what: str
    over: str
    url: str
    good: bool | None
    came: str
    seconds: float
    mbps: float | None = None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One submitted file. ``name`` and ``place`` are the mirror's, where the file describes one."""

    path: str
    findings: tuple[Finding, ...]
    name: str | None = None
    place: str | None = None
    seen: tuple[EndpointResult, ...] = ()

    def count(self, severity: Severity) -> int:
        """How many findings are of this severity."""
        return Counter(each.severity for each in self.findings)[severity]


@dataclass(frozen=True, slots=True)
class Review:
    """All submitted files. With ``strict`` a warning refuses as an error does."""

    files: tuple[Reviewed, ...]
    strict: bool = False

    def accepts(self, file: Reviewed) -> bool:
        """Whether nothing speaks against the file."""
        return not any(self.strict or each.severity is Severity.ERROR for each in file.findings)

    @property
    def accepted(self) -> bool:
        """Whether every file is acceptable."""
        return all(map(self.accepts, self.files))

    def summary(self) -> str:
        """How many, in one line."""
        good = sum(map(self.accepts, self.files))
        errors = sum(file.count(Severity.ERROR) for file in self.files)
        warnings = sum(file.count(Severity.WARNING) for file in self.files)
        counted = f"{_many(len(self.files), 'file')}: {good} accepted, {len(self.files) - good} refused"
        return f"{counted}; {_many(errors, 'error')}, {_many(warnings, 'warning')}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
