"""Read applications from e-mail: the answers in a stranger's lines, and the lines that are not understood.

A line is ``label: value``, with a bullet or a quotation mark before it or not, in any case of letters. Nothing is
followed, run or looked up here. A further label is a word in LABELS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr

MAX_BYTES = 256 * 1024
LONGEST_LINE = 2000
LONGEST_ADDRESS = 320
LONGEST_HEAD = 32 * 1024

LABELS: Mapping[str, str] = {
    label: key
    for key, labels in {
        "name": "server name|name|hostname|host name|mirror name|server|domain|domain name|fqdn",
        "http": "http|http url|url http|http address|http mirror",
        "https": "https|https url|url https|https address|https mirror",
        "rsync": "rsync|rsync url|url rsync|rsync address|rsync mirror",
        "ftp": "ftp|ftp url|url ftp|ftp address",
        "url": "url|mirror url|base url|mirror|address|web address",
        "country": "country|country code",
        "state": "state|province|state province|region",
        "city": "city|town",
        "bandwidth": "bandwidth|speed|uplink|link speed|connection|network speed",
        "update_frequency": "sync frequency|update frequency|frequency|sync interval|update interval|interval",
        "sync_source": "source mirror|source|sync source|upstream|upstream mirror",
        "sync_from": "host or ip to authorize|host or ip to authorise|host or ip|ip|ip address|sync from",
        "sponsor": "sponsor|sponsor name|organization|organisation|company|university|provider|sponsored by|hosted by",
        "sponsor_url": "sponsor url|sponsor website|sponsor web site|website|web site|homepage|home page",
        "email": "email|e mail|contact email|contact e mail|admin email|email address|mail",
        "contact_name": "contact name|technical contact|admin|administrator|contact",
        "storage_gb": "storage|disk|disk space|storage space",
        "asn": "asn|as|as number|autonomous system",
    }.items()
    for label in labels.split("|")
}
"""What people call an answer, in small letters without punctuation, and the answer that it is."""

_SCHEMES = ("http", "https", "rsync", "ftp")
_SAYS_NOTHING = re.compile(r"(subject|to|cc|date|reply-to|from)\s*:|other prerequisites\b.*:\s*yes\W*$", re.IGNORECASE)
_HEADERS = re.compile(
    rb"(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?(?:mime-version|message-id|received|from|date):", re.IGNORECASE
)
_BULLET = re.compile(r"\A(?:>\s?)*\s*(?:[-*+\u2022\u2023\u25e6\u00b7\u2013]\s+|[0-9]{1,2}[.)]\s+)?")
_LINE = re.compile(r"([^:=\uff1a]{1,60}?)\s*[:=\uff1a]\s*(.*)")
_LINKED = re.compile(r"<?([a-z]+://[^\s<>]+)>?(?:\s*<[^<>]*>)?")


@dataclass(frozen=True, slots=True)
class Application:
    """Answers by key, and the lines that nobody understood, as number and text."""

    answers: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[tuple[int, str], ...] = ()


def read_application(data: bytes) -> Application:
    """What an e-mail, or the text of one, answers. Never raises; of an answer that is given twice the first counts."""
    text, sender = _text(data[:MAX_BYTES])
    answers: dict[str, str] = {}
    unknown = []
    for number, line in enumerate(text.splitlines(), start=1):
        said = line[:LONGEST_LINE].strip()
        if not said or _SAYS_NOTHING.match(said):
            continue
        found = _answer(_BULLET.sub("", said).replace("**", "").strip())
        if found is None or found[0] in answers:
            unknown.append((number, said))
        elif found[1]:
            answers[found[0]] = found[1]
    return Application({**({"email": sender} if sender else {}), **answers}, tuple(unknown))


def _answer(line: str) -> tuple[str, str] | None:
    """The answer and its value."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    label, value = " ".join(re.findall(r"[^\W_]+", found[1].casefold())), found[2].strip()
    if label in _SCHEMES and value.startswith("//"):
        value = line
    key = LABELS.get(label)
    linked = _LINKED.fullmatch(value)
    value = linked[1] if linked else value
    if key == "url":
        scheme = value.partition("://")[0].lower()
        return (scheme, value) if scheme in _SCHEMES else None
    if key in ("email", "contact_name") and "@" in value:
        return "email", _address(value) or value
    return (key, value) if key else None


def _text(data: bytes) -> tuple[str, str | None]:
    """The text of an e-mail and its sender's address; any other text as it is."""
    if not _HEADERS.match(data[:LONGEST_HEAD]):
        return data.decode("utf-8", "replace"), None
    try:
        message = message_from_bytes(data)
        part = next((each for each in message.walk() if each.get_content_type() == "text/plain"), None)
        return _decoded(part) if part else "", _address(str(message.get("From", "")))
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):  # parts in parts, broken headers
        return data.decode("utf-8", "replace"), None


def _address(text: str) -> str | None:
    """The address in a header; the parser calls itself for each bracket, so the text is cut."""
    return parseaddr(text[:LONGEST_ADDRESS])[1] or None


def _decoded(part: Message) -> str:
    data = part.get_payload(decode=True)
    raw = data if isinstance(data, bytes) else b""
    try:
        return raw.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")
