"""The Overview board in a real browser shows what the marts hold."""

from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from lakehouse.assets import chart_nodes, of_kind, read
from lakehouse.warehouse import query

pytestmark = pytest.mark.e2e

FOUND, _ = read()
SHOWN = {node["meta"]["uuid"] for node in chart_nodes(FOUND["dashboards/overview.yaml"])}
TITLES = {chart["slice_name"] for chart in of_kind(FOUND, "charts").values() if chart["uuid"] in SHOWN}
# A busy machine of two cores draws the first panels of a cold Superset in this time.
DRAWN_WITHIN_SECONDS = 120


def panels(browser: Chrome) -> dict[str, WebElement]:
    """Title -> panel, of what the page shows so far."""
    found = browser.find_elements(By.CSS_SELECTOR, "[data-test-chart-name]")
    return {str(panel.get_attribute("data-test-chart-name")): panel for panel in found}


def drawn(panel: WebElement) -> bool:
    """A number, a canvas or a complaint: the panel has stopped loading."""
    shown = panel.find_elements(By.CSS_SELECTOR, ".header-line, canvas, [role=alert], .ant-empty")
    return bool(shown) and not panel.find_elements(By.CSS_SELECTOR, "[data-test=loading-indicator]")


@pytest.fixture(scope="module")
def page(browser: Chrome, overview: str) -> dict[str, WebElement]:
    """The board's panels once all of them are drawn."""
    browser.get(overview)
    wait = WebDriverWait(browser, DRAWN_WITHIN_SECONDS, ignored_exceptions=[Exception])
    wait.until(lambda b: panels(b).keys() >= TITLES, "not every panel of the board is on the page")
    for panel in panels(browser).values():
        # Superset loads a panel when it comes into view.
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", panel)
    wait.until(lambda b: all(drawn(panel) for panel in panels(b).values()), "a panel is still loading")
    return panels(browser)


def number(panel: WebElement) -> int:
    """The big number in a panel."""
    return int(panel.find_element(By.CSS_SELECTOR, ".header-line").text.replace(",", ""))


def latest(stack: Any) -> dict[str, Any]:
    """The mart's numbers of the source that the filter shows first: the first by name."""
    rows = query(
        """
        select
            source,
            max_by(customers_total, activity_date) as customers_total,
            max_by(customers_active, activity_date) as customers_active,
            max(activity_date) as last_day
        from reports.rpt_overview
        group by source
        order by source
        limit 1
        """,
        stack.settings,
    )
    assert rows, "the stack has no marts"
    return rows[0]


def test_the_page_counts_as_many_customers_as_the_mart(page: dict[str, WebElement], stack: Any) -> None:
    assert number(page["How many customers?"]) == latest(stack)["customers_total"]


def test_the_page_counts_as_many_active_customers_as_the_mart(
    page: dict[str, WebElement], stack: Any
) -> None:
    assert number(page["How many are active?"]) == latest(stack)["customers_active"]


def test_the_page_counts_as_many_new_customers_as_the_marts_last_30_days(
    page: dict[str, WebElement], stack: Any
) -> None:
    source, last_day = latest(stack)["source"], latest(stack)["last_day"]
    rows = query(
        f"""
        select sum(customers_new) as customers_new
        from reports.rpt_overview
        where source = '{source}' and activity_date > date_sub(date'{last_day}', 30)
        """,
        stack.settings,
    )
    assert number(page["How many are new?"]) == rows[0]["customers_new"]


def test_no_panel_complains_or_is_empty(page: dict[str, WebElement], browser: Chrome, tmp_path: Path) -> None:
    browser.save_screenshot(str(tmp_path / "overview.png"))
    said = {
        title: panel.text
        for title, panel in page.items()
        if panel.find_elements(By.CSS_SELECTOR, "[role=alert], .ant-empty")
    }
    assert said == {}, f"see {tmp_path / 'overview.png'}"


def test_the_page_asks_again_by_itself(page: dict[str, WebElement], browser: Chrome, stack: Any) -> None:
    asked = (
        "return performance.getEntriesByType('resource').filter(e => e.name.includes('chart/data')).length"
    )
    browser.execute_script("performance.clearResourceTimings()")
    wait = WebDriverWait(browser, 30 + 2 * stack.settings.dashboards_refresh_seconds)
    wait.until(lambda b: b.execute_script(asked) >= len(TITLES), "the board does not refresh")
