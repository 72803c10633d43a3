"""new, as it is called: what it writes, what it tells, and its status."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from mirrorlist.checks.fetching.addresses import Resolver
from mirrorlist.cli.main import main
from mirrorlist.cli.new import write_new
from mirrorlist.cli.shared.context import Context
from mirrorlist.settings import read_settings
from tests.data.submissions import NEIGHBOURS, SERVICE
from tests.sources.submissions.test_applications import XCP_NG

HOST = "mirror.new.example.org"
ENOUGH = ("--https", f"https://{HOST}/linux/", "--country", "DE", "--update-frequency", "3h")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "mirrors.d").mkdir()
    (tmp_path / "service.yml").write_text(SERVICE)
    for name, text in NEIGHBOURS.items():
        (tmp_path / "mirrors.d" / name).write_text(text)
    return tmp_path


def new(checkout: Path, *words: str, said: str | None = None) -> Result:
    return CliRunner().invoke(main, ["--config", str(checkout / "service.yml"), "new", "--offline", *words], input=said)


def written(checkout: Path, name: str = HOST) -> str:
    return (checkout / "mirrors.d" / f"{name}.yml").read_text()


def test_flags_become_a_file_that_is_judged(checkout: Path) -> None:
    done = new(checkout, *ENOUGH, "--sponsor", "yes: no # 'x'", "--city", "Berlin", "--bandwidth", "10G")
    assert done.exit_code == 0, done.output
    assert written(checkout) == (
        f"---\nname: {HOST}\naddress:\n  https: https://{HOST}/linux/\nupdate_frequency: 3h\n"
        "sponsor: 'yes: no # ''x'''\ngeolocation:\n  country: DE\n  city: Berlin\nbandwidth_mbps: 10000\nstatus: offered\n"
    )
    path = checkout / "mirrors.d" / f"{HOST}.yml"
    assert done.stdout.splitlines()[:2] == [f"{path}: placed by its city (Berlin, DE)", f"{path}: written"]
    assert done.stderr == "1 file: 1 accepted, 0 refused; 0 errors, 0 warnings\n"


def test_what_the_judge_refuses_is_not_written_but_with_force(checkout: Path) -> None:
    before = sorted(checkout.rglob("*"))
    done = new(checkout, *ENOUGH, "--asn", "64512")
    assert (done.exit_code, sorted(checkout.rglob("*"))) == (1, before)
    assert f"{checkout / 'mirrors.d' / HOST}.yml:8:6: error [reserved-asn]" in done.stdout
    assert done.stderr.endswith(
        "nothing was written; correct the answers, or write the file nevertheless with --force\n"
    )
    assert new(checkout, *ENOUGH, "--asn", "64512", "--force").exit_code == 1
    assert "asn: 64512" in written(checkout)


def test_a_file_that_is_there_stays_but_with_force(checkout: Path) -> None:
    new(checkout, *ENOUGH)
    before = written(checkout)
    done = new(checkout, *ENOUGH, "--city", "Ulm")
    assert (done.exit_code, written(checkout)) == (2, before)
    assert "is there already; change it, or write over it with --force" in done.stderr
    assert new(checkout, *ENOUGH, "--city", "Ulm", "--force").exit_code == 0
    assert "city: Ulm" in written(checkout)


def test_a_link_is_not_followed(checkout: Path, tmp_path: Path) -> None:
    (checkout / "mirrors.d" / f"{HOST}.yml").symlink_to(tmp_path / "elsewhere")
    assert new(checkout, *ENOUGH).exit_code == 2
    assert new(checkout, *ENOUGH, "--force").exit_code == 0
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["../../evil", "a/b", "", "x" * 300, "..", "-rf"])
def test_a_name_leads_nowhere_else(name: str, checkout: Path) -> None:
    before = sorted(checkout.rglob("*"))
    done = new(checkout, "--https", "https://192.0.2.1/", "--name", name)
    assert done.exit_code == 2
    assert sorted(checkout.rglob("*")) == before


def test_nothing_is_written_without_an_address(checkout: Path) -> None:
    done = new(checkout, "--name", HOST)
    assert done.exit_code == 2
    assert "give --https or --http" in done.stderr


def test_questions_that_nobody_answers_end_without_a_file(checkout: Path) -> None:
    assert new(checkout, said="").exit_code == 130
    assert not (checkout / "mirrors.d" / f"{HOST}.yml").exists()


def test_an_e_mail_becomes_an_offer(checkout: Path) -> None:
    mail = checkout / "mail"
    mail.write_text(XCP_NG.replace("mirror.example.org", HOST).replace("192.0.2.7", "193.99.144.80") + "Best wishes\n")
    done = new(checkout, "--from", str(mail), "--city", "Lyon")
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith("line 13 was not understood: Best wishes\n")
    text = written(checkout)
    assert text.endswith("status: offered\n")
    assert "city: Lyon\n" in text
    assert "update_frequency: 15m\n" in text


def test_what_a_terminal_would_obey_is_not_told_as_it_is(checkout: Path) -> None:
    done = new(checkout, "--from", "-", said=f"https://{HOST}/linux/\n\x1b[2J::error::x\n::set-output name=a::b\n")
    assert "\x1b" not in done.output
    assert "\n::" not in done.output


def found_out(checkout: Path, resolver: Resolver, **flags: str) -> tuple[str, str]:
    """The file and standard error, with these addresses for its name."""

    @click.command()
    def command() -> None:
        answers = {"https": f"https://{HOST}/linux/", "update_frequency": "3h", **flags}
        write_new(Context(settings), answers, None, None, True, resolver)

    settings = read_settings({"MIRRORLIST_CONFIG": str(checkout / "service.yml")})
    done = CliRunner().invoke(command, [])
    assert done.exit_code in (0, 1), done.output
    return written(checkout), done.stderr


def test_the_addresses_tell_country_and_network(checkout: Path) -> None:
    text, told = found_out(checkout, lambda name: ["141.20.1.1"])
    assert "geolocation:\n  country: DE\nasn: 680\nsync:\n  from: 141.20.1.1\n" in text
    assert told.count("filled in") == 3


def test_what_is_said_wins_over_what_the_addresses_tell(checkout: Path) -> None:
    text, told = found_out(checkout, lambda name: ["141.20.1.1"], country="FR", asn="3303", sync_from="141.20.1.9")
    assert "country: FR\nasn: 3303\n" in text
    assert "from: 141.20.1.9" in text
    assert "filled in" not in told


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "not an address"])
def test_an_address_that_is_not_public_tells_nothing(address: str, checkout: Path) -> None:
    text, told = found_out(checkout, lambda name: [address], country="DE")
    assert "asn" not in text
    assert "sync" not in text
    assert "nothing was filled in from it" in told


def test_a_name_without_an_address_is_told(checkout: Path) -> None:
    def nothing(name: str) -> list[str]:
        raise OSError("no such name")

    assert "has no address yet (no such name)" in found_out(checkout, nothing, country="DE")[1]


def test_nothing_goes_live_unasked(checkout: Path) -> None:
    new(checkout, *ENOUGH)
    assert written(checkout).endswith("status: offered\n")
    assert new(checkout, *ENOUGH, "--force", "--status", "live").exit_code == 0
    assert written(checkout).endswith("status: live\n")


def test_the_next_three_steps_are_told(checkout: Path) -> None:
    told = new(checkout, *ENOUGH).stdout.splitlines()
    path = checkout / "mirrors.d" / f"{HOST}.yml"
    assert told[-4:] == [
        "Next:",
        f"  1. mirrorlist validate --online {path}   asks the mirror itself",
        f"  2. git add {path} && git commit, then open a pull request",
        "  3. Write status: live into the file when clients may get the mirror; it is offered until then.",
    ]
    live = new(checkout, *ENOUGH, "--force", "--status", "live").stdout.splitlines()
    assert live[-1].startswith("  3. Clients get the mirror once the file is merged and served: ")


def asked(checkout: Path, *said: str) -> Result:
    return new(checkout, said="\n".join(said) + "\n")


def test_what_is_required_comes_first_and_the_rest_on_request(checkout: Path) -> None:
    done = asked(checkout, f"https://{HOST}/linux/", "", "", "Germany", "Berlin", "", "", "", "n", "n")
    assert done.exit_code == 0, done.output
    assert re.findall(r"^(Its https|How often|Country|City|Who pays|Say more|May clients)", done.stdout, re.MULTILINE) == [
        "Its https", "How often", "Country", "City", "Who pays", "Say more", "May clients",
    ]  # fmt: skip
    assert "update_frequency: 3h\n" in written(checkout)
    assert written(checkout).endswith("status: offered\n")


def test_each_answer_is_checked_at_once_with_a_suggestion(checkout: Path) -> None:
    done = asked(checkout, "mirror", f"https://{HOST}/linux/", "", "often", "2h", "Germoney", "Germany", "Mnuich", "n",
                 "Munich", "", "", "no address", "mirror@new.example.org", "y", "a bit", *[""] * 6, "10G", *[""] * 6, "y")  # fmt: skip
    assert done.exit_code == 0, done.output
    for said in ("  'often' ", "  'Germoney' is no country; did you mean Germany?", "  not known in DE; did you mean Munich?",
                 "  'no address' ", "  'a bit' "):  # fmt: skip
        assert said in done.stdout
    text = written(checkout)
    assert "update_frequency: 2h\n" in text
    assert "country: DE\n  city: Munich\n" in text
    assert "bandwidth_mbps: 10000\n" in text
    assert text.endswith("status: live\n")


def test_one_of_two_addresses_is_needed(checkout: Path) -> None:
    done = asked(checkout, "", "", "", f"http://{HOST}/linux/", "", "DE", "", "", "", "", "n", "n")
    assert done.exit_code == 0, done.output
    assert "  clients need one of the two" in done.stdout
    assert f"http: http://{HOST}/linux/\n" in written(checkout)
