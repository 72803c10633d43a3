""""""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from mirrorlist.core.errors import MirrorlistError
from mirrorlist.store.marks import Mark, MarkName
from mirrorlist.web.hooks import MOST_CALLS, MOST_REFUSALS, hooks
from tests.building import NOW

SECRET = "0123456789abcdef"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Hook:
    """The application with nothing but the hook, and how often it left its mark."""

    def __init__(self, secret: str | None = SECRET, fault: str = "") -> None:
        self.marks, self.clock, self.fault = 0, Clock(), fault
        app = Flask("hook")
        app.register_blueprint(hooks(secret, self.leave, self.clock))
        self.client = app.test_client()

    def leave(self) -> None:
        if self.fault:
            raise MirrorlistError(self.fault)
        self.marks += 1

    def call(self, authorization: str | None = f"Bearer {SECRET}", method: str = "POST") -> int:
        headers = {} if authorization is None else {"Authorization": authorization}
        return self.client.open("/hooks/origin", method=method, headers=headers).status_code


def test_the_secret_leaves_a_mark() -> None:
    hook = Hook()
    answer = hook.client.post("/hooks/origin", headers={"Authorization": f"Bearer {SECRET}"}, data=b"anything")
    assert (answer.status_code, answer.text) == (202, "# noted; the origin is asked at once\n")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert hook.marks == 1


@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Bearer", "Bearer ", SECRET, f"Basic {SECRET}", f"bearer {SECRET}", f"Bearer {SECRET}x",
        f"Bearer {SECRET[:-1]}", f"Bearer  {SECRET}", "Bearer \xe9", "x" * 8000,
    ],
)  # fmt: skip
def test_without_the_secret_nothing_happens(authorization: str | None) -> None:
    hook = Hook()
    assert hook.call(authorization) == 401
    assert hook.marks == 0


def test_without_a_secret_of_its_own_the_hook_is_off() -> None:
    assert [Hook(None).call(each) for each in (None, "Bearer ", f"Bearer {SECRET}")] == [404] * 3


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_it_only_takes_posts(method: str) -> None:
    hook = Hook()
    assert hook.call(method=method) == 405
    assert hook.marks == 0


def test_calls_are_limited_and_strangers_use_up_only_their_own() -> None:
    hook = Hook()
    refused = [hook.call("Bearer wrong") for _ in range(20)]
    assert refused == [401] * int(MOST_REFUSALS) + [429] * (20 - int(MOST_REFUSALS))
    called = [hook.call() for _ in range(40)]
    assert called == [202] * int(MOST_CALLS) + [429] * (40 - int(MOST_CALLS))
    hook.clock.now += 2.5
    assert [hook.call() for _ in range(4)] == [202, 202, 202, 429]
    assert hook.marks == MOST_CALLS + 3


def test_a_mark_that_cannot_be_left_is_told() -> None:
    hook = Hook(fault="disk full")
    answer = hook.client.post("/hooks/origin", headers={"Authorization": f"Bearer {SECRET}"})
    assert answer.status_code == 503
    assert "disk full" not in answer.text


def test_each_mark_has_another_sign_and_a_broken_one_is_none(tmp_path: Path) -> None:
    mark = Mark(tmp_path / "state", MarkName.ORIGIN)
    signs = [mark.sign()]
    assert mark.read() is None
    for _ in range(3):
        mark.leave(NOW, ("a", "b"))
        signs.append(mark.sign())
    assert len(set(signs)) == 4
    assert mark.read() is not None
    (tmp_path / "state" / "origin.mark").write_bytes(b"{")
    assert mark.read() is None
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MirrorlistError, match="let this user write"):
        Mark(tmp_path / "file", MarkName.ORIGIN).leave(NOW)
