"""The languages of the pages: chosen by the client, complete, and never in the way of programs."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from flask import Flask
from lxml import html

from mirrorlist.core.health.report import REMEDIES, HealthRow
from mirrorlist.core.health.verdicts import Family, ProbeOutcome, Subject
from mirrorlist.core.model import MAIN, Protocol
from mirrorlist.web.languages import CATALOGUES, ENGLISH, LANGUAGES, speak
from mirrorlist.web.words import FOUND, finding
from tests.building import NOW
from tests.web.asking import Both, ask, both, environ
from tests.web.networks import record_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("/", "/?sort=state", "/mirrors/mirror1.example.org", "/mirrors/mirror5.example.org", "/yours", "/isos",
         "/isos/x86_64/9.8", "/join", "/prober", "/status", "/stats", "/mirrors/mirror15.example.org/stats")  # fmt: skip
SPEAKING = Flask(__name__)
speak(SPEAKING)
OTHERS = [code for code in LANGUAGES if code != ENGLISH]


@pytest.fixture(scope="module")
def service() -> Both:
    return both(record_of(40))


def page(service: Both, path: str, accepted: str = "") -> html.HtmlElement:
    where, _, query = path.partition("?")
    answer = ask(service.fronted, environ(where, query, ACCEPT_LANGUAGE=accepted))
    assert answer.status == 200, answer.body[:200]
    assert "Accept-Language" in answer.headers["vary"] or answer.headers["cache-control"] == "private, no-store"
    return html.document_fromstring(answer.body.decode())


@pytest.mark.parametrize(
    ("query", "accepted", "expected"),
    [
        ("", "", "en"), ("", "de", "de"), ("", "de-AT,en;q=0.8", "de"), ("", "fr-CA, de;q=0.5", "fr"),
        ("", "tlh, de;q=0.2, en;q=0.1", "de"), ("", "en-GB,de;q=0.9", "en"), ("", "*", "en"), ("", "de;q=0", "en"),
        ("?lang=fr", "de", "fr"), ("?lang=xx", "de", "de"), ("?lang=%00", "", "en"), ("?country=DE&lang=de", "", "de"),
        ("", ";;;=,,q=x", "en"), ("", "d" * 5000, "en"),
    ],
)  # fmt: skip
def test_a_client_gets_the_language_that_it_asks_for(service: Both, query: str, accepted: str, expected: str) -> None:
    assert page(service, f"/{query}", accepted).get("lang") == expected


def test_a_kept_page_of_one_language_is_not_given_for_another(service: Both) -> None:
    titles = [page(service, "/join", accepted).findtext(".//h1") for accepted in ("de", "", "fr", "de")]
    assert titles == [
        "Einen Spiegel von Example Linux betreiben", "Host a mirror of Example Linux",
        "Héberger un miroir de Example Linux", "Einen Spiegel von Example Linux betreiben",
    ]  # fmt: skip


def test_countries_and_numbers_are_in_the_language_too(service: Both) -> None:
    german = page(service, "/", "de")
    assert "Deutschland" in [each.text for each in german.xpath("//select[@name='country']/option")]
    assert next(each.text_content() for each in german.xpath("//tbody[@class='continent']//th")) == "Europa"
    lead = " ".join(german.xpath("//p[@class='lead']")[0].text_content().split())
    assert lead.startswith("40 Spiegel in 15 Ländern.")


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_in_the_language(service: Both, path: str, language: str) -> None:
    """The English headings of a page are nowhere on it, but for those that the languages share."""
    english, other = ({" ".join(each.text_content().split()) for each in made.xpath("//h1|//h2|//th[@scope='col']|//dt[not(../@class='remedies')]")}
                      for made in (page(service, path), page(service, path, language)))  # fmt: skip
    same = {each for each in english & other if re.search(r"[a-z]{4}", each) and "example" not in each.lower()}
    assert same <= {"Sponsor", "Version", "Distance", "Sources", "Source", "Module", "Badge", "Rang", "Metalink", "Images",
                    "Kitten", "Rsync", "Repository", "Architecture", "Status", "Sync", "User-Agent", "Feed", "Name", "Text", "ASNs", "Generation",
                    "Clients", "System", "Versions", "Architectures"}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "status", "title", "message"),
    [
        ("/nowhere", 404, "Nicht gefunden", "Unter dieser Adresse ist nichts."),
        ("/mirrors/none", 404, "Nicht gefunden", "Es gibt keinen öffentlichen Spiegel dieses Namens; / führt alle auf."),
        ("/isos/x86_64/9.8.1", 404, "Nicht gefunden", "Unbekannte Version; meinten Sie 9.8?"),
        ("/kitten/isos/x86_64/9.8", 404, "Nicht gefunden", "Unbekannte Version; meinten Sie 10-kitten?"),
        ("/mirrors/mirror15.example.org/stats?month=1999-01", 404, "Nicht gefunden", "Diesen Monat gibt es nicht; bekannt "),
        ("/?country=DEU", 400, "Fehlerhafte Anfrage", "Der Parameter country ist fehlerhaft; schreiben Sie ein Kürzel"),
        ("/?sort=size", 400, "Fehlerhafte Anfrage", "Der Wert von sort ist unbekannt; schreiben Sie eines von "),
    ],
)  # fmt: skip
def test_errors_are_in_the_language_and_under_a_title(
    service: Both, path: str, status: int, title: str, message: str
) -> None:
    where, _, query = path.partition("?")
    answer = ask(service.fronted, environ(where, query, ACCEPT_LANGUAGE="de", ACCEPT="text/html"))
    shown = html.document_fromstring(answer.body.decode())
    assert (answer.status, shown.get("lang"), shown.findtext(".//h1")) == (status, "de", title)
    assert shown.xpath("string(//p[@class='lead'])").startswith(message)
    english = ask(service.fronted, environ(where, query, ACCEPT="text/plain"))
    assert english.body.startswith(b"# "), english.body
    assert title.encode() not in english.body


def test_what_owners_can_do_is_in_the_language(service: Both) -> None:
    page_of_one = page(service, "/mirrors/mirror5.example.org", "fr")
    remedies = [each.text_content() for each in page_of_one.xpath("//dl[@class='remedies']/dd")]
    assert remedies
    assert all(each not in REMEDIES.values() for each in remedies)


SOURCES = ("checks", "core/health", "probing")
MADE_UP = {
    "%(where)s answers with",
    "it is not up to date itself",
    "it is out at least until",
    "it is good again, and back after",
    "%(waits)s, but out",
    "%(down)s of %(all)s",
}
"""Sentences that are put together from parts; the test below tries those of ``HealthRow.awaits``."""


def test_what_probes_find_is_in_the_catalogues_as_it_is_written() -> None:
    """A sentence that is changed where it is made would be English on every page without a word."""
    files = (path for part in SOURCES for path in sorted((ROOT / "mirrorlist" / part).rglob("*.py")))
    source = re.sub(r'"\s+f?"', "", "\n".join(path.read_text() for path in files))
    for text in FOUND:
        if not text.startswith(tuple(MADE_UP)):
            pieces = re.split(r"%\(\w+\)s", text)
            pattern = r"\{(?:[^{}]|\{[^{}]*\})+\}".join(map(re.escape, pieces))
            assert re.search(f'"(?:[^"\n]*: )?{pattern}', source), text


@pytest.mark.parametrize(("language", "mark"), [("de", "weiteren guten"), ("fr", "de plus"), ("", "more good")])
def test_what_a_mirror_waits_for_is_in_the_language(language: str, mark: str) -> None:
    subject = Subject("a", MAIN, Protocol.HTTPS, Family.IPV4)
    row = HealthRow(subject, "https://a/", False, ProbeOutcome.GOOD, "", NOW, NOW, NOW + 3600, "", good=1)
    words = {
        True: row.awaits(NOW), False: replace(row, held_until=0.0).awaits(NOW),
        None: replace(row, outcome=ProbeOutcome.CLOSED).awaits(NOW),
    }  # fmt: skip
    with SPEAKING.test_request_context("/", headers={"Accept-Language": language}):
        found = {held: finding(text) for held, text in words.items() if text}
    assert mark in found[True]
    assert mark in found[False]
    assert len({*found.values()}) == 3
    if language:
        english = {" ".join(text.split()[:3]) for text in words.values() if text}
        assert not any(start in text for text in found.values() for start in (*english, "times lately"))


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("status 404", "Status 404"),
        ("9/BaseOS/x86_64/os/: 8 bytes, but 9 at the origin", "9/BaseOS/x86_64/os/: 8 Bytes, beim Ursprung aber 9"),
        ("the time file: synced 30.5 hours ago", "die Zeitdatei: vor 30.5 Stunden synchronisiert"),
        ("no answer in time: 192.0.2.1:443 accepts no connection within 5.0 s",
         "keine rechtzeitige Antwort: 192.0.2.1:443 nimmt innerhalb von 5.0 s keine Verbindung an"),
        ("2 of 3 addresses: 192.0.2.1 answers with status 500; 192.0.2.2 port 443: expired",
         "2 von 3 Adressen: 192.0.2.1 antwortet mit Status 500; 192.0.2.2 port 443: abgelaufen"),
        ("rsync ended with 5: @ERROR: Unknown module 'x'", "rsync endete mit 5: @ERROR: Unknown module 'x'"),
        ("what a server says; 100% of %(it)s", "what a server says; 100% of %(it)s"), ("", ""), (": ", ": "),
        ("x: " * 400, "x: " * 400),
    ],
)  # fmt: skip
def test_a_finding_is_translated_and_what_a_server_says_is_not(text: str, german: str) -> None:
    with SPEAKING.test_request_context("/", headers={"Accept-Language": "de"}):
        assert finding(text) == german
    with SPEAKING.test_request_context("/"):
        assert finding(text) == text


def test_a_badge_is_in_the_language_that_its_address_names(service: Both) -> None:
    """Caches share it, whatever the readers of a page accept; the page of the mirror leads to that of its own."""
    for path in ("/mirrors/mirror5.example.org.svg", "/mirrors/mirror15.example.org/stats.svg"):
        english, german = (ask(service.fronted, environ(path, query)).body for query in ("", "lang=de"))
        assert english != german
        assert ask(service.fronted, environ(path, ACCEPT_LANGUAGE="de")).body == english
    assert (
        "nicht erreichbar" in ask(service.fronted, environ("/mirrors/mirror5.example.org.svg", "lang=de")).body.decode()
    )
    [shown] = page(service, "/mirrors/mirror5.example.org", "de").xpath(
        "//img[contains(@src, 'mirror5.example.org.svg')]"
    )
    assert shown.get("src").endswith(".svg?lang=de")


@pytest.mark.parametrize("path", ["/mirrors.txt", "/mirrors.json", "/api/v1/mirrors", "/mirrors/mirror5.example.org.svg",
                                  "/mirrors/feed.atom", "/mirrorlist/9/baseos"])  # fmt: skip
def test_programs_are_answered_in_english_whatever_they_accept(service: Both, path: str) -> None:
    assert ask(service.fronted, environ(path, ACCEPT_LANGUAGE="de")) == ask(service.fronted, environ(path))


@pytest.mark.parametrize("language", OTHERS)
def test_catalogues_are_complete_for_what_people_read_first(language: str) -> None:
    with Path(str(CATALOGUES / language / "LC_MESSAGES" / "messages.po")).open("rb") as file:
        catalog = read_po(file, language)
    forms = {each.id: each.string if isinstance(each.string, tuple) else (each.string,) for each in catalog if each.id}
    missing = [text for text, found in forms.items() if not all(found)]
    assert {len(found) for text, found in forms.items() if not isinstance(text, str)} == {catalog.num_plurals}
    assert len(missing) <= len(catalog) / 10, missing
    assert [message.id for message in catalog if message.fuzzy and message.id] == []


@pytest.mark.slow
def test_catalogues_are_those_of_the_texts() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "translate", "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
