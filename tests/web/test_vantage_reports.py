"""Uploads of vantage points, attacked: forged, replayed, old, oversized, of strangers, altered, and all at once."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask

from mirrorlist.core.catalogue.service import Vantage
from mirrorlist.core.channel import new_key, private_key, public_text
from mirrorlist.core.errors import UploadRefused
from mirrorlist.core.health.vantages import LEAST_SECONDS, Look, Report
from mirrorlist.core.health.verdicts import Family, ProbeOutcome
from mirrorlist.core.model import Protocol
from mirrorlist.store.marks import (
    CLOCK_SECONDS,
    LARGEST_REPORT,
    NOBODY,
    Scheme,
    UploadBox,
    authorization,
    read_report,
    verified_claim,
)
from mirrorlist.web.hooks import MOST_CALLS, MOST_REFUSALS, uploads, vantage_kind
from tests.building import NOW, mirror, snapshot
from tests.web.asking import Held

KEY, OTHER = private_key(new_key()), private_key(new_key())
BERLIN, TEHRAN = Vantage("berlin", "DE", public_text(KEY)), Vantage("tehran", "IR", public_text(OTHER))
IN_DATABASE = Vantage("oslo", "NO")
LOOK = Look("m.example.org", Protocol.HTTPS, Family.IPV4, ProbeOutcome.TIMEOUT, "192.0.2.1")
BODY = msgspec.json.encode(Report(900.0, (LOOK,)))


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Endpoint:
    """The application with nothing but the uploads."""

    def __init__(self, state_dir: Path, vantages: tuple[Vantage, ...] = (BERLIN, TEHRAN, IN_DATABASE)) -> None:
        held, self.box, self.clock, self.steady = Held(), UploadBox(state_dir), Clock(NOW), Clock()
        held.put(snapshot([mirror("m")], vantages=vantages))
        self.app = Flask("uploads")
        self.app.register_blueprint(uploads(held, vantage_kind(self.box), self.clock, self.steady))
        self.directory = state_dir / "vantages"

    def send(self, header: str | None, body: bytes = BODY, **given: Any) -> int:
        answer = self.app.test_client().post(
            "/hooks/vantage", headers={} if header is None else {"Authorization": header}, data=body, **given
        )
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.text.startswith("# ")
        assert answer.text.count("\n") == 1
        self.steady.now += 60  # the budgets are tried apart
        return answer.status_code

    def kept(self) -> Mapping[str, bytes]:
        return {path.name: path.read_bytes() for path in self.directory.iterdir()} if self.directory.exists() else {}


@pytest.fixture
def endpoint(tmp_path: Path) -> Endpoint:
    return Endpoint(tmp_path)


def signed(at: float = NOW, body: bytes = BODY, name: str = "berlin", key: Any = KEY) -> str:
    return authorization(Scheme.VANTAGE, name, at, body, key)


def test_a_signed_report_waits_for_the_publisher(endpoint: Endpoint) -> None:
    assert endpoint.send(signed()) == 202
    assert endpoint.kept() == {"berlin.report": f"{signed()}\n".encode() + BODY}
    claim, report = endpoint.box.read(BERLIN)
    assert (claim.name, claim.at, report.looks) == ("berlin", int(NOW), (LOOK,))


FORGED = {
    "nothing": None,
    "another scheme": "Bearer 0123456789abcdef",
    "too few words": "Vantage berlin",
    "a key of somebody else": signed(key=OTHER),
    "the name of somebody else": signed(name="tehran"),
    "nobody's name": signed(name="nobody"),
    "a vantage without a key": signed(name="oslo"),
    "a path as a name": signed(name="../../berlin"),
    "no signature": signed().rsplit(" ", 1)[0] + " ",
    "a signature of zeros": signed().rsplit(" ", 1)[0] + " " + b64encode(bytes(64)).decode(),
    "a short signature": signed().rsplit(" ", 1)[0] + " " + b64encode(bytes(63)).decode(),
    "not base64": signed().rsplit(" ", 1)[0] + " ä",
    "the time changed": signed().replace(str(int(NOW)), str(int(NOW) + 1)),
    "the digest changed": signed().replace(sha256(BODY).hexdigest(), sha256(b"").hexdigest()),
    "a long header": signed() + "x" * 100_000,
    "a number that is none": signed().replace(str(int(NOW)), "1e400"),
    "a huge number": signed().replace(str(int(NOW)), "9" * 400),
    "words of nobody": "Vantage nobody 0 0 0",
}


@pytest.mark.parametrize("header", FORGED.values(), ids=FORGED.keys())
def test_what_nobody_signed_is_refused_and_leaves_nothing(endpoint: Endpoint, header: str | None) -> None:
    assert endpoint.send(header) == 401
    assert endpoint.kept() == {}


def test_whoever_knows_the_private_key_of_nobody_is_nobody(endpoint: Endpoint) -> None:
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")  # RFC 8032, 7.1, TEST 1
    key = Ed25519PrivateKey.from_private_bytes(secret)
    assert public_text(key) == NOBODY
    assert [endpoint.send(signed(name=name, key=key)) for name in ("nobody", "oslo", "berlin")] == [401] * 3


def test_a_report_is_taken_once_and_none_that_is_older(endpoint: Endpoint) -> None:
    assert endpoint.send(signed()) == 202
    before = endpoint.kept()
    assert [endpoint.send(signed(at)) for at in (NOW, NOW - 1, NOW - 299)] == [409] * 3
    assert endpoint.send(signed(NOW + LEAST_SECONDS - 1)) == 409
    assert endpoint.kept() == before
    assert endpoint.send(signed(NOW + LEAST_SECONDS)) == 202
    assert endpoint.send(signed(NOW, name="tehran", key=OTHER)) == 202, "others are not in its way"


@pytest.mark.parametrize("off", [CLOCK_SECONDS + 1, -CLOCK_SECONDS - 1, 1e9, -1e9])
def test_what_was_signed_at_another_time_is_refused(endpoint: Endpoint, off: float) -> None:
    assert endpoint.send(signed(NOW + off)) == 401
    assert endpoint.kept() == {}


def test_a_report_that_is_too_large_or_of_unknown_length_is_refused_unread(endpoint: Endpoint) -> None:
    large = b" " * (LARGEST_REPORT + 1)
    assert endpoint.send(signed(body=large), large) == 413
    assert endpoint.send(signed(), b"", content_length=10**15) == 413
    assert endpoint.send(signed(body=b""), b"") == 411
    assert endpoint.kept() == {}


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"null", b'{"every_seconds": 900}', b'{"every_seconds": "x", "looks": []}',
        b'{"every_seconds": 900, "looks": [["m", "gopher", "ipv4", "reachable"]]}',
        b'{"every_seconds": 900, "looks": [["m", "https", "ipv4", "splendid"]]}',
        b'{"every_seconds": 900, "looks": [[1, "https", "ipv4", "reachable"]]}',
        b"[" * 100_000, b"\xff\xfe", BODY[:-1],
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused_although_it_is_signed(endpoint: Endpoint, body: bytes) -> None:
    assert endpoint.send(signed(body=body), body) == 409
    assert endpoint.kept() == {}


def test_a_body_that_was_changed_on_its_way_is_refused(endpoint: Endpoint) -> None:
    assert endpoint.send(signed(), BODY.replace(b"too slow", b"reachable")) == 409
    assert endpoint.kept() == {}


def test_without_keys_in_the_service_file_there_is_no_such_address(tmp_path: Path) -> None:
    assert [Endpoint(tmp_path, of).send(signed()) for of in ((), (IN_DATABASE,))] == [404, 404]


def test_strangers_use_up_only_their_own_budget(endpoint: Endpoint) -> None:
    client = endpoint.app.test_client()

    def call(header: str) -> int:
        return client.post("/hooks/vantage", headers={"Authorization": header}, data=BODY).status_code

    strangers = [call("Vantage") for _ in range(20)]
    assert {*strangers} == {401, 429}
    assert strangers.index(429) <= MOST_REFUSALS
    volunteers = [call(signed(NOW + n)) for n in range(40)]
    assert volunteers[0] == 202
    assert volunteers.index(429) <= MOST_CALLS


def test_one_vantage_sends_one_report_at_a_time(endpoint: Endpoint) -> None:
    begun, go_on = Event(), Event()

    class Slow:
        def read(self, size: int = -1) -> bytes:
            begun.set()
            go_on.wait(10)
            raise TimeoutError

    def slow() -> None:
        with endpoint.app.test_client() as client:
            codes.append(
                client.post(
                    "/hooks/vantage", headers={"Authorization": signed()}, content_length=len(BODY),
                    environ_overrides={"wsgi.input": Slow(), "wsgi.input_terminated": True},
                ).status_code
            )  # fmt: skip

    codes: list[int] = []
    sending = Thread(target=slow)
    sending.start()
    assert begun.wait(10)
    assert endpoint.send(signed()) == 429
    assert endpoint.send(signed(name="tehran", key=OTHER)) == 202
    go_on.set()
    sending.join()
    assert codes == [408]
    assert endpoint.send(signed()) == 202, "its turn is over"


def test_a_file_that_was_changed_in_the_state_directory_is_refused_there(endpoint: Endpoint) -> None:
    assert endpoint.send(signed()) == 202
    file = endpoint.directory / "berlin.report"
    good = file.read_bytes()
    for bad in (
        good.replace(b"too slow", b"reachable"),
        good.replace(b"berlin", b"tehran", 1),
        b"",
        b"\n",
        b"\xff" * 9,
    ):
        file.write_bytes(bad)
        with pytest.raises(UploadRefused):
            endpoint.box.read(BERLIN)
    file.write_bytes(good)
    with pytest.raises(UploadRefused):
        endpoint.box.read(Vantage("berlin", "DE", public_text(OTHER)))
    assert read_report(*_parts(good)).looks == (LOOK,)


def _parts(data: bytes) -> Any:
    header, _, body = data.partition(b"\n")
    return verified_claim(Scheme.VANTAGE, header.decode(), (BERLIN,), None), body
