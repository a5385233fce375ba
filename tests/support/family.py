"""The endpoints of the family, with one interface: files in, the picture out."""

import json
from dataclasses import dataclass
from typing import Any

from support.envelope import Answer, assert_image_data, assert_success
from support.pictures import boxed, file_of, photo_file
from support.server import Client

#: Large enough for every endpoint, with room for the mask to grow.
SIZE = (96, 80)
BOX = (40, 30, 56, 46)
IMAGE = photo_file(size=SIZE)
JPEG = photo_file("JPEG", SIZE)
MASK = file_of(boxed(SIZE, BOX))


@dataclass(frozen=True)
class Member:
    """One endpoint. reach: how many pixels beyond the mask it may change when nothing else is said."""

    path: str
    mask: str
    sdk_method: str
    sdk_mask: str
    reach: int = 0
    inline: bool = False

    def picture(self, answer: Answer, client: Client, suffix: str | None = None) -> bytes:
        """The answer is a success of this endpoint's form. Returns the file it leads to, or is."""
        if self.inline:
            return assert_image_data(answer)
        base = json.loads(answer.content).get("data", {}).get("image_url", "").partition("/results/")[0]
        return client.get(assert_success(answer, base, suffix)).content

    def post(self, client: Client, image: Any = IMAGE, mask: Any = MASK, key: str | None = None, **texts: str) -> Any:
        options = {} if key is None else {"key": key}
        files = {"image": ("image", image), self.mask: ("mask", mask)}
        return client.request("POST", self.path, files=files, data=texts, **options)


_EDITING = "/api/image/editing/"
ERASE = Member(f"{_EDITING}image-erase", "user_mask", "imageErasure", "userMask")
PLAIN = Member(f"{_EDITING}remove-objects", "mask", "imageRemoveObjects", "mask")
PRO = Member(f"{_EDITING}remove-objects-pro", "mask", "imageRemoveObjectsPro", "mask")
ADVANCED = Member(f"{_EDITING}remove-objects-advanced", "mask", "imageRemoveObjectsAdvanced", "mask", 15, inline=True)
FAMILY = {"image-erase": ERASE, "remove-objects": PLAIN, "pro": PRO, "advanced": ADVANCED}
