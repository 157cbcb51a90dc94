"""A browser and the pushed boards, on top of the running stack."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from lakehouse import dashboards
from lakehouse.servers import superset

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync"
    " --window-size=1440,1000"
)


@pytest.fixture(scope="session")
def overview(marts: Any) -> str:
    """Address of the Overview board, pushed twice: the second time must change nothing."""
    assert dashboards.push(marts.settings) == dashboards.push(marts.settings)
    return f"{superset.url(marts.settings)}/superset/dashboard/overview/"


@pytest.fixture(scope="session")
def browser(stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Headless Chromium, logged in as the administrator."""
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("Chromium is not installed: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    try:
        log_in(driver, superset.url(stack.settings), superset.admin_password(stack.settings))
        yield driver
    finally:
        driver.quit()


def log_in(driver: webdriver.Chrome, url: str, password: str) -> None:
    """Through the login page, as a person does."""
    driver.get(f"{url}/login/")
    wait = WebDriverWait(driver, 90)
    wait.until(lambda page: page.find_elements(By.ID, "username"))
    driver.find_element(By.ID, "username").send_keys("admin")
    driver.find_element(By.ID, "password").send_keys(password)
    driver.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    wait.until(lambda page: "/login" not in page.current_url)
