"""Every test has a kind."""

from pathlib import PurePath

import pytest

from support.kinds import KINDS, kind_of


@pytest.mark.parametrize(
    ("path", "fixtures", "kind"),
    [
        ("imaging/test_bmp.py", {"tmp_path"}, "unit"),
        ("imaging/test_hostile_jpeg.py", (), "unit"),
        ("routes/test_results.py", {"client", "server"}, "whole"),
        ("access/test_rates.py", {"start_server"}, "whole"),
        ("test_whole_sdk.py", (), "whole"),
        ("web/test_page.py", {"server", "browser"}, "browser"),
        ("hostile/test_faults.py", {"start_server"}, "hostile"),
    ],
)
def test_kind_follows_from_folder_and_fixtures(path: str, fixtures: set[str], kind: str) -> None:
    assert kind_of(PurePath(path), fixtures) == kind


def test_this_test_has_one_kind(request: pytest.FixtureRequest) -> None:
    assert [mark.name for mark in request.node.iter_markers() if mark.name in KINDS] == ["unit"]
