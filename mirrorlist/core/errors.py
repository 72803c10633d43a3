"""Errors of the service, and the findings that its readers report.

MirrorlistError
  ServiceFileError     service.yml cannot be used: the start (or the reload) stops
  RequestError              a request that is not answered as it was asked
    BadRequest         a value of a request is malformed: 400
    NotFound           a request names something that does not exist: 404
    NotReady           known, but nothing to answer with yet: 503
  SnapshotError        a snapshot, or another sealed file, is not whole
  GeoDatabaseError     a database of addresses cannot be read
  ClientCountsError    a file of counted clients cannot be read
  OriginError          the origin did not give a file that can be used
    UnreadableError    it gave one that is no repomd.xml
    UnsizedError       it has one, and does not say how large it is
  DatabaseError        the database is away, broken, or of a newer release
  UploadRefused          a report of a vantage point is not taken
  LeadLost             another process leads by now; what this one found does not count
  Overtaken            another publisher published meanwhile; what was compiled is not the newest
  Shrunk               a new generation lost so large a part of its mirrors that it is probably a mistake
  PullError            the reviewed repository, or what it holds, cannot be used
    CommitRefused      a newer commit is worse than the current one
  JobStopped           a periodic job was cut off with the process that runs it
  ImportFault          what another service exports cannot be read
  PortError            the port to listen on is in use, or cannot be had
  InstallationError    the files of a new installation cannot be written
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MirrorlistError(Exception):
    """The root of all errors that this project raises."""


class RequestError(MirrorlistError):
    """A request that is not answered as it was asked.

    ``text`` has a ``%(name)s`` for each of ``values``, so that pages can translate it.
    """

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text % values if values else text)
        self.text, self.values = text, values


class BadRequest(RequestError):
    """A value of a request is malformed."""


class NotFound(RequestError):
    """A request names something that does not exist."""


class NotReady(RequestError):
    """The thing asked for exists, but there is nothing to answer with yet."""


class SnapshotError(MirrorlistError):
    """A snapshot, or another sealed file, is truncated, altered or of another format."""


class GeoDatabaseError(MirrorlistError):
    """A database of addresses cannot be read; the message names the file and the reason."""


class ClientCountsError(MirrorlistError):
    """A file of counted clients cannot be used; the message names it, the line and the remedy."""


class OriginError(MirrorlistError):
    """The origin did not give a repomd.xml that can be used; the message names it and the reason."""


class UnreadableError(OriginError):
    """The origin gave a file in place of a repomd.xml, but none that can be read."""


class UnsizedError(OriginError):
    """The origin has a file, and its web server does not say how large it is."""


class DatabaseError(MirrorlistError):
    """The database cannot be used; the message names it, the reason and the remedy."""


class UploadRefused(MirrorlistError):
    """What a vantage point or a node uploads is not taken, and changes nothing; the message says why."""


class LeadLost(MirrorlistError):
    """Another process leads by now: what this one found is not written; the message names the other."""


class Overtaken(MirrorlistError):
    """Another publisher published meanwhile, so what was compiled is not written."""


class FilesBehind(MirrorlistError):
    """The files of this publisher are older than those that another one published."""


class Shrunk(MirrorlistError):
    """A new generation lost so large a part of its mirrors that it is probably a mistake."""


class PullError(MirrorlistError):
    """The reviewed repository or a commit of it cannot be used; what was pulled last stays in effect."""


class CommitRefused(PullError):
    """A commit was had and is worse than the current one; ``commit`` is its full name."""

    def __init__(self, commit: str, why: str) -> None:
        super().__init__(
            f"commit {commit} is refused, the last good one stays: {why} (--accept takes what can be used)"
        )
        self.commit = commit


class PortError(MirrorlistError):
    """Nobody can listen on the port; the message says why and what to do."""


class DownloadError(MirrorlistError):
    """A download did not come whole; the message names the address, the vendor's answer and the remedy."""


class InstallationError(MirrorlistError):
    """The files of a new installation cannot be written; the message names what is in the way and the remedy."""


class ChannelError(MirrorlistError):
    """A generation of the snapshot channel is not taken; what was taken last stays in effect."""


class MailError(MirrorlistError):
    """A mail or a post is not taken now; the message names the server and the reason, and holds no address."""


class JobFailed(MirrorlistError):
    """A periodic job did not do what it is for; the message says what it said."""


class JobStopped(MirrorlistError):
    """A periodic job was cut off with the process that runs it; it is done again at the next start."""


class ImportFault(MirrorlistError):
    """What another service exports cannot be read; the message names it and the reason."""


class Severity(StrEnum):
    """An error leaves the thing out; a warning is reported and the thing is used with its obvious meaning."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One remark on a file: where (line and column count from 1), how bad, and what to do."""

    path: str
    line: int
    column: int
    severity: Severity
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.severity} [{self.code}] {self.message}"


class ServiceFileError(MirrorlistError):
    """service.yml cannot be used; ``findings`` name every place."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings
