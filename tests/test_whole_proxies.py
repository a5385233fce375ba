"""The recipes of the documentation, in front of a real server."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import yaml

from support.documents import blocks
from support.envelope import assert_success
from support.ports import free_port
from support.processes import until
from support.server import KEY, PATH, Server, files

NGINX = "error_log stderr;\npid {folder}/pid;\nevents {{}}\nhttp {{\n{temporary}{server}\n}}\n"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def started(name: str, recipe: str, port: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start the proxy with a recipe that listens without TLS on a port."""
    config = folder / name
    if name == "nginx":
        paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in TEMPORARY)
        recipe = recipe.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
        config.write_text(NGINX.format(folder=folder, temporary=paths, server=recipe))
        command = ["nginx", "-p", str(folder), "-c", str(config), "-g", "daemon off;"]
    else:
        site = recipe.replace("erase.example.com", f"http://127.0.0.1:{port}")
        config.write_text("{\n    admin off\n    auto_https off\n}\n" + site)
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, env={"PATH": PATHS, "HOME": str(folder)}, stdout=log, stderr=log)


PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture(scope="module")
def own(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("storage"), trusted_proxies=("127.0.0.1",), metrics=True) as own:
        yield own


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_a_recipe_works(name: str, own: Server, tmp_path: Path) -> None:
    if not shutil.which(name, path=PATHS):
        pytest.skip(f"needs {name}")
    recipe = blocks("docs/proxy.md", name)[0].replace("127.0.0.1:8000", own.base.removeprefix("http://"))
    port = free_port()
    base = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{base}/healthz").status_code == 200
        return False

    with started(name, recipe, port, tmp_path) as proxy:
        try:
            until(lambda: answers() or proxy.poll() is not None, f"{name} serves")
            assert proxy.poll() is None, (tmp_path / "log").read_text()
            answer = httpx.post(base + PATH, headers={"ailabapi-api-key": KEY}, files=files(), timeout=60)
            assert httpx.get(assert_success(answer, base)).status_code == 200
            assert httpx.get(f"{base}/metrics").status_code == 404
            assert httpx.get(f"{own.base}/metrics").status_code == 200
        finally:
            proxy.terminate()


def test_the_recipe_for_traefik_is_complete() -> None:
    http = yaml.safe_load(blocks("docs/proxy.md", "traefik")[0])["http"]
    assert http["routers"]["image-erase"]["service"] in http["services"]
