"""The kind of a test, which decides when it runs: `unit`, `whole`, `browser` or `hostile`."""

from collections.abc import Collection
from pathlib import PurePath

#: In the order of the time that they take.
KINDS = ("unit", "whole", "browser", "hostile")
#: Fixtures that start a server or another program.
PROGRAMS = frozenset({"server", "start_server", "start_command", "redis_server", "seaweed", "azurite"})


def kind_of(path: PurePath, fixtures: Collection[str]) -> str:
    """Return the kind of a test. path: of its file, relative to the folder of the tests. fixtures: that it uses.

    hostile: attacks, faults and load, in the folder of that name; tests of these elsewhere have the marker. browser:
    uses a browser. whole: uses a running server or another program. unit: all others.
    """
    if path.parts[0] == "hostile":
        return "hostile"
    if "browser" in fixtures:
        return "browser"
    if path.name.startswith("test_whole_") or PROGRAMS & set(fixtures):
        return "whole"
    return "unit"
