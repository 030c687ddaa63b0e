"""``mlp check``: checks a config before a long run."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

import click

from mlpcli.blas import prepare_blas
from mlpcli.cli.completing import complete_config
from mlpcli.cli.configs import read_config
from mlpcli.cli.options import set_option
from mlpcli.cli.output import show

__all__ = ["check"]

_INDENT = 19  # columns of verdict and name


@click.command()
@click.argument("config", type=click.Path(path_type=Path), shell_complete=complete_config)
@set_option
def check(config: Path, overrides: tuple[str, ...]) -> int:
    """Check what CONFIG describes, in seconds and without writing anything.

    Data: constant and repeated features, scale, examples shared by splits, balance of the classes. Network:
    first loss against theory, gradient against differences in float64, 20 examples learned by heart. Then the
    first steps with the config's own settings, and what the run will cost. Exits with 1 where a check fails.

    CONFIG may also be the directory of a run, or a checkpoint.
    """
    prepare_blas()
    from mlpcli.training.check import check_experiment

    experiment = read_config(config, overrides)
    width = max(60, min(shutil.get_terminal_size().columns, 110))
    verdicts = []
    for finding in check_experiment(experiment):
        verdicts.append(finding.verdict)
        show(
            textwrap.fill(
                finding.text,
                width,
                initial_indent=f"{finding.verdict:<6}{finding.name:<13}",
                subsequent_indent=" " * _INDENT,
                break_on_hyphens=False,
            )
        )
    counts = {verdict: verdicts.count(verdict) for verdict in ("pass", "note", "FAIL")}
    show(f"\n{counts['pass']} passed, {counts['note']} noted, {counts['FAIL']} failed")
    return 1 if counts["FAIL"] else 0
