"""Quote values for the languages of a kit's files: one function per language quotes, or refuses, a value.

A template can put out nothing else: whatever is not Quoted stops the rendering, so that no filter is forgotten.
To add a language: a function from text to Quoted, its row in FILTERS, and rows in tests/kit/test_quoting.py.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from mirrorlist.core.owners.kit import KitError
from mirrorlist.sources.yaml.documents import printable


class Quoted(str):
    """Text that can stand where the template has it."""

    __slots__ = ()


_UNQUOTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MARKDOWN = re.compile(r"[^A-Za-z0-9 ,'\"/=:.;()+\-\u00a0-\U0010ffff]")


def shell(value: object) -> Quoted:
    """One word of a POSIX shell."""
    return Quoted(shlex.quote(_line(value)))


def words(value: Iterable[str]) -> Quoted:
    """Words of a POSIX shell, with blanks between them."""
    return Quoted(" ".join(map(shell, value)))


def comment(value: object) -> Quoted:
    """The rest of a line that is a comment already; what ends lines or continues them is made visible."""
    return Quoted(printable(str(value)).rstrip("\\ "))


def nginx(value: object) -> Quoted:
    """One parameter of nginx. ``$`` cannot be quoted there, so it is refused."""
    return Quoted(f'"{_escaped(value, refused="$")}"')


def apache(value: object) -> Quoted:
    """One argument of an Apache directive; ``${`` and ``%{`` would be replaced, so they are refused."""
    return Quoted(f'"{_escaped(value, refused="$%<>")}"')


def caddy(value: object) -> Quoted:
    """One token of a Caddyfile; braces are placeholders, so they are refused."""
    return Quoted(f'"{_escaped(value, refused="{}")}"')


def systemd(value: object) -> Quoted:
    """One word of a unit's command or setting: specifiers and variables are doubled."""
    text = _escaped(value).replace("%", "%%").replace("$", "$$")
    return Quoted(f'"{text}"' if re.search(r"[^A-Za-z0-9@:/._%$-]", text) else text)


def systemd_text(value: object) -> Quoted:
    """A description in a unit: one line, in which only ``%`` means something."""
    return Quoted(comment(value).replace("%", "%%"))


def cron(value: object) -> Quoted:
    """One word of a command in a crontab, where ``%`` is a line's end."""
    return Quoted(shell(value).replace("%", "\\%"))


def rsyncd(value: object) -> Quoted:
    """The value of a parameter in rsyncd.conf: one line, no variables, not continued."""
    text = comment(value).strip()
    return Quoted(text.replace("%", "%%"))


def rsyncd_name(value: object) -> Quoted:
    """The name of a module in rsyncd.conf."""
    text = _line(value)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", text):
        raise KitError(f"{text!a} is not a valid name of an rsync module; write letters, digits, '.', '_' and '-'")
    return Quoted(text)


def markdown(value: object) -> Quoted:
    """Text in Markdown that stays text."""
    return Quoted(_MARKDOWN.sub(lambda found: f"&#{ord(found[0])};", comment(value)))


def code(value: object) -> Quoted:
    """A line inside an indented or fenced block of Markdown, which shows it as it is."""
    return comment(str(value).replace("```", "'''"))


def yaml(value: object) -> Quoted:
    """A string of YAML, on one line."""
    return Quoted(json.dumps(_line(value), ensure_ascii=False))


def number(value: object) -> Quoted:
    """A whole number."""
    return Quoted(int(str(value)))


def bare(value: object) -> Quoted:
    """A word of letters, digits, '.', '_' and '-', which needs no quotes in any language."""
    text = str(value)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", text):
        raise KitError(f"{text!a} cannot be without quotes")
    return Quoted(text)


FILTERS: Mapping[str, Callable[[Any], Quoted]] = {
    "sh": shell, "words": words, "comment": comment, "nginx": nginx, "apache": apache, "caddy": caddy,
    "systemd": systemd, "systemd_text": systemd_text, "cron": cron, "rsyncd": rsyncd, "rsyncd_name": rsyncd_name,
    "markdown": markdown, "code": code, "yaml": yaml, "number": number, "bare": bare,
}  # fmt: skip


def quoted_only(value: object) -> Quoted:
    """The value, if it was quoted; a template that puts out anything else has a fault."""
    if not isinstance(value, Quoted):
        raise TypeError(f"{value!a} is put out without being quoted")
    return value


def templates_of(package: str) -> Environment:
    """The templates of a package, which put out nothing that is not quoted."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(enabled_extensions=(), default=False),
        undefined=StrictUndefined,
        finalize=quoted_only,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(FILTERS)
    return made


def _line(value: object) -> str:
    text = str(value)
    if _UNQUOTABLE.search(text):
        raise KitError(f"{text!a} has characters that no configuration can hold; write it without them")
    return text


def _escaped(value: object, refused: str = "") -> str:
    text = _line(value)
    if any(each in text for each in refused):
        raise KitError(f"{text!a} has one of {refused}, which would be replaced by something else; leave it out")
    return text.replace("\\", "\\\\").replace('"', '\\"')
