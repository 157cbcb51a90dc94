"""A board in a browser: opened as a person does, and what each of its panels shows."""

import time
from dataclasses import dataclass
from typing import Any

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from lakehouse.assets import Asset, chart_nodes, of_kind
from tests.questions import CHARTS, FOUND

BOARDS = {board["slug"]: board for board in of_kind(FOUND, "dashboards").values()}
# Superset draws what is in view: in so tall a window that is the whole board, and nobody has to scroll.
WIDTH, HEIGHT = 1440, 3600
# One question to the page, since a busy browser answers each of them late.
LOOK = """
    const all = (node, chosen) => [...node.querySelectorAll(chosen)].filter(found => found.innerText.trim());
    const words = found => [...new Set(found.map(each => each.innerText.trim()))];
    return [
        words(all(document, '[role=alert]')),
        [...document.querySelectorAll('[data-test-chart-name]')].map(panel => ({
            title: panel.dataset.testChartName,
            is_loading: Boolean(panel.querySelector('[data-test=loading-indicator]')),
            is_drawn: Boolean(panel.querySelector('.header-line, canvas, table')),
            is_empty: Boolean(panel.querySelector('.ant-empty')),
        })),
    ];
"""

ROWS = """
    const table = document.querySelector(`[data-test-chart-name="${arguments[0]}"] tbody`);
    const texts = row => [...row.querySelectorAll('td')].map(cell => cell.innerText.trim());
    return table ? [...table.querySelectorAll('tr')].map(texts) : [];
"""
CLICK_SECONDS = 60


@dataclass(frozen=True)
class Shown:
    """What a page came to: complaints anywhere on it, panels that drew something, and those without data."""

    complaints: list[str]
    drawn: set[str]
    empty: set[str]


def shown_charts(slug: str) -> list[Asset]:
    """The charts of a board, as its files name them."""
    uuids = {node["meta"]["uuid"] for node in chart_nodes(BOARDS[slug])}
    return [chart for chart in CHARTS.values() if chart["uuid"] in uuids]


def titles(slug: str) -> set[str]:
    """The titles of a board's panels."""
    return {chart["slice_name"] for chart in shown_charts(slug)}


def look(browser: Chrome, wanted: set[str], seconds: float) -> Shown:
    """Wait until each of these panels has stopped loading, or complains; a refreshing board starts again."""
    complaints: list[str] = []
    settled: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + seconds
    while not settled.keys() >= wanted and not complaints and time.monotonic() < deadline:
        time.sleep(0.2)
        complaints, panels = browser.execute_script(LOOK)
        for panel in panels:
            if not panel["is_loading"] and (panel["is_drawn"] or panel["is_empty"]):
                settled[panel["title"]] = panel
    drawn = {title for title, panel in settled.items() if panel["is_drawn"]}
    return Shown(complaints, drawn, settled.keys() - drawn)


def open_board(browser: Chrome, address: str, slug: str, seconds: float = 120) -> Shown:
    """Open the board under this address and wait until all of its panels are there."""
    browser.set_window_size(WIDTH, HEIGHT)
    browser.get(address)
    return look(browser, titles(slug), seconds)


def rows(browser: Chrome, title: str) -> list[list[str]]:
    """The texts of a table's cells, row by row."""
    found: list[list[str]] = browser.execute_script(ROWS, title)
    return found


def choose(browser: Chrome, name: str, value: str) -> None:
    """A value in a filter of the board's bar, and apply it."""
    wait = WebDriverWait(browser, CLICK_SECONDS, ignored_exceptions=[WebDriverException])
    named = f"//*[@data-test='filter-control-name'][normalize-space()='{name}']"
    box = f"{named}/ancestor::*[.//input[@role='combobox']][1]//input[@role='combobox']"
    wait.until(lambda page: page.find_element(By.XPATH, box).send_keys(value) is None)
    option = f".ant-select-item-option[title='{value}']"
    wait.until(lambda page: page.find_element(By.CSS_SELECTOR, option).click() is None)
    apply = "[data-test=filter-bar__apply-button]"
    wait.until(lambda page: page.find_element(By.CSS_SELECTOR, apply).click() is None)


def click_cell(browser: Chrome, title: str, text: str) -> None:
    """A cell of a table that filters the other panels."""
    cells = f"//*[@data-test-chart-name='{title}']//td[contains(@class, 'dt-is-filter')]"
    wait = WebDriverWait(browser, CLICK_SECONDS, ignored_exceptions=[WebDriverException])
    wait.until(
        lambda page: page.find_element(By.XPATH, f"{cells}[normalize-space()='{text}']").click() is None
    )


def drill(browser: Chrome, title: str) -> int:
    """How many rows stand behind a panel, as its menu tells."""
    wait = WebDriverWait(browser, CLICK_SECONDS, ignored_exceptions=[WebDriverException])
    menu = f"[data-test-chart-name='{title}'] [aria-label='More Options']"
    wait.until(lambda page: page.find_element(By.CSS_SELECTOR, menu).click() is None)
    item = "//*[@role='menuitem'][normalize-space()='Drill to detail']"
    wait.until(lambda page: page.find_element(By.XPATH, item).click() is None)
    label = ".ant-modal [data-test=row-count-label]"
    text = wait.until(lambda page: page.find_element(By.CSS_SELECTOR, label).text)
    return int(text.split()[0].replace(",", ""))
