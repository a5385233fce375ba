"""Where the server listens: a Unix socket, IPv6 and IPv4 at once, a port for metrics; and the health command."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from support.envelope import assert_failure, assert_success
from support.ports import free_port
from support.processes import until
from support.server import COMMAND, KEY, PATH, CommandServer, StartCommand, files


def health(**environment: str) -> subprocess.CompletedProcess[str]:
    settings = {f"ERASE_{name}": value for name, value in environment.items()}
    command = [str(COMMAND), "health"]
    return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
class TestPorts:
    def test_answer_over_both_and_keep_metrics_apart(self, start_command: StartCommand) -> None:
        metrics_port = free_port()
        own: CommandServer = start_command(HOST="::", METRICS_PORT=str(metrics_port))
        for base in (f"http://127.0.0.1:{own.port}", f"http://[::1]:{own.port}"):
            assert httpx.get(f"{base}/healthz").status_code == 200
            assert httpx.get(f"{base}/metrics").status_code == 404
        metrics = f"http://127.0.0.1:{metrics_port}"
        text = httpx.get(f"{metrics}/metrics").text
        assert re.search(r'^image_erase_build_info\{python="3\.[^"]+",version="[^"]+"\} 1\.0$', text, re.M)
        assert httpx.get(f"{metrics}/healthz").status_code == httpx.get(f"{metrics}/readyz").status_code == 200
        for path in ("/", "/docs", "/nowhere"):
            assert httpx.get(metrics + path).status_code == 404
        assert_failure(own.client.request("POST", metrics + PATH), "ERROR_AI_NOT_EXISTS")
        assert health(HOST="::", PORT=str(own.port)).returncode == 0
        until(lambda: '"client": "127.0.0.1"' in own.log.read_text(), "an IPv4 client is logged as one")


class TestUnixSocket:
    @pytest.fixture
    def unix(self, start_command: StartCommand, tmp_path: Path) -> Iterator[tuple[CommandServer, Path, httpx.Client]]:
        path = tmp_path / "erase.sock"
        with closing(socket.socket(socket.AF_UNIX)) as stale:
            stale.bind(str(path))
        port = free_port()  # on which the fixture can see that it is ready
        own: CommandServer = start_command(
            port=port, HOST=f"unix:{path}", METRICS_PORT=str(port), TRUSTED_PROXIES="unix"
        )
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://erase.example") as client:
            yield own, path, client

    def test_erases_and_goes(self, unix: tuple[CommandServer, Path, httpx.Client]) -> None:
        own, path, client = unix
        headers = {"ailabapi-api-key": KEY, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
        answer = client.post(PATH, headers=headers, files=files())
        url = assert_success(answer, "https://erase.example")
        assert client.get(url.replace("https://", "http://")).status_code == 200
        assert path.stat().st_mode & 0o777 == 0o660
        assert health(HOST=f"unix:{path}").returncode == 0
        assert "--unix-socket" in own.log.with_suffix(".out").read_text()
        until(lambda: '"client": "192.0.2.7"' in own.log.read_text(), "the client is logged")
        own.process.terminate()
        assert own.process.wait(60) == 0
        assert not path.exists()
        assert health(HOST=f"unix:{path}").returncode == 1

    def test_that_another_listens_on_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "taken.sock"
        with closing(socket.socket(socket.AF_UNIX)) as other:
            other.bind(str(path))
            other.listen()
            done = subprocess.run(
                [COMMAND, "serve"],
                env={"PATH": os.environ["PATH"], "ERASE_HOST": f"unix:{path}", "ERASE_STORAGE_URL": tmp_path.as_uri()},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        assert done.returncode == 2
        assert done.stderr.startswith("image-erase: ERASE_HOST: cannot listen on ")
        assert path.exists()
