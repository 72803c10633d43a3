"""Ask git for commits and files, without ever checking anything out.

The repository may hold anything: hooks, filters, links and submodules only do something when files are checked out,
so the files are read out of a bare repository of our own instead.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile

from mirrorlist.checks.fetching.subprocesses import bounded
from mirrorlist.core.errors import PullError

LARGEST_PACK = 2 * 1024**3
"""Bytes of the largest file that git may write; git ends when it needs more."""
LONGEST_TOLD = 300
BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.ASCII)
_SCP = re.compile(r"[A-Za-z0-9._@-]+:(?!/?/)", re.ASCII)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_PULLED = "refs/heads/pulled"
_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "256",
    "gc.autoDetach": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "maintenance.autoDetach": "false",
    "transfer.bundleURI": "false",
}


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A row of a tree: ``mode`` distinguishes a file (100644, 100755) from a link (120000) and a submodule (160000)."""

    mode: str
    digest: str
    size: int | None
    path: bytes

    @property
    def is_file(self) -> bool:
        """Whether it is a plain file."""
        return self.mode in ("100644", "100755")


def scheme_of(address: str) -> str:
    """The protocol by which git would fetch: ``https``, ``ssh``, ``file`` or another.

    Raises:
        PullError: git could take the address for something else.
    """
    if not address or address.startswith("-") or "::" in address or not address.isprintable():
        raise PullError(f"{address!r} is no address of a repository; write https://..., ssh://... or a path")
    if found := _SCHEME.match(address):
        return found[1]
    return "ssh" if _SCP.match(address) and not Path(address).exists() else "file"


def refuse_branch(name: str) -> None:
    """Raises PullError for what git could take for something else than the name of a branch."""
    if not BRANCH.fullmatch(name) or ".." in name:
        raise PullError(f"{name!r} is no name of a branch; write it as in main")


class GitRepository:
    """A bare repository of our own that follows one branch of another.

    ``timeout`` is in seconds, for each call of git. The environment is not handed on, so that no setting of whoever
    starts this changes what is fetched; keys for ssh are found by the user's own ssh settings.
    """

    def __init__(self, directory: Path, timeout: float) -> None:
        self._directory = directory
        self._timeout = timeout
        found = shutil.which("git")
        if not found:
            raise PullError("git is not installed; install it")
        self._git = found

    def fetch(self, address: str, branch: str) -> str:
        """The newest commit of a branch.

        Raises:
            PullError: it cannot be had; the message has git's reason.
        """
        refuse_branch(branch)
        if not (self._directory / "HEAD").is_file():
            self._directory.mkdir(parents=True, exist_ok=True)
            self._ask("init", "--quiet", "--bare", "--template=", str(self._directory))
        source = str(Path(address).absolute()) if scheme_of(address) == "file" and "://" not in address else address
        words = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--force")
        self._ask("fetch", *words, "--", source, f"+refs/heads/{branch}:{_PULLED}", protocol=scheme_of(address))
        return self._ask("rev-parse", "--verify", f"{_PULLED}^{{commit}}").decode("ascii", "replace").strip()

    def keep(self, commit: str) -> None:
        """Keeps a commit from being forgotten when the branch is rewritten."""
        self._ask("update-ref", "refs/heads/good", commit)

    def committed_at(self, commit: str) -> float:
        """When a commit was made, in seconds since 1970."""
        told = self._ask("show", "--no-patch", "--format=%ct", commit)
        with suppress(ValueError):
            return float(int(told))
        return 0.0

    def follows(self, old: str, new: str) -> bool:
        """Whether a commit has another among its ancestors, or is that one."""
        return self._run(["merge-base", "--is-ancestor", old, new], "none", b"")[0] == 0

    def entries(self, commit: str, path: str) -> tuple[TreeEntry, ...]:
        """What lies at a path: the file itself, or with a final slash what the directory holds, not below that."""
        rows = self._ask("ls-tree", "-z", "--long", "--full-tree", commit, "--", path).split(b"\0")
        found: list[TreeEntry] = []
        for row in filter(None, rows):
            facts, _, name = row.partition(b"\t")
            mode, _, digest, size = facts.decode("ascii").split()
            found.append(TreeEntry(mode, digest, int(size) if size.isdecimal() else None, name))
        return tuple(found)

    def contents(self, entries: Sequence[TreeEntry]) -> dict[str, bytes]:
        """The bytes of files by their digest."""
        asked = "".join(f"{each.digest}\n" for each in entries).encode()
        answer = memoryview(self._ask("cat-file", "--batch", given=asked))
        found, at = {}, 0
        while at < len(answer):
            end = at + bytes(answer[at : at + 200]).index(b"\n")
            digest, kind, size = bytes(answer[at:end]).decode("ascii").split()
            if kind != "blob":
                raise PullError(f"{digest} is no file in the repository; fetch it again into an empty directory")
            found[digest] = bytes(answer[end + 1 : end + 1 + int(size)])
            at = end + 2 + int(size)
        return found

    def _ask(self, *words: str, protocol: str = "none", given: bytes = b"") -> bytes:
        status, output, said = self._run(words, protocol, given)
        if status:
            # its last words in one line, without anything that a terminal obeys or nobody should read
            line = _CREDENTIALS.sub("", " ".join(said.decode("utf-8", "replace").split()))
            told = "".join(each if each.isprintable() else "?" for each in line)[-LONGEST_TOLD:]
            raise PullError(f"git {words[0]} ended with {status}: {told or 'it said nothing'}")
        return output

    def _run(self, words: Sequence[str], protocol: str, given: bytes) -> tuple[int, bytes, bytes]:
        """Runs git in a session of its own, all of which ends when the time is over: its status, its output, and the
        end of what it said on standard error.

        Raises:
            PullError: it was not done in time, or could not be started.
        """
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [self._git, *settings, f"--git-dir={self._directory}", *words]
        limits = {resource.RLIMIT_FSIZE: LARGEST_PACK}
        try:
            with TemporaryFile() as file:
                file.write(given)
                file.seek(0)
                with bounded(command, self._timeout, limits, self._environment(protocol), file) as ran:
                    output = ran.output.read()
                    return ran.status(), output, bytes(ran.said)
        except TimeoutError:
            raise PullError(
                f"git {words[0]} took more than {self._timeout:g} seconds; see that the repository answers, "
                "or write a larger --timeout"
            ) from None
        except OSError as error:
            raise PullError(f"git cannot be started: {error.strerror}") from None

    def _environment(self, protocol: str) -> Mapping[str, str]:
        return {
            "PATH": f"{Path(self._git).parent}:{os.defpath}",
            "HOME": str(self._directory),
            "LC_ALL": "C",
            "GIT_ALLOW_PROTOCOL": protocol,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=30",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_LITERAL_PATHSPECS": "1",
        }


MOST_ENTRIES = 20_000
LARGEST_SERVICE_FILE = 1024 * 1024
LARGEST_FILE = 64 * 1024
"""Of mirror files and logos: more is not read of either."""
MOST_BYTES = 128 * 1024 * 1024
"""Of all mirror files and logos together."""
_NAME = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{0,253}\.(ya?ml|png|webp)")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,253}", re.ASCII)
_READ_AS_MIRROR = re.compile(rb".*\.ya?ml", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Taken:
    """The files of a directory by name, and those that are left out: name to reason, both for people."""

    files: Mapping[str, bytes]
    left_out: Mapping[str, str]


def plain_path(text: str) -> str:
    """A path inside the repository, in its one spelling.

    Raises:
        PullError: it leads elsewhere, or has characters that are asking for trouble.
    """
    path = PurePosixPath(text)
    if path.is_absolute() or not path.parts or not all(_PART.fullmatch(part) for part in path.parts):
        raise PullError(f"{text!r} is no path inside the repository; write it as in service.yml or mirrors.d")
    return str(path)


def service_file(repository: GitRepository, commit: str, path: str) -> bytes:
    """The service file of a commit.

    Raises:
        PullError: there is none, or it is something else than a small file.
    """
    for entry in repository.entries(commit, path):
        if fault := _fault(entry, LARGEST_SERVICE_FILE):
            raise PullError(f"{path} {fault}")
        return repository.contents((entry,))[entry.digest]
    raise PullError(f"there is no {path} in this commit; put it back, or name it with --service-file")


def mirror_files(repository: GitRepository, commit: str, directory: str) -> Taken:
    """The mirror files and logos that lie in a directory of a commit.

    Raises:
        PullError: there is no such directory, or it holds too much.
    """
    entries = repository.entries(commit, f"{directory}/")
    if not entries:
        raise PullError(f"there is no directory {directory} in this commit; put it back")
    if len(entries) > MOST_ENTRIES:
        raise PullError(f"{directory} has {len(entries)} entries; at most {MOST_ENTRIES} are read, so remove some")
    kept: dict[str, TreeEntry] = {}
    left_out: dict[str, str] = {}
    for entry in entries:
        name = entry.path.rpartition(b"/")[2]
        fault = _fault(entry, LARGEST_FILE) or (None if _NAME.fullmatch(name) else "has a name that no mirror file has")
        if fault is None:
            kept[name.decode("ascii")] = entry
        elif _READ_AS_MIRROR.fullmatch(name) or not entry.is_file:
            left_out[ascii(name.decode("utf-8", "backslashreplace"))[1:-1][:100]] = fault
    total = sum(entry.size or 0 for entry in kept.values())
    if total > MOST_BYTES:
        raise PullError(f"{directory} has {total} bytes; at most {MOST_BYTES} are read, so remove some files")
    contents = repository.contents(tuple({entry.digest: entry for entry in kept.values()}.values()))
    return Taken({name: contents[entry.digest] for name, entry in kept.items()}, left_out)


def _fault(entry: TreeEntry, largest: int) -> str | None:
    """Why an entry is not taken."""
    if not entry.is_file:
        kind = {"120000": "a symbolic link", "160000": "a submodule", "040000": "a directory"}.get(entry.mode, "odd")
        return f"is {kind}; put the file itself there"
    if entry.size is None or entry.size > largest:
        return f"has {entry.size} bytes; at most {largest} are read"
    return None
