"""Browsers: a visitor's before a recording collector, and one with the pushed boards of the running stack."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.ui import WebDriverWait

from lakehouse import dashboards
from lakehouse.servers import superset
from tests.conftest import free_port
from tests.visitor import RecordingCollector, Visitor, set_offline

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


def start_chromium(profile: Path) -> webdriver.Chrome:
    """Headless Chromium with an empty profile; where there is none, the test is skipped by name."""
    if not (CHROMIUM.exists() and DRIVER.exists()):
        pytest.skip("Chromium is not installed: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={profile}")
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A visitor's browser."""
    driver = start_chromium(tmp_path_factory.mktemp("visitor"))
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def server() -> Iterator[RecordingCollector]:
    """Answers on a port of its own."""
    recorder = RecordingCollector()
    port = free_port()
    config = uvicorn.Config(
        recorder.app(), host="127.0.0.1", port=port, log_level="warning", access_log=False
    )
    uvicorn_server = uvicorn.Server(config)
    thread = threading.Thread(target=uvicorn_server.run, daemon=True)
    thread.start()
    while not uvicorn_server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    recorder.url = f"http://127.0.0.1:{port}"
    yield recorder
    uvicorn_server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def collector(server: RecordingCollector, chromium: webdriver.Chrome) -> Iterator[RecordingCollector]:
    """Nothing recorded, nothing stored in the browser, its network up."""
    chromium.get("about:blank")
    chromium.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": server.url, "storageTypes": "all"})
    server.attributes = 'data-source="web"'
    chromium.get_log("browser")  # whoever reads it empties it
    server.requests.clear()
    server.answers.clear()
    yield server
    set_offline(chromium, False)


@pytest.fixture
def visitor(chromium: webdriver.Chrome, collector: RecordingCollector) -> Visitor:
    return Visitor(chromium, collector)


@pytest.fixture
def privacy_control(chromium: webdriver.Chrome) -> Iterator[None]:
    """A browser that sends Global Privacy Control."""
    source = "Object.defineProperty(navigator, 'globalPrivacyControl', {get: () => true})"
    added = chromium.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": source})
    yield
    chromium.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


@pytest.fixture(scope="session")
def browser(stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Headless Chromium, logged in as the administrator."""
    driver = start_chromium(tmp_path_factory.mktemp("chromium"))
    try:
        log_in(driver, superset.url(stack.settings), superset.admin_password(stack.settings))
        yield driver
    finally:
        driver.quit()


def log_in(driver: webdriver.Chrome, url: str, password: str, name: str = "admin") -> None:
    """Through the login page, as a person does: once more where it comes back, as was seen on a busy
    machine, where Superset did not know the session that it had just begun."""
    wait = WebDriverWait(driver, 90)
    driver.get(f"{url}/login/")
    for _ in range(2):
        wait.until(lambda page: page.find_elements(By.ID, "username"))
        driver.find_element(By.ID, "username").send_keys(name)
        driver.find_element(By.ID, "password").send_keys(password)
        form = driver.find_element(By.CSS_SELECTOR, "button[type=submit]")
        form.click()
        wait.until(staleness_of(form))
        wait.until(lambda page: "/login" not in page.current_url or page.find_elements(By.ID, "username"))
        if "/login" not in driver.current_url:
            return
    pytest.fail(f"{name} cannot log in at {url}")
