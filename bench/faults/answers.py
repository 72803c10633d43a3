"""Answers of the service in this process, whatever strangers ask: requests, headers, hidden mirrors, floods."""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from lxml import etree

from bench import network
from bench.faults.held import Held
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.model import MAIN, Mirror
from mirrorlist.core.network.prefixes import parse_prefix
from mirrorlist.core.snapshot import Snapshot, decode, encode
from tests.building import snapshot
from tests.web.asking import Answer, Both, ask, both, environ

OTHERS, INSIDE = "127.0.0.9", "198.18."
HIDDEN = re.compile(rb"hidden\d")  # the word alone is in the style of pages
LINE = re.compile(rb"(#.*|(Server = )?https?://[!-~]+(\tpriority:\d+)?)?")
PATHS = (
    "/mirrorlist", "/metalink", "/mirrorlist/9/baseos", "/isolist/9/x86_64", "/isos/x86_64/9.8", "/dl/a.iso", "/yours",
    "/", "/mirrors", "/mirrors.json", "/status", "/api/v1/mirrors", "/api/v1/selection", "/mirrors/feed.atom",
    "/healthz", "/join",
)  # fmt: skip
NAMES = (
    "repo",
    "arch",
    "country",
    "avoid",
    "only",
    "ip",
    "format",
    "protocol",
    "path",
    "version",
    "redirect",
    "ipv",
    "z",
)
ENDS = ("", "", "", "/", "//", "%2e%2e", "\xff\x00", "<x>", ".meta4")
VALUES = (
    "baseos-9", "x86_64", "DE", "json", "apt", "metalink4", "192.0.2.1", "4", "1", "", "%00", "%ff%fe", "../../etc",
    "<b>", "%0d%0aX:1", "a" * 3000, "\xe9", "%25%32%46", "mirror1.example.org", "https", "9.8/BaseOS/x86_64/os", "-1",
    "[::1]",
)  # fmt: skip


def _service(hidden: int = 0) -> Both:
    """A made-up network of 60 public mirrors and so many hidden ones, each with a /29 of its own."""
    made = network.make(network.Size(mirrors=60, prefixes=100))
    private = [
        Mirror(
            name=f"hidden{number}.example.net",
            urls={MAIN: {p: u.replace("mirror", "hidden") for p, u in made.mirrors[number % 60].urls[MAIN].items()}},
            private=True, monopoly=number % 4 == 0, location=made.mirrors[0].location,
            subnets=(parse_prefix(f"{INSIDE}{number}.8/29")[0],),
        )
        for number in range(hidden)
    ]  # fmt: skip
    if not private:
        return both(_with_tree(made))
    return both(snapshot([*made.mirrors[:10], *private], trees=(RedirectTree(prefix="/dl/", module=MAIN),),
                         trusted_proxies=("127.0.0.1/32",)))  # fmt: skip


def _with_tree(made: Snapshot) -> Snapshot:
    service = replace(made.facts.service, trees=(RedirectTree(prefix="/dl/", module=MAIN),))
    return replace(made, facts=replace(made.facts, service=service))


def _random_query(generator: random.Random) -> str:
    return "&".join(
        f"{generator.choice(NAMES)}={generator.choice(VALUES)}" for _ in range(generator.randrange(6))
    )  # fmt: skip


def _fault(answer: Answer) -> str | None:
    """What is wrong with an answer, whatever was asked."""
    kind = answer.headers.get("content-type", "")
    if answer.status >= 500 and answer.status != 503:
        return str(answer.status)
    if not all(value.isprintable() for value in answer.headers.values()):
        return "header"
    if "xml" in kind and answer.body:
        try:
            etree.fromstring(answer.body)
        except etree.XMLSyntaxError:
            return "XML"
    if kind.startswith("text/plain") and answer.status == 200 and b"://" in answer.body:
        return None if all(LINE.fullmatch(line) for line in answer.body.split(b"\n")) else "line"
    return None


def requests(quick: bool) -> Held:
    """Random requests over all routes: no 500, no traceback, all XML well-formed, all lines comments or addresses."""
    service, generator, faults = _service(), random.Random(1), Counter[str]()
    count = 2000 if quick else 20_000
    for _ in range(count):
        path = generator.choice(PATHS) + generator.choice(ENDS)
        method = generator.choice(("GET", "GET", "GET", "HEAD", "POST", "DELETE", "X"))
        sent = {name: generator.choice(VALUES) for name in ("ACCEPT", "USER_AGENT", "HOST", "X_FORWARDED_FOR")}
        answer = ask(service.fronted, environ(path, _random_query(generator), method=method, **sent))
        faults[_fault(answer) or ""] += 1
    del faults[""]
    return Held(not faults, f"{count} requests, faults: {dict(faults) or 'none'}")


def forwarded(quick: bool) -> Held:
    """X-Forwarded-For of every shape: of an untrusted peer it changes nothing, and nobody learns of hidden mirrors."""
    service, generator = _service(200), random.Random(2)
    plain = ask(service.fronted, environ("/mirrorlist/9/baseos", "", OTHERS)).body
    differ = leaks = 0
    count = 1000 if quick else 10_000
    parts = ["", "192.0.2.7", f"{INSIDE}4.9", "::1%eth0", f"::ffff:{INSIDE}8.9", "1.2.3.4:99", "[2001:db8::1]:1",
             "\x80\xff", "unknown", "a" * 8000, " ", ",,", "127.0.0.1", "\t"]  # fmt: skip
    for _ in range(count):
        header = ", ".join(generator.choice(parts) for _ in range(generator.choice((0, 1, 2, 3, 50))))
        answer = ask(service.fronted, environ("/mirrorlist/9/baseos", "", OTHERS, X_FORWARDED_FOR=header))
        differ += answer.body != plain
        outside = f"{header}, 203.0.113.{generator.randrange(256)}"
        leaks += b"hidden" in ask(service.fronted, environ("/mirrorlist/9/baseos", "", "127.0.0.1",
                                                           X_FORWARDED_FOR=outside)).body  # fmt: skip
    return Held(not differ + leaks, f"{count} headers, {differ} answers differ, {leaks} leaks")


def isolation(quick: bool) -> Held:
    """200 hidden mirrors: their neighbours learn nothing, whoever asks first; their own clients get them."""
    service, leaks, missed = _service(200), 0, 0
    count = 20 if quick else 200
    asked = [("/mirrorlist/9/baseos", ""), ("/mirrorlist/9/baseos", "format=json&arch=x86_64"), ("/dl/x.iso", ""),
             ("/dl/x.iso", "json"), ("/dl/x.iso", "mirrorlist"), ("/yours", ""), ("/api/v1/selection", ""),
             ("/mirrorlist/9/baseos", "country=DE"), ("/mirrorlist/9/baseos", "only=hidden1.example.net")]  # fmt: skip
    for number in range(count):
        inside, near = f"{INSIDE}{number}.9", [f"{INSIDE}{number}.{last}" for last in (7, 16, 1, 254)]
        for client in (*near[:2], inside, *near, inside):
            for path, query in asked:
                body = ask(service.fronted, environ(path, query, client)).body
                leaks += client != inside and HIDDEN.search(body.replace(query.encode(), b"")) is not None
            missed += client == inside and b"hidden" not in ask(service.fronted, environ(*asked[0], client)).body
    return Held(not leaks + missed, f"{count} hidden mirrors, {leaks} leaks, {missed} of their clients not served")


def tampering(quick: bool) -> Held:
    """Bits flipped and ends cut off: every such snapshot is refused."""
    data, generator, taken = encode(network.make(network.Size(mirrors=20, prefixes=10))), random.Random(3), 0
    count = 40 if quick else 200
    for number in range(2 * count):
        broken = bytearray(data)
        at = generator.randrange(len(data))
        if number % 2:
            broken[at] ^= 1 << generator.randrange(8)
        else:
            del broken[at:]
        try:
            decode(memoryview(bytes(broken)))
            taken += 1
        except SnapshotError:
            pass
    return Held(not taken, f"{count} bits and {count} cuts, {taken} taken")


def flood(quick: bool) -> Held:
    """Distinct addresses, paths and queries: memory is flat after warm-up, and lists keep their speed."""
    service = _service()
    count = 20_000 if quick else 1_000_000

    def speed() -> float:
        best = 0.0
        for _ in range(5):
            began = time.process_time()
            for last in range(200):
                ask(service.fronted, environ("/mirrorlist/9/baseos", "", f"192.0.2.{last}"))
            best = max(best, 200 / (time.process_time() - began))
        return best

    def wave(first: int, many: int) -> None:
        for number in range(first, first + many):
            client = f"{number % 200 + 1}.{number >> 8 & 255}.{number >> 16 & 255}.{number & 255}"
            path = ("/mirrorlist/9/baseos", f"/dl/{number}.iso", f"/{number}", "/metalink")[number % 4]
            ask(service.fronted, environ(path, f"z={number}", client))

    speed()
    quiet = speed()
    wave(0, count // 2)
    warm = _resident_mib()
    wave(count // 2, count // 2)
    grown, ratio = _resident_mib() - warm, speed() / quiet
    most = 16.0 if quick else 1.0  # caches fill for the first hundred thousand
    return Held(
        grown < most and ratio >= 0.7, f"{count} requests, {grown:+.1f} MiB after warm-up, speed {ratio:.2f} of quiet"
    )


def _resident_mib() -> float:
    text = Path("/proc/self/statm").read_text().split()
    return int(text[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
