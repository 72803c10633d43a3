"""Good mirrors that the prober takes out, and bad ones that it lets stay, for each kind of content."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection

from mirrorlist.checks.fetching.fetch import Guard, fetch
from mirrorlist.checks.probing.requests import ProbeTerms
from mirrorlist.checks.probing.runner import Job, Outside, run
from mirrorlist.core.content import Content, ContentKind, NamedFile, NamedFiles
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject, Verdict
from mirrorlist.core.kinds.table import KINDS
from mirrorlist.core.model import MAIN, Checksummed, Mirror, Prefix, Protocol, RepoMetadata
from tests.building import tar_of

Files = dict[str, bytes]
Answer = tuple[str, tuple[str, ...], bytes]
"""Status, headers and body; a body without a length is sent in chunks."""
GOOD = ("plain", "autoindex pages", "labels .gz as encoded", "chunked heads", "redirects to the same host",
        "slow but right", "HEAD refused", "no Range")  # fmt: skip
FAULTS = ("refuses", "silent", "500", "403 for the index", "no index", "an index of its own", "a page as the index",
          "an index that ends early", "a file missing", "a file too short", "a page as a file", "403 for files",
          "broken ranges", "compressed on the way")  # fmt: skip
SLOW_SECONDS = 0.3
PAGE = (
    b"<!DOCTYPE html><html><head><title>Index of /</title></head><body>" + b"<a href='x'>x</a>" * 20 + b"</body></html>"
)


@dataclass(frozen=True)
class Found:
    """What came of one kind: how many good mirrors were ever out, and the faults that stayed after two looks."""

    kind: str
    mirrors: int
    runs: int
    out: int
    stayed: list[str]
    requests: float
    seconds: float


@dataclass(frozen=True)
class Tree:
    """An origin's files, and what is wanted of a mirror of it."""

    content: Content
    files: Files
    named: NamedFiles
    metadata: RepoMetadata

    @property
    def index(self) -> str:
        """The path of its index; of plain content of the first file that stands for it."""
        return self.content.path + self.content.index if self.content.index else self.named.files[0].path

    @property
    def file(self) -> str:
        """The path of a file that the index names."""
        return self.named.files[-1].path


def _archive(files: Mapping[str, bytes]) -> bytes:
    return gzip.compress(tar_of(files), mtime=0)


def _rpm() -> Files:
    package = b"p" * 3000
    primary = gzip.compress(
        b'<metadata xmlns="http://linux.duke.edu/metadata/common"><package type="rpm"><time file="1790000000"/>'
        b'<size package="3000"/><location href="Packages/a.rpm"/></package></metadata>'
    )
    data = {"primary": primary, "filelists": gzip.compress(b"f" * 5000)}
    rows = "".join(
        f'<data type="{name}"><location href="repodata/{name}.xml.gz"/><size>{len(body)}</size>'
        "<timestamp>1790000000</timestamp></data>"
        for name, body in data.items()
    )
    repomd = f'<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo">{rows}</repomd>'.encode()
    named = {f"repodata/{name}.xml.gz": body for name, body in data.items()}
    return {"repodata/repomd.xml": repomd, "Packages/a.rpm": package, **named}


def _apt() -> Files:
    packed = gzip.compress(b"Package: a\nFilename: pool/a.deb\nSize: 3000\n\n", mtime=0)
    digest = hashlib.sha256(packed).hexdigest()
    release = (
        "Suite: noble\nDate: Thu, 01 Oct 2026 10:00:00 UTC\nAcquire-By-Hash: yes\n"
        f"SHA256:\n {digest} {len(packed)} main/binary-amd64/Packages.gz\n"
    )
    hashed = f"main/binary-amd64/by-hash/SHA256/{digest}"
    return {"InRelease": release.encode(), hashed: packed, "pool/a.deb": b"d" * 3000}


def _pacman() -> Files:
    desc = b"%FILENAME%\na.pkg.tar.zst\n\n%CSIZE%\n3000\n\n%BUILDDATE%\n1790000000\n\n"
    files = _archive({"a/desc": desc, "a/files": b"%FILES%\n"})
    return {"core.db": _archive({"a/desc": desc}), "core.files": files, "a.pkg.tar.zst": b"p" * 3000}


def _apk() -> Files:
    index = b"C:Q1abc=\nP:a\nV:1\nA:x86_64\nS:3000\nt:1790000000\n\n"
    return {"APKINDEX.tar.gz": _archive({"DESCRIPTION": b"x", "APKINDEX": index}), "a-1.apk": b"a" * 3000}


def tree_of(kind: ContentKind) -> Tree:
    """An origin with one repository of a kind."""
    index, made = {
        ContentKind.RPM: ("repodata/repomd.xml", _rpm),
        ContentKind.APT: ("InRelease", _apt),
        ContentKind.PACMAN: ("core.db", _pacman),
        ContentKind.APK: ("APKINDEX.tar.gz", _apk),
        ContentKind.PLAIN: ("", lambda: {f"{n}.img": bytes([65 + n]) * (1000 + n) for n in range(5)}),
    }[kind]
    path = "" if kind is ContentKind.PLAIN else "r/"
    part = path if kind is ContentKind.APT else None
    content = Content(MAIN, path, kind, index, part, ("amd64",) if kind is ContentKind.APT else ())
    files = {path + name: body for name, body in made().items()}
    if kind is ContentKind.PLAIN:
        body = b"canaries"
        named = NamedFiles(tuple(NamedFile(name, len(data)) for name, data in files.items()))
    else:
        body = files[path + index]
        named, why = KINDS[kind].named(body, content, lambda at: [files[at]])
        assert not why, why
        named = replace(named, files=tuple(NamedFile(each.path, len(files[each.path])) for each in named.files))
    written = 1_790_000_000
    version = Checksummed(len(body), written, hashlib.sha256(body).hexdigest(), hashlib.sha512(body).hexdigest())
    return Tree(content, files, named, RepoMetadata(content.key, version, time.time() - 86_400))


def answer_of(tree: Tree, manner: str, verb: str, path: str, head: str) -> Answer:
    """What a mirror answers; faults are those of ``FAULTS``."""
    if manner == "redirects to the same host":
        if not path.startswith("real/"):
            return "302 Found", (f"Location: /real/{path}",), b""
        path = path.removeprefix("real/")
    body, headers = tree.files.get(path), ['ETag: "1"']
    if body is None:
        return (
            ("200 OK", ("Content-Type: text/html",), PAGE)
            if not path or path.endswith("/")
            else ("404 Gone", (), b"no")
        )
    if found := _faulty(tree, manner, path, body):
        return found
    if manner == "labels .gz as encoded" and path.endswith(".gz"):
        headers.append("Content-Encoding: x-gzip")
    if manner == "HEAD refused" and verb == "HEAD":
        return "405 Method Not Allowed", (), b""
    if "Range: bytes=0-0" in head and manner != "no Range":
        shown = f"Content-Range: bytes 0-0/{len(body)}" if manner != "broken ranges" else "Content-Range: bytes 5-5/9"
        return "206 Partial Content", (*headers, shown), body[:1]
    return "200 OK", tuple(headers), body


def _faulty(tree: Tree, manner: str, path: str, body: bytes) -> Answer | None:
    """The answer of a mirror whose index, or whose other files, are at fault."""
    page = ("200 OK", ("Content-Type: text/html",), PAGE)
    of_index: dict[str, Answer] = {
        "403 for the index": ("403 Forbidden", (), b"no"), "no index": ("404 Not Found", (), b"no"),
        "a page as the index": page, "an index that ends early": ("200 OK", (), body[: len(body) // 2]),
        "an index of its own": ("200 OK", (), body[:-9] + b"x" if tree.content.index else body + b"x"),
    }  # fmt: skip
    of_file: dict[str, Answer] = {
        "a file missing": ("404 Not Found", (), b"no"), "a file too short": ("200 OK", (), body[:-7]),
        "a page as a file": page, "403 for files": ("403 Forbidden", (), b"no"),
        "compressed on the way": ("200 OK", ("Content-Encoding: gzip",), gzip.compress(body + b"z" * 4000)),
    }  # fmt: skip
    if manner == "500":
        return "500 Internal Server Error", (), b"sorry"
    if path == tree.index and manner in of_index:
        return of_index[manner]
    return of_file[manner] if path == tree.file and manner in of_file else None


async def _serve(tree: Tree, manners: Sequence[str], told: Connection) -> None:
    """A server for each manner; the ports go over the pipe, and its end ends them."""

    async def talk(manner: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            if manner == "silent":
                await reader.read()
            verb, path, _ = head.split(" ", 2)
            status, headers, body = answer_of(tree, manner, verb, path.removeprefix("/"), head)
            if manner == "slow but right":
                await asyncio.sleep(SLOW_SECONDS)
            is_chunked = manner == "chunked heads" and status == "200 OK"
            length = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(body)}"
            lines = [f"HTTP/1.1 {status}", length, "Connection: close", *headers, "", ""]
            if is_chunked:
                body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
            writer.write("\r\n".join(lines).encode("latin-1") + (b"" if verb == "HEAD" else body))
            await writer.drain()
        writer.close()

    servers = [await asyncio.start_server(partial(talk, each), "127.0.0.1", 0) for each in manners]
    told.send([server.sockets[0].getsockname()[1] for server in servers])
    for server, manner in zip(servers, manners, strict=True):
        if manner == "refuses":
            server.close()
    await asyncio.to_thread(told.recv)


def serve(kind: ContentKind, manners: Sequence[str], told: Connection) -> None:
    """Runs the servers in a process of its own."""
    asyncio.run(_serve(tree_of(kind), manners, told))


@contextmanager
def mirrors_of(kind: ContentKind, manners: Sequence[str]) -> Iterator[tuple[Mirror, ...]]:
    """A mirror for each manner."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(kind, manners, there), daemon=True)
    process.start()
    yield tuple(
        Mirror(name=f"m{number}", urls={MAIN: {Protocol.HTTP: f"http://127.0.0.1:{port}/"}})
        for number, port in enumerate(here.recv())
    )
    here.send("end")
    process.join(10)
    process.terminate()


def measured(kind: ContentKind, mirrors: int, runs: int) -> Found:
    """So many good mirrors in so many runs; then the faults in two, each beside good mirrors."""
    start = time.monotonic()
    manners = [GOOD[number % len(GOOD)] for number in range(mirrors)]
    bad: set[str] = set()
    with mirrors_of(kind, manners) as found:
        requests = sum(_run_all(kind, found, runs, lambda out: bad.update(out)))
    faults = [*FAULTS, *(GOOD * 2)]
    last: list[set[str]] = []
    with mirrors_of(kind, faults) as found:
        for _ in _run_all(kind, found, 2, last.append):
            pass
    stayed = [fault for number, fault in enumerate(FAULTS) if f"m{number}" not in last[-1]]
    bad |= {f"beside faults: {faults[int(name[1:])]}" for name in last[-1] if int(name[1:]) >= len(FAULTS)}
    return Found(kind, mirrors, runs, len(bad), stayed, requests / mirrors / runs, time.monotonic() - start)


def _run_all(
    kind: ContentKind, mirrors: tuple[Mirror, ...], runs: int, out: Callable[[set[str]], object]
) -> Iterator[int]:
    """The requests of each run; ``out`` is given the mirrors that lists leave out then."""
    tree, verdicts = tree_of(kind), dict[Subject, Verdict]()
    outside = Outside(fetch=partial(fetch, guard=Guard(allowed=(Prefix(bytes([127, 0, 0, 0]), 8),))))
    key, digest = tree.content.key, tree.metadata.current.sha256
    for number in range(1, runs + 1):
        job = Job(
            mirrors=mirrors, wanted={MAIN: {tree.content.path: tree.metadata}}, run=number, verdicts=verdicts,
            named={key: {digest: tree.named}}, contents={key: tree.content},
            terms=ProbeTerms(timeout_seconds=2.0, visit_seconds=24.0),
        )  # fmt: skip
        ran = run(job, outside, lambda _: None)
        verdicts |= ran.round.verdicts
        out({
            subject.mirror for subject, verdict in verdicts.items()
            if subject.family is Family.IPV4 and not verdict.good_now and verdict.outcome is not ProbeOutcome.NO_ADDRESS
        })  # fmt: skip
        yield ran.requests


def told(found: Sequence[Found]) -> tuple[list[str], bool]:
    """The lines of a table, and whether a good mirror was out or a bad one stayed."""
    rows = [f"{'kind':8}{'good':>6}{'runs':>6}{'ever out':>10}{'faults':>8}{'stayed':>8}{'requests':>10}{'s':>7}"]
    for each in found:
        rows.append(f"{each.kind:8}{each.mirrors:>6}{each.runs:>6}{each.out:>10}{len(FAULTS):>8}{len(each.stayed):>8}"
                    f"{each.requests:>10.1f}{each.seconds:>7.0f}")  # fmt: skip
        rows += [f"  stayed: {fault}" for fault in each.stayed]
    return rows, any(each.out or each.stayed for each in found)
