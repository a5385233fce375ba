"""Shards of a run, which machines can process without communicating."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

#: The variable from which Kubernetes tells a pod of an Indexed Job its index, from 0.
INDEX = "JOB_COMPLETION_INDEX"
#: Endings of a mask's stem, which belongs to the shard of its image.
MASK_ENDINGS = ("_mask", "-mask")


@dataclass(frozen=True)
class Shard:
    """Part `index` of `count`, from 0."""

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str, environment: Mapping[str, str]) -> "Shard":
        """Read `I/N`, where I counts from 0 or from 1, or `N` with the index in JOB_COMPLETION_INDEX.

        `0/N` and `N/N` are the same shard. Raises ValueError.
        """
        found = re.fullmatch(r"(?:([0-9]{1,9})/)?([0-9]{1,9})", text)
        if not found:
            raise ValueError("must be I/N, such as 3/16, or N")
        index, count = found[1] or environment.get(INDEX, ""), int(found[2])
        if not re.fullmatch("[0-9]{1,9}", index):
            raise ValueError(f"must be I/N, because {INDEX} is not set to a number")
        if not count or int(index) > count or (found[1] is None and int(index) == count):
            raise ValueError(f"{index} of {count} is no shard")
        return cls(int(index) % count, count)

    def contains(self, name: PurePath) -> bool:
        """Whether an image, its mask and its result are in this shard.

        Their names differ only in suffix and ending. A name is in the same shard on every machine.
        """
        if self.count == 1:
            return True
        stem = unicodedata.normalize("NFC", str(name.with_suffix("").as_posix()))
        for ending in MASK_ENDINGS:
            stem = stem.removesuffix(ending)
        digest = hashlib.blake2b(stem.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.index


WHOLE = Shard()
