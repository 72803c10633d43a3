"""What a worker's memory is compared with: a Flask application that answers one page and does nothing else."""

from __future__ import annotations

from flask import Flask

application = Flask(__name__)


@application.get("/<path:_>")
def page(_: str) -> str:
    """The page."""
    return "x"
