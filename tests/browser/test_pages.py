"""The pages in a real browser: they work by hand, keep to themselves, and can be used by everybody."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait
from werkzeug.serving import make_server

from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.model import MAIN
from mirrorlist.core.snapshot import Snapshot
from tests.browser.chromium import DESKTOP, PHONE, Browser, browser
from tests.clients.tools import need
from tests.file_indexes import Has, indexed
from tests.serving import served
from tests.web.asking import both
from tests.web.networks import record_of

pytestmark = [pytest.mark.client, pytest.mark.slow]

PAGES = ["/", "/kitten", "/?state=stale", "/mirrors/mirror1.example.org", "/mirrors/mirror17.example.org",
         "/mirrors/mirror53.example.org", "/yours?ip=192.0.2.9", "/isos",
         "/isos/x86_64/9.8", "/kitten/isos/x86_64/10", "/join", "/status", "/api",
         "/stats", "/mirrors/mirror15.example.org/stats", "/?lang=de", "/stats?lang=fr", "/prober",
         "/dl/9.8/isos/x86_64/", "/dl/9.8/isos/x86_64/Example-9.8-x86_64-dvd.iso?mirrorlist"]  # fmt: skip
ERRORS = ["/nowhere", "/yours?version=nonsense", "/?country=DEU", "/mirrors/none?lang=de"]
LOOKS = [(DESKTOP, False), (DESKTOP, True), (PHONE, False), (PHONE, True)]
WAIT_SECONDS = 30


@dataclass(frozen=True)
class Running:
    """A network that is served; ``stale`` is one where half of the mirrors are."""

    large: str
    stale: str
    none: str


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """Three services on loopback: 530 mirrors, a network where half is stale, and none at all."""
    need("chromium", "chromedriver", "npm")
    half = with_images(record_of(80, stale=0.5, trees=(RedirectTree(prefix="/dl/", module=MAIN),)))
    snapshots: list[Snapshot] = [record_of(530), half, record_of(0, probed=False)]
    servers = [make_server("127.0.0.1", 0, both(each).fronted, threaded=True) for each in snapshots]
    with ExitStack() as opened:
        yield Running(*(opened.enter_context(served(server)) for server in servers))


def with_images(made: Snapshot) -> Snapshot:
    """The snapshot with an index of two images."""
    names = (f"9.8/isos/x86_64/Example-9.8-x86_64-{kind}" for kind in ("dvd.iso", "dvd.iso.torrent", "boot.iso"))
    return indexed(made, {name: Has(4_700_000_000, bytes(range(32))) for name in names})


@pytest.fixture
def window(running: Running, tmp_path: Path) -> Iterator[Browser]:
    with browser(running.large, tmp_path / "profile") as opened:
        yield opened
        assert opened.foreign_requests() == []
        assert opened.complaints() == []


def names(window: Browser) -> list[str]:
    """The mirrors that are to be seen, in order."""
    found: list[str] = window.script(
        "return [...document.querySelectorAll('#mirrors tr[data-c]')].filter(r => r.getClientRects().length)"
        ".map(r => r.cells[1].innerText.trim())"
    )
    return found


def wait_for(window: Browser, text: str) -> None:
    WebDriverWait(window.driver, WAIT_SECONDS).until(lambda driver: text in driver.find_element(By.ID, "count").text)


def choose(window: Browser, name: str, text: str) -> None:
    """Chooses in one of the lists above the table, which asks the service for another page."""
    before = window.driver.find_element(By.TAG_NAME, "html")
    Select(window.driver.find_element(By.NAME, name)).select_by_visible_text(text)
    WebDriverWait(window.driver, WAIT_SECONDS).until(staleness_of(before))


def test_mirrors_are_filtered_and_sorted_and_the_address_says_so(window: Browser) -> None:
    window.open("/")
    assert len(names(window)) == 530
    choose(window, "country", "Germany")
    assert window.driver.current_url.endswith("/?country=DE")
    wait_for(window, "36 of 530")
    german = names(window)
    choose(window, "module", "Example Linux Kitten")
    assert set(names(window)) < set(german)
    choose(window, "module", "all")
    choose(window, "state", "problems")
    choose(window, "sort", "name")
    assert window.driver.current_url.endswith("/?country=DE&state=problem&sort=name")
    found = names(window)
    assert found == sorted(found)
    assert 0 < len(found) < 36
    window.driver.refresh()
    assert names(window) == found
    window.driver.back()
    assert Select(window.driver.find_element(By.NAME, "sort")).first_selected_option.text == "place"
    window.open("/")
    window.driver.find_element(By.LINK_TEXT, "Speed").click()
    assert window.driver.current_url.endswith("/?sort=speed")


def test_a_language_keeps_what_is_shown_and_goes_on_to_the_next_page(window: Browser) -> None:
    def language() -> str:
        found: str = window.script("return document.documentElement.lang")
        return found

    def follow(text: str) -> None:
        before = window.driver.find_element(By.TAG_NAME, "html")
        window.driver.find_element(By.LINK_TEXT, text).click()
        WebDriverWait(window.driver, WAIT_SECONDS).until(staleness_of(before))

    window.open("/?country=DE&sort=name")
    german = names(window)
    follow("Deutsch")
    assert (language(), names(window)) == ("de", german)
    choose(window, "sort", "Tempo")
    assert (language(), set(names(window))) == ("de", {*german})
    follow("Status")
    assert language() == "de"
    follow("English")
    assert language() == "en"
    assert window.driver.current_url.endswith("/status?lang=en")


def test_search_finds_while_one_types_without_a_request(window: Browser) -> None:
    window.open("/")
    window.requests()
    words = window.driver.find_element(By.NAME, "q")
    words.send_keys("sponsor 77")
    wait_for(window, "1 of 530")
    assert window.driver.current_url.endswith("/?q=sponsor+77")
    words.send_keys(" and nobody")
    assert window.driver.find_element(By.ID, "none").is_displayed()
    assert window.script(
        "return [...document.querySelectorAll('#mirrors th[scope=rowgroup]')].every(e => !e.offsetParent)"
    )
    for text in ("sao paulo", "São", "DE", "umea"):
        words.clear()
        words.send_keys(text)
        at_once = names(window)
        assert [
            url for url in window.requests() if not url.endswith(("/logo", "/icon.svg"))
        ] == []  # logos come as they come into view, and the browser asks for its icon when it likes
        window.driver.refresh()
        assert names(window) == at_once
        assert at_once
        window.open("/")
        window.requests()
        words = window.driver.find_element(By.NAME, "q")


def test_the_map_is_clicked(window: Browser) -> None:
    window.open("/?lang=de")
    spot = window.driver.find_element(By.CSS_SELECTOR, ".spots a[href='/?country=DE']")
    ActionChains(window.driver).move_to_element(spot).click().perform()
    WebDriverWait(window.driver, WAIT_SECONDS).until(lambda driver: "country=DE" in driver.current_url)
    assert window.driver.current_url.endswith("/?country=DE&lang=de")
    assert window.driver.find_element(By.TAG_NAME, "h1").text == "Spiegel von Example Linux – Deutschland"


@pytest.mark.parametrize("script", [True, False])
def test_a_phone_shows_countries_and_opens_one(running: Running, tmp_path: Path, script: bool) -> None:
    with browser(running.large, tmp_path / "profile", width=PHONE, script=script) as window:
        window.open("/")

        def shown(country: str) -> int:
            rows = window.driver.find_elements(By.CSS_SELECTOR, f"tr[data-c={country}]")
            return sum(row.is_displayed() for row in rows)

        assert shown("DE") == 0
        window.driver.find_element(By.XPATH, "//tr[@class='group']//label[contains(., 'Germany')]").click()
        assert (shown("DE"), shown("FR")) == (36, 0)


def test_a_mirror_is_followed_to_its_page_and_back(window: Browser) -> None:
    window.open("/?state=stale")
    first = names(window)[0]
    window.driver.find_element(By.LINK_TEXT, first).click()
    assert window.driver.find_element(By.TAG_NAME, "h1").text == first
    assert "stale" in window.driver.find_element(By.CSS_SELECTOR, ".lead").text
    assert "What to do" in window.driver.find_element(By.TAG_NAME, "main").text
    window.driver.find_element(By.TAG_NAME, "summary").click()
    assert "AppStream" in window.driver.find_element(By.TAG_NAME, "details").text
    window.driver.find_element(By.LINK_TEXT, "Mirrors").click()
    assert len(names(window)) == 530


def test_yours_tells_who_you_are_and_answers_for_others(window: Browser) -> None:
    window.open("/")
    window.driver.find_element(By.LINK_TEXT, "Which mirrors do I get, and why?").click()
    main = window.driver.find_element(By.TAG_NAME, "main")
    assert "You ask from 127.0.0.1" in main.text
    window.driver.find_element(By.NAME, "ip").send_keys("192.0.2.9" + Keys.ENTER)
    WebDriverWait(window.driver, WAIT_SECONDS).until(lambda driver: "ip=192.0.2.9" in driver.current_url)
    told = window.driver.find_element(By.TAG_NAME, "main").text
    assert "The public answer for 192.0.2.9" in told
    assert "Germany" in told
    rows = window.driver.find_elements(By.CSS_SELECTOR, ".chosen tbody tr")
    assert len(rows) == 20
    assert "by distance" in rows[0].text
    assert "metalink=https://mirrors.example.org/metalink?repo=" in told


def test_an_image_is_found_with_its_metalink(running: Running, tmp_path: Path) -> None:
    with browser(running.stale, tmp_path / "profile") as window:
        window.open("/isos")
        window.driver.find_element(By.CSS_SELECTOR, "a[href='/isos/x86_64/9.8']").click()
        card = window.driver.find_element(By.CSS_SELECTOR, ".card")
        assert "4.7 GB" in card.text
        assert bytes(range(32)).hex() in card.text
        metalink = card.find_element(By.LINK_TEXT, "metalink").get_attribute("href")
        with urlopen(metalink or "", timeout=WAIT_SECONDS) as answer:
            told = answer.read().decode()
        assert '<file name="Example-9.8-x86_64-dvd.iso">' in told
        assert window.foreign_requests() == []


def test_a_keyboard_is_enough(window: Browser) -> None:
    window.open("/")
    active = window.driver.switch_to.active_element
    active.send_keys(Keys.TAB)
    assert window.driver.switch_to.active_element.text == "Skip to content"
    window.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert window.driver.current_url.endswith("#content")


def test_without_a_script_the_form_and_the_headings_ask_the_service(running: Running, tmp_path: Path) -> None:
    with browser(running.large, tmp_path / "profile", script=False) as window:
        window.open("/")
        Select(window.driver.find_element(By.NAME, "country")).select_by_visible_text("Germany")
        window.driver.find_element(By.CSS_SELECTOR, "#filters button").click()
        WebDriverWait(window.driver, WAIT_SECONDS).until(lambda driver: "country=DE" in driver.current_url)
        assert window.driver.find_element(By.ID, "count").text == "36 of 530"
        window.driver.find_element(By.LINK_TEXT, "Speed").click()
        WebDriverWait(window.driver, WAIT_SECONDS).until(lambda driver: "sort=speed" in driver.current_url)
        assert "country=DE" in window.driver.current_url
        window.driver.find_element(By.NAME, "q").send_keys("sponsor 75" + Keys.ENTER)
        WebDriverWait(window.driver, WAIT_SECONDS).until(lambda driver: "q=sponsor+75" in driver.current_url)
        assert len(window.driver.find_elements(By.CSS_SELECTOR, "tr[data-c]")) == 1


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The rules of accessibility, fetched for this test only; they are no part of the project."""
    need("npm")
    directory = tmp_path_factory.mktemp("axe")
    done = subprocess.run(
        ["npm", "pack", "axe-core@4"], cwd=directory, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0:
        pytest.fail(f"axe-core cannot be fetched: {done.stderr[-500:]}", pytrace=False)
    with tarfile.open(next(directory.glob("axe-core-*.tgz"))) as packed:
        file = packed.extractfile("package/axe.min.js")
        assert file is not None
        return file.read().decode()


RUN_AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}).then(
  found => done(found.violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html + n.failureSummary).join(" | "))),
  fault => done([String(fault)]));
"""


@pytest.mark.parametrize(("width", "dark"), LOOKS, ids=lambda value: str(value))
def test_everybody_can_use_every_page(running: Running, axe: str, tmp_path: Path, width: int, dark: bool) -> None:
    """axe finds nothing, nothing is wider than the window, nothing is asked of others, the console stays empty."""
    asked = [(running.stale, path) for path in PAGES]
    asked += [(running.none, path) for path in ("/", "/yours", "/status", "/isos/x86_64/9.8")]
    with browser(running.stale, tmp_path / "axe", width=width, dark=dark, bypass=True) as window:
        for origin, path in [*asked, *((running.stale, path) for path in ERRORS)]:
            window.origin = origin
            window.open(path)
            window.script("for (const each of document.querySelectorAll('details')) each.open = true")
            window.script(axe)
            assert window.driver.execute_async_script(RUN_AXE) == [], f"{origin}{path} at {width}"
    with browser(running.stale, tmp_path / "strict", width=width, dark=dark) as window:
        for origin, path in asked:
            window.origin = origin
            window.open(path)
            assert window.script("return document.documentElement.scrollWidth") <= width, f"{origin}{path} at {width}"
            assert window.foreign_requests() == []
        assert window.complaints() == []
