"""Parse the query string (any bytes) of page and API requests."""

from __future__ import annotations

from flask import request

from mirrorlist.core.catalogue.query import parameters
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.core.selection.explanation import Explanation, explanation
from mirrorlist.core.selection.select import select
from mirrorlist.web.lists.views import asking
from mirrorlist.web.questions import Question
from mirrorlist.web.site.published import Published


def asked() -> dict[str, str]:
    """The parameters; of a repeated one the last value counts. Raises BadRequest for more than 100."""
    return parameters(request.query_string.decode("latin-1"))  # Flask's own reading fails on bytes that are not UTF-8


# What somebody gets and why: one question read from a query string, one explanation for pages and programs.


def question_of(published: Published, query_string: str) -> Question:
    """The question of ``repo=baseos-9&arch=x86_64&ip=...``, as /mirrorlist reads it; raises as ``Questions.read``."""
    return published.questions.read("/mirrorlist", query_string)


def explained(published: Published, question: Question, country_of: CountryOf, now: float) -> Explanation:
    """The explanation for the asker of this request, or the public one for another address."""
    client = asking(published.snapshot, country_of, question.ip)
    question = published.questions.located(published.snapshot, question, now)
    return explanation(published.snapshot, select(published.snapshot, question.query, client, now))
