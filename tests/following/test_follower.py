"""Following a channel: what is taken, what is refused, and that the last good generation stays in force."""

from __future__ import annotations

import json
import os
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import zstandard
from structlog.testing import capture_logs

from mirrorlist.core.catalogue.service import ChannelPlace
from mirrorlist.core.channel import (
    FORMAT,
    LATEST,
    Manifest,
    file_of,
    new_key,
    piece_path,
    pieces,
    private_key,
    public_key,
    public_text,
    signed,
    verified_manifest,
)
from mirrorlist.core.container import PREAMBLE, FileKind, sealed
from mirrorlist.core.errors import ChannelError, SnapshotError
from mirrorlist.core.files.build import IndexDraft
from mirrorlist.core.files.index import File, Indexed, IndexFacts
from mirrorlist.core.files.mirror_listing import Holdings
from mirrorlist.core.snapshot import encode
from mirrorlist.following.follower import DirectorySource, Follower, HttpSource, follow
from mirrorlist.publishing.channel import ChannelJob, ChannelWriter, hand_over_counts
from mirrorlist.settings import read_settings
from mirrorlist.store.index_files import index_path, write_index
from mirrorlist.store.marks import read_private_key
from mirrorlist.store.snapshot_files import FORMER, NAME, read_newest, write_snapshot
from tests.building import mirror
from tests.building import service as built_service
from tests.building import snapshot as built_snapshot
from tests.serving import served
from tests.test_nodes import web_server

NOW = 1_795_900_000.0
KEY = private_key(new_key())
PUBLIC = public_key(public_text(KEY))


class Center:
    """A publisher's state directory and its channel."""

    def __init__(self, directory: Path) -> None:
        self.state, self.channel = directory / "center", directory / "channel"
        self.writer = ChannelWriter(self.channel, KEY)

    def publish(self, generation: int, **facts: Any) -> Manifest:
        made = built_snapshot([mirror("a")], at={"192.0.2.0/24": "DE"}, facts={"generation": generation, **facts})
        write_snapshot(self.state, encode(made))
        written = self.writer.write(self.state)
        assert written is not None
        assert self.writer.write(self.state) is None, "the channel has it"
        return written

    def rewrite(self, change: Callable[[dict[str, Any]], None], key: Any = KEY) -> None:
        """Signs a changed manifest, as somebody with the key could."""
        manifest = json.loads(json.loads((self.channel / LATEST).read_bytes())["manifest"])
        change(manifest)
        (self.channel / LATEST).write_bytes(signed(msgspec.convert(manifest, Manifest), key))


@pytest.fixture
def center(tmp_path: Path) -> Center:
    return Center(tmp_path)


def node(center: Center, tmp_path: Path, name: str = "node") -> Follower:
    return Follower(DirectorySource(center.channel), [PUBLIC], tmp_path / name)


def generation(tmp_path: Path, name: str = "node") -> int:
    return read_newest(tmp_path / name).facts.generation


def test_a_node_takes_each_generation_once_and_keeps_the_last_three(center: Center, tmp_path: Path) -> None:
    following = node(center, tmp_path)
    for number in (1, 2, 3, 4):
        center.publish(number)
        taken = following.step(NOW)
        assert taken is not None and taken.generation == number
        assert following.step(NOW) is None
        assert (tmp_path / "node" / NAME).read_bytes() == (center.state / NAME).read_bytes()
    kept = [read_newest(tmp_path / "node").facts.generation]
    kept += [int(Path(tmp_path / "node" / name).exists()) for name in FORMER]
    assert kept == [4, 1, 1]


def test_a_generation_costs_what_changed(center: Center, tmp_path: Path) -> None:
    asked: list[str] = []

    class Counting(DirectorySource):
        def file(self, name: str, most: int) -> bytes:
            asked.append(name)
            return super().file(name, most)

    following = Follower(Counting(center.channel), [PUBLIC], tmp_path / "node")
    first = center.publish(1)
    following.step(NOW)
    every = {each.sha256 for each in first.files[-1].pieces}
    assert {Path(name).stem for name in asked if name != LATEST} == every
    asked.clear()
    second = center.publish(2)
    following.step(NOW)
    changed = {each.sha256 for each in second.files[-1].pieces} - every
    assert {Path(name).stem for name in asked if name != LATEST} == changed
    assert 0 < len(changed) <= 3, "the preamble and the header; the tables are the same"


def test_a_file_index_comes_before_the_snapshot_that_names_it(center: Center, tmp_path: Path) -> None:
    draft = IndexDraft((File("a.iso", 10, 20, None),), 1)
    draft.add(0, Holdings(np.ones(1, np.bool_), np.ones(1, np.bool_)))
    index = draft.sealed(IndexFacts("main", NOW, NOW, "test", (Indexed("a", NOW),)))
    write_index(center.state, "main", index)
    center.publish(1, file_indexes={"main": index.digest})
    assert node(center, tmp_path).step(NOW) is not None
    assert index_path(tmp_path / "node", index.digest).read_bytes() == b"".join(map(bytes, index.parts))


def test_an_older_generation_is_a_replay_unless_a_person_says_so(center: Center, tmp_path: Path) -> None:
    following = node(center, tmp_path)
    center.publish(5)
    following.step(NOW)
    with pytest.raises(ChannelError, match="has generation 5, and the current one is 4"):
        center.publish(4)
    assert following.step(NOW) is None
    (center.channel / LATEST).unlink()
    center.publish(4)
    for _ in range(2):
        with pytest.raises(ChannelError, match="generation 4 is not newer than 5"):
            following.step(NOW)
    with pytest.raises(ChannelError, match="not newer"):
        node(center, tmp_path).step(NOW)  # after a restart too
    assert generation(tmp_path) == 5
    assert following.step(NOW, older=True) is not None
    assert generation(tmp_path) == 4


def test_a_node_that_knows_both_keys_follows_while_the_publishers_key_changes(center: Center, tmp_path: Path) -> None:
    other = private_key(new_key())
    following = Follower(DirectorySource(center.channel), [PUBLIC, other.public_key()], tmp_path / "node")
    center.publish(1)
    assert following.step(NOW) is not None
    center.publish(2)
    center.rewrite(lambda _: None, other)
    assert following.step(NOW) is not None
    center.publish(3)
    center.rewrite(lambda _: None, private_key(new_key()))
    with pytest.raises(ChannelError, match="not signed with this key"):
        following.step(NOW)
    assert generation(tmp_path) == 2


def test_another_snapshot_of_the_same_generation_is_refused(center: Center, tmp_path: Path) -> None:
    following = node(center, tmp_path)
    center.publish(5)
    following.step(NOW)
    center.publish(5, built_at=2.0)
    with pytest.raises(ChannelError, match="generation 5 is not newer"):
        following.step(NOW)


def spoil_piece(center: Center, data: bytes) -> None:
    """Spoils the header, which every generation has anew."""
    manifest = json.loads(json.loads((center.channel / LATEST).read_bytes())["manifest"])
    (center.channel / piece_path(manifest["files"][-1]["pieces"][1]["sha256"])).write_bytes(data)


def first_file(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["files"][-1]
    return found


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda c: (c.channel / LATEST).write_bytes(b""), "cannot be read"),
        (lambda c: (c.channel / LATEST).write_bytes(b'{"manifest": "{}", "signature": "AAAA"}'), "not signed"),
        (lambda c: (c.channel / LATEST).write_bytes(b'{"manifest": "{}", "signature": "\xc3\xa4"}'), "cannot be read"),
        (lambda c: (c.channel / LATEST).write_bytes(b'{"x":' + b"[" * 500_000), "cannot be read"),
        (lambda c: (c.channel / LATEST).write_bytes(b'{"manifest": "\\ud800", "signature": ""}'), "cannot be read"),
        (lambda c: (c.channel / LATEST).unlink(), "No such file"),
        (lambda c: (c.channel / LATEST).write_bytes(b"x" * ((1 << 20) + 1)), "larger than"),
        (lambda c: c.rewrite(lambda m: None, private_key(new_key())), "not signed with this key"),
        (lambda c: c.rewrite(lambda m: m.update(format=2)), "has format 2; this release reads 1"),
        (lambda c: c.rewrite(lambda m: m.update(files=[])), "has no snapshot"),
        (lambda c: c.rewrite(lambda m: first_file(m).update(name="../x")), "has no snapshot"),
        (lambda c: c.rewrite(lambda m: m["files"].insert(0, {**first_file(m), "name": "../../x"})), "no node takes"),
        (lambda c: c.rewrite(lambda m: m["files"].insert(0, {**first_file(m), "name": f"files.{'a' * 64}.bin"})),
         "file index|digest"),
        (lambda c: c.rewrite(lambda m: first_file(m)["pieces"].pop(1)), "do not make the file"),
        (lambda c: c.rewrite(lambda m: first_file(m)["pieces"][0].update(size=1 << 40)), "at most"),
        (lambda c: c.rewrite(lambda m: first_file(m).update(size=1 << 40)), "too large"),
        (lambda c: spoil_piece(c, b"garbage"), "zstd|digest|frame"),
        (lambda c: spoil_piece(c, zstandard.compress(b"other")), "another digest"),
        (lambda c: spoil_piece(c, zstandard.compress(bytes(50_000_000))), "another digest"),
        (lambda c: spoil_piece(c, b""), "another digest"),
    ],
)  # fmt: skip
def test_what_is_tampered_with_is_refused_and_the_last_generation_stays(
    spoil: Callable[[Center], object], said: str, center: Center, tmp_path: Path
) -> None:
    following = node(center, tmp_path)
    center.publish(1)
    following.step(NOW)
    center.publish(2, key=b"another key of 32 bytes, as such")
    good = {path: path.read_bytes() for path in center.channel.rglob("*") if path.is_file()}
    spoil(center)
    with pytest.raises((ChannelError, SnapshotError), match=said):
        following.step(NOW)
    assert generation(tmp_path) == 1
    assert not (tmp_path / "x").exists()
    for path, data in good.items():
        path.write_bytes(data)
    assert following.step(NOW) is not None, "and what is good again is taken"
    assert generation(tmp_path) == 2


def test_a_signed_snapshot_that_this_release_cannot_read_is_not_put_in_place(center: Center, tmp_path: Path) -> None:
    following = node(center, tmp_path)
    center.publish(1)
    following.step(NOW)
    data = bytearray((center.state / NAME).read_bytes())
    data[8] = 99
    for each in pieces(memoryview(bytes(data))):
        path = center.channel / piece_path(file_of("x", each).sha256)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zstandard.compress(bytes(each)))
    manifest = Manifest(FORMAT, 2, 1.0, (file_of(NAME, memoryview(bytes(data))),))
    (center.channel / LATEST).write_bytes(signed(manifest, KEY))
    with pytest.raises(SnapshotError, match="has format 99"):
        following.step(NOW)
    assert generation(tmp_path) == 1


@pytest.fixture
def server(center: Center) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    answers: list[tuple[str, int]] = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") == "Bearer t0ken":
                super().do_GET()
            else:
                self.send_error(401)

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            answers.append((self.path, int(code)))

        def log_message(self, format: str, *args: object) -> None:
            pass

    center.channel.mkdir()
    with served(ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(center.channel)))) as url:
        yield url, answers


def test_over_http_an_unchanged_channel_costs_one_conditional_request(
    center: Center, tmp_path: Path, server: tuple[str, list[tuple[str, int]]]
) -> None:
    url, answers = server
    center.publish(1)
    os.utime(center.channel / LATEST, (time.time() - 60,) * 2)  # a newer one may change within its second
    following = Follower(HttpSource(url, "t0ken"), [PUBLIC], tmp_path / "node")
    assert following.step(NOW) is not None
    answers.clear()
    assert following.step(NOW) is None
    assert answers == [(f"/{LATEST}", 304)]
    with pytest.raises(ChannelError, match="status 401"):
        Follower(HttpSource(url, "other"), [PUBLIC], tmp_path / "node").step(NOW)


def test_a_piece_that_was_missing_is_asked_for_again_although_the_manifest_is_unchanged(
    center: Center, tmp_path: Path, server: tuple[str, list[tuple[str, int]]]
) -> None:
    center.publish(1)
    following = Follower(HttpSource(server[0], "t0ken"), [PUBLIC], tmp_path / "node")
    moved = next((center.channel / "pieces").glob("*/*.zst"))
    data = moved.read_bytes()
    moved.unlink()
    with pytest.raises(ChannelError, match="status 404"):
        following.step(NOW)
    moved.write_bytes(data)
    assert following.step(NOW) is not None


def test_what_a_drip_feeds_ends_at_its_deadline(center: Center, server: tuple[str, list[tuple[str, int]]]) -> None:
    center.publish(1)
    times = iter([0.0, 61.0])
    with pytest.raises(ChannelError, match="not complete after 60 s"):
        HttpSource(server[0], "t0ken", clock=lambda: next(times)).changed(LATEST, 1 << 20)


def test_the_loop_goes_on_after_a_failure_and_ends_with_its_parent(center: Center, tmp_path: Path) -> None:
    center.channel.mkdir()
    following, turns = node(center, tmp_path), iter([True, True, True, False])
    steps = iter([lambda: None, lambda: center.publish(1), lambda: None, lambda: None])

    def lives() -> bool:
        next(steps)()
        return next(turns)

    follow(following, 0.0, threading.Event(), lambda: NOW, lives)
    assert generation(tmp_path) == 1


def test_old_pieces_go_an_hour_after_the_last_manifest_that_named_them(center: Center, tmp_path: Path) -> None:

    first = center.publish(1)
    center.publish(2)
    names = {piece_path(each.sha256) for each in first.files[-1].pieces}
    assert all((center.channel / name).exists() for name in names), "a node may be reading them"
    for name in names:
        os.utime(center.channel / name, (1.0, 1.0))
    current = center.publish(3)
    kept = {piece_path(each.sha256) for each in current.files[-1].pieces}
    left = {path.relative_to(center.channel).as_posix() for path in (center.channel / "pieces").glob("*/*.zst")}
    assert kept <= left
    assert not (names - kept) & left


def test_the_job_writes_each_generation_once_and_reports_a_bad_key_once(tmp_path: Path) -> None:

    key = tmp_path / "key"
    place = ChannelPlace(str(tmp_path / "channel"), str(key))
    service = built_service(state_dir=str(tmp_path / "state"), channel=place)
    job = ChannelJob(lambda: service)
    job.run()
    write_snapshot(tmp_path / "state", encode(built_snapshot([mirror("a")])))
    with capture_logs() as logs:
        job.run()
        job.run()
        key.write_text(new_key())
        key.chmod(0o644)
        job.run()
        key.chmod(0o600)
        job.run()
        job.run()
    assert [each["event"] for each in logs] == [
        "channel not written, nodes keep the former generation",
        "channel not written, nodes keep the former generation",
        "the channel is written again",
    ]
    assert "make a key with mirrorlist channel-key" in logs[0]["reason"]
    assert "others can read the signing key; run chmod 600" in logs[1]["reason"]
    public = public_key(public_text(read_private_key(key)))
    assert verified_manifest((tmp_path / "channel" / LATEST).read_bytes(), public).generation == 1


@pytest.mark.parametrize("text", ["", "x", "AAAA", "fKJeZf32EUpXlDljaQf5zFewVdHhXqei5eKVPGg1qn", "ä" * 44])
def test_what_is_no_key_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ChannelError, match="make one with mirrorlist channel-key"):
        public_key(text)


def test_a_sealed_file_is_cut_where_its_arrays_are() -> None:
    kind, arrays = FileKind(b"NUMBERS\n", 1, "list"), {"one": array("Q", [1, 2]), "other": array("Q", [3])}
    preamble, _, *found = map(len, pieces(memoryview(b"".join(sealed(kind, b"", arrays).parts))))
    assert (preamble, found) == (PREAMBLE.size, [16, 8])


def test_any_file_is_the_sum_of_its_pieces() -> None:
    for data in (b"", b"x", b"MIRRLST\n" + bytes(100), encode(built_snapshot([mirror("a")])), bytes(200)):
        assert b"".join(map(bytes, pieces(memoryview(data)))) == data
        assert all(map(len, pieces(memoryview(data))))


def test_a_file_that_is_written_twice_in_a_second_is_read_twice(tmp_path: Path) -> None:
    """As by servers that know times to the second, and whose ETag is of time and size."""
    latest = tmp_path / "latest.json"
    with web_server(tmp_path) as url:
        source = HttpSource(url)
        for text in (b"one", b"two"):
            latest.write_bytes(text)
            now = int(time.time())
            os.utime(latest, (now, now))
            assert source.changed("latest.json", 100) == text
        os.utime(latest, (now - 60, now - 60))
        assert source.changed("latest.json", 100) == b"two"
        assert source.changed("latest.json", 100) is None


def test_a_key_for_counts_that_cannot_be_read_is_logged_and_stops_nothing(tmp_path: Path) -> None:
    key = tmp_path / "node.key"
    settings = read_settings({
        "MIRRORLIST_COUNTS_TO": "https://a.example/", "MIRRORLIST_NODE": "web-1", "MIRRORLIST_NODE_KEY": str(key),
    })  # fmt: skip
    with capture_logs() as logs:
        hand_over_counts(settings, tmp_path, threading.Event(), time.time)
        key.write_text(new_key())
        key.chmod(0o644)
        hand_over_counts(settings, tmp_path, threading.Event(), time.time)
    assert [line["reason"].partition("; ")[0] for line in logs] == [
        f"{key}: No such file or directory", f"{key}: others can read the signing key",
    ]  # fmt: skip


def test_a_key_of_another_user_is_not_made_again(tmp_path: Path) -> None:
    key, me = tmp_path / "key", os.geteuid()
    key.write_text(new_key())
    key.chmod(0)
    try:
        if me == 0:
            os.seteuid(65534)
        with pytest.raises(ChannelError, match=r"this user may not read it; give it to the service's user with chown$"):
            read_private_key(key)
    finally:
        os.seteuid(me)
