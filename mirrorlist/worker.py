"""Answer requests in one process, by granian: no ambiguous headers, no asyncio, no crash on exit.

Monitoring is answered at a port of its own, in a thread of each worker: whichever accepts a connection first answers.
The module uses parts of granian that are not public, so setup.cfg holds granian to the minor release they were read in.
"""

from __future__ import annotations

import asyncio
import logging
import mmap
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

import msgspec
import structlog
from granian._granian import ASGIWorker, CallbackScheduler, SocketHolder, WorkerSignal
from granian.constants import HTTPModes

from mirrorlist.logs import set_up_logs
from mirrorlist.settings import read_settings
from mirrorlist.workers import BEAT_SECONDS, CONNECTIONS, ENDING, HUNG_SECONDS, Post

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


PATIENCE_SECONDS = 5.0
"""For a client that connects and says nothing; others are answered meanwhile."""
MOST_OPERATORS = 16
"""Connections for monitoring at once; further ones are closed."""


class OperatorsServer(ThreadingMixIn, WSGIServer):
    """Serves on a socket that listens already, and that other processes share; each connection in a thread."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, application: WSGIApplication, patience_seconds: float) -> None:
        super().__init__(listening.getsockname()[:2], OperatorsRequest, bind_and_activate=False)
        self._patience_seconds = patience_seconds
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = listening.getsockname()[:2]
        self.setup_environ()
        self.set_app(application)
        self._turns = threading.BoundedSemaphore(MOST_OPERATORS)

    def get_request(self) -> tuple[socket.socket, Any]:
        """A connection that is closed when it says nothing for too long."""
        request, address = super().get_request()
        request.settimeout(self._patience_seconds)
        return request, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread, if there is one left."""
        if self._turns.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answers, in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._turns.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class OperatorsRequest(WSGIRequestHandler):
    """One request, without a line in the log."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: monitoring asks every few seconds."""


def answer_operators(
    listening: socket.socket, application: WSGIApplication, patience_seconds: float = PATIENCE_SECONDS
) -> None:
    """Begins to answer, in a thread that ends with the process."""
    ServerHandler.server_software = "mirrorlist"
    server = OperatorsServer(listening, application, patience_seconds)
    threading.Thread(target=server.serve_forever, name="monitoring", daemon=True).start()


log = structlog.get_logger()

FINISH_SECONDS = 2.0
"""For what is being answered when a worker is told to end."""
IDLE_SECONDS = 30
NO_TLS: tuple[object, ...] = (False, None, None, None, "tls1.3", None, [], False)

Answer = Callable[[Any, Any], Callable[[], object] | None]
"""Answers a request: the scope, and the exchange that sends. What takes longer is given back, for a thread."""
MOST_BESIDE = 16
"""Requests with a body that are answered at once."""
BUSY = (
    {"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0"), (b"retry-after", b"5")]},
    {"type": "http.response.body", "body": b""},
)


class Direct(CallbackScheduler):
    """Calls the application on granian's thread for Python, where granian would start an asyncio task: three times as
    fast (measured). ``at_work`` is the request that is being answered; one with a body is answered in a thread."""

    __slots__ = ("at_work",)

    def __init__(self, loop: Any, answer: Answer, task: None, enter: None, leave: None) -> None:
        super().__init__()
        self.at_work: object = None
        beside = threading.BoundedSemaphore(MOST_BESIDE)

        def finish(watcher: Any, rest: Callable[[], object]) -> None:
            try:
                rest()
            except Exception as error:  # noqa: BLE001  # as below
                watcher.err(error)
            else:
                watcher.done()
            finally:
                beside.release()

        def begin(watcher: Any, rest: Callable[[], object]) -> None:
            if beside.acquire(blocking=False):
                threading.Thread(target=finish, args=(watcher, rest), name="request", daemon=True).start()
                return
            for message in BUSY:
                watcher.proto.send(message)
            watcher.done()

        def schedule(watcher: Any) -> None:
            self.at_work = watcher
            try:
                rest = answer(watcher.scope, watcher.proto)
            except Exception as error:  # noqa: BLE001  # granian logs it and answers 500; else the worker ends
                watcher.err(error)
            else:
                if rest is None:
                    watcher.done()
                else:
                    begin(watcher, rest)
            self.at_work = None

        self._schedule_fn = schedule


class Relayed(logging.Handler):
    """Writes what granian logs as everything else is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        """Passes one record on."""
        log.log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def main() -> None:
    """The whole life of a worker: it serves until SIGTERM or SIGINT, or until its parent is gone."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # in every thread: they wait until ``sigwait`` takes them
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal's end is the parent's business
    settings = read_settings()
    set_up_logs(settings.log_format, not settings.no_color)
    relay = logging.getLogger("_granian")
    relay.propagate, relay.handlers = False, [Relayed(logging.WARNING)]
    post = msgspec.json.decode(sys.argv[1], type=Post)
    life = socket.socket(fileno=post.life)
    module, _, name = post.target.partition(":")
    loop = asyncio.new_event_loop()  # granian wants one, though nothing runs in it
    answer = getattr(import_module(module), name)(mmap.mmap(post.shared, 0))
    scheduler = Direct(loop, answer, None, None, None)
    finish, finished = WorkerSignal(), threading.Event()
    finish.add_cb(finished.set)
    _serve(post, scheduler, loop, finish)
    threading.Thread(target=_give_signs, args=(life, scheduler), name="life", daemon=True).start()
    if post.metrics is not None:
        answer_operators(socket.socket(fileno=post.metrics), answer.operators)
    signal.sigwait(ENDING)
    finish.set()
    finished.wait(FINISH_SECONDS)
    getattr(answer, "end", bool)()
    os._exit(0)  # granian's threads may be at work: a regular exit can crash


def _serve(post: Post, scheduler: Direct, loop: asyncio.AbstractEventLoop, finish: WorkerSignal) -> None:
    """Begins to accept connections, in threads of granian's."""
    with socket.socket(fileno=os.dup(post.listening)) as ours:
        ours.listen(CONNECTIONS)  # after a pause the kernel gives it no connections before
        is_unix = ours.family == socket.AF_UNIX
    make: Any = ASGIWorker  # its stub lags behind
    listening: Any = SocketHolder
    worker = make(
        post.number, (None, listening(post.listening, is_unix, CONNECTIONS)), None, 1, 512, 1, IDLE_SECONDS,
        CONNECTIONS, HTTPModes.http1, None, None, False, None, *NO_TLS, (None, None),
    )  # fmt: skip
    (worker.serve_mtr_uds if is_unix else worker.serve_mtr)(scheduler, loop, finish)


def _give_signs(life: socket.socket, scheduler: Direct) -> None:
    """Signals the parent that this worker answers; not while one request takes longer than any may. Ends the process at
    once when the parent is gone: nobody would stop or replace it, and it holds the port."""
    life.settimeout(BEAT_SECONDS)
    seen, since = scheduler.at_work, time.monotonic()
    while True:
        now, current = time.monotonic(), scheduler.at_work
        if current is None or current is not seen:
            seen, since = current, now
        try:
            if now - since < HUNG_SECONDS:
                life.send(b".")
            if not life.recv(1):
                os._exit(1)
        except TimeoutError:
            continue
        except OSError:
            os._exit(1)
