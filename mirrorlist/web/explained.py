"""What somebody gets and why: one question read from a query string, one explanation for pages and programs."""

from __future__ import annotations

from mirrorlist.core.explanation import Explanation, explanation
from mirrorlist.core.locate import CountryOf
from mirrorlist.core.select import select
from mirrorlist.web.lists import asking
from mirrorlist.web.published import Published
from mirrorlist.web.questions import Question


def question_of(published: Published, query_string: str) -> Question:
    """The question of ``repo=baseos-9&arch=x86_64&ip=...``, as /mirrorlist reads it; raises as ``Questions.read``."""
    return published.questions.read("/mirrorlist", query_string)


def explained(published: Published, question: Question, country_of: CountryOf, now: float) -> Explanation:
    """The explanation for the asker of this request, or the public one for another address."""
    client = asking(published.snapshot, country_of, question.ip)
    question = published.questions.located(published.snapshot, question, now)
    return explanation(published.snapshot, select(published.snapshot, question.query, client, now))
