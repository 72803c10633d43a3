"""Attack the service case by case: a table, JSON, and status 1 where a bar is missed.

    bench/faults/run [--quick] [--minutes MINUTES] [--json FILE] [CASE ...]

Each case runs in a process of its own, with a limit on its time and memory, on loopback. Cases that are tests of the
project run as such; ``--quick`` makes the others smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from lxml import etree

from bench import network
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.errors import SnapshotError
from mirrorlist.core.model import MAIN, Mirror
from mirrorlist.core.network.prefixes import parse_prefix
from mirrorlist.core.snapshot import Snapshot, decode, encode
from tests.clients.proxies import Proxied, haproxy, nginx
from tests.serving import PATH, Service, checkout, mirror_file, put, serving
from tests.serving import ask as ask_port
from tests.web.asking import Answer, Both, ask, both, environ

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 4 << 30
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


@dataclass(frozen=True)
class Held:
    """What a case came to: whether its bar held, and the figures."""

    ok: bool
    told: str


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
    from tests.building import snapshot  # compiles orders for its own few places

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
        path = generator.choice(PATHS) + generator.choice(
            ("", "", "", "/", "//", "%2e%2e", "\xff\x00", "<x>", ".meta4")
        )
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


def slow_clients(proxy: Callable[[Path, int], AbstractContextManager[Proxied]] | None = None) -> Callable[[bool], Held]:
    """A case of 200 clients that never finish their request, at the server alone or through a file of deploy/: others
    are answered, p99 under a second."""

    def run(_: bool) -> Held:
        with tempfile.TemporaryDirectory() as directory, ExitStack() as running:
            service = running.enter_context(serving(checkout(Path(directory) / "x", "a.example.org")))
            port = service.port
            if proxy:
                port = running.enter_context(proxy(Path(directory) / "proxy", port)).http
            return _probed(port)

    return run


def _probed(port: int, slow: int = 200, probes: int = 500) -> Held:
    """Probes a port while each of the slow clients sends a byte now and then, and comes back when it is sent away."""
    times, lost, sockets = [], 0, [_slow_client(port) for _ in range(slow)]
    for number in range(probes):
        try:
            sockets[number % slow].sendall(b"a")
        except OSError:
            sockets[number % slow].close()
            sockets[number % slow] = _slow_client(port)
        began = time.monotonic()
        try:
            lost += ask_port(port)[0] != 200
        except OSError:
            lost += 1
        times.append(time.monotonic() - began)
        time.sleep(0.03)  # 15 s in all, past the time in which a proxy wants the whole head
    for each in sockets:
        each.close()
    p99 = sorted(times)[len(times) * 99 // 100]
    return Held(lost <= probes / 100 and p99 < 1, f"{probes - lost} of {probes} answered, p99 {p99 * 1000:.1f} ms")


def _slow_client(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"GET /mirrorlist/9/baseos HTTP/1.1\r\nHost: x\r\nX-")
    return client


def soak(quick: bool, minutes: float = 10.0) -> Held:
    """Half of the peak for so long, with a reload every 5 s: no answer 5xx, descriptors and memory flat."""
    seconds = 15.0 if quick else 60 * minutes
    with tempfile.TemporaryDirectory() as directory:
        config = checkout(Path(directory) / "x", "a.example.org")
        with serving(config) as service:
            pause = Path(directory) / "pause.lua"
            pause.write_text("")
            peak = Wrk(service.port, 3, pause).result()
            each = 1000 * CONNECTIONS / peak.a_second  # milliseconds between the requests of a connection
            _pause(pause, each)
            busy = 1000 * CONNECTIONS / Wrk(service.port, 3, pause).result().a_second - each
            _pause(pause, 2 * each - busy)
            load, reloads, half = Wrk(service.port, seconds, pause), 0, _weight(service)
            begun = time.monotonic()
            while (past := time.monotonic() - begun) < seconds - 1:
                if past >= 5 * (reloads + 1):
                    reloads += 1
                    put(config.parent / "mirrors.d" / "b.yml", mirror_file(f"b{reloads}.example.org"))
                if past < seconds / 2:
                    half = _weight(service)
                time.sleep(0.2)
            end, found = _weight(service), load.result()
            taken = service.log().count('"published"') - 1
    files, grown, most = end[0] - half[0], end[1] - half[1], 8.0 if quick else 2.0
    told = (
        f"{found.a_second:.0f} of {peak.a_second:.0f} a second for {seconds:.0f} s, {reloads} reloads, "
        f"{found.bad} bad answers, {grown:+.1f} MiB and {files:+d} descriptors in the second half"
    )
    return Held(not found.bad and taken >= reloads and files <= 0 and grown < most, told)


def _pause(script: Path, milliseconds: float) -> None:
    """Has wrk wait before each request."""
    script.write_text(f"function delay() return {max(milliseconds, 0):.0f} end\n")


CONNECTIONS = 256


@dataclass(frozen=True)
class Load:
    """What wrk found: requests a second, and answers that were neither 2xx nor 3xx, or that never came."""

    a_second: float
    bad: int


class Wrk:
    """wrk at a port, for some seconds."""

    def __init__(self, port: int, seconds: float, script: Path) -> None:
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", str(script)]
        self._process = subprocess.Popen(
            [*command, f"http://127.0.0.1:{port}{PATH}"], stdout=subprocess.PIPE, text=True
        )

    def result(self) -> Load:
        """Waits for its end."""
        shown = self._process.communicate()[0]
        rate = re.search(r"Requests/sec:\s+([\d.]+)", shown)
        failed = re.findall(r"(?:Non-2xx or 3xx responses:|connect|read|write|timeout) (\d+)", shown)
        return Load(float(rate[1]) if rate else 0.0, sum(map(int, failed)))


def _weight(service: Service) -> tuple[int, float]:
    """Descriptors, including the clients' connections, and private MiB, of all workers together."""
    files = mib = 0.0
    for pid in service.workers():
        resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
        mib += (resident - shared) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
        files += len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return int(files), mib


def expensive_flood(quick: bool) -> Held:
    """A flood of filters and other formats: plain lists keep 0.8 of their speed at rest, in the same run."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "found.json"
        command = [sys.executable, "bench/run", "--rounds", "3" if quick else "7", "--json", str(file), "dear lists"]
        done = subprocess.run([*command, "--seconds", "2"], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            return Held(False, done.stderr.strip()[-200:])
        [row] = json.loads(file.read_text())
    return Held(row["rps ratio"] >= 0.8, f"{row['rps ratio']} of the speed at rest, {row['spread']}")


def tested(*paths: str, more: str = "not client") -> Callable[[bool], Held]:
    """A case that tests of the project make."""

    def run(quick: bool) -> Held:
        chosen = f"{more} and not slow" if quick else more
        command = [sys.executable, "-m", "pytest", "-q", "-n0", "-m", chosen, *paths]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        lines = done.stdout.strip().splitlines() or [done.stderr[-200:]]
        failed = [line.split(" - ")[0] for line in lines if line.startswith(("FAILED", "ERROR"))]
        return Held(done.returncode == 0, "; ".join([lines[-1], *failed[:3]]))

    run.__doc__ = "Tests: " + " ".join(paths)
    return run


CASES: dict[str, Callable[[bool], Held]] = {
    "requests": requests,
    "forwarded": forwarded,
    "isolation": isolation,
    "forced values": tested("tests/web/test_second_check.py", "tests/sources/submissions/test_submission_fuzz.py"),
    "guarded fetcher": tested("tests/checks/fetching"),
    "tampering": tampering,
    "replay and reload": tested("tests/test_reload.py", "tests/web/test_coherence.py"),
    "kills": tested("tests/store/test_kills.py", "tests/test_processes.py"),
    "slow clients": slow_clients(),
    "slow clients, nginx": slow_clients(nginx),
    "slow clients, haproxy": slow_clients(haproxy),
    "flood": flood,
    "expensive flood": expensive_flood,
    "soak": soak,
    "outages": tested("tests/test_outages.py", "tests/store/test_database.py"),
    "hooks, channel, mail": tested("tests/web/test_hooks.py", "tests/following", "tests/publishing/test_mail.py"),
    "vantage uploads": tested("tests/web/test_vantage_reports.py", "tests/probing/test_vantage.py"),
    "pull and judge": tested("tests/pulling", "tests/test_validate_mirrors.py"),
}


def main() -> int:
    """Runs the cases, and prints a row for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak; default: 10, with --quick 15 seconds")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("case", nargs="*", help="names or parts of them; default: all")
    options = parser.parse_args()
    if options.inside:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        case = CASES[options.inside]
        held = soak(options.quick, options.minutes) if case is soak else case(options.quick)
        print(json.dumps([held.ok, held.told]))
        return 0
    print(f"load average at the start: {os.getloadavg()[0]:.2f}")
    rows = []
    for name in CASES:
        if not options.case or any(part in name for part in options.case):
            rows.append(_row(name, options.quick, options.minutes))
            print("{held:5} {case:23} {seconds:>6} s  {told}".format(**rows[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")
    return 0 if all(row["held"] == "held" for row in rows) else 1


def _row(name: str, quick: bool, minutes: float) -> dict[str, object]:
    """One case in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("run")), "--inside", name, "--minutes", f"{minutes}"]
    command += ["--quick"] * quick
    began = time.monotonic()
    try:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300 if quick else 1800 + 60 * minutes,
            check=False,
        )
        ok, told = json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else (False, done.stderr[-300:])
    except subprocess.TimeoutExpired:
        ok, told = False, "it did not end in time"
    return {
        "case": name,
        "held": "held" if ok else "FAILS",
        "seconds": round(time.monotonic() - began, 1),
        "told": told,
    }
