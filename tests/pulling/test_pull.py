"""Real git repositories of every kind: what is good comes into force at once, what is worse stays out."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.core.errors import CommitRefused, PullError
from mirrorlist.publishing.keeper import schedule_of
from mirrorlist.publishing.publisher import Inputs, Publisher
from mirrorlist.pulling import run
from mirrorlist.pulling.git import GitRepository, TreeEntry, mirror_files, scheme_of
from mirrorlist.pulling.run import Done, PullJob, config_of, pull
from mirrorlist.settings import read_settings
from mirrorlist.sources.origin.commit import read_pulled
from mirrorlist.sources.service.file import read_service
from mirrorlist.store.database import open_database
from mirrorlist.store.jobs import JobRecords
from mirrorlist.store.records import Recorded, Records
from mirrorlist.store.snapshot_files import read_newest
from tests.building import NOW
from tests.serving import SERVICE, mirror_file, until

PATIENCE = 60.0
AUTHOR = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
          for what, value in (("NAME", "x"), ("EMAIL", "x@example.org"), ("DATE", "1790000000 +0000"))}  # fmt: skip


class Origin:
    """A repository of reviewed files, and a directory into which it is pulled."""

    def __init__(self, root: Path) -> None:
        self.root = root / "origin"
        self.into = root / "site"
        self.root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.put("service.yml", SERVICE)
        for name in "abcdefghijkl":
            self.add(f"{name}.example.org")

    def git(self, *words: str) -> str:
        environment = {**os.environ, **AUTHOR, "GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(["git", "-C", str(self.root), *words], env=environment, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def put(self, name: str | bytes, text: str | bytes) -> None:
        path = self.root / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def add(self, name: str) -> None:
        self.put(f"mirrors.d/{name}.yml", mirror_file(name))

    def remove(self, *names: str) -> None:
        for name in names:
            (self.root / "mirrors.d" / f"{name}.example.org.yml").unlink()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")
        return self.git("rev-parse", "HEAD")

    def wanted(self, accept: str | None = None, timeout: float = 60) -> PullJob:
        return PullJob(str(self.root), protocols=("file",), accept=accept, timeout=timeout)

    def pull(self, accept: str | None = None, now: float = NOW) -> Done:
        return pull(self.into, self.wanted(accept), lambda: now)

    def names(self) -> set[str]:
        return {path.name.partition(".")[0] for path in (self.into / "current" / "mirrors.d").iterdir()}

    def behind(self) -> tuple[str | None, float | None]:
        pulled = read_pulled(config_of(self.into))
        assert pulled is not None
        return pulled.behind, pulled.behind_since

    def in_force(self) -> str | None:
        pulled = read_pulled(config_of(self.into))
        return pulled.commit if pulled else None


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin(tmp_path)


def test_the_newest_commit_comes_into_force_whole_with_its_name_and_date(origin: Origin) -> None:
    first = origin.commit()
    done = origin.pull()
    assert (done.pulled.commit, done.pulled.committed_at, done.new, done.mirrors) == (first, 1_790_000_000.0, True, 12)
    assert not origin.pull().new
    origin.add("z.example.org")
    origin.remove("a")
    second = origin.commit()
    assert origin.pull().pulled.commit == second
    assert origin.names() == set("bcdefghijklz")
    assert (origin.into / "current").is_symlink()


def test_only_the_newest_commits_are_kept_and_the_state_outlives_them(origin: Origin) -> None:
    for number in range(6):
        origin.put("README", str(number))
        origin.commit()
        origin.pull()
        (origin.into / "current" / "state" / str(number)).touch()
    assert len(list((origin.into / "commits").iterdir())) == run.KEPT_COMMITS
    assert {path.name for path in (origin.into / "state").iterdir()} == set("012345")


def broken_service(origin: Origin) -> None:
    origin.put("service.yml", SERVICE + "nonsense: true\n")


def no_service(origin: Origin) -> None:
    (origin.root / "service.yml").unlink()


def linked_service(origin: Origin) -> None:
    no_service(origin)
    (origin.root / "service.yml").symlink_to("/etc/passwd")


def shrunk(origin: Origin) -> None:
    origin.remove("a", "b", "c", "d")


def emptied(origin: Origin) -> None:
    origin.remove(*"abcdefghijkl")


def broken_mirror(origin: Origin) -> None:
    origin.put("mirrors.d/a.example.org.yml", "name: [")


def linked_mirror(origin: Origin) -> None:
    origin.remove("a")
    (origin.root / "mirrors.d" / "a.example.org.yml").symlink_to("b.example.org.yml")


def huge_mirror(origin: Origin) -> None:
    origin.put("mirrors.d/a.example.org.yml", mirror_file("a.example.org") + "#" * 5_000_000)


def taken_name(origin: Origin) -> None:
    origin.put("mirrors.d/A.yml", mirror_file("a.example.org"))


def linked_directory(origin: Origin) -> None:
    (origin.root / "mirrors.d").rename(origin.root / "away")
    (origin.root / "mirrors.d").symlink_to("away")


def directory_elsewhere(origin: Origin) -> None:
    origin.put("service.yml", SERVICE + "mirrors_dir: ../../..\n")


def directory_absolute(origin: Origin) -> None:
    origin.put("service.yml", SERVICE + "mirrors_dir: /etc\n")


def state_in_the_repository(origin: Origin) -> None:
    origin.put("service.yml", SERVICE + "state_dir: mirrors.d\n")


def state_among_the_mirrors(origin: Origin) -> None:
    origin.put("service.yml", SERVICE + "state_dir: mirrors.d/state\n")


def too_much(origin: Origin) -> None:
    for number in range(2100):
        origin.put(f"mirrors.d/x{number}.yml", "#" * 64 * 1024)


def submodule(origin: Origin) -> None:
    origin.git("rm", "-r", "--quiet", "--cached", "mirrors.d")
    (origin.root / "mirrors.d").rename(origin.root.parent / "away")
    commit = origin.git("rev-parse", "HEAD")
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{commit},mirrors.d")


WORSE = {
    broken_service: "the service file is broken: service.yml:6:1: error [unknown-key]",
    no_service: "there is no service.yml in this commit; put it back",
    linked_service: "service.yml is a symbolic link; put the file itself there",
    shrunk: "of 12 mirror files only 8 are left; the first that are gone are a.example.org.yml, b.example.org.yml",
    emptied: "there is no directory mirrors.d in this commit",
    broken_mirror: "1 mirror file could be used before and cannot any more: a.example.org.yml",
    linked_mirror: "1 mirror file could be used before and cannot any more: a.example.org.yml",
    huge_mirror: "1 mirror file could be used before and cannot any more: a.example.org.yml",
    taken_name: "1 mirror file could be used before and cannot any more: a.example.org.yml",
    linked_directory: "there is no directory mirrors.d in this commit",
    directory_elsewhere: "mirrors_dir leads out of the repository",
    directory_absolute: "mirrors_dir leads out of the repository",
    state_in_the_repository: "state_dir is a path of the repository itself",
    state_among_the_mirrors: "state_dir is in the directory of mirror files",
    too_much: "mirrors.d has 13762",
    submodule: "no mirror file can be used",
}


@pytest.mark.parametrize("worsen", WORSE, ids=lambda each: each.__name__)
def test_a_commit_that_is_worse_is_refused_and_the_last_good_one_stays(
    origin: Origin, worsen: Callable[[Origin], None]
) -> None:
    good = origin.commit()
    origin.pull()
    worsen(origin)
    if worsen is submodule:
        origin.git("commit", "--quiet", "--message", "x")
    else:
        origin.commit()
    for _ in range(2):
        with pytest.raises(PullError) as refused:
            origin.pull()
        assert WORSE[worsen] in str(refused.value)
        assert "the last good one stays" in str(refused.value)
        assert (origin.in_force(), origin.names()) == (good, set("abcdefghijkl"))


def test_a_later_commit_that_is_good_again_is_taken(origin: Origin) -> None:
    origin.commit()
    origin.pull()
    broken_mirror(origin)
    origin.commit()
    with pytest.raises(PullError):
        origin.pull()
    origin.add("a.example.org")
    good = origin.commit()
    assert origin.pull().pulled.commit == good


def test_a_new_file_that_cannot_be_used_stops_nobody(origin: Origin) -> None:
    origin.commit()
    origin.pull()
    origin.put("mirrors.d/new.example.org.yml", "name: [")
    (origin.root / "mirrors.d" / "link.yml").symlink_to("/etc/passwd")
    origin.commit()
    done = origin.pull()
    assert (done.new, done.mirrors) == (True, 12)
    assert done.left_out == {"link.yml": "is a symbolic link; put the file itself there"}
    assert not (origin.into / "current" / "mirrors.d" / "link.yml").is_symlink()


def test_rewritten_history_is_refused_until_the_operator_accepts_that_commit(origin: Origin) -> None:
    origin.commit()
    origin.add("m.example.org")
    good = origin.commit()
    origin.pull()
    origin.git("reset", "--quiet", "--hard", "HEAD~1")
    origin.add("n.example.org")
    forced = origin.commit()
    with pytest.raises(PullError, match=f"history was rewritten: it does not follow {good[:12]}"):
        origin.pull()
    with pytest.raises(PullError, match="history was rewritten"):
        origin.pull(accept=good)
    assert origin.in_force() == good
    assert origin.pull(accept=forced).pulled.commit == forced
    assert origin.names() == set("abcdefghijkln")


def test_what_is_accepted_still_has_to_work(origin: Origin) -> None:
    origin.commit()
    origin.pull()
    shrunk(origin)
    fewer = origin.commit()
    assert origin.pull(accept=fewer).mirrors == 8
    broken_service(origin)
    with pytest.raises(PullError, match="the service file is broken"):
        origin.pull(accept=origin.commit())


def test_a_deleted_branch_and_a_repository_that_is_away_leave_what_there_is(origin: Origin) -> None:
    good = origin.commit()
    origin.pull()
    origin.git("branch", "--move", "main", "other")
    with pytest.raises(PullError, match=r"git fetch ended with 128: .*main"):
        origin.pull()
    origin.root.rename(origin.root.with_name("away"))
    with pytest.raises(PullError, match="git fetch ended with 128"):
        origin.pull()
    assert (origin.in_force(), len(origin.names())) == (good, 12)


def test_the_commit_in_force_is_noted_to_be_behind_until_a_newer_one_is_taken(origin: Origin) -> None:
    good = origin.commit()
    origin.pull()
    assert origin.behind() == (None, None)
    broken_service(origin)
    bad = origin.commit()
    for hour in range(2):
        with pytest.raises(CommitRefused):
            origin.pull(now=NOW + hour * 3600)
        assert (origin.in_force(), origin.behind()) == (good, (f"commit {bad[:12]} was refused", NOW))
    origin.root.rename(origin.root.with_name("away"))
    with pytest.raises(PullError):
        origin.pull(now=NOW + 7200)
    assert origin.behind() == ("the repository could not be read", NOW + 7200)
    origin.root.with_name("away").rename(origin.root)
    origin.git("revert", "--no-edit", "HEAD")
    origin.pull()
    assert (origin.in_force() != good, origin.behind()) == (True, (None, None))


def test_a_rewritten_history_that_is_taken_back_leaves_nothing_behind(origin: Origin) -> None:
    good = origin.commit()
    origin.pull()
    origin.git("commit", "--quiet", "--amend", "--message", "other")
    with pytest.raises(CommitRefused):
        origin.pull()
    assert origin.behind()[0] is not None
    origin.git("reset", "--quiet", "--hard", good)
    assert not origin.pull().new
    assert origin.behind() == (None, None)


def test_a_publisher_tells_that_the_commit_is_behind(origin: Origin) -> None:
    origin.commit()
    origin.pull()
    config = config_of(origin.into)
    service = read_service(config)[0]
    records = Records(lambda: open_database(Path(service.state_dir)))
    publisher = Publisher(Inputs(config), records, service, lambda: b"k" * 32)
    before = publisher.fingerprint(NOW)
    assert publisher.publish(NOW).facts.behind is None
    broken_service(origin)
    bad = origin.commit()
    with pytest.raises(CommitRefused):
        origin.pull()

    assert publisher.fingerprint(NOW) != before
    facts = publisher.publish(NOW).facts
    assert (facts.behind, facts.behind_since) == (f"commit {bad[:12]} was refused", NOW)


def test_files_that_somebody_edited_are_put_right(origin: Origin) -> None:
    origin.commit()
    origin.pull()
    current = origin.into / "current"
    (current / "mirrors.d" / "a.example.org.yml").write_text("name: [")
    (current / "mirrors.d" / "z.yml").write_text(mirror_file("z.example.org"))
    assert origin.pull().new
    assert origin.names() == set("abcdefghijkl")
    assert not origin.pull().new
    (current / "service.yml").unlink()
    assert origin.pull().new
    assert (current / "service.yml").read_text() == SERVICE


def test_files_that_somebody_broke_stop_no_later_commit(origin: Origin) -> None:
    origin.commit()
    origin.pull()
    (origin.into / "current" / "service.yml").write_text("nonsense: true\n")
    origin.add("z.example.org")
    later = origin.commit()
    assert origin.pull().pulled.commit == later == origin.in_force()


def test_nothing_in_a_repository_is_run_or_followed(origin: Origin) -> None:
    ran = origin.into.parent / "ran"
    origin.put(".gitattributes", "*.yml filter=evil\n")
    origin.put(".gitmodules", f'[submodule "x"]\n\tpath = x\n\turl = "ext::sh -c \'touch {ran}\'"\n')
    for hook in ("post-checkout", "post-merge", "post-update", "reference-transaction"):
        origin.put(f".githooks/{hook}", f"#!/bin/sh\ntouch {ran}\n")
    origin.commit()
    origin.pull()
    hooks = origin.into / "repository.git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("reference-transaction", "post-update"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / hook).chmod(0o755)
    origin.add("z.example.org")
    origin.commit()
    assert origin.pull().new
    assert not ran.exists()
    assert {path.name for path in (origin.into / "current").iterdir()} == {
        "service.yml", "mirrors.d", "state", ".pulled.json",
    }  # fmt: skip


HOSTILE = [b"$(touch ran).yml", b"`touch ran`.yml", b"-rf.yml", b"a\nb.yml", b"\x1b[2J.yml", b"\xff.yml", b".pulled.json",
           b".hidden.yml", b"a b.yml", b"\xe2\x80\xaeabc.yml", b"--help.yml", b"COM1", b"'; touch ran; '.yml"]  # fmt: skip


def test_hostile_file_names_are_told_harmlessly_and_left_out(origin: Origin) -> None:
    for name in HOSTILE:
        origin.put(b"mirrors.d/" + name, mirror_file("evil.example.org"))
    origin.put("mirrors.d/below/c.yml", mirror_file("evil.example.org"))
    origin.commit()
    done = origin.pull()
    assert origin.names() == set("abcdefghijkl")
    assert len(done.left_out) == len(HOSTILE) - 2 + 1
    assert all(name.isascii() and name.isprintable() for name in done.left_out)
    assert done.left_out["below"] == "is a directory; put the file itself there"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ext::sh -c 'touch ran'", "no address"), ("--upload-pack=touch ran", "no address"), ("", "no address"),
        ("http://git.example.org/x", "http is not allowed"), ("git://git.example.org/x", "git is not allowed"),
        ("ftp://git.example.org/x", "ftp is not allowed"), ("x\ny", "no address"), ("/srv/x", "file is not allowed"),
    ],
)  # fmt: skip
def test_git_speaks_only_what_it_may(tmp_path: Path, address: str, reason: str) -> None:
    with pytest.raises(PullError, match=reason):
        pull(tmp_path / "site", PullJob(address))
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.parametrize("service", ["../x.yml", "/etc/x.yml", "a/../b.yml", "", "-x", ".git/config"])
def test_the_service_file_is_inside_the_repository(origin: Origin, service: str) -> None:
    origin.commit()
    with pytest.raises(PullError, match="no path inside the repository"):
        pull(origin.into, PullJob(str(origin.root), config=service, protocols=("file",)))


@pytest.mark.parametrize("branch", ["--upload-pack=x", "a b", "a..b", "", "refs/heads/x:y"])
def test_a_branch_is_a_name(origin: Origin, branch: str) -> None:
    origin.commit()
    with pytest.raises(PullError, match="no name of a branch"):
        pull(origin.into, PullJob(str(origin.root), branch, protocols=("file",)))


def test_ssh_has_two_spellings() -> None:
    assert scheme_of("git@git.example.org:linux/mirrors.git") == scheme_of("ssh://git.example.org/x") == "ssh"


def test_a_repository_that_does_not_answer_in_time_is_given_up(origin: Origin) -> None:
    origin.commit()
    with pytest.raises(PullError, match="took more than 1e-06 seconds"):
        pull(origin.into, origin.wanted(timeout=0.000001))


def test_two_pulls_at_once_do_not_meet(origin: Origin) -> None:
    origin.commit()
    origin.into.mkdir()
    with (origin.into / "pull.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PullError, match="another process pulls"):
            origin.pull()


def test_a_service_file_below_brings_its_own_mirrors(origin: Origin) -> None:
    origin.put("site/service.yml", SERVICE)
    origin.put("site/mirrors.d/a.example.org.yml", mirror_file("a.example.org"))
    origin.commit()
    wanted = PullJob(str(origin.root), config="site/service.yml", protocols=("file",))
    assert pull(origin.into, wanted).mirrors == 1
    assert not pull(origin.into, wanted).new
    assert read_pulled(config_of(origin.into, "site/service.yml"))


class Interrupted(Records):
    """Records in the middle of whose reading a pull happens, once."""

    def __init__(self, state: Path) -> None:
        self.engine = open_database(state)
        super().__init__(lambda: self.engine)
        self.pulls: list[Origin] = []

    def read(self, now: float) -> Recorded | None:
        while self.pulls:
            self.pulls.pop().pull()
        return super().read(now)


@pytest.fixture
def records(origin: Origin) -> Iterator[Interrupted]:
    found = Interrupted(origin.into / "state")
    yield found
    found.engine.dispose()


@pytest.mark.slow
def test_a_publisher_that_reads_during_a_pull_never_mixes_two_commits(origin: Origin, records: Interrupted) -> None:
    origin.commit()
    origin.pull()
    config = config_of(origin.into)
    publisher = Publisher(Inputs(config), records, read_service(config)[0], lambda: bytes(32))
    assert publisher.publish(NOW).facts.service.name == "Linux"
    before = publisher.fingerprint(NOW)
    origin.put("service.yml", SERVICE + "name: Renamed\n")
    origin.add("z.example.org")
    second = origin.commit()
    records.pulls = [origin]  # after the files were read, before the snapshot is written
    facts = publisher.publish(NOW).facts
    assert (facts.generation, facts.service.name, len(facts.mirrors)) == (2, "Renamed", 13)
    assert (facts.commit, facts.committed_at) == (second, 1_790_000_000.0)
    assert publisher.fingerprint(NOW) != before
    assert read_newest(origin.into / "state").facts == facts


@pytest.mark.parametrize("words", [[], ["--branch", "a b"], ["--service-file", "../x.yml"], ["--accept", "main"]])
def test_what_can_never_be_pulled_is_not_tried_again_and_again(tmp_path: Path, words: list[str]) -> None:
    address = "https://git.example.org/x" if words else "/srv/x"
    told = CliRunner().invoke(main, ["pull", address, "--into", str(tmp_path / "site"), *words])
    assert told.exit_code == 1
    assert told.output.startswith("error: ")
    assert not (tmp_path / "site").exists()


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "mirrorlist", *words]


@pytest.mark.slow
def test_what_is_merged_is_served_soon(origin: Origin) -> None:
    origin.commit()
    words = ("pull", str(origin.root), "--into", str(origin.into), "--protocol", "file")
    told = CliRunner().invoke(main, [*words, "--once"])
    assert told.exit_code == 0, told.output
    assert "is now current: 12 mirrors" in told.output
    again = json.loads(CliRunner().invoke(main, [*words, "--once", "--json"]).stdout)
    assert (again["new"], again["mirrors"]) == (False, 12)
    state = origin.into / "current" / "state"
    processes = [
        subprocess.Popen(command(*words, "--every", "1s"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL),
        subprocess.Popen(
            command("--config", str(config_of(origin.into)), "publish", "--watch"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ),
    ]
    try:
        until(PATIENCE, lambda: (state / "snapshot.bin").exists())
        origin.add("z.example.org")
        merged = origin.commit()
        until(PATIENCE, lambda: read_newest(state).facts.commit == merged)
        assert len(read_newest(state).mirrors) == 13
        broken_service(origin)
        origin.commit()
        refused = CliRunner().invoke(main, [*words, "--once"])
        while "another process pulls" in refused.output:
            refused = CliRunner().invoke(main, [*words, "--once"])
        assert refused.exit_code == 1
        assert "the last good one stays: the service file is broken" in refused.output
        assert read_newest(state).facts.commit == merged
        assert [process.poll() for process in processes] == [None, None]
    finally:
        for process in processes:
            process.terminate()
        assert [process.wait(PATIENCE) for process in processes] == [0, 0]


def test_one_file_under_many_names_is_read_once(origin: Origin) -> None:
    entries = [TreeEntry("100644", "d" * 40, 60_000, f"mirrors.d/x{number}.yml".encode()) for number in range(1500)]
    asked: list[Sequence[TreeEntry]] = []

    class Repository(GitRepository):
        """One that remembers what it is asked for."""

        def entries(self, commit: str, path: str) -> tuple[TreeEntry, ...]:
            return tuple(entries)

        def contents(self, entries: Sequence[TreeEntry]) -> dict[str, bytes]:
            asked.append(entries)
            return {each.digest: b"#" for each in entries}

    assert len(mirror_files(Repository(origin.root, 1.0), "c" * 40, "mirrors.d").files) == 1500
    assert [len(each) for each in asked] == [1]


@pytest.mark.slow
def test_a_keeper_pulls_the_repository_that_the_environment_names(origin: Origin) -> None:
    origin.commit()
    origin.pull()
    origin.add("new.example.org")
    commit, config = origin.commit(), config_of(origin.into)
    command = [sys.executable, "-m", "mirrorlist", "--config", str(config), "keeper", "--no-probe"]
    environment = {**os.environ, "MIRRORLIST_PULL": f"{origin.root} --protocol file"}
    jobs, held = JobRecords(origin.into / "state"), read_newest
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            until(PATIENCE, lambda: (found := jobs.read("pull")) is not None and found.next_at is not None)
            until(PATIENCE, lambda: "new.example.org" in {each.name for each in held(origin.into / "state").mirrors})
        finally:
            process.terminate()
    record, pulled = jobs.read("pull"), read_pulled(config)
    assert record is not None and pulled is not None
    assert (record.error, pulled.commit) == (None, commit)


def test_a_service_file_that_was_not_pulled_cannot_be_pulled_by_a_keeper(tmp_path: Path) -> None:
    (tmp_path / "service.yml").write_text(SERVICE)
    config = str(tmp_path / "service.yml")
    settings = read_settings({"MIRRORLIST_PULL": "https://git.example.org/m.git", "MIRRORLIST_CONFIG": config})
    with pytest.raises(PullError, match="was not pulled; give the"):
        schedule_of(settings)


def test_a_file_below_a_directory_of_the_repository_is_found_where_it_was_pulled(origin: Origin) -> None:
    origin.commit()
    origin.pull()
    settings = read_settings({"MIRRORLIST_PULL": "x", "MIRRORLIST_CONFIG": str(origin.into / "current/a/b.yml")})
    words = ("pull", "x", "--into", str(origin.into), "--service-file", "a/b.yml", "--once")
    assert schedule_of(settings)[0].words == words
