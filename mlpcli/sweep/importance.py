"""Measures which keys of a sweep decide whether a run is among the best, by Optuna's PED-ANOVA."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlpcli.config.differences import is_repeated
from mlpcli.errors import UsageError
from mlpcli.sweep.compare import is_better_higher
from mlpcli.sweep.groups import Result
from mlpcli.text import count, install_command

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

__all__ = ["LEAST_RUNS", "SEED", "key_importances"]

LEAST_RUNS = 20
SEED = "training.seed"
_BEST = 0.25  # share of the runs that count as the best
_MANY = 6  # values from which on numbers are a range, and not a list
_DECADES = 100  # a range whose ends differ by this factor is taken as logarithmic


def key_importances(results: Sequence[Result], score: str) -> dict[str, float]:
    """Return a share of 1 for each key that was swept, the most important first.

    It says how much a key decides whether a run is among the best quarter (PED-ANOVA: Watanabe, Bansal and
    Hutter, 2023). If there are several seeds, `SEED` is a key, too: what is no more important than that
    cannot be told from luck. Raises UsageError where that cannot be measured: with fewer than `LEAST_RUNS`
    runs, with one key, or without Optuna.
    """
    values = {key: [result.keys[key] for result in results] for key in results[0].keys}
    varied = {key: found for key, found in values.items() if any(value != found[0] for value in found)}
    if len(results) < LEAST_RUNS:
        raise UsageError(
            f"{count(len(results), 'run')} finished, and it takes {LEAST_RUNS} or more to say which keys "
            "mattered"
        )
    if not varied.keys() - {SEED}:
        raise UsageError("all runs have the same values, so no key mattered")
    if len(varied) == 1:
        raise UsageError("only one key was swept")
    try:
        import optuna
        from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    except ImportError:
        raise UsageError(
            "which keys mattered is measured by Optuna; install it with\n"
            f"  {install_command('mlpcli[sweep]')}"
        ) from None
    coded = {key: _Coded(found, of_choices=is_repeated(key)) for key, found in varied.items()}
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = optuna.create_study(direction="maximize" if is_better_higher(score) else "minimize")
            study.add_trials(
                [
                    optuna.trial.create_trial(
                        params={key: one.values[i] for key, one in coded.items()},
                        distributions={key: one.distribution for key, one in coded.items()},
                        value=result.score,
                    )
                    for i, result in enumerate(results)
                ]
            )
            evaluator = PedAnovaImportanceEvaluator(target_quantile=_BEST)
            return dict(get_param_importances(study, evaluator=evaluator))
    finally:
        optuna.logging.set_verbosity(verbosity)


class _Coded:
    """The values of a key as Optuna takes them: numbers of a range, or choices."""

    def __init__(self, values: Sequence[Any], *, of_choices: bool) -> None:
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        self.distribution: BaseDistribution
        if numbers and not of_choices and len(set(values)) >= _MANY:
            low, high = float(min(values)), float(max(values))
            self.values: list[Any] = list(map(float, values))
            self.distribution = FloatDistribution(low, high, log=low > 0 and high / low >= _DECADES)
        else:
            self.values = [json.dumps(value) for value in values]
            self.distribution = CategoricalDistribution(sorted(set(self.values)))
