"""The page as an app: a manifest, and a service worker that opens it without its server, below a path prefix too."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urljoin

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from image_erase.web.serving import FOLDER
from support.browser import Visitor
from support.editor import CHART, Editor
from support.server import KEY, Server

PREFIX = "/behind/a/prefix"
#: What a browser says of files that it can't fetch.
UNREACHABLE = "net::ERR_CONNECTION_REFUSED"
CACHED = """async () => {
  const names = await caches.keys();
  const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
  return [names, requests.flat().map(({ url }) => new URL(url).pathname)];
}"""
CONTROLLED = "() => navigator.serviceWorker.controller?.state === 'activated'"


class Front:
    """A proxy that publishes a server below a prefix. switched_off: whether it says that there is no page."""

    def __init__(self, server: Server) -> None:
        self.switched_off = False
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                inner = self.path.removeprefix(PREFIX)
                found = inner != self.path and not front.switched_off
                answer = server.client.get(inner if found else "/none")
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name not in ("content-encoding", "content-length", "date", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, format: str, *args: object) -> None:
                """Be silent."""

        self._handler = Handler
        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._listener.server_port

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Answer for a while; before and after it, nobody listens at the port."""
        if self._listener.socket.fileno() < 0:
            self._listener = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            self._listener.shutdown()
            self._listener.server_close()
            thread.join()


@pytest.fixture
def front(server: Server) -> Front:
    return Front(server)


@pytest.fixture
def visitor(browser: Browser, front: Front) -> Iterator[Visitor]:
    base = f"http://127.0.0.1:{front.port}"
    visitor = Visitor(browser, base, [UNREACHABLE], service_workers="allow", locale="de")
    visitor.give_key(KEY)
    yield visitor
    visitor.leave()
    assert not visitor.complaints


def installed(visitor: Visitor) -> Page:
    page = visitor.open(f"{PREFIX}/")
    page.wait_for_function(CONTROLLED)
    return page


def test_without_the_server(visitor: Visitor, front: Front) -> None:
    with front.listening():
        page = installed(visitor)
        editor = Editor(page)
        editor.open()
        names, paths = page.evaluate(CACHED)
    # Files of the page, of one release, and nothing else: no answer of the API.
    assert len(names) == 1
    (release,) = {found[1] for path in paths if (found := re.match(rf"{PREFIX}/page/([0-9a-f]{{16}})/", path))}
    assert {path for path in paths if f"/{release}/" not in path} == {f"{PREFIX}/"}
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    kept = {path.split(f"/{release}/")[1] for path in paths if release in path}
    assert files - kept == {"index.html", "worker.js", "sample.jpg"}

    page.reload()
    editor.expect_alert(re.compile("^Der Server ist nicht erreichbar. Sie können Bilder öffnen"))
    # In the language that it had, with the work that was there; what was painted is kept.
    expect(editor["erase"]).to_have_text("Entfernen")
    editor.await_picture(CHART)
    editor.choose("box")
    editor.draw((40, 30), (90, 70))
    editor["erase"].click()
    editor.expect_alert("Der Server ist nicht erreichbar.")
    page.reload()
    editor.await_picture(CHART)
    assert editor.mask()[50, 60]
    page.goto(f"{PREFIX}/?from=elsewhere")
    editor.expect_alert(re.compile("^Der Server ist nicht erreichbar. Sie können"))

    # As soon as it is back, the document is its own again.
    with front.listening():
        editor["alert-action"].click()
        expect(editor["alert"]).to_be_hidden()
        assert page.evaluate(f"fetch('{PREFIX}/page/limits.json').then(({{ status }}) => status)") == 200
        front.switched_off = True
        answer = page.goto(f"{PREFIX}/")
        assert answer
        assert answer.status == 404
        page.wait_for_function("() => navigator.serviceWorker.getRegistrations().then((all) => !all.length)")
        assert page.evaluate(CACHED) == [[], []]


def test_another_release_replaces_it(visitor: Visitor, front: Front) -> None:
    """What a worker of another release has kept is deleted, what others keep at the host is not."""
    with front.listening():
        page = visitor.open(f"{PREFIX}/page/icon.svg")
        mine, others = f"image-erase {page.url.rsplit('/', 1)[0]}/0123456789abcdef/", "image-erase http://other/"
        page.evaluate("(names) => Promise.all(names.map((name) => caches.open(name)))", [mine, others])
        page.goto(f"{PREFIX}/")
        page.wait_for_function(CONTROLLED)
        names, _ = page.evaluate(CACHED)
        assert others in names
        assert mine not in names
        assert len(names) == 2


def test_the_manifest(server: Server) -> None:
    document = server.client.get("/").text
    address = re.search(r'<link rel="manifest" href="([^"]+)"', document)
    assert address
    url = urljoin(f"http://x{PREFIX}/", address[1])
    manifest = json.loads(server.client.get(httpx.URL(url).path.removeprefix(PREFIX)).content)
    assert {urljoin(url, manifest[name]) for name in ("start_url", "scope")} == {f"http://x{PREFIX}/"}
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        if icon["type"] == "image/png":
            with Image.open(FOLDER / icon["src"]) as image:
                assert f"{image.width}x{image.height}" == icon["sizes"]
    assert {icon.get("purpose", "any") for icon in manifest["icons"]} == {"any", "maskable"}
