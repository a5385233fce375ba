"""The page's client of the API, against the server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from support.browser import OpenPage
from support.modules import BARE, Blob, Failed, run
from support.pictures import mask_file, noise_file, photo_file
from support.server import KEY, Server

UNLOADED = r"Failed to load resource: net::"
ERASE = """
await (async () => {
  const [base, key, image, mask, { abortAt = null, timeout } = {}] = given;
  const abort = new AbortController();
  const said = [];
  if (abortAt === "start") abort.abort();
  const onProgress = (progress) => {
    said.push(progress);
    if (progress.stage === abortAt) abort.abort();
  };
  const { blob, url } = await m.erase({ base, key, image, mask, signal: abort.signal, onProgress, timeout });
  return [blob, url, JSON.stringify(said)];
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
  const { send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (body) {
    if (body) globalThis.sent = [...body.entries()].map(([field, file]) => [field, file.name]);
    return send.call(this, body);
  };
}"""


def test_erases_as_any_client_does(open_page: OpenPage, server: Server) -> None:
    page = open_page(path=BARE)
    page.evaluate(LISTEN)
    with page.expect_request("**/api/**") as post, page.expect_request("**/results/**") as fetch:
        result, url, _ = erase(page, server.base)
    assert url.startswith(f"{server.base}/results/")
    assert result == server.client.get(url).content
    assert post.value.headers["ailabapi-api-key"] == KEY
    assert "ailabapi-api-key" not in fetch.value.headers
    assert page.evaluate("sent") == [["image", "Bild 1.jpg"], ["user_mask", "mask.png"]]


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
        ({"key": "wrong"}, 401, "ERROR_APPLICATIONS_NOT_EXISTS", "does not know the key"),
        ({"key": ""}, 401, "ERROR_USER_NOT_EXISTS", "Cannot be empty"),
        ({"mask": Blob(mask_file((40, 30)))}, 400, "ERROR_MASK_IMAGE_RESOLUTION_MISMATCH", "40x30"),
        ({"image": Blob(b"no picture")}, 415, "UNSUPPORTED_FILE_TYPES", "JPEG"),
        ({"image": Blob(bytes(4 << 20))}, 413, "FILE_SIZE_EXCEEDS_LIMIT", "image"),
        ({"image": Blob(bytes(4 << 20)), "key": "wrong"}, 401, "ERROR_APPLICATIONS_NOT_EXISTS", "key"),
    ],
)
def test_the_servers_refusal(
    page: Page, server: Server, options: dict[str, Any], status: int, code: str, word: str
) -> None:
    failure = refused(page, server.base, **options)
    assert (failure["name"], failure["status"], failure["code"]) == ("ServerError", status, code)
    assert word in failure["message"]
    assert len(failure["requestId"]) == 36


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (502, "<h1>Bad gateway</h1>", "502"),
        (413, "<h1>Too large</h1>", "too large for a proxy"),
        (200, "<h1>Log in</h1>", "not one of the erasing server's"),
        (200, "null", "not one of the erasing server's"),
        (200, '{"error_code": 0, "data": {}}', "no link"),
        (400, '{"error_code": 400, "error_msg": "", "error_detail": {"message": "Say it here."}}', "Say it here."),
    ],
)
def test_answers_that_are_not_the_apis(page: Page, server: Server, status: int, body: str, word: str) -> None:
    page.route("**/api/**", lambda route: route.fulfill(status=status, body=body))
    try:
        failure = refused(page, server.base)
    finally:
        page.unroute_all()
    assert (failure["name"], failure["status"]) == ("ServerError", status)
    assert word in failure["message"]


def test_no_server_and_no_result(open_page: OpenPage, server: Server) -> None:
    page = open_page(path=BARE, expected=(UNLOADED,))
    page.route("**/api/**", lambda route: route.abort())
    failure = refused(page, server.base)
    assert (failure["name"], failure["message"]) == ("ServerError", "The server can't be reached.")
    assert (failure["status"], failure["code"], failure["requestId"]) == (0, "", "")
    page.unroute_all()
    page.route("**/results/**", lambda route: route.abort())
    assert refused(page, server.base)["message"] == f"The result can't be fetched from {server.base}."


def test_a_result_that_has_gone(page: Page, server: Server) -> None:
    def lose(route: Any) -> None:
        for path in server.results:
            Path(path).unlink()
        route.continue_()

    page.route("**/results/**", lose)
    try:
        failure = refused(page, server.base)
    finally:
        page.unroute_all()
    assert (failure["status"], failure["code"]) == (404, "ERROR_FILE_NOT_FOUND")


ERASE_CHOSEN = """async ([base, key]) => {
  const { erase } = await import("/page/client.js");
  const image = document.querySelector("input").files[0];
  return erase({ base, key, image, mask: new Blob() }).catch((error) => error.message);
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
    for key, code in (("wrong", "ERROR_APPLICATIONS_NOT_EXISTS"), ("", "ERROR_USER_NOT_EXISTS")):
        with pytest.raises(Failed) as caught:
            run(page, "client", script, server.base + "/", key)
        assert (caught.value.fields["status"], caught.value.fields["code"]) == (401, code)
