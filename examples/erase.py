"""Erase something from a picture: API_KEY=... python erase.py IMAGE MASK RESULT"""

import os
import sys
from pathlib import Path

import httpx

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8000")


def erase(image: bytes, mask: bytes, **options: str) -> bytes:
    """The image without what the mask paints white. options: such as format="webp"."""
    answer = httpx.post(
        f"{BASE_URL}/erase",
        headers={"Authorization": f"Bearer {os.environ['API_KEY']}"},
        files={"image": image, "mask": mask},
        data=options,
        timeout=60,
    )
    if answer.headers["content-type"] == "application/problem+json":
        problem = answer.json()
        raise RuntimeError(f"{problem['title']}: {problem['detail']} (request {problem['request_id']})")
    return answer.content


if __name__ == "__main__":
    image, mask, result = (Path(name) for name in sys.argv[1:])
    result.write_bytes(erase(image.read_bytes(), mask.read_bytes()))
