"""The page's client of the API, against the server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from support.browser import OpenPage
from support.modules import BARE, Blob, Failed, run
from support.pictures import mask_file, noise_file, photo_file, pixels_of
from support.server import KEY, Server

UNLOADED = r"Failed to load resource: net::"
ERASE = """
await (async () => {
  const [base, key, image, mask, { abortAt = null, ...more } = {}] = given;
  const abort = new AbortController();
  const said = [];
  if (abortAt === "start") abort.abort();
  const onProgress = (progress) => {
    said.push(progress);
    if (progress.stage === abortAt) abort.abort();
  };
  const order = { base, key, image: async () => image, mask, signal: abort.signal, onProgress, ...more };
  const { blob, link } = await m.erase(order);
  return [blob, link, JSON.stringify(said)];
})()
"""
IMAGE = Blob(photo_file("JPEG"), "Bild 1.jpg")
MASK = Blob(mask_file())


def erase(page: Page, base: str, image: Blob = IMAGE, mask: Blob = MASK, key: str = KEY, **options: Any) -> Any:
    return run(page, "client", ERASE, base + "/", key, image, mask, options)


def refused(page: Page, base: str, **options: Any) -> dict[str, Any]:
    with pytest.raises(Failed) as caught:
        erase(page, base, **options)
    return caught.value.fields


LISTEN = """() => {
  globalThis.sent = [];
  const { send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (body) {
    if (body) globalThis.sent.push([...body.entries()].map(([field, file]) => [field, file.name ?? file]));
    return send.call(this, body);
  };
}"""


def test_sends_the_picture_once(open_page: OpenPage, server: Server) -> None:
    page = open_page(path=BARE)
    page.evaluate(LISTEN)
    with page.expect_request("**/erase") as post:
        result, link, _ = erase(page, server.base, options={"metadata": "all"})
    assert post.value.headers["ailabapi-api-key"] == KEY
    assert result == server.client.get(link).content
    second, other, _ = erase(page, server.base, Blob(b"not read"), link=link)
    assert pixels_of(second).shape == pixels_of(result).shape
    assert other.startswith(f"{server.base}/results/")
    assert other != link
    mask = ["mask", "mask.png"]
    assert page.evaluate("sent") == [
        [["metadata", "all"], ["keep", "true"], ["image", "Bild 1.jpg"], mask],
        [["keep", "true"], ["image", link], mask],
    ]


@pytest.mark.parametrize("lost", ["expired", "deleted", "forged"])
def test_sends_it_again_where_its_link_is_lost(page: Page, server: Server, lost: str) -> None:
    _, link, _ = erase(page, server.base)
    if lost == "deleted":
        for path in server.results:
            Path(path).unlink()
    if lost == "forged":
        link = link.replace("/results/", "/results/x")
    if lost == "expired":
        problem = {"type": "tag:image-erase,2026:link-expired", "detail": "image: The link has expired."}
        page.route("**/erase", lambda route: route.fulfill(status=403, json=problem), times=1)
    result, other, _ = erase(page, server.base, link=link)
    assert pixels_of(result).shape == pixels_of(photo_file("JPEG")).shape
    assert other not in (None, link)


def test_tells_how_far_it_is(page: Page, server: Server) -> None:
    large = Blob(noise_file((800, 800)), "large.png")
    _, _, said = erase(page, server.base, large, Blob(mask_file((800, 800))))
    steps = json.loads(said)
    stages = [step["stage"] for step in steps]
    assert list(dict.fromkeys(stages)) == ["sending", "erasing", "fetching"]
    assert stages == sorted(stages, key=["sending", "erasing", "fetching"].index)
    for stage in ("sending", "fetching"):
        fractions = [step["fraction"] for step in steps if step["stage"] == stage and step["fraction"] is not None]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
    assert [step["fraction"] for step in steps if step["stage"] == "erasing"] == [None]


@pytest.mark.parametrize("stage", ["start", "sending", "fetching"])
def test_aborts(page: Page, server: Server, stage: str) -> None:
    assert refused(page, server.base, abortAt=stage)["name"] == "AbortError"


def test_stops_while_the_server_works(open_page: OpenPage, start_server: Callable[..., Server]) -> None:
    own = start_server()
    page = open_page(own, path=BARE, expected=(UNLOADED,))
    own.stop_workers()
    assert refused(page, own.base, abortAt="erasing")["name"] == "AbortError"
    assert refused(page, own.base, timeout=300)["message"] == "The server took too long to answer."


@pytest.mark.parametrize(
    ("options", "status", "code", "word"),
    [
        ({"key": "wrong"}, 401, "key-unknown", "key"),
        ({"key": ""}, 401, "key-missing", "key"),
        ({"mask": Blob(mask_file((40, 30)))}, 400, "size-mismatch", "40x30"),
        ({"image": Blob(b"no picture")}, 415, "unsupported-format", "JPEG"),
        ({"options": {"seed": "x"}}, 400, "invalid-option", "seed"),
    ],
)
def test_the_servers_refusal(
    page: Page, server: Server, options: dict[str, Any], status: int, code: str, word: str
) -> None:
    failure = refused(page, server.base, **options)
    assert (failure["name"], failure["status"], failure["code"]) == ("ServerError", status, code)
    # In a person's words, and in its own.
    assert failure["message"]
    assert word in failure["detail"]
    assert len(failure["requestId"]) == 36


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (502, "<h1>Bad gateway</h1>", "502"),
        (413, "<h1>Too large</h1>", "too large for a proxy"),
        (200, "<h1>Log in</h1>", "not one of the erasing server's"),
        (200, "null", "not one of the erasing server's"),
        (400, "[]", "not one of the erasing server's"),
        (418, '{"type": "tag:image-erase,2026:teapot", "detail": "Short and stout."}', "Short and stout."),
        (418, '{"type": "about:blank", "title": "A teapot", "detail": ""}', "A teapot"),
    ],
)
def test_answers_that_are_not_the_apis(page: Page, server: Server, status: int, body: str, word: str) -> None:
    page.route("**/erase", lambda route: route.fulfill(status=status, body=body))
    try:
        failure = refused(page, server.base)
    finally:
        page.unroute_all()
    assert (failure["name"], failure["status"]) == ("ServerError", status)
    assert word in failure["message"]


def test_no_server(open_page: OpenPage, server: Server) -> None:
    page = open_page(path=BARE, expected=(UNLOADED,))
    page.route("**/erase", lambda route: route.abort())
    failure = refused(page, server.base)
    assert (failure["name"], failure["message"]) == ("ServerError", "The server can't be reached.")
    assert (failure["status"], failure["code"], failure["requestId"]) == (0, "", "")


ERASE_CHOSEN = """async ([base, key]) => {
  const { erase } = await import("/page/client.js");
  const image = document.querySelector("input").files[0];
  return erase({ base, key, image: async () => image, mask: new Blob() }).catch((error) => error.message);
}"""


def test_a_file_that_has_gone(open_page: OpenPage, server: Server, tmp_path: Path) -> None:
    page = open_page(path=BARE, expected=(UNLOADED,))
    page.evaluate("document.body.append(Object.assign(document.createElement('input'), { type: 'file' }))")
    chosen = tmp_path / "photo.png"
    chosen.write_bytes(photo_file())
    page.set_input_files("input", chosen)
    chosen.unlink()
    said = page.evaluate(ERASE_CHOSEN, [server.base + "/", KEY])
    assert said == "The picture's file has changed or gone. Open it again."


@pytest.mark.parametrize("key", ["two\nlines", "\u2713"])
def test_a_key_that_no_header_takes(page: Page, server: Server, key: str) -> None:
    assert refused(page, server.base, key=key)["message"].startswith("The key has characters")


def test_checks_the_key(page: Page, server: Server) -> None:
    script = "await m.checkKey({ base: given[0], key: given[1] })"
    assert run(page, "client", script, server.base + "/", f" {KEY} ") is None
    for key, code in (("wrong", "key-unknown"), ("", "key-missing")):
        with pytest.raises(Failed) as caught:
            run(page, "client", script, server.base + "/", key)
        assert (caught.value.fields["status"], caught.value.fields["code"]) == (401, code)
