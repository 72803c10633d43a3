"""The settings that come from the environment: one table, and the only file that reads it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its default as text, its reader, and a line of help."""

    name: str
    default: str
    parse: Callable[[str], object]
    help: str


def _seconds(text: str) -> float:
    with suppress(ValueError):
        if 0.05 <= (value := float(text)) <= 3600:
            return value
    raise ValueError("write seconds between 0.05 and 3600")


def _optional_path(text: str) -> Path | None:
    return Path(text) if text else None


def _networks(text: str) -> tuple[str, ...]:
    found = text.replace(",", " ").split()
    for network in found:
        try:
            ip_network(network)
        except ValueError as error:  # its message names the network
            raise ValueError(f"{error}; write networks such as 10.0.0.0/8, with blanks between them") from None
    return tuple(found)


def _addresses(text: str) -> tuple[str, ...]:
    found = text.split()
    if not all(each.startswith(("https://", "http://")) for each in found):
        raise ValueError("write addresses such as https://center.example.org/, with blanks between them")
    return tuple(f"{each.rstrip('/')}/" for each in found)


def _arguments_of_pull(text: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"{error}; quote words as for a shell") from None
    if words and words[0].startswith("-"):
        raise ValueError("write the repository first, then options of `mirrorlist pull`")
    return words


LOG_FORMATS = ("auto", "text", "json")


def _log_format(text: str) -> str:
    if text in LOG_FORMATS:
        return text
    raise ValueError(f"write one of {', '.join(LOG_FORMATS)}")


_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")
"""What an address has before its host. Messages end in logs, so they are without it."""

SETTINGS: tuple[Setting, ...] = (
    Setting("MIRRORLIST_CONFIG", "service.yml", Path, "The service file."),
    Setting("MIRRORLIST_MIRRORS", "", _optional_path, "The mirrors' directory; else `mirrors_dir` of service.yml."),
    Setting("MIRRORLIST_STATE", "", _optional_path, "The state directory; else `state_dir` of service.yml."),
    Setting("MIRRORLIST_RELOAD_SECONDS", "0.5", _seconds, "How often a worker looks for a newer snapshot."),
    Setting("MIRRORLIST_DATABASE", "", str, "SQLAlchemy URL of the database; else SQLite in the state directory."),
    Setting("MIRRORLIST_LEAD_SECONDS", "60", _seconds, "After how many seconds without a leader another takes over."),
    Setting("MIRRORLIST_MAXMIND_KEY", "", str, "MaxMind's licence key for `update geo`; else `key_file`."),
    Setting("MIRRORLIST_IPINFO_TOKEN", "", str, "IPinfo's token for `update geo`; else `key_file`."),
    Setting("MIRRORLIST_HOOK_SECRET", "", str, "The secret of `POST /hooks/origin`; without one it is off."),
    Setting("MIRRORLIST_HOOK_SECRET_FILE", "", _optional_path, "The file that holds this secret, instead."),
    Setting("MIRRORLIST_METRICS_FOR", "", _networks, "Networks that may read `/metrics` on the service's own port."),
    Setting("MIRRORLIST_CHANNEL_TOKEN", "", str, "The bearer token with which a node reads its snapshot channel."),
    Setting("MIRRORLIST_COUNTS_TO", "", _addresses, "The publishers to which this machine sends its counts."),
    Setting("MIRRORLIST_NODE", "", str, "With `MIRRORLIST_COUNTS_TO`: the name of this node in `nodes`."),
    Setting("MIRRORLIST_NODE_KEY", "", _optional_path, "The file of the key that signs the counts."),
    Setting("MIRRORLIST_PULL", "", _arguments_of_pull, "The repository that the keeper pulls, and options of `pull`."),
    Setting("MIRRORLIST_LOG_FORMAT", "auto", _log_format, "`text`, `json`, or `auto`: text on a terminal."),
    Setting("NO_COLOR", "", bool, "Any value: no colour on terminals."),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The current settings."""

    config: Path
    mirrors: Path | None
    state: Path | None
    reload_seconds: float
    database: str | None
    lead_seconds: float = 60.0
    maxmind_key: str | None = field(default=None, repr=False)
    ipinfo_token: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    secret_file: Path | None = None
    metrics_for: tuple[str, ...] = ()
    channel_token: str | None = field(default=None, repr=False)
    counts_to: tuple[str, ...] = ()
    node: str | None = None
    node_key: Path | None = None
    pull: tuple[str, ...] = field(default=(), repr=False)
    log_format: str = "auto"
    no_color: bool = False


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of an environment.

    Raises:
        ValueError: a value cannot be used; the message names the variable, the value and the remedy.
    """
    values = {}
    for setting in SETTINGS:
        text = environ.get(setting.name) or setting.default
        try:
            values[setting.name] = setting.parse(text)
        except ValueError as error:
            raise ValueError(f"{setting.name} is {_CREDENTIALS.sub('***@', text)!r}: {error}") from None
    (
        config,
        mirrors,
        state,
        reload_seconds,
        database,
        lead_seconds,
        maxmind_key,
        ipinfo_token,
        secret,
        secret_file,
        metrics_for,
        channel_token,
        counts_to,
        node,
        node_key,
        pull,
        log_format,
        no_color,
    ) = values.values()
    assert isinstance(config, Path) and isinstance(reload_seconds, float) and isinstance(lead_seconds, float)
    assert mirrors is None or isinstance(mirrors, Path)
    assert state is None or isinstance(state, Path)
    assert isinstance(metrics_for, tuple) and isinstance(counts_to, tuple) and isinstance(pull, tuple)
    assert node_key is None or isinstance(node_key, Path)
    if counts_to and not (node and node_key):
        raise ValueError("MIRRORLIST_COUNTS_TO needs MIRRORLIST_NODE and MIRRORLIST_NODE_KEY beside it")
    assert secret_file is None or isinstance(secret_file, Path)
    return Settings(
        config,
        mirrors,
        state,
        reload_seconds,
        str(database) or None,
        lead_seconds,
        str(maxmind_key) or None,
        str(ipinfo_token) or None,
        str(secret) or None,
        secret_file,
        metrics_for,
        str(channel_token) or None,
        counts_to,
        str(node) or None,
        node_key,
        pull,
        str(log_format),
        bool(no_color),
    )


def export(settings: Settings, state_dir: str) -> None:
    """Hands the settings to the processes that this one starts; workers need not read the service file."""
    os.environ["MIRRORLIST_CONFIG"] = str(settings.config.absolute())
    os.environ["MIRRORLIST_STATE"] = state_dir
    os.environ["MIRRORLIST_LOG_FORMAT"] = settings.log_format
    if settings.mirrors:
        os.environ["MIRRORLIST_MIRRORS"] = str(settings.mirrors.absolute())
    if settings.secret_file:
        os.environ["MIRRORLIST_HOOK_SECRET_FILE"] = str(settings.secret_file.absolute())


def hashing_alike(seed: int) -> dict[str, str]:
    """This environment for processes in which a text has the same hash; ``seed`` is below 2 ** 32."""
    return {**os.environ, "PYTHONHASHSEED": str(seed)}


SHORTEST_SECRET = 16


def hook_secret(settings: Settings) -> str | None:
    """The secret of the hook; None where the settings name none.

    Raises:
        ValueError: its file cannot be read, or it cannot be used; the message does not hold it.
    """
    name, found = "MIRRORLIST_HOOK_SECRET", settings.secret
    if found is None and settings.secret_file is not None:
        name = f"MIRRORLIST_HOOK_SECRET_FILE, {settings.secret_file}"
        try:
            found = settings.secret_file.read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            raise ValueError(f"{name}: {error.strerror}; name a file that this user may read") from None
    if found is None:
        return None
    if len(found) < SHORTEST_SECRET or not found.isascii() or not found.isprintable() or " " in found:
        raise ValueError(
            f"{name}: write at least {SHORTEST_SECRET} ASCII characters without blanks (openssl rand -hex 32)"
        )
    return found


@dataclass(frozen=True, slots=True)
class Supervision:
    """What systemd hands to a service in its environment: where it listens for reports, how long it waits for a sign
    of life, and how many sockets it passed."""

    notify_socket: str | None = None
    watchdog_seconds: float | None = None
    sockets: int = 0


def read_supervision(environ: Mapping[str, str] = os.environ, pid: int | None = None) -> Supervision:
    """What is meant for this process; what an ancestor was handed is not. Values that make no sense are no values."""
    pid = os.getpid() if pid is None else pid

    def number(name: str) -> int:
        text = environ.get(name, "")
        return int(text) if text.isascii() and text.isdecimal() else 0

    watched = environ.get("WATCHDOG_PID") in (None, "", str(pid))
    return Supervision(
        notify_socket=environ.get("NOTIFY_SOCKET") or None,
        watchdog_seconds=number("WATCHDOG_USEC") / 1e6 or None if watched else None,
        sockets=number("LISTEN_FDS") if number("LISTEN_PID") == pid else 0,
    )
