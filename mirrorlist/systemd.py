"""Report to systemd: the readiness, the stop and the signs of life of a service; see sd_notify(3)."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manager:
    """The service manager that started this process: where it listens, and how long it waits for a sign of life.

    Both are None where nobody waits, and then everything here does nothing.
    """

    address: str | None = None
    patience_seconds: float | None = None

    @property
    def beat_seconds(self) -> float | None:
        """How often a sign of life is due: twice in the time, as sd_watchdog_enabled(3) recommends."""
        return self.patience_seconds / 2 if self.patience_seconds else None

    def ready(self) -> None:
        """Reports that requests are answered."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Reports that a reload began; ``ready`` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Reports that the stop began."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Gives a sign of life, where one is waited for."""
        if self.patience_seconds:
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Reports what ``systemctl status`` shows."""
        self._send(f"STATUS={text}")

    def _send(self, state: str) -> None:
        """A manager that is away or wedged keeps nobody from answering."""
        if not self.address:
            return
        to = "\0" + self.address[1:] if self.address.startswith("@") else self.address  # an abstract name
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            out.sendto(state.encode(), to)
