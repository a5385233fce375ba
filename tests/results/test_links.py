"""Signed link paths."""

import pytest

from image_erase.results.links import LinkAltered, LinkExpired, Links
from image_erase.results.names import ResultName

NOW = 1_795_347_564.0
NAME = ResultName.new("png", NOW, 100)


def segments(path: str) -> list[str]:
    return path.split("/")[2:]


def links(*keys: str, now: float = NOW) -> Links:
    return Links(keys or ("a signing key of some length",), lambda: now)


def test_verifies_its_own() -> None:
    assert links().verify(*segments(links().path(NAME))) == NAME


def test_expires_at_its_moment() -> None:
    path = segments(links().path(NAME))
    assert links(now=NOW + 99.9).verify(*path) == NAME
    with pytest.raises(LinkExpired):
        links(now=NOW + 100).verify(*path)


def test_any_altered_character_is_noticed() -> None:
    path = links().path(NAME)
    for at in range(len("/results/"), len(path)):
        if path[at] != "/":
            for other in {"0", "1", "a", "A", "-", "é"} - {path[at]}:
                altered = path[:at] + other + path[at + 1 :]
                with pytest.raises(LinkAltered):
                    links().verify(*segments(altered))


def test_rotation() -> None:
    old, new = "the key that was", "the key that is"
    path = segments(links(old).path(NAME))
    assert links(new, old).verify(*path) == NAME
    assert segments(links(new, old).path(NAME)) == segments(links(new).path(NAME))
    with pytest.raises(LinkAltered):
        links(new).verify(*path)


def test_seconds_left() -> None:
    assert links(now=NOW + 40.5).seconds_left(NAME) == 59
    assert links(now=NOW + 400).seconds_left(NAME) == 0


def test_needs_a_key() -> None:
    with pytest.raises(ValueError, match="key"):
        Links([], lambda: NOW)
