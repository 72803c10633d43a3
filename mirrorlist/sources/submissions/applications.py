"""Read applications from e-mail and issues: the answers in a stranger's lines, and the lines not understood.

A line is ``label: value``, with a bullet or a quotation mark before it or not, in any case of letters; or the label is
a heading and the value follows, as in forms of GitHub; or both are cells of a table. Nothing is followed, run or looked
up here. A further label is a word in LABELS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr
from html import unescape

from mirrorlist.sources.submissions.new_mirrors import place_answers

MAX_BYTES = 256 * 1024
LONGEST_LINE = 2000
LONGEST_ADDRESS = 320
LONGEST_HEAD = 32 * 1024

_OTHER_LANGUAGES = {
    "name ": "rechnername|servername|nom serveur|nom hôte|nombre servidor|nome servidor|主机名|域名|ホスト名",
    "url ": "spiegel|adresse|adressen|web adresse|miroir|dirección|espejo|endereço|镜像地址|网址|地址|ミラー",
    "http ": "http adresse|adresse http|dirección http|endereço http",
    "https ": "https adresse|adresse https|dirección https|endereço https",
    "rsync ": "rsync adresse|adresse rsync|dirección rsync|endereço rsync|同步地址",
    "location ": "standort|ort|localisation|emplacement|lieu|ubicación|localização|位置|地点|所在地",
    "country ": "land|pays|país|国家|国",
    "city ": "stadt|ville|ciudad|cidade|城市|都市",
    "bandwidth ": "bandbreite|anbindung|bande passante|débit|ancho banda|largura banda|带宽|帯域",
    "update_frequency ": "synchronisation|abgleich|aktualisierung|fréquence synchronisation|frecuencia sincronización|"
    "frequência sincronização|同步频率|更新频率|同期間隔",
    "sponsor ": "betreiber|organisation|firma|hochschule|opérateur|hébergeur|société|organización|organização|empresa|"
    "赞助|赞助商|单位|组织|組織",
    "contact_name ": "ansprechpartner|kontakt|contacto|contato|联系人|連絡先",
    "email ": "e mail adresse|mail adresse|courriel|correo|correo electrónico|邮箱|电子邮件|メール",
}
"""The commonest labels of German, French, Spanish, Portuguese, Chinese and Japanese, without articles."""

LABELS: Mapping[str, str] = {
    label: key.strip()
    for key, labels in {
        "name": "server name|server hostname|name|hostname|host name|mirror name|server|domain|domain name|fqdn|"
        "mirror hostname",
        "http": "http|http url|url http|http address|http mirror",
        "https": "https|https url|url https|https address|https mirror",
        "rsync": "rsync|rsync url|url rsync|rsync address|rsync mirror",
        "ftp": "ftp|ftp url|url ftp|ftp address",
        "url": "url|urls|mirror url|mirror urls|base url|mirror|address|addresses|web address|mirror address|link",
        "location": "location|server location|mirror location|geographic location|physical location|where|place",
        "country": "country|country code",
        "state": "state|province|state province|region",
        "city": "city|town",
        "latitude": "latitude|lat",
        "longitude": "longitude|lon|lng",
        "bandwidth": "bandwidth|speed|uplink|link speed|connection|network speed|minimum bandwidth|speed test",
        "update_frequency": "sync frequency|update frequency|frequency|sync interval|update interval|interval|"
        "synchronization frequency|synchronisation frequency|synchronization interval|syncs|sync|sync schedule",
        "sync_source": "source mirror|source|sync source|upstream|upstream mirror",
        "sync_from": "host or ip to authorize|host or ip to authorise|host or ip|ip|ip address|sync from",
        "sponsor": "sponsor|sponsor name|organization|organisation|company|university|provider|sponsored by|hosted by|"
        "company or organization|company or organisation|company name|organization name|sponsoring organization",
        "sponsor_url": "sponsor url|sponsor website|sponsor web site|website|web site|homepage|home page",
        "email": "email|e mail|contact email|contact e mail|admin email|email address|mail",
        "contact_name": "contact name|technical contact|admin|administrator|contact|technical contact name|"
        "name and email address technical contact|name and email technical contact|contact person|admin contact",
        "storage_gb": "storage|disk|disk space|storage space|minimum storage|storage offered",
        "asn": "asn|as|as number|autonomous system",
        "peerings": "peerings|peering|network peerings|major network peerings|major peerings|exchanges",
        "agreement": "agreement|mirror agreement|agreement version|mirror agreement version",
        **_OTHER_LANGUAGES,
    }.items()
    for label in labels.split("|")
}
"""What people call an answer, in small letters without punctuation, and the answer that it is."""

_SCHEMES = ("http", "https", "rsync", "ftp")
_SMALL_WORDS = frozenset((
    "the", "your", "our", "my", "a", "an", "of", "for", "please", "any", "s",
    "de", "du", "des", "d", "le", "la", "l", "el", "do", "da", "der", "die", "das",
))  # fmt: skip
"""Words of a label that change nothing."""
_PARTS: Mapping[str, str] = {
    "technical contact": "contact_name", "peering": "peerings", "name company": "sponsor", "sponsoring": "sponsor",
    "location": "location", "frequency": "update_frequency",
}  # fmt: skip
"""What a long label is about, by the words in it, the first that fits."""
_SAYS_NOTHING = re.compile(
    r"(subject|to|cc|date|reply-to|from)\s*:|other prerequisites\b.*:\s*yes\W*$|[-*]?\s*\[x\]\s|[-=_*]{3,}$|"
    r"[-:\s]*\|[-|:\s]*$|```\w*$|"
    r"_?no response_?$", re.IGNORECASE,
)  # fmt: skip
"""Headers, what is agreed to, boxes that are ticked, rules, and the placeholder of GitHub's forms."""
_HEADERS = re.compile(
    rb"(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?(?:mime-version|message-id|received|from|date):", re.IGNORECASE
)
_BULLET = re.compile(r"\A(?:>\s?)*\s*(?:[-*+\u2022\u2023\u25e6\u00b7\u2013]\s+|[0-9]{1,2}[.)]\s+)?")
_LINE = re.compile(r"([^:=\uff1a]{1,120}?)\s*[:=\uff1a]\s*(.*)")
_DASHED = re.compile(r"([^\t]{1,60}?)(?:\s+[-\u2013\u2014]\s+|\t+)(.*)")
"""A label before a dash or a tab; it counts if it is a known one."""
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6])\b[^<>]{0,200}>", re.IGNORECASE)
_TAG = re.compile(r"<(?:style|script)\b.{0,20000}?</(?:style|script)>|<[^<>]{1,2000}>", re.IGNORECASE | re.DOTALL)
_HEADING = re.compile(r"#{1,6}\s+(.*?)[\s#:?]*")
_CELLS = re.compile(r"\|\s*([^|]{1,120}?)\s*\|\s*([^|]*?)\s*\|")
_LINK = re.compile(r"\[([^\]\[]{0,500})\]\(\s*<?([^()\s<>]{1,1000})>?\s*\)")
_URL = re.compile(r"(?:https?|rsync|ftp)://[^\s<>()\"'`|,]+", re.IGNORECASE)
_OF_A_TREE = re.compile(r"mirror|//[^/]+/\S", re.IGNORECASE)
"""What the address of a mirror has, and that of a company mostly has not."""
_EMAIL = re.compile(r"[^\s<>()\[\],;:|\"]+@[^\s<>()\[\],;:|\"]+")


@dataclass(frozen=True, slots=True)
class Application:
    """Answers by key, and the lines that nobody understood, as number and text."""

    answers: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[tuple[int, str], ...] = ()


def read_application(data: bytes) -> Application:
    """What an e-mail, an issue, or the text of one, answers. Never raises; of two same answers the first counts."""
    text, sender = _text(data[:MAX_BYTES])
    answers: dict[str, str] = {}
    unknown = []
    waiting: str | None = None
    is_heading = False
    for number, line in enumerate(text.splitlines(), start=1):
        said = line[:LONGEST_LINE].strip()
        if not said:
            waiting = waiting if is_heading else None
        if not said or _SAYS_NOTHING.match(said):
            continue
        found, waits = _line(said)
        if found is None and waiting and not waits and not said.startswith("#"):
            found = _read(waiting, _plain(said))
            waits = waiting if waiting == "url" else None
        else:
            is_heading = said.startswith("#")
        waiting = waits
        if (found is None and not waits) or any(answers.get(key, value) != value for key, value in found or ()):
            unknown.append((number, said))
        answers = {**dict(found or ()), **answers}
    answers = {**_in_prose(unknown, answers), **({"email": sender} if sender else {}), **answers}
    return Application(answers, tuple(unknown))


def _in_prose(lines: Sequence[tuple[int, str]], answers: Mapping[str, str]) -> dict[str, str]:
    """The first address of each protocol in the sentences of somebody who labels none, and the writer's own."""
    said = "\n".join(line for _, line in lines)
    found: dict[str, str] = {}
    if not {"http", "https"} & answers.keys():
        urls = [url.rstrip(".;:") for url in _URL.findall(said) if _OF_A_TREE.search(url)]
        found = {url.partition("://")[0].lower(): url for url in reversed(urls)}
    mail = _EMAIL.search(said)
    return {**found, **({"email": mail[0].rstrip(".")} if mail else {})}


Answers = Sequence[tuple[str, str]]


def _line(said: str) -> tuple[Answers | None, str | None]:
    """The answers of a line, None where it is not understood; and the label whose value is still to come."""
    heading = _HEADING.fullmatch(said)
    plain = _plain(_BULLET.sub("", said))
    cells = _CELLS.fullmatch(said)
    found = cells or _LINE.fullmatch(plain)
    if (dashed := _DASHED.fullmatch(plain)) and _key(dashed[1]) and not (found and _key(found[1])):
        found = dashed
    if heading:
        key = _key(_plain(heading[1]))
        return (None, key) if key or not found else _line(heading[1])
    if found is None:
        return (_read("url", plain) if _URL.fullmatch(plain) else None), None
    label, value = found[1], _plain(found[2])
    if label.lower() in _SCHEMES and value.startswith("//"):
        return _read("url", plain), None
    key = _key(label)
    if key and (not value or value.rstrip("/:").lower() in _SCHEMES):
        return (), key
    return (_read(key, value) if key else None), None


def _plain(text: str) -> str:
    """A text without the marks of Markdown; a link is its address, behind its words where they say more."""
    return _LINK.sub(_linked, text).replace("**", "").replace("__", "").replace("`", "").strip()


def _linked(found: re.Match[str]) -> str:
    words, address = found[1].strip(), found[2]
    if "://" not in address:
        return words
    return address if not words or "://" in words else f"{words} ({address})"


def _key(label: str) -> str | None:
    """The answer that a label asks for."""
    words = [word for word in re.findall(r"[^\W_]+", label.casefold()) if word not in _SMALL_WORDS]
    said = " ".join(words)
    return LABELS.get(said) or next((key for part, key in _PARTS.items() if part in said and len(words) > 1), None)


def _read(key: str, value: str) -> Answers | None:
    """The answers in the value of a label: several for a place, for addresses, and for a person."""
    urls = _URL.findall(value)
    if key == "url":
        return tuple({url.partition("://")[0].lower(): url.rstrip(".") for url in reversed(urls)}.items())[::-1] or None
    if key == "location":
        return tuple(place_answers(value).items()) or None
    if key in ("email", "contact_name") and (mail := _EMAIL.search(value)):
        address = _address(value) if "@" in (_address(value) or "") else mail[0]
        name = re.sub(r"^[\W_]+|[\W_]+$", "", value[: mail.start()]).strip()
        return (("email", address or mail[0]), *((("contact_name", name),) if name else ()))
    if urls and key in _SCHEMES:
        return _read("url", value)
    if urls and key in ("sync_source", "sponsor_url"):
        return ((key, urls[0].rstrip(".")),)
    if urls and key in ("sponsor", "name") and (words := value[: value.find(urls[0])].strip(" (<,;-")):
        page = (("sponsor_url", urls[0].rstrip(".")),) if key == "sponsor" else ()
        return ((key, words), *page)
    return ((key, value),)


def _text(data: bytes) -> tuple[str, str | None]:
    """The text of an e-mail and its sender's address; any other text as it is."""
    if not _HEADERS.match(data[:LONGEST_HEAD]):
        return data.decode("utf-8", "replace"), None
    try:
        message = message_from_bytes(data)
        parts = {each.get_content_type(): each for each in reversed(list(message.walk()))}
        plain, page = parts.get("text/plain"), parts.get("text/html")
        text = _decoded(plain) if plain else unescape(_TAG.sub("", _BREAK.sub("\n", _decoded(page)))) if page else ""
        return text, _address(str(message.get("From", "")))
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
