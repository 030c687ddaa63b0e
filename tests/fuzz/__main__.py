"""``python -m tests.fuzz yaml|checkpoint|table [OPTIONS]``: looks for inputs that a reader cannot take.

OPTIONS are libFuzzer's. Needs atheris (``pip install '.[fuzz]'``), which finds its way by what code an input
reaches. Inputs that are of interest are kept in ``.fuzz/TARGET`` and are where the next run goes on from; one
that breaks a reader is written to ``.fuzz`` and ends the run. Without -max_total_time=SECONDS it looks until
it is interrupted.

``python -m tests.fuzz checkpoint-meta [--seconds 3600] [--seed 0]`` needs nothing else: see ``metas.py``.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_LIMITS = ("-timeout=10", "-rss_limit_mb=1000", "-max_len=20000")  # an input must need no more than these
_WATCHED = ["mlpcli", "tests.fuzz", "yaml", "zipfile", "json", "numpy.lib", "ast"]
_FOLDER = Path(".fuzz")


def main() -> None:
    """Fuzz the target that the command line names."""
    if sys.argv[1:2] == ["checkpoint-meta"]:
        from tests.fuzz.metas import fuzz

        parser = argparse.ArgumentParser("python -m tests.fuzz checkpoint-meta")
        parser.add_argument("--seconds", type=float, default=3600)
        parser.add_argument("--seed", type=int, default=0)
        options = parser.parse_args(sys.argv[2:])
        sys.exit(1 if fuzz(_FOLDER / "checkpoint-meta", options.seconds, options.seed) else 0)
    try:
        import atheris
    except ImportError:
        sys.exit("fuzzing needs atheris: pip install '.[fuzz]'")
    with atheris.instrument_imports(include=_WATCHED):
        from tests.fuzz.targets import SEEDS, TARGETS, WORDS

    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz {'|'.join(TARGETS)}|checkpoint-meta [options]")
    target = sys.argv.pop(1)
    corpus = _FOLDER / target
    corpus.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(SEEDS[target]()):
        (corpus / f"seed-{i}").write_bytes(seed)
    words = _FOLDER / f"{target}.dict"
    words.write_text("".join(f'"{word}"\n' for word in WORDS[target]()))
    # libFuzzer takes the last of two options that are the same: the user's.
    options = [*_LIMITS, f"-dict={words}", f"-artifact_prefix={_FOLDER}/", *sys.argv[1:], str(corpus)]
    atheris.Setup([sys.argv[0], *options], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
