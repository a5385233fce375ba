"""The number of usable processors."""

import os
from pathlib import Path

import pytest

from image_erase.processors import available_processors, default_workers, most_workers
from image_erase.settings import SettingsError, load_settings


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a machine on which this process may run on eight processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    (tmp_path / "proc/self").mkdir(parents=True)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_without_control_groups(root: Path) -> None:
    assert available_processors(root) == 8


def test_without_affinity(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_processors(root) == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_processors(root) == 1


@pytest.mark.parametrize(("text", "processors"), [("150000 100000\n", 1.5), ("max 100000\n", 8), ("", 8), ("x y", 8)])
def test_version_2(root: Path, text: str, processors: float) -> None:
    write(root / "proc/self/cgroup", "0::/\n")
    write(root / "sys/fs/cgroup/cpu.max", text)
    assert available_processors(root) == processors


def test_the_narrowest_group_around_counts(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/system.slice/docker-1.scope\n")
    write(root / "sys/fs/cgroup/system.slice/cpu.max", "300000 100000\n")
    write(root / "sys/fs/cgroup/system.slice/docker-1.scope/cpu.max", "max 100000\n")
    assert available_processors(root) == 3


@pytest.mark.parametrize("path", ["/", "/docker/0123"])
@pytest.mark.parametrize(("quota", "processors"), [("250000", 2.5), ("-1", 8), ("2000000", 8)])
def test_version_1(root: Path, path: str, quota: str, processors: float) -> None:
    """In a container the group's path is one of the host's, and what is mounted is the group itself."""
    write(root / "proc/self/cgroup", f"9:memory:{path}\n4:cpu,cpuacct:{path}\n0::/\n")
    write(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", f"{quota}\n")
    write(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert available_processors(root) == processors


@pytest.mark.parametrize(("processors", "workers", "most"), [(0.1, 1, 1), (0.5, 1, 2), (1.5, 1, 6), (8, 8, 32)])
def test_workers(processors: float, workers: int, most: int) -> None:
    assert (default_workers(processors), most_workers(processors)) == (workers, most)


def test_more_workers_than_processors_can_bear_are_refused() -> None:
    most = most_workers(available_processors())
    assert load_settings(workers=most).workers == most
    with pytest.raises(SettingsError, match=rf"^ERASE_WORKERS: .* {most}\b"):
        load_settings(workers=most + 1)
