"""The documentation page in a real browser: it renders, asks the service, and needs nothing from elsewhere."""

import hashlib
import json
import shutil
from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.serving.process import Running, serving

pytestmark = pytest.mark.browser

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    driver = shutil.which("chromedriver")
    if driver is None or shutil.which("chromium") is None:
        pytest.skip("there is no Chromium here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for switch in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}", "--window-size=1200,1600"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as chrome:
        yield chrome


@pytest.fixture
def page(browser: webdriver.Chrome, bankchurn: Running) -> webdriver.Chrome:
    """The churn service's page, read from its OpenAPI document and ready."""
    browser.get(f"http://127.0.0.1:{bankchurn.port}/docs")
    WebDriverWait(browser, 10).until(lambda chrome: operation(chrome, "/predict"))
    return browser


def operation(page: webdriver.Chrome, path: str) -> WebElement | None:
    """The part of the page about one POST."""
    found = page.find_elements(By.CSS_SELECTOR, "details")
    return next((one for one in found if path in one.find_element(By.TAG_NAME, "summary").text.split()), None)


def send(page: webdriver.Chrome, path: str, body: str | None = None) -> tuple[str, str]:
    """What the page shows after a click on Send: the status line and the reply."""
    part = operation(page, path)
    assert part is not None
    if part.get_attribute("open") is None:
        part.find_element(By.TAG_NAME, "summary").click()
    if body is not None:
        field = part.find_element(By.TAG_NAME, "textarea")
        field.clear()
        field.send_keys(body)
    part.find_element(By.TAG_NAME, "button").click()
    status = WebDriverWait(page, 10).until(
        lambda _: next(iter(part.find_elements(By.CSS_SELECTOR, "[role=status]")), None)
    )
    WebDriverWait(page, 10).until(lambda _: status.text)
    return status.text, part.find_element(By.CSS_SELECTOR, "[role=status] ~ pre").text


@pytest.mark.feature("F130")
def test_the_example_can_be_sent_with_one_click(page: webdriver.Chrome):
    status, reply = send(page, "/predict")

    assert status.startswith("200 OK")
    assert 0 < json.loads(reply)["churn_probability"] < 1


def test_a_wrong_record_is_answered_with_its_fault(page: webdriver.Chrome):
    status, reply = send(page, "/predict", '{"Age": 5}')

    assert status.startswith("422")
    assert "Input should be greater than or equal to 18" in reply


def test_a_key_can_be_given_once_the_worker_asks_for_one(browser: webdriver.Chrome, bundles, tmp_path):
    (tmp_path / "keys").write_text(hashlib.sha256(b"open sesame").hexdigest())
    with serving(bundles["bankchurn"], "--keys", tmp_path / "keys") as worker:
        browser.get(f"http://127.0.0.1:{worker.port}/docs")
        WebDriverWait(browser, 10).until(lambda chrome: operation(chrome, "/predict"))
        field = browser.find_element(By.CSS_SELECTOR, "input[type=password]")
        assert not field.is_displayed()

        assert send(browser, "/predict")[0].startswith("401")
        field.send_keys("open sesame")
        button = operation(browser, "/predict").find_element(By.TAG_NAME, "button")
        button.click()
        WebDriverWait(browser, 10).until(lambda chrome: "200 OK" in operation(chrome, "/predict").text)


def test_the_page_shows_every_field_with_its_limits(page: webdriver.Chrome):
    part = operation(page, "/predict")

    assert part is not None
    for words in ("CreditScore", "≥ 300, ≤ 850", '"France" | "Germany" | "Spain"', "years with the bank", "risk_level"):
        assert words in part.text


def test_the_page_asks_nobody_but_its_own_service(page: webdriver.Chrome, bankchurn: Running):
    page.get_log("performance")  # drops what came before
    page.refresh()
    WebDriverWait(page, 10).until(lambda chrome: operation(chrome, "/predict"))
    events = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    assert len(asked) >= 3
    assert [url for url in asked if not url.startswith(f"http://127.0.0.1:{bankchurn.port}/")] == []


def test_the_browser_has_nothing_to_complain_of(page: webdriver.Chrome):
    page.get_log("browser")  # drops what came before
    page.refresh()
    WebDriverWait(page, 10).until(lambda chrome: operation(chrome, "/predict"))

    assert [
        entry for entry in page.get_log("browser") if entry["level"] == "SEVERE" and "favicon" not in entry["message"]
    ] == []
