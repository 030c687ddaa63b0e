"""How much memory is available, of the machine, the control groups and the addresses of this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

try:
    import resource
except ImportError:  # no Unix
    resource = None  # type: ignore[assignment]

__all__ = ["Available", "address_limit", "available_memory"]


class Available(NamedTuple):
    """How many bytes are available, and what limits them."""

    size: int
    where: str


class _Version(NamedTuple):
    """The files in which a version of control groups reports its memory."""

    mounts: tuple[str, ...]
    limit: str
    usage: str
    caches: tuple[str, ...]  # lines of memory.stat: cached files, whose memory can be used


_V1 = _Version(
    ("sys/fs/cgroup/memory",),
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    ("total_active_file", "total_inactive_file"),
)
_V2 = _Version(
    ("sys/fs/cgroup", "sys/fs/cgroup/unified"),
    "memory.max",
    "memory.current",
    ("active_file", "inactive_file"),
)


def available_memory(root: Path = Path("/")) -> Available | None:
    """Return the smallest amount that the machine and the control groups have left; None if none is known.

    Linux reports what is free without swapping, and for each control group, up to the root, what it may use
    and does use, and the addresses of this process. Other systems report only their total. ``root`` is where
    the file system starts.
    """
    found = list(_groups(root))
    limit, taken = address_limit(), _addresses(root)
    if limit is not None and taken is not None:
        found.append(Available(max(0, limit - taken), "the address space of this process (ulimit -v)"))
    machine = _free(root)
    if machine is not None:
        found.append(Available(machine, "this machine"))
    return min(found) if found else None


def address_limit() -> int | None:
    """Return how many bytes of addresses this process may have, by ``ulimit -v``; None: any number."""
    if resource is None:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _addresses(root: Path) -> int | None:
    for line in _lines(root / "proc/self/status"):
        words = line.split()
        if len(words) > 1 and words[0] == "VmSize:" and words[1].isdecimal():
            return 1024 * int(words[1])
    return None


def _free(root: Path) -> int | None:
    for line in _lines(root / "proc/meminfo"):
        words = line.split()
        if len(words) > 1 and words[0] == "MemAvailable:" and words[1].isdecimal():
            return 1024 * int(words[1])
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # no such function, or no such name
        return None
    return pages * size if pages > 0 and size > 0 else None


def _groups(root: Path) -> Iterator[Available]:
    """Yield what each group with a limit has left, from the process's own up to the root."""
    for line in _lines(root / "proc/self/cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        version = _V1 if controllers else _V2
        parts = [part for part in group.split("/") if part not in ("", "..")]
        for mount in version.mounts:
            # In a container the path may be the host's; the container's group is then the mount itself.
            for depth in range(len(parts), -1, -1):
                left = _left(root.joinpath(mount, *parts[:depth]), version)
                if left is not None:
                    yield Available(left, f"the control group /{'/'.join(parts[:depth])}")


def _left(folder: Path, version: _Version) -> int | None:
    limit, usage = (_number(folder / name) for name in (version.limit, version.usage))
    if limit is None or usage is None:
        return None
    cached = 0
    for line in _lines(folder / "memory.stat"):
        name, _, value = line.partition(" ")
        if name in version.caches and value.isdecimal():
            cached += int(value)
    return max(0, limit - max(0, usage - cached))


def _number(file: Path) -> int | None:
    for line in _lines(file):
        return int(line) if line.isdecimal() else None  # "max" is no limit
    return None


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
