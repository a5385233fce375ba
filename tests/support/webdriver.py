"""WebKitGTK's browser on a virtual display, driven by WebDriver.

The protocol: https://www.w3.org/TR/webdriver2/. Every command has a bound; the end of the session ends the browser.
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from support.ports import free_port
from support.processes import until

DRIVER, DISPLAY = "WebKitWebDriver", "Xvfb"
COMMAND_SECONDS = 100.0
_SCRIPT_MS = 60_000
_SCREEN = "1600x1200x24"
# The processor draws as it is: by way of OpenGL it takes twice the time, for shaders that it compiles.
_DRAWING = {"WEBKIT_SKIA_ENABLE_CPU_RENDERING": "1", "LIBGL_ALWAYS_SOFTWARE": "1"}
# Of the session of whoever runs the tests, nothing is read and nothing written.
_ALONE = {"GSETTINGS_BACKEND": "memory", "NO_AT_BRIDGE": "1", "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
_FOLDERS = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")


def lacking() -> list[str]:
    """The programs that are needed and not installed."""
    return [name for name in (DRIVER, DISPLAY) if not shutil.which(name)]


class CommandFailed(Exception):
    """A command that failed. code: WebDriver's, such as `element not interactable`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Display:
    """An X server without a screen, and its number."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            [DISPLAY, "-displayfd", str(writing), "-screen", "0", _SCREEN, "-nolisten", "tcp"],
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        # Ends also when the server does.
        with open(reading, "rb") as pipe:
            self.name = f":{pipe.readline().decode().strip()}"
        assert self.name != ":", f"{DISPLAY} does not start"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(60)


class Driver:
    """A driver with one session, which is one browser."""

    def __init__(self, folder: Path) -> None:
        """folder: the browser's home, for all that it writes."""
        self.folder = folder
        self._port = free_port()
        self._session = ""
        with ExitStack() as stack:
            display = Display()
            stack.callback(display.close)
            self._process = self._start(display.name)
            stack.callback(self._kill)
            until(self._answers, f"{DRIVER} starts")
            self._begin()
            self._ending = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the session and every process of it."""
        with self._ending, suppress(CommandFailed, OSError, http.client.HTTPException):
            self.command("DELETE", "")

    def command(self, method: str, path: str, **parameters: Any) -> Any:
        """Send a command of the session, and return its value.

        Raises:
            CommandFailed: the browser would not or could not.
        """
        return self._request(method, f"/session/{self._session}{path}", parameters)

    def _start(self, display: str) -> subprocess.Popen[bytes]:
        places = dict.fromkeys(_FOLDERS, str(self.folder))
        return subprocess.Popen(
            [DRIVER, f"--port={self._port}"],
            env={**os.environ, **_DRAWING, **_ALONE, **places, "DISPLAY": display},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A group of its own, with the browser and the browser's processes.
            start_new_session=True,
        )

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(60)

    def _begin(self) -> None:
        wanted = {
            "webkitgtk:browserOptions": {"args": ["--automation"]},
            "unhandledPromptBehavior": "accept",
            "timeouts": {"script": _SCRIPT_MS, "pageLoad": _SCRIPT_MS, "implicit": 0},
        }
        begun = self._request("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = begun["sessionId"]
        self.version: str = begun["capabilities"]["browserVersion"]

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"{DRIVER} does not start"
        try:
            return bool(self._request("GET", "/status", {})["ready"])
        except OSError:
            return False

    def _request(self, method: str, path: str, parameters: dict[str, Any]) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=COMMAND_SECONDS)
        try:
            body = json.dumps(parameters) if method == "POST" else None
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            value = json.loads(answer.read())["value"]
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise CommandFailed(value["error"], value["message"])
        return value
