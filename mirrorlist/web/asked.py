"""What a request for a page or the API asks with: its query string, which may hold any bytes."""

from __future__ import annotations

from urllib.parse import parse_qsl

from flask import request

from mirrorlist.core.errors import BadRequest
from mirrorlist.core.query import parameters

MOST = 100


def asked() -> dict[str, str]:
    """The parameters; of a repeated one the last value counts. Raises BadRequest for more than 100."""
    return parameters(_query_string())


def values_of(name: str) -> list[str]:
    """Every value of a parameter, in their order."""
    try:
        return [value for key, value in parse_qsl(_query_string(), True, max_num_fields=MOST) if key == name]
    except ValueError:
        raise BadRequest(f"more than {MOST} parameters") from None


def _query_string() -> str:
    """The query string as characters; Flask's own reading of it fails on bytes that are no UTF-8."""
    return request.query_string.decode("latin-1")
