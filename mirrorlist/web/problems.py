"""Errors for programs: Problem Details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from flask import Response

from mirrorlist.web.rendering import private

PROBLEM = "application/problem+json"


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a request, and what to write instead."""

    title: str
    status: int
    detail: str


def problem(status: int, message: str) -> Response:
    """The message under this status."""
    return private(PROBLEM, msgspec.json.encode(Problem(HTTPStatus(status).phrase, status, message)), status)
