"""Host names: which the public's DNS can hold, and which only look as if it could."""

from __future__ import annotations

import re

import idna

from mirrorlist.core.host_names import is_number
from mirrorlist.sources.submitted_text import is_latin_in_disguise, look_alike

LONGEST_NAME = 253
LONGEST_LABEL = 63

NOT_PUBLIC = frozenset({
    "alt", "arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost",
    "onion", "private", "test",
})  # fmt: skip
"""Last labels that the public's DNS does not serve: RFC 2606, 6761, 6762, 7686, 9476, and what routers hand out."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LONGEST_LOCAL_PART = 64


def name_fault(name: str) -> str | None:
    """Why a text in small letters is no host name, with a remedy; None for a name of one label or more."""
    if name.endswith("."):
        return "ends with a dot, which web servers take for another name; remove it"
    labels = name.split(".")
    if len(name) > LONGEST_NAME or any(len(label) > LONGEST_LABEL for label in labels):
        return f"is too long for DNS; write labels of at most {LONGEST_LABEL} and a name of {LONGEST_NAME} characters"
    if not all(map(_LABEL.fullmatch, labels)):
        return "is no host name; write letters, digits and inner hyphens between single dots"
    if is_number(labels[-1]):
        return "ends with a number, so it is read as an address; write a host name"
    return next((fault for label in labels if (fault := _label_fault(label))), None)


def public_name_fault(name: str) -> str | None:
    """Why the public cannot reach a host name, with a remedy."""
    last = name.rpartition(".")[2]
    if "." not in name:
        return "has no domain; write the whole name, as in mirror.example.org"
    return f"lies in .{last}, which the public cannot look up; write a public name" if last in NOT_PUBLIC else None


def email_fault(text: str, public: bool) -> str | None:
    """Why nobody can be reached by a text, with a remedy."""
    local, _, domain = text.rpartition("@")
    if len(local) > _LONGEST_LOCAL_PART or not _EMAIL.fullmatch(local):
        return "is no e-mail address; write name@host and nothing around it"
    name = domain.lower()
    fault = name_fault(name) or (public_name_fault(name) if public else None)
    return f"names a host that {fault}" if fault else None


def _label_fault(label: str) -> str | None:
    """What is wrong with a label that stands for another script, or pretends to."""
    if label[2:4] != "--":
        return None
    try:
        text = idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        return "has an internationalised part that means nothing; write it as your registrar does"
    why = look_alike(text)
    if why is None and is_latin_in_disguise(text):
        why = "looks Latin and is not; write the name that people know"
    return f"stands for '{text}', which {why}" if why else None
