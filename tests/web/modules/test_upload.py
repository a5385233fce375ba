"""The sending of a picture ahead of an erasing."""

import pytest
from playwright.sync_api import Route

from support.browser import OpenPage
from support.modules import BARE, Blob, Failed, run
from support.server import KEY, Server

CANCELLED = """
await (async () => {
  const [base, key, image] = given;
  const upload = new m.Upload({ name: "photo.jpg" }, image, { base, key });
  const abort = new AbortController();
  abort.abort();
  await upload.wait({ signal: abort.signal });
})()
"""


def test_ends_where_the_erasing_was_cancelled_before_it_waited(open_page: OpenPage, server: Server) -> None:
    page = open_page(path=BARE)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/images", hold)
    with pytest.raises(Failed) as caught:
        run(page, "upload", CANCELLED, server.base + "/", KEY, Blob(b"picture"))
    assert caught.value.fields["name"] == "AbortError"
