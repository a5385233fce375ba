"""The names of results."""

import re

from image_erase.results.names import ResultName

NOW = 1_795_347_564.9


def test_has_the_vendors_shape() -> None:
    name = ResultName.new("jpg", NOW, 86400)
    assert name.date == "2026-11-22"
    assert re.fullmatch(r"113924-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-1795347564\.jpg", name.file)
    assert name.expires == 1_795_347_564 + 86400


def test_reads_back_from_file_and_key() -> None:
    name = ResultName.new("png", NOW, 100)
    assert ResultName.from_file(name.file, name.expires) == name
    assert ResultName.from_key(name.key) == name


def test_keys_sort_by_expiry() -> None:
    names = [ResultName.new("png", NOW + later, ttl) for later, ttl in ((50, 10), (0, 90000), (0, 200), (3600, 1))]
    assert sorted(names, key=lambda name: name.key) == sorted(names, key=lambda name: name.expires)


def test_what_is_not_a_name() -> None:
    good = ResultName.new("png", NOW, 100)
    for file in ("", "x.png", good.file.replace(".png", ".svg"), good.file + "x", "../" + good.file, good.file.upper()):
        assert ResultName.from_file(file, good.expires) is None
    for key in (good.file, "a/b", f"2026-11-22/{good.file}", f"2026-11-22/9-{good.file}"):
        assert ResultName.from_key(key) is None
