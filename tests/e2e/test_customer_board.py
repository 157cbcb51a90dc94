"""From a segment to its customers, and on to the page of one of them, in a real browser."""

from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from lakehouse import dashboards
from lakehouse.assets import chart_nodes, of_kind, read
from lakehouse.board_links import link
from lakehouse.servers import superset
from tests.board_page import open_board
from tests.conftest import Stack
from tests.made import SHOP
from tests.questions import DATASETS

pytestmark = pytest.mark.e2e

FOUND, _ = read()
SHOWN = {node["meta"]["uuid"] for node in chart_nodes(FOUND["dashboards/customer.yaml"])}
TITLES = {chart["slice_name"] for chart in of_kind(FOUND, "charts").values() if chart["uuid"] in SHOWN}
NUMBERS = {"What is this customer worth?", "How many orders?", "When last seen?"}
DRAWN_WITHIN_SECONDS = 120


@pytest.fixture(scope="module")
def customer(marts: Stack) -> dict[str, Any]:
    """One in the middle, whom no filter chooses by itself, with the link that the segment's table shows."""
    dashboards.push(marts.settings)
    columns = DATASETS[FOUND["charts/segment_customers.yaml"]["dataset_uuid"]]["columns"]
    shown = next(column["expression"] for column in columns if column["column_name"] == "page")
    return marts.query(
        f"""
        select
            *,
            {shown} as link
        from marts.fct_customer_segments
        where is_latest and source = '{SHOP}'
        order by customer_id
        limit 1 offset 3
        """
    )[0]


@pytest.fixture(scope="module")
def page(browser: Chrome, customer: dict[str, Any], marts: Stack) -> Chrome:
    """The board as the link opens it, every panel drawn."""
    url = superset.url(marts.settings)
    browser.get(f"{url}/superset/welcome/")
    browser.execute_script("document.body.innerHTML = arguments[0]", customer["link"])
    browser.find_element(By.LINK_TEXT, "Open").click()
    wait = WebDriverWait(browser, DRAWN_WITHIN_SECONDS, ignored_exceptions=[Exception])
    wait.until(lambda b: panels(b).keys() >= TITLES, f"the page misses panels of {TITLES}")
    for panel in panels(browser).values():
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", panel)
    loading = "[data-test=loading-indicator]"
    wait.until(lambda b: not b.find_elements(By.CSS_SELECTOR, loading), "a panel is still loading")
    wait.until(lambda b: customer["customer_id"] in panels(b)["Who is this?"].text, "not this customer")
    return browser


def panels(browser: Chrome) -> dict[str, Any]:
    """Title -> panel."""
    found = browser.find_elements(By.CSS_SELECTOR, "[data-test-chart-name]")
    return {str(panel.get_attribute("data-test-chart-name")): panel for panel in found}


def test_the_link_opens_the_page_of_this_customer_alone(
    page: Chrome, customer: dict[str, Any], marts: Stack, tmp_path: Path
) -> None:
    page.save_screenshot(str(tmp_path / "customer.png"))
    where = f"source = '{customer['source']}' and customer_id = '{customer['customer_id']}'"
    held = marts.query(f"select net_revenue, order_count from marts.dim_customers where {where}")[0]
    shown = panels(page)
    assert shown["How many orders?"].find_element(By.CSS_SELECTOR, ".header-line").text == str(
        held["order_count"]
    )
    worth = shown["What is this customer worth?"].find_element(By.CSS_SELECTOR, ".header-line").text
    assert float(worth.replace(",", "")) == pytest.approx(float(held["net_revenue"]), abs=0.01)
    rows = shown["Who is this?"].find_elements(By.CSS_SELECTOR, "tbody tr")
    assert len(rows) == 1, f"see {tmp_path / 'customer.png'}"


def test_the_filters_name_whom_the_page_shows(page: Chrome, customer: dict[str, Any]) -> None:
    values = page.find_elements(By.CSS_SELECTOR, "[data-test=form-item-value]")
    assert [value.text for value in values] == [customer["source"], customer["customer_id"]]


def test_no_panel_of_the_page_complains(page: Chrome) -> None:
    said = {
        title: panel.text
        for title, panel in panels(page).items()
        if panel.find_elements(By.CSS_SELECTOR, "[role=alert]")
    }
    assert said == {}


def test_a_segments_table_shows_the_link(page: Chrome, marts: Stack) -> None:
    page.get(f"{superset.url(marts.settings)}/superset/dashboard/segmentation/")
    wait = WebDriverWait(page, DRAWN_WITHIN_SECONDS, ignored_exceptions=[Exception])
    panel = wait.until(lambda b: panels(b)["Who is in a segment?"], "the board has no such table")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", panel)
    shown = wait.until(lambda b: panels(b)["Who is in a segment?"].find_element(By.LINK_TEXT, "Open"))
    assert "/superset/dashboard/customer/?native_filters=" in str(shown.get_attribute("href"))


def test_nobody_is_shown_before_one_is_chosen(page: Chrome, marts: Stack) -> None:
    """All customers at once would look like one who is worth a lot."""
    shown = open_board(page, link(marts.settings, "customer", source=SHOP), "customer")
    assert shown.complaints == []
    assert shown.empty == {title for title in TITLES if title not in NUMBERS}
    assert {panels(page)[title].find_element(By.CSS_SELECTOR, ".header-line").text for title in NUMBERS} == {
        "No data"
    }
