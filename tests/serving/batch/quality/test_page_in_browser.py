"""The page in a real browser."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from serving.batch.quality import choose_cases, picture_of, render_quality
from tests.chromium import NEEDED, chromium
from tests.serving.batch.quality.cases import exam_and_regions, provenance, spec, verdict

pytestmark = NEEDED


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    released = [provenance(index) for index in range(14)]
    pictures = [picture_of(case.case_id, *exam_and_regions(case.index)) for case in choose_cases(released)]
    page = tmp_path_factory.mktemp("cohort") / "quality.html"
    quarantined = [provenance(14, replica=verdict(60))]
    page.write_text(render_quality(spec(20), released, pictures, quarantined=quarantined, failed={16: "no"}))
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        driver.get(page.as_uri())
        yield driver


def test_it_loads_nothing_and_its_policy_breaks_nothing(browser):
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []
    assert browser.get_log("browser") == []
    background = browser.execute_script("return getComputedStyle(document.querySelector('.viewer')).backgroundColor")
    assert background == "rgb(0, 0, 0)"


def test_every_case_shows_its_contrasts_and_their_outlines(browser):
    cases = browser.find_elements(By.CSS_SELECTOR, ".case")
    assert len(cases) == 6
    for case in cases:
        image = case.find_element(By.TAG_NAME, "image")
        width = image.rect["width"]
        uses = case.find_elements(By.TAG_NAME, "use")
        assert len(uses) == 4
        lefts = [use.rect["x"] - image.rect["x"] for use in uses]
        assert lefts == sorted(lefts)
        assert all(width * tile / 4 < left < width * (tile + 1) / 4 for tile, left in enumerate(lefts))
        lines = case.find_elements(By.CSS_SELECTOR, "defs path")
        assert [line.get_attribute("fill") for line in lines] == ["none"] * 3


def test_outlines_go_and_come_by_keyboard(browser):
    lines = browser.find_element(By.CSS_SELECTOR, ".lines")
    assert lines.value_of_css_property("visibility") == "visible"
    browser.find_element(By.ID, "outlines").send_keys(Keys.SPACE)
    assert lines.value_of_css_property("visibility") == "hidden"
    browser.find_element(By.ID, "outlines").send_keys(Keys.SPACE)
    assert lines.value_of_css_property("visibility") == "visible"


@pytest.mark.parametrize("width", [1280, 600])
def test_nothing_sticks_out(browser, width):
    browser.set_window_size(width, 900)
    assert (
        browser.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        == 0
    )


def test_pictures_have_names(browser):
    pictures = browser.find_elements(By.CSS_SELECTOR, "svg[role=img]")
    assert len(pictures) == 6 + 3 + 3 + 1
    assert all(picture.accessible_name for picture in pictures)
