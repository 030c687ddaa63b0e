"""Starts ``mlp``: an interrupt is answered even while the command line is still being loaded."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run ``mlp`` and end the process.

    0: done; 1: the run failed; 2: the command line or the config is wrong; 130 or 143:
    interrupted.
    """
    try:
        from mlpcli.cli import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    if "mlpcli.mpi.job" in sys.modules:  # one of several processes, perhaps
        from mlpcli.cli.output import said_muted
        from mlpcli.mpi.job import end_job

        end_job(code, said_muted())
    sys.exit(code)


if __name__ == "__main__":
    main()
