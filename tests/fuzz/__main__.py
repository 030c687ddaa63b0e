"""``python -m tests.fuzz yaml|checkpoint|table [OPTIONS]``: looks for inputs that a reader cannot take.

OPTIONS are libFuzzer's. Needs atheris (``pip install '.[fuzz]'``), which finds its way by what code an input
reaches. Inputs that are of interest are kept in ``.fuzz/TARGET`` and are where the next run goes on from; one
that breaks a reader is written to ``.fuzz`` and ends the run. Without -max_total_time=SECONDS it looks until
it is interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("fuzzing needs atheris: pip install '.[fuzz]'")

_LIMITS = ("-timeout=10", "-rss_limit_mb=1000", "-max_len=20000")  # an input must need no more than these
_WATCHED = ["mlpcli", "tests.fuzz", "yaml", "zipfile", "json", "numpy.lib", "ast"]


def main() -> None:
    """Fuzz the target that the command line names."""
    with atheris.instrument_imports(include=_WATCHED):
        from tests.fuzz.targets import SEEDS, TARGETS, WORDS

    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz {'|'.join(TARGETS)} [libFuzzer's options]")
    target = sys.argv.pop(1)
    folder = Path(".fuzz")
    corpus = folder / target
    corpus.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(SEEDS[target]()):
        (corpus / f"seed-{i}").write_bytes(seed)
    words = folder / f"{target}.dict"
    words.write_text("".join(f'"{word}"\n' for word in WORDS[target]()))
    # libFuzzer takes the last of two options that are the same: the user's.
    options = [*_LIMITS, f"-dict={words}", f"-artifact_prefix={folder}/", *sys.argv[1:], str(corpus)]
    atheris.Setup([sys.argv[0], *options], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
