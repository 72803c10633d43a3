"""Which answers to GET and HEAD say that a mirror gives a file."""

from __future__ import annotations

import pytest

from mirrorlist.checks.fetching.exchange import Method
from mirrorlist.checks.fetching.fetch import Ask, fetch
from mirrorlist.checks.fetching.result import Failure, FailureKind, Fetched
from mirrorlist.checks.probing.one_byte import FileAnswer, FileReply, by_get, by_head
from mirrorlist.core.files.mirror_listing import ABSENT, UNKNOWN
from mirrorlist.core.health.elsewhere import Elsewhere
from tests.checks.asking import guard
from tests.checks.servers import ALLOWED_HOST, answer, by_path, redirect, serving

URL = "http://m/file"
GONE = FileReply(FileAnswer(ABSENT))


def reply(status: int, body: bytes = b"", **headers: str) -> Fetched:
    return Fetched(status, {key.replace("_", "-"): value for key, value in headers.items()}, body, URL, "", 0, None)


@pytest.mark.parametrize(
    ("got", "said"),
    [
        (reply(206, b"x", content_range="bytes 0-0/77"), FileReply(FileAnswer(77))),
        (reply(206, b"x", content_range="Bytes 0-0/*"), FileReply(FileAnswer(UNKNOWN))),
        (reply(206, b"x"), FileReply(None)),
        (reply(416, content_range="bytes */0"), FileReply(FileAnswer(0))),
        (reply(416, content_range="bytes */5"), FileReply(None)),
        (reply(200, b"x", content_length="77"), FileReply(FileAnswer(77), whole=True)),
        (reply(200, b"", content_length="0"), FileReply(FileAnswer(0))),
        (reply(200, b"", content_length="77"), FileReply(None)),
        (reply(200, b"x"), FileReply(None)),
        (reply(200, b"x", content_length="9" * 40), FileReply(None)),
        (reply(404), GONE),
        (reply(410), GONE),
        (reply(403), FileReply(FileAnswer(ABSENT, why="status 403"))),
        (reply(429), FileReply(None)),
        (reply(503), FileReply(None)),
        (Failure(FailureKind.TIMEOUT, "m"), FileReply(None, failed=True)),
        (Failure(FailureKind.CIRCLE, "m"), FileReply(FileAnswer(ABSENT, why="redirects in a circle: m"))),
    ],
)
def test_the_first_byte_proves_a_file(got: Fetched | Failure, said: FileReply) -> None:
    assert by_get(URL, Ask(), lambda url, ask: got) == said


@pytest.mark.parametrize(
    "refusal",
    [*(reply(status) for status in (400, 401, 403, 404, 405, 429, 500, 501, 503)), reply(200),
     Failure(FailureKind.BROKEN_OFF, "m"), Failure(FailureKind.ELSEWHERE, "m")],
)  # fmt: skip
def test_a_head_that_is_refused_in_any_way_proves_nothing(refusal: Fetched | Failure) -> None:
    def fetches(url: str, ask: Ask) -> Fetched | Failure:
        return refusal if ask.method is Method.HEAD else reply(206, b"x", content_range="bytes 0-0/7")

    assert by_head(URL, Ask(), fetches) == FileReply(FileAnswer(7))


def test_one_byte_of_a_large_file_is_read_and_no_more() -> None:
    with serving(by_path({"/big": answer("200 OK", b"x" * 3_000_000)})) as server:
        found = by_get(server.url("/big"), Ask(), lambda url, ask: fetch(url, ask, guard()))
    assert found == FileReply(FileAnswer(3_000_000), whole=True)
    assert b"Range: bytes=0-0" in server.heads[0]


def test_a_redirect_to_somebody_else_is_no_possession_and_is_not_followed() -> None:
    with serving(by_path({})) as origin, serving(by_path({"/a": redirect(origin.url("/a"))})) as server:

        def fetches(url: str, ask: Ask) -> Fetched | Failure:
            return fetch(url, ask, guard())

        others = Elsewhere({f"{ALLOWED_HOST}:{origin.port}": "the origin"})
        found = by_get(server.url("/a"), Ask(elsewhere=others), fetches)
        assert not origin.heads
    assert found.answer is not None
    told = f"redirect to another's tree: {origin.url('/a')} is the origin"
    assert (found.answer.size, found.answer.why.startswith(told)) == (ABSENT, True)


def test_a_circle_of_redirects_is_seen() -> None:
    with serving(by_path({"/a": redirect("/b"), "/b": redirect("/a")})) as server:
        found = fetch(server.url("/a"), Ask(), guard())
    assert isinstance(found, Failure)
    assert found.kind is FailureKind.CIRCLE
