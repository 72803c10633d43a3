"""Applications by e-mail: the answers in a stranger's lines, and the lines reported as not understood."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.sources.submissions.applications import MAX_BYTES, read_application

XCP_NG = """\
Subject: Mirror application for "Example University".

Server name: mirror.example.org
HTTP URL: http://mirror.example.org/xcp-ng/
City: Paris
Country: France
Bandwidth: 1 Gbit/s
Source mirror: rsync://mirrors.example.net/xcp-ng/
Host or IP to authorize: 192.0.2.7
Sync frequency: every 15 min
RSYNC URL: rsync://mirror.example.org/xcp-ng/
Other prerequisites from https://example.net/wiki checked: yes
"""
ANSWERS = {
    "name": "mirror.example.org",
    "http": "http://mirror.example.org/xcp-ng/",
    "city": "Paris",
    "country": "France",
    "bandwidth": "1 Gbit/s",
    "sync_source": "rsync://mirrors.example.net/xcp-ng/",
    "sync_from": "192.0.2.7",
    "update_frequency": "every 15 min",
    "rsync": "rsync://mirror.example.org/xcp-ng/",
}
MAIL = (
    "Received: from a by b\r\nFrom: Kari Nordmann <kari@example.org>\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset={charset}\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\nCity: Z=FCrich\r\nSponsor: a=3Db\r\n--x\r\n"
    "Content-Type: text/html\r\n\r\n<b>Country: XX</b>\r\n--x--\r\n"
)


def test_xcp_ngs_form_is_understood_whole() -> None:
    found = read_application(XCP_NG.encode())
    assert (found.answers, found.unknown) == (ANSWERS, ())


@pytest.mark.parametrize("form", ["- {}", "* {}", "> {}", "> > - {}", "\u2022 {}", "3. {}", "  {}  ", "**{}**"])
def test_bullets_and_quotation_marks_do_not_matter(form: str) -> None:
    text = "\n".join(form.format(line) for line in XCP_NG.splitlines() if line)
    found = read_application(text.encode())
    assert {key: said.strip("*") for key, said in found.answers.items()} == ANSWERS


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ("CITY : Paris", {"city": "Paris"}),
        ("**City:** Paris", {"city": "Paris"}),
        ("City = Paris", {"city": "Paris"}),
        ("City\uff1aParis", {"city": "Paris"}),
        ("Host or IP (to authorize): 192.0.2.7", {"sync_from": "192.0.2.7"}),
        ("URL: https://m.example.org/", {"https": "https://m.example.org/"}),
        ("https://m.example.org/", {"https": "https://m.example.org/"}),
        ("HTTPS: <https://m.example.org/>", {"https": "https://m.example.org/"}),
        ("HTTPS: https://m.example.org/<https://evil.example.net/>", {"https": "https://m.example.org/"}),
        ("Contact: Kari Nordmann <kari@example.org>", {"email": "kari@example.org", "contact_name": "Kari Nordmann"}),
        ("Contact: kari@example.org", {"email": "kari@example.org"}),
        ("Location: Bergen, Norway", {"country": "NO", "city": "Bergen"}),
        ("Server location: Austin, TX", {"country": "US", "city": "Austin", "state": "TX"}),
        ("Synchronization frequency: every 6 hours", {"update_frequency": "every 6 hours"}),
        ("HTTPS: `https://m.example.org/`", {"https": "https://m.example.org/"}),
        ("Mirror: [ours](https://m.example.org/)", {"https": "https://m.example.org/"}),
        (
            "URLs: http://m.example.org/l, https://m.example.org/l and rsync://m.example.org/l.",
            {each: f"{each}://m.example.org/l" for each in ("http", "https", "rsync")},
        ),
        ("| Country | France |", {"country": "France"}),
        ("RSYNC URL: rsync://", {}),
        (
            "Name and email address of the technical contact: Kari Nordmann (kari@example.org)",
            {"email": "kari@example.org", "contact_name": "Kari Nordmann"},
        ),
        ("Contact: Kari Nordmann", {"contact_name": "Kari Nordmann"}),
        ("City:", {}),
    ],
)
def test_a_line_is_understood(line: str, answers: dict[str, str]) -> None:
    found = read_application(line.encode())
    assert (found.answers, found.unknown) == (answers, ())


@pytest.mark.parametrize(
    "line",
    [
        "Hello,", "private: true", "monopoly: yes", "subnets: 0.0.0.0/0", "status: live", "approved: me",
        "URL: javascript:alert(1)", "$(touch /tmp/x): Paris", "!!python/object: x", "a" * 5000, ": : :", "=",
    ],
)  # fmt: skip
def test_what_is_no_answer_is_told_and_nothing_else(line: str) -> None:
    found = read_application(line.encode())
    assert found.answers == {}
    assert [number for number, _ in found.unknown] == [1]
    assert len(found.unknown[0][1]) <= 2000


def test_the_first_of_two_answers_counts_and_the_second_is_told() -> None:
    found = read_application(b"City: Paris\nCity: Ulm\n")
    assert (found.answers, found.unknown) == ({"city": "Paris"}, ((2, "City: Ulm"),))


@pytest.mark.parametrize("charset", ["iso-8859-1", "no-such-charset", "\x00", "undefined"])
def test_a_whole_e_mail_is_unpacked(charset: str) -> None:
    found = read_application(MAIL.format(charset=charset).encode())
    assert found.answers["email"] == "kari@example.org"
    assert found.answers["sponsor"] == "a=b"
    assert found.answers["city"] == ("Zürich" if charset == "iso-8859-1" else "Z\ufffdrich")
    assert "country" not in found.answers


@given(st.binary(max_size=2000))
def test_any_bytes_are_read(data: bytes) -> None:
    read_application(data)
    read_application(b"From: a@b\nContent-Type: multipart/mixed; boundary=\n" + data)


@pytest.mark.parametrize(
    "data",
    [b"a:\r\n" * 60_000, b"a: b\r\n c\r\n" * 20_000, b" " * MAX_BYTES, b">" * MAX_BYTES, b"a" * MAX_BYTES,
     b"a:" + b" " * MAX_BYTES, b"\n" * MAX_BYTES, b"From: " + b"(" * MAX_BYTES, b"From: a\nE-mail: " + b"(" * 1900 + b"@",
     b"".join(b"From: a\nContent-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(4000))],
)  # fmt: skip
def test_a_flood_is_read_at_once(data: bytes) -> None:
    start = time.process_time()
    read_application(data)
    assert time.process_time() - start < 20


PRINTED = """\
Subject: "Mirror application for".

Server name:
City: Paris
Country: France
Bandwidth: 1 Gbit/s
Source mirror:
Host or IP to authorize:
Sync frequency: every 15 min
RSYNC URL: rsync://
Other prerequisites from checked: yes

Kind regards
"""


def test_the_form_as_it_is_printed_with_what_nobody_filled_in() -> None:
    found = read_application(PRINTED.encode())
    assert found.answers == {
        "city": "Paris", "country": "France", "bandwidth": "1 Gbit/s", "update_frequency": "every 15 min",
    }  # fmt: skip
    assert found.unknown == ((13, "Kind regards"),)


OFFER = """\
We offer a mirror.

* The name and email address of the technical contact who would be handling the server deployment:
  Kari Nordmann <kari@example.org>
* Your location: Bergen, Norway
* Any relevant details about major network peerings: NIX, DE-CIX
* The name of the company or organization that is sponsoring the mirror: Example University
* Storage: 12TB
* Bandwidth: 1000 Mbps
* Mirror agreement: 2026-01
"""


def test_an_offer_with_what_a_file_host_asks_for() -> None:
    found = read_application(OFFER.encode())
    assert found.answers == {
        "email": "kari@example.org", "contact_name": "Kari Nordmann", "country": "NO", "city": "Bergen",
        "peerings": "NIX, DE-CIX", "sponsor": "Example University", "storage_gb": "12TB", "bandwidth": "1000 Mbps",
        "agreement": "2026-01",
    }  # fmt: skip
    assert found.unknown == ((1, "We offer a mirror."),)


ISSUE = """\
### Mirror URL

https://mirror.example.org/linux/
rsync://mirror.example.org/linux/

### Sponsor

Example University

### Contact e-mail

`noc@example.org`

### Location

Zürich, Switzerland

### Sync frequency

_No response_

### Terms

- [x] I have read the requirements
- [ ] I want a newsletter

### Favourite colour

blue
"""


def test_a_form_of_github_has_its_values_below_headings() -> None:
    found = read_application(ISSUE.replace("\n", "\r\n").encode())
    assert found.answers == {
        "https": "https://mirror.example.org/linux/", "rsync": "rsync://mirror.example.org/linux/",
        "sponsor": "Example University", "email": "noc@example.org", "country": "CH", "city": "Zürich",
    }  # fmt: skip
    assert [line for _, line in found.unknown] == [
        "### Terms", "- [ ] I want a newsletter", "### Favourite colour", "blue",
    ]  # fmt: skip


SENTENCES = (
    "Hello! My mirror is at https://mirror.example.org/linux/, also rsync://mirror.example.org/linux, see www.example.org.\n"
    "It is paid by Example (https://www.example.com). Mail noc@example.org.\n"
)
GERMAN = "Rechnername: m.example.de\nStandort: Nürnberg, Deutschland\nAnbindung: 10 Gbit/s\nBetreiber: Beispiel GmbH\n" \
    "Synchronisation: alle 6 Stunden\nAnsprechpartner: Kari <kari@example.de>\n"  # fmt: skip
FRENCH = "Nom du serveur : m.example.fr\nAdresse HTTPS : https://m.example.fr/linux/\nLocalisation : Paris, France\n" \
    "Bande passante : 1 Gbit/s\nFréquence de synchronisation : toutes les 4 heures\n"  # fmt: skip


@pytest.mark.parametrize(
    ("offer", "answers"),
    [
        (SENTENCES, {"https": "https://mirror.example.org/linux/", "rsync": "rsync://mirror.example.org/linux",
                     "email": "noc@example.org"}),
        (GERMAN, {"name": "m.example.de", "country": "DE", "city": "Nürnberg", "bandwidth": "10 Gbit/s",
                  "sponsor": "Beispiel GmbH", "update_frequency": "alle 6 Stunden", "email": "kari@example.de",
                  "contact_name": "Kari"}),
        (FRENCH, {"name": "m.example.fr", "https": "https://m.example.fr/linux/", "country": "FR", "city": "Paris",
                  "bandwidth": "1 Gbit/s", "update_frequency": "toutes les 4 heures"}),
        ("镜像地址：https://m.example.cn/linux/\n联系人：Wang <w@example.cn>\n",
         {"https": "https://m.example.cn/linux/", "email": "w@example.cn", "contact_name": "Wang"}),
        ("1. Server hostname - m.example.org\n* Sponsor \u2013 Example KK\nHTTPS\thttps://m.example.org/x/\n",
         {"name": "m.example.org", "sponsor": "Example KK", "https": "https://m.example.org/x/"}),
        ("**Sponsor**: [Example](https://example.net)\n", {"sponsor": "Example", "sponsor_url": "https://example.net"}),
        ("### Sponsor\n\nExample GmbH (https://example.net)\n",
         {"sponsor": "Example GmbH", "sponsor_url": "https://example.net"}),
        ("HTTP(S) address: https://m.example.org/x/\n", {"https": "https://m.example.org/x/"}),
        ("From: Kari <kari@example.org>\nMIME-Version: 1.0\nContent-Type: text/html\n\n"
         "<p>HTTPS: https://m.example.org/x/<br>Country: DE</p><script>City: x\n</script>",
         {"email": "kari@example.org", "https": "https://m.example.org/x/", "country": "DE"}),
    ],
)  # fmt: skip
def test_offers_in_other_styles_and_languages(offer: str, answers: dict[str, str]) -> None:
    assert read_application(offer.encode()).answers == answers


def test_the_page_of_a_company_is_no_mirror() -> None:
    found = read_application(b"We are https://www.example.com/ and have much space.\n")
    assert (found.answers, len(found.unknown)) == ({}, 1)
