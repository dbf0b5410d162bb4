"""A reader at work, in a real browser."""

import json
import time

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.chromium import NEEDED, chromium
from training.reader_study import Truth, load_answers, load_key, score_answers

PATIENCE_S = 20

pytestmark = NEEDED


@pytest.fixture
def downloads(tmp_path):
    folder = tmp_path / "downloads"
    folder.mkdir()
    return folder


@pytest.fixture
def browser(tmp_path, downloads):
    with chromium(tmp_path / "profile", height=800) as driver:
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
        yield driver


class Reader:
    """Someone with a keyboard and no mouse."""

    def __init__(self, browser, page):
        self.browser = browser
        browser.get(page.as_uri())

    def press(self, *keys):
        for key in keys:
            self.browser.switch_to.active_element.send_keys(key)

    def tab_to(self, identifier):
        for _ in range(60):
            self.press(Keys.TAB)
            if self.browser.switch_to.active_element.get_attribute("id") == identifier:
                return
        pytest.fail(f"no way to {identifier} by the tab key")

    def text(self, identifier):
        return self.browser.find_element(By.ID, identifier).text

    @property
    def view(self):
        return self.browser.find_element(By.CSS_SELECTOR, "main:not([hidden])").get_attribute("id")

    def checked(self):
        chosen = self.browser.find_elements(By.CSS_SELECTOR, "input[type=radio]:checked")
        return [radio.get_attribute("value") for radio in chosen]


def test_a_reader_answers_by_keyboard_reloads_and_saves(browser, kit, downloads):
    key = load_key(kit / "key.json")
    truths = [item.truth for item in key.items.values()]
    mistaken, skipped = {1, 4}, 6
    judgements = [
        next(other for other in Truth if other is not truth) if position in mistaken else truth
        for position, truth in enumerate(truths)
    ]
    keys = {Truth.REAL: "r", Truth.SYNTHETIC: "s"}

    reader = Reader(browser, kit / "index.html")
    assert reader.view == "start"
    reader.tab_to("reader")
    reader.press("A B", Keys.ENTER)
    assert reader.view == "reading"
    for position in range(5):
        assert reader.text("place") == f"Image {position + 1} of 10"
        reader.press(keys[judgements[position]], str(1 + position % 5))
        if position == 2:
            reader.press("c", "Streaks: 5, <b>NB</b>", Keys.ESCAPE)
        reader.press("n" if position % 2 else Keys.ENTER)

    browser.refresh()
    assert reader.view == "reading"
    assert reader.text("place") == "Image 6 of 10"
    assert reader.text("done") == "5"
    reader.press("b", "b", "b")
    assert reader.checked() == [judgements[2].value, "3"]
    assert browser.find_element(By.ID, "comment").get_attribute("value") == "Streaks: 5, <b>NB</b>"
    reader.press("n", "n", "n")

    for position in range(5, 10):
        if position != skipped:
            reader.press(keys[judgements[position]], str(1 + position % 5))
        reader.press("n")
    assert reader.view == "summary"
    assert reader.text("summary-title") == "1 image still open"
    reader.tab_to("save")
    reader.press(Keys.ENTER)
    assert reader.view == "reading"
    assert reader.text("place") == "Image 7 of 10"
    assert reader.text("notice") == "Not saved: this image is still open."
    assert list(downloads.iterdir()) == []
    reader.press(keys[judgements[skipped]], "2", "n", "n", "n", "n")
    assert reader.text("summary-title") == "All images answered"
    reader.tab_to("save")
    reader.press(Keys.ENTER)

    saved = downloads / f"answers-{key.study_id}-A_B.json"
    WebDriverWait(browser, PATIENCE_S).until(lambda _: saved.exists())
    answers = load_answers(saved)
    assert answers.reader == "A B"
    assert [answers.items[item].judgement for item in key.items] == judgements
    assert [answers.items[item].score for item in key.items] == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]
    assert [answers.items[item].comment for item in key.items] == ["", "", "Streaks: 5, <b>NB</b>", *[""] * 7]
    assert sum(answer.seconds for answer in answers.items.values()) > 0
    table = score_answers(key, [answers])
    assert table.rows[-1].misclassified.count == len(mistaken)
    assert browser.get_log("browser") == []


def test_page_loads_nothing_but_itself(browser, kit):
    reader = Reader(browser, kit / "index.html")
    reader.press("n", "n", "n")
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []
    assert (
        browser.execute_async_script(
            "const done = arguments[0]; fetch('data:text/plain,x').then(() => done('sent'), () => done('refused'))"
        )
        == "refused"
    )
    assert browser.execute_script("return document.getElementById('picture').naturalWidth") > 0


def test_everything_that_can_be_operated_has_a_name(browser, kit):
    reader = Reader(browser, kit / "index.html")
    for keys in ((), ("n",), ("n",) * 10):
        reader.press(*keys)
        controls = browser.find_elements(By.CSS_SELECTOR, "main:not([hidden]) :is(button, input, textarea)")
        assert len(controls) > 2
        assert [control.get_attribute("outerHTML") for control in controls if not control.accessible_name] == []
    assert reader.view == "summary"


def test_another_reader_starts_afresh(browser, kit):
    reader = Reader(browser, kit / "index.html")
    reader.press("n", "r", "4", *["n"] * 10)
    reader.tab_to("clear")
    reader.press(Keys.ENTER)
    reader.tab_to("sure-yes")
    reader.press(Keys.ENTER)
    assert reader.view == "start"
    assert reader.text("done") == "0"
    browser.refresh()
    reader.press("n")
    assert reader.checked() == []


def test_letters_do_nothing_where_shortcuts_are_off(browser, kit):
    reader = Reader(browser, kit / "index.html")
    reader.tab_to("shortcuts")
    reader.press(Keys.SPACE)
    reader.tab_to("begin")
    reader.press(Keys.ENTER)
    assert reader.view == "reading"
    reader.press("r", "5", "n")
    assert reader.text("place") == "Image 1 of 10"
    assert reader.checked() == []


def test_time_is_counted_for_the_slice_on_the_screen(browser, kit):
    reader = Reader(browser, kit / "index.html")
    reader.press("n")
    time.sleep(0.5)
    reader.press("n", "n")
    stored = json.loads(browser.execute_script("return Object.values(localStorage)[0]"))
    first, second, *_ = load_key(kit / "key.json").items
    assert stored["answers"][first]["seconds"] >= 0.5
    assert stored["answers"][second]["seconds"] < stored["answers"][first]["seconds"]
