"""Carries out ``mlp`` command lines, each in a forked process, and kills them when it is told to.

Reads a JSON object a line from stdin, {"args": [...], "kill_after": seconds or null, "save_every": seconds
from one last.npz to the next}, and answers with the exit code, -9 for a process that was killed. NumPy is
loaded once, so that a run takes milliseconds.

With "said", what is printed goes into that file. With "fault", [folder, way, number, code], a call of the
system fails (see shim.c, which has been loaded before); the number of calls goes into a file beside "said".
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from mlpcli.blas import prepare_blas

prepare_blas(1)  # no thread is running when it forks

import mlpcli.training.resume  # noqa: E402
import mlpcli.training.start  # noqa: E402
from mlpcli.cli import run  # noqa: E402


def end(child: int, kill_after: float | None) -> int:
    """Return the exit code of a process, which is killed if it has not ended in so many seconds."""
    if kill_after is not None:
        kill_at = time.monotonic() + kill_after
        while (left := kill_at - time.monotonic()) > 0:
            time.sleep(min(left, 0.005))
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def carry_out(task: dict[str, Any]) -> int:
    """Carry out a command line and return its exit code."""
    if "fault" not in task:
        return run(task["args"])
    shim = ctypes.CDLL(None)
    folder, way, number, code = task["fault"]
    shim.fault_arm(folder.encode(), way.encode(), ctypes.c_long(number), code)
    exit_code = run(task["args"])
    shim.fault_count.restype = ctypes.c_long
    calls = shim.fault_count()
    Path(f"{task['said']}.calls").write_text(str(calls))
    return exit_code


def main() -> None:
    """Answer until stdin ends."""
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if child == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1):
                os.dup2(null, descriptor)
            if "said" in task:
                os.dup2(os.open(task["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
            mlpcli.training.recorder._WRITE_EVERY = task["save_every"]
            os._exit(carry_out(task))
        print(end(child, task["kill_after"]), flush=True)


if __name__ == "__main__":
    main()
