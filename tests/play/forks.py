"""Forks a process for each ``mlp play``, so that modules are loaded only once and a start takes milliseconds.

Reads one JSON object per line from stdin. {"args": [...], "folder": "...", "output": "..."} starts ``mlp`` in
a folder and writes its output to the files out and err in another; the reply is the id of the process. The
reply to {"wait": id} is its exit code, or null if it has not ended.
"""

import json
import os
import sys
from typing import Any

from mlpcli.blas import prepare_blas

prepare_blas(1)  # no thread is running when it forks

import uvicorn  # noqa: E402

import mlpcli.cli.play  # noqa: E402
import mlpcli.play.app  # noqa: E402, F401
from mlpcli.__main__ import main  # noqa: E402


def answer(task: dict[str, Any]) -> int | None:
    """Return the reply to a task; in a child, end with the exit code of ``mlp``."""
    if "wait" in task:
        ended, status = os.waitpid(task["wait"], os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if ended else None
    child = os.fork()
    if child == 0:
        os.chdir(task["output"])
        for descriptor, name, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, "out", os.O_WRONLY | os.O_CREAT | os.O_APPEND),
            (2, "err", os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        ):
            os.dup2(os.open(name, flags), descriptor)
        os.chdir(task["folder"])
        sys.argv = ["mlp", *task["args"]]
        main()
    return child


uvicorn.Config(lambda: None).load()
while row := sys.stdin.readline():
    print(json.dumps(answer(json.loads(row))), flush=True)
