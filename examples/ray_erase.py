"""Erase from every image in a store with Ray Data; masks have the names of their images, as PNG.

pip install image-erase 'ray[data]'
python ray_erase.py s3://photos/in/ s3://photos/masks/ s3://photos/out/ [ACTORS]
"""

import asyncio
import sys
from pathlib import PurePosixPath
from typing import Any

import obstore
import ray
from obstore.store import from_url

from image_erase.batch.failures import PictureFailed
from image_erase.batch.local import LocalEraser
from image_erase.job_options import job_options
from image_erase.settings import load_settings


class Eraser:
    """An actor: one worker process that is started once and erases from many images."""

    def __init__(self, source: str, masks: str, out: str) -> None:
        self.source, self.masks, self.out = (from_url(url) for url in (source, masks, out))
        settings = load_settings(workers=1)
        self.eraser = LocalEraser(job_options(settings), workers=1, deadline_seconds=settings.deadline_seconds)
        self.loop = asyncio.Runner()
        self.loop.run(self.eraser.__aenter__())

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Erase from a batch of images, given by name."""
        return {"name": batch["name"], "failure": [self.erase(PurePosixPath(name)) for name in batch["name"]]}

    def erase(self, name: PurePosixPath) -> str:
        """Erase from one image. Returns why it failed, or nothing."""
        image, mask = obstore.get(self.source, str(name)), obstore.get(self.masks, f"{name.with_suffix('.png')}")
        try:
            result = self.loop.run(self.eraser.erase(bytes(image.bytes()), bytes(mask.bytes())))
        except PictureFailed as error:
            return str(error)
        obstore.put(self.out, str(name.with_suffix(".jpg" if result.data[:2] == b"\xff\xd8" else ".png")), result.data)
        return ""


def main(source: str, masks: str, out: str, actors: int = 2) -> int:
    """Erase from all images. Returns how many failed."""
    names = [{"name": entry["path"]} for page in obstore.list(from_url(source)) for entry in page]
    images = ray.data.from_items(names, override_num_blocks=min(4 * actors, len(names)))
    done = images.map_batches(Eraser, fn_constructor_args=(source, masks, out), batch_size=16, concurrency=actors)
    failed = [row for row in done.iter_rows() if row["failure"]]
    print(*(f"{row['name']}: {row['failure']}" for row in failed), f"{len(failed)} of {len(names)} failed", sep="\n")
    return len(failed)


if __name__ == "__main__":
    source, masks, out, *actors = sys.argv[1:]
    sys.exit(bool(main(source, masks, out, *map(int, actors))))
