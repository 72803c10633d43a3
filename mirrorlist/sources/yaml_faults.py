"""What libyaml's complaints mean to somebody who writes YAML once a year."""

from __future__ import annotations

import yaml

_REMEDIES = {
    "mapping values are not allowed in this context": "put a value that holds ': ' in quotes, "
    "or check the indentation of this line",
    "found character that cannot start any token": "indent with blanks, not tabs, and put a value "
    "that begins with @, ` or % in quotes",
    "could not find expected ':'": "every line needs 'key: value'; write the colon and a blank",
    "did not find expected key": "check the indentation: keys of one level begin in one column",
    "did not find expected ',' or ']'": "close the list with ']'",
    "did not find expected ',' or '}'": "close the mapping with '}'",
    "found unexpected end of stream": "close the quotes",
    "did not find expected '-' indicator": "check the indentation: every entry of a list begins with '- '",
    "did not find expected <document start>": "check the quotes and the indentation of this line",
    "block sequence entries are not allowed in this context": "begin the list in a line of its own",
    "did not find expected alphabetic or numeric character": "put a value that begins with * or & in quotes",
}

NOTICED_LATE = frozenset(
    {
        "could not find expected ':'",
        "did not find expected ',' or ']'",
        "did not find expected ',' or '}'",
        "found unexpected end of stream",
    }
)
"""Complaints that stand where the parser gave up; what they are about began earlier."""


def syntax_message(error: yaml.MarkedYAMLError) -> str:
    """The parser's words and, where it is known, what to do."""
    said = " ".join(part for part in (error.context, error.problem) if part) or "it cannot be understood"
    remedy = _REMEDIES.get(error.problem or "", "check this line and the one above it")
    return f"this is not YAML: {said}; {remedy}"
