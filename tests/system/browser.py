"""A headless Chromium that a test drives as a person would: it looks for what is visible, and waits for it."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement

from tests.system.processes import missing, wait_until

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing of a page comes from another machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
WIDTH, HEIGHT = 1200, 900
SECONDS = 120.0

T = TypeVar("T")

# Each line of the text lies between the edges of all that could be scrolled, or cuts it off.
_IN_SIGHT = """
const squeezed = text => text.replace(/\\s+/g, ' ');
const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let node;
while ((node = nodes.nextNode())) {
    if (!squeezed(node.textContent).includes(squeezed(arguments[0]))) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const lines = [...range.getClientRects()];
    const within = (left, right) => lines.every(line => line.left >= left - 1 && line.right <= right + 1);
    let seen = lines.length > 0 && within(0, document.documentElement.clientWidth);
    for (let box = node.parentElement; seen && box; box = box.parentElement) {
        if (getComputedStyle(box).overflowX === 'visible') continue;
        const edges = box.getBoundingClientRect();
        seen = within(edges.left, edges.right);
    }
    if (seen) return true;
}
return false;
"""


@dataclass(frozen=True)
class Browser:
    """A browser window on one web site."""

    driver: WebDriver
    base_url: str

    def open(self, path: str) -> None:
        """Go to a page of the site."""
        self.driver.get(self.base_url + path)

    def find(self, selector: str, within: WebElement | None = None) -> WebElement:
        """The first visible element of a CSS selector."""
        return self._wait(lambda: self._visible(selector, within), f"a visible {selector}")

    def click(self, selector: str, within: WebElement | None = None) -> None:
        """Click on the first visible element of a CSS selector."""
        self._wait(lambda: _click(self._visible(selector, within)), f"a {selector} to click on")

    def text(self) -> str:
        """What can be read on the page."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def wait_for_text(self, *parts: str) -> str:
        """What can be read on the page, as soon as all these parts can."""
        with contextlib.suppress(AssertionError):
            return self._wait(
                lambda: text if all(part in (text := self.text()) for part in parts) else None, "the page's text"
            )
        text = self.text()
        absent = [part for part in parts if part not in text]
        raise AssertionError(f"{self.driver.current_url} does not show {absent}. It shows:\n{text}")

    def wait_for_path(self, part: str) -> str:
        """The path of the page, as soon as this part is in it."""
        return self._wait(
            lambda: path if part in (path := self.driver.current_url.removeprefix(self.base_url)) else None,
            f"a page with {part} in its path",
        )

    def scroll_to_text(self, text: str) -> None:
        """Bring the element with this very text into view."""
        element = self.driver.find_element(By.XPATH, f"//*[normalize-space(text())='{text}']")
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'nearest', inline: 'nearest'})", element)

    @contextlib.contextmanager
    def sized(self, width: int, height: int) -> Iterator[None]:
        """A window with this much room for the page, until the block ends."""
        self.driver.set_window_size(width, height)
        frame = self.driver.execute_script("return [outerWidth - innerWidth, outerHeight - innerHeight]")
        self.driver.set_window_size(width + frame[0], height + frame[1])
        try:
            yield
        finally:
            self.driver.set_window_size(WIDTH, HEIGHT)

    def wait_to_read(self, *parts: str) -> None:
        """Wait until each of these texts can be read as it stands, without scrolling sideways.

        A text may go on in the next line.
        """
        for part in parts:
            self._wait(lambda part=part: self.driver.execute_script(_IN_SIGHT, part), f"{part!r} in sight")  # type: ignore[misc]

    def picture(self, path: Path, *, height: int | None = None) -> None:
        """Save what the window shows as a PNG; with ``height``, what one of that height would."""
        if height is not None:
            self.driver.set_window_size(WIDTH, height)
        self.driver.save_screenshot(str(path))
        if height is not None:
            self.driver.set_window_size(WIDTH, HEIGHT)

    def _visible(self, selector: str, within: WebElement | None) -> WebElement | None:
        found = (within or self.driver).find_elements(By.CSS_SELECTOR, selector)
        return next((element for element in found if element.is_displayed()), None)

    def _wait(self, check: Callable[[], T | None], what: str) -> T:
        def attempt() -> T | None:
            with contextlib.suppress(StaleElementReferenceException):  # the page was drawn anew meanwhile
                return check()
            return None

        return wait_until(attempt, f"{what} on {self.driver.current_url}", timeout=SECONDS, interval=0.2)


def _click(element: WebElement | None) -> bool:
    if element is not None:
        element.click()
    return element is not None


@contextlib.contextmanager
def chromium(base_url: str, profile: Path) -> Iterator[Browser]:
    """A new Chromium with an empty profile."""
    program, driver_program = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver_program is None:
        missing("no chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--window-size={WIDTH},{HEIGHT}", f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(driver_program))
    try:
        yield Browser(driver, base_url)
    finally:
        driver.quit()


@contextlib.contextmanager
def pictured_on_failure(browser: Browser, request: pytest.FixtureRequest, path: Path) -> Iterator[None]:
    """Save a picture of the page, and tell where, if the test of ``request`` fails."""
    failed_before = request.session.testsfailed
    yield
    if request.session.testsfailed > failed_before:
        browser.picture(path)
        print(f"{browser.driver.current_url} looked like {path}")
