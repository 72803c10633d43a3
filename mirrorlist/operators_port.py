"""Answer monitoring at a port of its own, in a thread of each worker: whichever accepts a connection first answers."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PATIENCE_SECONDS = 5.0
"""For a client that connects and says nothing; others wait meanwhile."""


class OperatorsServer(WSGIServer):
    """Serves on a socket that listens already, and that other processes share."""

    def __init__(self, listening: socket.socket, application: WSGIApplication) -> None:
        super().__init__(listening.getsockname()[:2], OperatorsRequest, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_name, self.server_port = listening.getsockname()[:2]
        self.setup_environ()
        self.set_app(application)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class OperatorsRequest(WSGIRequestHandler):
    """One request, without a line in the log."""

    timeout = PATIENCE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: monitoring asks every few seconds."""


def answer_operators(listening: socket.socket, application: WSGIApplication) -> None:
    """Begins to answer, in a thread that ends with the process."""
    ServerHandler.server_software = "mirrorlist"
    server = OperatorsServer(listening, application)
    threading.Thread(target=server.serve_forever, name="monitoring", daemon=True).start()
