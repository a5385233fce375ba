"""Browsers that open the page, and the errors that they report."""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FloatRect,
    Locator,
    Page,
    Playwright,
    expect,
)

#: Type of the fixture open_page(server, **options).
OpenPage = Callable[..., Page]
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FIREFOXES = ("firefox-esr", "firefox")
ACTION_MS = 30_000
START_MS = 120_000
#: The item of sessionStorage in which the page keeps the key.
KEY_ITEM = "image-erase-key"
#: The console's message for every failed response, expected or not.
FAILED_ANSWER = r"Failed to load resource: the server responded with a status of \d+"
_ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No host but this machine can be resolved or reached.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# Requests to every other host go to a proxy that does not exist.
_NOWHERE = {"network.proxy.http": "127.0.0.1", "network.proxy.ssl": "127.0.0.1"}
_PREFERENCES: dict[str, str | float | bool] = _NOWHERE | {
    "network.proxy.type": 1,
    "network.proxy.http_port": 9,
    "network.proxy.ssl_port": 9,
}
_TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""
# Once per tab: a page that has forgotten the key must not get it again when it is reloaded.
_GIVE_KEY = """
if (location.origin === %(origin)s && !sessionStorage.getItem("key-given")) {
  sessionStorage.setItem("key-given", "yes");
  sessionStorage.setItem(%(item)s, %(key)s);
}
"""


def find_chromium() -> str | None:
    """Return the program to run: that of CHROMIUM, or the first that is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


def start_chromium(playwright: Playwright, program: str) -> Browser:
    """Start it without a window. As root, it cannot use its sandbox."""
    expect.set_options(timeout=ACTION_MS)
    return playwright.chromium.launch(
        executable_path=program, args=_ARGUMENTS, chromium_sandbox=os.geteuid() != 0, timeout=START_MS
    )


def find_firefox() -> str | None:
    """Return the program to run: that of FIREFOX, or the first that is installed."""
    return os.environ.get("FIREFOX") or next(filter(None, map(shutil.which, FIREFOXES)), None)


def start_firefox(playwright: Playwright, program: str, folder: Path) -> Browser:
    """Start the Firefox of the system without a window. folder: for the program that Playwright starts."""
    expect.set_options(timeout=ACTION_MS)
    relay = folder / "firefox"
    command = shlex.join([sys.executable, "-m", "support.bidi", program])
    relay.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(Path(__file__).parents[1]))} exec {command} "$@"\n')
    relay.chmod(0o755)
    return playwright.firefox.launch(
        channel="moz-firefox", executable_path=relay, firefox_user_prefs=_PREFERENCES, timeout=START_MS
    )


class Visitor:
    """One visitor of the page, with separate storage, who records all errors.

    Chromium shows no motion unless `reduced_motion` asks for it; Firefox, as it is driven here, always does.
    """

    def __init__(self, browser: Browser, base: str, expected: Sequence[str] = (), **context_options: Any) -> None:
        """expected: patterns of errors that this test expects."""
        self._base, self._expected = base, (FAILED_ANSWER, *expected)
        self._heard: list[str] = []
        # The cache of a service worker would hide the answers of the server. Every frame of a motion is drawn by the
        # processor here, which took half of the time of an erasing.
        options = {"service_workers": "block", "base_url": base, "reduced_motion": "reduce", **context_options}
        self.context: BrowserContext = browser.new_context(**options)
        self.context.set_default_timeout(ACTION_MS)
        self.context.set_default_navigation_timeout(START_MS)
        self.context.add_init_script(_TELL_VIOLATIONS)
        self.context.on("console", self._on_console)
        self.context.on("weberror", lambda failure: self._heard.append(f"uncaught: {failure.error}"))
        # Hearing of every request is slow. Those to another host fail, but for a tab that goes to another port here.
        self.context.on("requestfailed", lambda request: self._on_address(request.url))
        self.context.on("page", self._on_page)

    @property
    def complaints(self) -> list[str]:
        """Errors in the console, exceptions, violations of the policy and requests to other hosts, in order."""
        return [said for said in self._heard if not any(re.search(pattern, said) for pattern in self._expected)]

    def give_key(self, key: str) -> None:
        """Give the page a key as if it had been typed in before."""
        words = {"origin": self._base, "item": KEY_ITEM, "key": key}
        self.context.add_init_script(_GIVE_KEY % {name: json.dumps(word) for name, word in words.items()})

    def open(self, path: str) -> Page:
        """A new tab with a page of the server."""
        page = self.context.new_page()
        page.goto(path)
        return page

    def take_pictures(self, folder: Path) -> list[Path]:
        """A screenshot of every tab."""
        paths = [folder / f"screenshot-{id(self)}-{number}.png" for number in range(len(self.context.pages))]
        for page, path in zip(self.context.pages, paths, strict=True):
            page.screenshot(path=path, full_page=True)
        return paths

    def leave(self) -> None:
        """Close everything."""
        self.context.close()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._heard.append(message.text)

    def _on_page(self, page: Page) -> None:
        # It may be there already before it is heard of.
        self._on_address(page.url)
        page.on("framenavigated", lambda frame: self._on_address(frame.url))

    def _on_address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and f"{parts.scheme}://{parts.netloc}" != self._base:
            self._heard.append(f"request to another host: {url}")


def box_of(locator: Locator) -> FloatRect:
    """Where an element is in the window. It must be visible."""
    box = locator.bounding_box()
    assert box
    return box
