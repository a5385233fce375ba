"""Erase something from a photograph with the vendor's own client."""

import asyncio
import os
import sys
from pathlib import Path

import httpx
from ailabtools import AILabClient

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8000")


async def erase(image: bytes, mask: bytes) -> bytes:
    """The image without what the mask paints white. Raises AILabApiError where the server refuses."""
    client = AILabClient(os.environ["API_KEY"], base_url=BASE_URL)  # base_url is all that changes
    try:
        answer = await client.image.imageErasure({"image": image, "userMask": mask})
    finally:
        await client.aclose()
    async with httpx.AsyncClient() as web:
        return (await web.get(answer["data"]["image_url"])).raise_for_status().content


if __name__ == "__main__":
    image, mask, result = (Path(name) for name in sys.argv[1:])
    result.write_bytes(asyncio.run(erase(image.read_bytes(), mask.read_bytes())))
