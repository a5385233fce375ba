"""Shards of a run: each image is in exactly one, with its mask and its result."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_erase.batch.shards import INDEX, WHOLE, Shard

STEMS = st.text(st.characters(exclude_characters="/\0.", exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(folder=STEMS, stem=STEMS, count=st.integers(1, 40))
def test_every_image_is_in_one_shard_with_its_mask_and_its_result(folder: str, stem: str, count: int) -> None:
    shards = [Shard(index, count) for index in range(count)]
    names = [PurePosixPath(folder, stem + ending) for ending in (".webp", ".jpg", ".png", "_mask.png", "-mask.bmp")]
    holding = [[shard.index for shard in shards if shard.contains(name)] for name in names]
    assert len(holding[0]) == 1
    assert all(one == holding[0] for one in holding)


def test_composed_and_decomposed_names_are_in_the_same_shard() -> None:
    for number in range(50):
        composed, decomposed = (PurePosixPath(f"{letter}{number}.png") for letter in ("\u00fc", "u\u0308"))
        assert Shard(1, 7).contains(composed) == Shard(1, 7).contains(decomposed)


def test_shards_are_about_equal() -> None:
    names = [PurePosixPath(f"photos/{number:06}.jpg") for number in range(8000)]
    for index in range(8):
        assert 850 < sum(Shard(index, 8).contains(name) for name in names) < 1150


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        ("0/4", {}, Shard(0, 4)),
        ("3/4", {}, Shard(3, 4)),
        ("4/4", {}, Shard(0, 4)),
        ("1/1", {}, WHOLE),
        ("4", {INDEX: "3"}, Shard(3, 4)),
        ("2/4", {INDEX: "3"}, Shard(2, 4)),
    ],
)
def test_as_written(text: str, environment: dict[str, str], shard: Shard) -> None:
    assert Shard.parse(text, environment) == shard


@pytest.mark.parametrize("text", ["", "x", "1/0", "5/4", "-1/4", "1/4/2", "4", "1.5/4", "1/"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|no shard"):
        Shard.parse(text, {})


def test_an_index_past_the_last_is_no_shard() -> None:
    with pytest.raises(ValueError, match="no shard"):
        Shard.parse("4", {INDEX: "4"})
