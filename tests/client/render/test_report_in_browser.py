"""The report in a real browser: offline, by keyboard, on paper."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import glioserve as gs
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.chromium import NEEDED, chromium
from tests.client import native

A4_MM = (210, 297)
POINTS_PER_MM = 72 / 25.4

pytestmark = NEEDED


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    return gs.write_outputs(native.result(), native.write_exam(folder / "exam"), folder / "out") / "report.html"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def browser(driver: webdriver.Chrome, page: Path) -> webdriver.Chrome:
    """With the report just opened from its file, and no network to fall back on."""
    driver.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    driver.get(page.as_uri())
    return driver


def shown(browser: webdriver.Chrome, selector: str) -> bool:
    return all(each.is_displayed() for each in browser.find_elements(By.CSS_SELECTOR, selector))


def colour(browser: webdriver.Chrome, selector: str) -> tuple[int, ...]:
    value = browser.find_element(By.CSS_SELECTOR, selector).value_of_css_property("background-color")
    return tuple(int(each) for each in re.findall(r"\d+", value)[:3])


def test_it_opens_offline_and_asks_for_nothing(browser: webdriver.Chrome) -> None:
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []
    assert browser.get_log("browser") == []
    images = browser.find_elements(By.TAG_NAME, "img")
    assert len(images) == 3 * (1 + 1 + 3) + 4
    assert all(image.get_property("complete") and image.get_property("naturalWidth") for image in images)
    assert [image for image in images if not image.get_attribute("alt")] == []


def test_it_tells_the_essentials_first(browser: webdriver.Chrome) -> None:
    places = [".brief", ".findings", ".callouts", ".cards", ".composition", ".viewer", ".preparation", ".timings"]
    tops = [browser.find_element(By.CSS_SELECTOR, each).rect["y"] for each in places]
    assert tops == sorted(tops)
    top = browser.find_element(By.CSS_SELECTOR, ".brief")
    assert "1 refusing, 1 warning" in top.text
    assert top.rect["y"] + top.rect["height"] < browser.execute_script("return innerHeight"), "seen without scrolling"


def test_pictures_keep_the_bodys_proportions(browser: webdriver.Chrome) -> None:
    for image in browser.find_elements(By.CSS_SELECTOR, ".frame-wt .base, img.board"):
        natural = image.get_property("naturalWidth") / image.get_property("naturalHeight")
        assert image.rect["width"] / image.rect["height"] == pytest.approx(natural, rel=0.02)


def test_keys_alone_reach_and_work_everything(browser: webdriver.Chrome) -> None:
    body = browser.find_element(By.TAG_NAME, "body")
    order = []
    body.send_keys(Keys.TAB)
    for _ in range(12):
        active = browser.switch_to.active_element
        if active.tag_name == "body":
            break
        order.append(active.get_attribute("id") or active.get_attribute("class"))
        active.send_keys(Keys.TAB)
    assert order == ["view-wt", "show-wt", "show-tc", "show-et", "show-brain", "scroll"]
    controls = browser.find_elements(By.CSS_SELECTOR, "input, [tabindex]")
    assert [each.get_attribute("outerHTML") for each in controls if not each.accessible_name] == []

    browser.find_element(By.ID, "view-wt").send_keys(Keys.ARROW_RIGHT)
    active = browser.switch_to.active_element
    assert active.get_attribute("id") == "view-tc"
    assert shown(browser, ".frame-tc")
    assert not shown(browser, ".frame-wt")
    label = browser.find_element(By.CSS_SELECTOR, "[for=view-tc]")
    assert label.value_of_css_property("outline-style") == "solid", "the focus is seen"

    assert shown(browser, ".frame-tc .layer-brain")
    browser.find_element(By.ID, "show-brain").send_keys(Keys.SPACE)
    assert not shown(browser, ".frame-tc .layer-brain")
    assert shown(browser, ".frame-tc .layer-wt")


@pytest.mark.parametrize(("scheme", "bright"), [("light", True), ("dark", False)])
def test_it_follows_the_readers_colours(browser: webdriver.Chrome, scheme: str, *, bright: bool) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    assert (min(colour(browser, ".panel")) > 200) is bright
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media | {"media": "print"})
    assert min(colour(browser, ".panel")) > 200, "paper is white"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_it_fits_narrow_screens(browser: webdriver.Chrome) -> None:
    browser.set_window_size(500, 900)
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    browser.set_window_size(1280, 900)


def test_it_prints_on_a4(browser: webdriver.Chrome) -> None:
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True, "printBackground": True})
    pdf = base64.b64decode(printed["data"])
    sizes = {tuple(float(each) for each in box.split()) for box in re.findall(rb"/MediaBox\s*\[([^\]]+)\]", pdf)}
    assert len(sizes) == 1
    _, _, width, height = sizes.pop()
    assert (width, height) == pytest.approx([each * POINTS_PER_MM for each in A4_MM], abs=2)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 3
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not shown(browser, ".toolbar"), "there is nothing to press on paper"
    assert shown(browser, ".frame-wt")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
