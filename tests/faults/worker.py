"""Carries out ``mlp`` command lines, each in a forked process, and kills them when it is told to.

Reads a JSON object a line from stdin, {"args": [...], "kill_after": seconds or null, "save_every": seconds
from one last.npz to the next}, and answers with the exit code, -9 for a process that was killed. NumPy is
loaded once, so that a run takes milliseconds.
"""

import json
import os
import signal
import sys
import time

from mlpcli.blas import prepare_blas

prepare_blas(1)  # no thread is running when it forks

import mlpcli.training.resume  # noqa: E402
import mlpcli.training.start  # noqa: E402
from mlpcli.cli import run  # noqa: E402


def main() -> None:
    """Answer until stdin ends."""
    for line in sys.stdin:
        task = json.loads(line)
        child = os.fork()
        if child == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1):
                os.dup2(null, descriptor)
            mlpcli.training.recorder._WRITE_EVERY = task["save_every"]
            os._exit(run(task["args"]))
        if task["kill_after"] is not None:
            time.sleep(task["kill_after"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
