"""Memory that is left: the least that the machine and each control group up to the root leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.machine import Available, address_limit, available_memory

MACHINE = Available(2000 * 1024, "this machine")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "proc/meminfo", "MemTotal:  9000 kB\nMemFree:   100 kB\nMemAvailable:   2000 kB\n")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def v2(folder: Path, limit: str, current: int, active: int = 0, inactive: int = 0) -> None:
    write(folder / "memory.max", f"{limit}\n")
    write(folder / "memory.current", f"{current}\n")
    write(folder / "memory.stat", f"anon 5\nactive_file {active}\ninactive_file {inactive}\n")


def v1(folder: Path, limit: int, usage: int, active: int = 0, inactive: int = 0) -> None:
    write(folder / "memory.limit_in_bytes", f"{limit}\n")
    write(folder / "memory.usage_in_bytes", f"{usage}\n")
    write(folder / "memory.stat", f"cache 5\ntotal_active_file {active}\ntotal_inactive_file {inactive}\n")


def test_a_machine_without_groups(root: Path) -> None:
    assert available_memory(root) == MACHINE


def test_a_group_of_the_second_version_whose_files_give_way(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/user.slice/job\n")
    v2(root / "sys/fs/cgroup/user.slice/job", "900000", 500_000, active=100_000, inactive=200_000)
    assert available_memory(root) == Available(700_000, "the control group /user.slice/job")


def test_a_parent_may_be_tighter_than_its_child(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/user.slice/job\n")
    v2(root / "sys/fs/cgroup/user.slice/job", "max", 500_000)
    v2(root / "sys/fs/cgroup/user.slice", "600000", 500_000)
    assert available_memory(root) == Available(100_000, "the control group /user.slice")


def test_a_container_sees_its_own_group_as_the_root(root: Path) -> None:
    for path in ("/", "/../..", "/docker/of/the/host"):
        write(root / "proc/self/cgroup", f"0::{path}\n")
        v2(root / "sys/fs/cgroup", "300000", 100_000)
        assert available_memory(root) == Available(200_000, "the control group /")


def test_a_group_of_the_first_version(root: Path) -> None:
    write(
        root / "proc/self/cgroup", "5:cpu,cpuacct:/job\n4:hugetlb,memory:/job\n1:name=systemd:/other\n0::/\n"
    )
    v1(root / "sys/fs/cgroup/memory", 9223372036854771712, 10**12)  # no limit at all
    assert available_memory(root) == MACHINE
    v1(root / "sys/fs/cgroup/memory/job", 1_000_000, 900_000, active=300_000, inactive=100_000)
    assert available_memory(root) == Available(500_000, "the control group /job")


def test_a_group_that_is_over_its_limit_leaves_nothing(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/job\n")
    v2(root / "sys/fs/cgroup/job", "100", 500)
    available = available_memory(root)
    assert available is not None
    assert available.size == 0


@pytest.mark.parametrize("text", ["", "nonsense", "MemAvailable:\n", "MemAvailable: many kB\n", "\xff\0"])
def test_other_systems_tell_what_they_have_at_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    write(tmp_path / "proc/meminfo", text)
    write(tmp_path / "proc/self/cgroup", text)
    pages = {"SC_PHYS_PAGES": 3, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr("os.sysconf", pages.__getitem__, raising=False)
    assert available_memory(tmp_path) == Available(3 * 4096, "this machine")

    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr("os.sysconf", unknown)
    assert available_memory(tmp_path) is None
    monkeypatch.delattr("os.sysconf")
    assert available_memory(tmp_path) is None


@pytest.mark.parametrize(("limit", "left"), [(1_500_000, 476_000), (900_000, 0), (9_000_000, None)])
def test_addresses_may_be_limited(
    root: Path, monkeypatch: pytest.MonkeyPatch, limit: int, left: int | None
) -> None:
    write(root / "proc/self/status", "VmPeak:  1500 kB\nVmSize:  1000 kB\nVmRSS:  500 kB\n")
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, resource.RLIM_INFINITY))
    found = available_memory(root)
    assert address_limit() == limit
    if left is None:
        assert found == MACHINE
    else:
        assert found == Available(left, "the address space of this process (ulimit -v)")


def test_this_machine_has_something() -> None:
    available = available_memory()
    assert available is None or available.size > 0
