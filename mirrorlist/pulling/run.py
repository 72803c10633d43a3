"""Pull once: fetch, judge the whole commit, and put it in place at once, or keep what is there.

    <directory>/repository.git   what was fetched, never checked out
    <directory>/commits/<name>/  the files of a commit, complete before anything leads there, and never changed
    <directory>/current          a link to one of these, replaced by renaming
    <directory>/state/           where a service file that names a relative state directory finds it

A link that is replaced cannot be seen half done, not even after a crash, which a reset of files in place can. A
publisher that was reading during a pull notices it by the commit's note, and compiles again.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from mirrorlist.core.catalogue.service import Service
from mirrorlist.core.errors import CommitRefused, PullError, ServiceFileError
from mirrorlist.core.snapshot import Pulled
from mirrorlist.files_on_disk import alone
from mirrorlist.pulling.git import (
    COMMIT,
    GitRepository,
    mirror_files,
    plain_path,
    refuse_branch,
    scheme_of,
    service_file,
)
from mirrorlist.sources.mirrors.files import read_mirror_files
from mirrorlist.sources.origin.commit import read_pulled, write_pulled
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.service.file import read_service

LEAST_SHARE = 0.7
GUARDED_ABOVE = 10
"""Mirrors; a network this small may lose as many as it likes, but not all."""
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Usable:
    """What can be used of a checkout. ``mirrors`` are the names of files that give a mirror, ``files`` of all."""

    service: Service
    mirrors: frozenset[str]
    files: frozenset[str]


def usable(config: Path) -> Usable:
    """What can be used of the files as they lie there.

    Raises:
        PullError: the service file is broken.
    """
    service = service_of(config)
    found = read_mirror_files(Path(service.mirrors_dir), frozenset(service.modules), read_countries())
    return Usable(service, frozenset(found.mirrors), frozenset(found.files))


def service_of(config: Path) -> Service:
    """The service of a file.

    Raises:
        PullError: it is broken; the message has every finding.
    """
    try:
        return read_service(config)[0]
    except ServiceFileError as error:
        told = "; ".join(str(each).replace(str(config), config.name) for each in error.findings[:MOST_NAMED])
        raise PullError(f"the service file is broken: {told}") from None


def refuse_worse(old: Usable | None, new: Usable, left_out: Collection[str]) -> None:
    """Raises PullError where a commit is worse than the current one; ``left_out`` are files that git alone has."""
    if not new.mirrors:
        raise PullError("no mirror file can be used; correct them")
    if old is None:
        return
    broken = sorted((old.mirrors - new.mirrors) & (new.files | set(left_out)))
    if broken:
        files, remedy = ("file", "correct it") if len(broken) == 1 else ("files", "correct them")
        raise PullError(
            f"{len(broken)} mirror {files} could be used before and cannot any more: {_first(broken)}; {remedy}"
        )
    if len(old.mirrors) > GUARDED_ABOVE and len(new.mirrors) < LEAST_SHARE * len(old.mirrors):
        gone = sorted(old.mirrors - new.mirrors)
        raise PullError(
            f"of {len(old.mirrors)} mirror files only {len(new.mirrors)} are left; the first that are gone are "
            f"{_first(gone)}; put them back, or accept the commit"
        )


def _first(names: Collection[str]) -> str:
    return ", ".join(list(names)[:MOST_NAMED])


CURRENT = "current"
KEPT_COMMITS = 3
"""How many commits stay on disk, so that a reader that began before a pull can finish."""


@dataclass(frozen=True, slots=True)
class PullJob:
    """What is pulled. ``accept`` is a commit that the operator takes although it looks worse."""

    address: str
    branch: str = "main"
    config: str = "service.yml"
    protocols: tuple[str, ...] = ("https", "ssh")
    timeout: float = 120.0
    accept: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What a pull came to. ``left_out`` are files that are no mirror files: name to reason."""

    pulled: Pulled
    new: bool
    mirrors: int
    left_out: Mapping[str, str]


def refuse_wrong(wanted: PullJob) -> None:
    """Raises PullError for what can never be pulled, however often it is tried."""
    scheme = scheme_of(wanted.address)
    if scheme not in wanted.protocols:
        allowed = ", ".join(wanted.protocols)
        raise PullError(
            f"{scheme} is not allowed for {wanted.address!r}; allow it with --protocol {scheme} ({allowed} are)"
        )
    if wanted.accept is not None and not COMMIT.fullmatch(wanted.accept):
        raise PullError(f"--accept {wanted.accept!r} is no commit; write its full name in hexadecimal")
    refuse_branch(wanted.branch)
    plain_path(wanted.config)


def pull(directory: Path, wanted: PullJob, clock: Callable[[], float] = time.time) -> Done:
    """Brings the newest commit of the branch into the directory.

    Raises:
        PullError: it could not be had, or is worse than the current one, which stays and is noted to be behind.
    """
    refuse_wrong(wanted)
    busy = PullError(f"another process pulls into {directory}; wait until it ends")
    try:
        config = plain_path(wanted.config)
        with alone(directory / "pull.lock", busy):
            try:
                done = _pull(directory, wanted, config)
            except PullError as error:
                # the status page shows this: git's own words name machines, and files may be confidential
                why = "the repository could not be read"
                if isinstance(error, CommitRefused):
                    why = f"commit {error.commit[:12]} was refused"
                _note_behind(config_of(directory, config), why, clock())
                raise
            _note_behind(config_of(directory, config), None, None)
            return done
    except OSError as error:
        raise PullError(f"{error.filename or directory}: {error.strerror}; see that it can be written") from None


def config_of(directory: Path, config: str = "service.yml") -> Path:
    """Where the current service file is."""
    return directory / CURRENT / config


def pulled_into(config: Path) -> tuple[Path, str]:
    """The directory into which a service file was pulled, and the name of the file in its repository.

    Raises:
        PullError: it was not pulled.
    """
    for current in config.absolute().parents:
        if current.name == CURRENT and current.is_symlink():
            return current.parent, str(config.absolute().relative_to(current))
    raise PullError(f"{config} was not pulled; give the {CURRENT}/service.yml that `mirrorlist pull --once` makes")


def _pull(directory: Path, wanted: PullJob, config: str) -> Done:
    repository = GitRepository(directory.absolute() / "repository.git", wanted.timeout)
    now = config_of(directory, config)
    former = read_pulled(now)
    commit = repository.fetch(wanted.address, wanted.branch)
    same = former is not None and former.commit == commit
    if former and same and _untouched(repository, commit, now, config):
        return Done(former, False, len(usable(now).mirrors), {})
    accepted = same or wanted.accept == commit
    if former and not accepted and not repository.follows(former.commit, commit):
        raise CommitRefused(commit, f"history was rewritten: it does not follow {former.commit[:12]}, which is current")
    try:
        done = _taken(directory, repository, commit, config, accepted)
    except PullError as error:
        raise CommitRefused(commit, str(error)) from None
    repository.keep(commit)
    return done


def _note_behind(config: Path, why: str | None, now: float | None) -> None:
    """Notes with the current commit why it is not the newest; the first time of a reason stays."""
    former = read_pulled(config)
    if former and former.behind != why:
        write_pulled(config, replace(former, behind=why, behind_since=now))


def _taken(directory: Path, repository: GitRepository, commit: str, config: str, accepted: bool) -> Done:
    """The commit, judged and in place."""
    commits = directory / "commits"
    staged, others = commits / f".{commit}", (commits / f"{commit}.{number}" for number in count(1))
    lasting = next(path for path in chain([commits / commit], others) if not os.path.lexists(path))
    shutil.rmtree(staged, ignore_errors=True)
    service = staged / config
    _write(service, service_file(repository, commit, config))
    mirrors_dir = Path(os.path.normpath(service_of(service).mirrors_dir))
    if not mirrors_dir.is_relative_to(staged.absolute()) or mirrors_dir == staged.absolute():
        raise PullError("mirrors_dir leads out of the repository; write a directory of it, such as mirrors.d")
    below = plain_path(mirrors_dir.relative_to(staged.absolute()).as_posix())
    found = mirror_files(repository, commit, below)
    for name, data in found.files.items():
        _write(mirrors_dir / name, data)
    new = usable(service)
    now = config_of(directory, config)
    refuse_worse(None if accepted else _in_force(now), new, found.left_out)
    if mirrors_dir in Path(os.path.normpath(new.service.state_dir)).parents:
        raise PullError("state_dir is in the directory of mirror files; write another, such as /var/lib/mirrorlist")
    _lead_to_state(Path(new.service.state_dir), staged.absolute(), directory.absolute() / "state")
    pulled = Pulled(commit, repository.committed_at(commit))
    write_pulled(service, pulled)
    os.sync()
    staged.rename(lasting)
    link = directory / f".{CURRENT}.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("commits") / lasting.name)
    link.replace(directory / CURRENT)
    # removes what killed pulls left behind, and all but the newest commits
    there = sorted(commits.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    kept = {lasting.name, *[each.name for each in there if not each.name.startswith(".")][:KEPT_COMMITS]}
    for each in there:
        if each.name not in kept:
            shutil.rmtree(each, ignore_errors=True)
    return Done(pulled, True, len(new.mirrors), found.left_out)


def _in_force(config: Path) -> Usable | None:
    """What can be used of the files in place; nothing where somebody broke them, so that any good commit is better."""
    try:
        return usable(config)
    except PullError:
        return None


def _untouched(repository: GitRepository, commit: str, config: Path, name: str) -> bool:
    """Whether the files in place are those of the commit; somebody may have edited them by hand."""
    try:
        mirrors_dir = Path(service_of(config).mirrors_dir)
        below = os.path.relpath(mirrors_dir, config.parents[len(Path(name).parts) - 1].absolute())
        found = mirror_files(repository, commit, plain_path(below)).files
        there = {each.name: each.read_bytes() for each in mirrors_dir.iterdir()}
        return there == found and config.read_bytes() == service_file(repository, commit, name)
    except (OSError, PullError):
        return False


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _lead_to_state(named: Path, staged: Path, state: Path) -> None:
    """A state directory below the commit's files would be lost with them; it becomes a link to one that lasts."""
    named = Path(os.path.normpath(named))
    if named.is_relative_to(staged):
        if os.path.lexists(named):
            raise PullError("state_dir is a path of the repository itself; write another, such as /var/lib/mirrorlist")
        state.mkdir(parents=True, exist_ok=True)
        named.parent.mkdir(parents=True, exist_ok=True)
        named.symlink_to(state)
