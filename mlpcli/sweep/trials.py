"""The runs of a sweep in a storage of Optuna, which several machines may share: who trains which, and scores.

Each run is a trial of Optuna. A trial waits, is claimed by one machine, and ends. If its machine stops or
dies, the trial is given up: it has failed, and another trial takes its place. So a run may have several
trials. The first of them that is not given up counts, and no other: whatever order machines do things in,
each run ends once. A machine that was believed dead and comes back cannot end a trial that was given up.

A machine counts up a number in the storage as long as it lives. Another one believes that it is dead if the
number has stood still for a while by its own clock, so that clocks need not agree.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from mlpcli.errors import ConfigError
from mlpcli.sweep.messages import Outcome
from mlpcli.sweep.plan import SweepPlan, setting_text
from mlpcli.sweep.storage import quiet, together

__all__ = ["Batch", "Claim", "Ended", "Trials"]

BEAT = 15.0  # seconds between two signs of life
PATIENCE = 120.0  # seconds without one, after which a machine is believed dead
_RUN, _MACHINE, _GIVEN_UP, _ROW = "run", "machine", "given_up", "row"
_PLAN, _ALIVE = "plan", "alive:"
_TELLING = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)  # what a sampler learns from
_REDUCTION = 3  # one run in so many goes on after a rung
_LOOK_AHEAD = 500  # runs that wait, among which those of one batch are looked for


Values: TypeAlias = dict[str, Any]


class Batch(NamedTuple):
    """The name of the batch that a run is of, and how many of its runs may be trained at once."""

    name: str
    most: int


def _one(waiting: int) -> int:  # noqa: ARG001
    return 1


def _alone(run: int, values: Values) -> Batch:  # noqa: ARG001
    return Batch("", 1)


@dataclass(frozen=True)
class Claim:
    """A run that this machine is to train, with the values of its keys."""

    run: int
    number: int  # of the trial
    values: dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """A run that has ended, on the machine and in the directory that are named."""

    outcome: Outcome
    values: dict[str, Any]
    machine: str
    host: str
    directory: str


class Trials:
    """The trials of a sweep, as the machine of this name sees and changes them.

    ``alone`` says that no other machine uses the storage. Raises ConfigError if the storage holds another
    sweep of this name; what the storage itself raises comes through.
    """

    def __init__(
        self,
        storage: BaseStorage,
        name: str,
        plan: SweepPlan,
        machine: str,
        *,
        higher: bool,
        alone: bool,
        beat: float = BEAT,
        patience: float = PATIENCE,
    ) -> None:
        self._storage, self._plan, self._machine, self._alone = storage, plan, machine, alone
        self._higher, self._beat, self._patience = higher, beat, patience
        self._direction: Literal["maximize", "minimize"] = "maximize" if higher else "minimize"
        self._beats, self._due = 0, 0.0
        self.machines = 1  # that live, as far as is known
        self._seen: dict[str, tuple[Any, float]] = {}  # the last sign of life of a machine, and when it came
        with quiet():
            self._study = optuna.create_study(
                storage=storage,
                study_name=name,
                direction=self._direction,
                load_if_exists=True,
            )
        self._id = storage.get_study_id_from_name(name)
        self._require_same(name)
        self._ended: dict[int, Ended] = {}
        self._give_up_own()

    def _require_same(self, name: str) -> None:
        """Raise ConfigError if the storage holds another sweep of this name; note what this one is."""
        mine = self._plan.fingerprint()
        known = self._study.user_attrs.get(_PLAN)
        if known is None and not self._all():
            self._study.set_user_attr(_PLAN, mine)
            return
        if known is None:
            raise ConfigError(
                f"the storage holds a study {name!r} that is no sweep of mlp; give this one another name",
                topic="another sweep",
            )
        keys = [key for key in {**known, **mine} if known.get(key) != mine.get(key)]
        if keys:
            changed = "\n".join(
                f"  {key}: {json.dumps(known.get(key))} there, {json.dumps(mine.get(key))} here"
                for key in keys[:10]
            )
            if self._alone:
                raise ConfigError(
                    f"this sweep was begun with another config:\n{changed}\n"
                    "Go on with it as it was begun, or begin another one in another directory."
                )
            raise ConfigError(
                f"the storage holds a sweep {name!r} of another config:\n{changed}\n"
                "Give this one another name, or the config that the other was begun with.",
                topic="another sweep",
            )

    def _give_up_own(self) -> None:
        """Give up the trials that this machine was training when it was killed."""
        for trial in self._all(TrialState.RUNNING):
            if self._alone or trial.user_attrs.get(_MACHINE) == self._machine:
                self._give_up(trial.number)

    def beat(self) -> None:
        """Give a sign of life from time to time, and give up the trials of machines that give none."""
        now = time.monotonic()
        if self._alone or now < self._due:
            return
        self._due = now + self._beat
        self._beats += 1
        self._study.set_user_attr(f"{_ALIVE}{self._machine}", f"{socket.gethostname()} {self._beats} {now}")
        signs = {
            key.removeprefix(_ALIVE): sign
            for key, sign in self._study.user_attrs.items()
            if key.startswith(_ALIVE)
        }
        owners = {
            trial.number: trial.user_attrs.get(_MACHINE, f"trial {trial.number}")  # it was killed in between
            for trial in self._all(TrialState.RUNNING)
        }
        known = {*signs, *owners.values()}
        silent = {owner for owner in known if self._is_silent(owner, signs.get(owner), now)}
        self.machines = max(1, len(signs.keys() - silent))
        for number, owner in owners.items():
            if owner in silent:
                self._give_up(number)

    def _is_silent(self, owner: str, sign: Any, now: float) -> bool:
        """Take the sign of life of a machine; return whether it has been the same for too long."""
        if owner == self._machine:
            return False
        last, since = self._seen.get(owner, (None, now))
        if owner not in self._seen or last != sign:
            since = now
        self._seen[owner] = sign, since
        return now - since > self._patience

    def claim(
        self, share: Callable[[int], int] = _one, batch_of: Callable[[int, Values], Batch] = _alone
    ) -> list[Claim]:
        """Return runs that waited to be trained, and are this machine's from now on; none if none waits.

        ``share`` says how many to claim of so many that wait. All are of one batch, whose name and largest
        number ``batch_of`` returns for a run with its values; a sampler that learns chooses one setting.
        """
        with together(self._storage):
            trials = self._all()
            counting = _counting(trials)
            missing = [run for run in range(1, self._plan.runs + 1) if run not in counting]
            if missing:
                for run in missing:
                    self._study.add_trial(create_trial(state=TrialState.WAITING, user_attrs={_RUN: run}))
                trials = self._all()
                counting = _counting(trials)
                for trial in trials:  # those that another machine has added at the same time
                    is_double = counting[trial.user_attrs[_RUN]].number != trial.number
                    if is_double and trial.state == TrialState.WAITING:
                        self._give_up(trial.number)
            waiting = [run for run in sorted(counting) if counting[run].state == TrialState.WAITING]
            return self._claim_some(waiting, share(len(waiting)), batch_of, trials, counting)

    def _claim_some(
        self,
        waiting: Sequence[int],
        most: int,
        batch_of: Callable[[int, Values], Batch],
        trials: list[FrozenTrial],
        counting: dict[int, FrozenTrial],
    ) -> list[Claim]:
        claims: list[Claim] = []
        name = ""
        chosen: Values | None = None  # by a sampler that learns
        for run in waiting[:_LOOK_AHEAD] if most > 1 else waiting:
            if len(claims) == most:
                break
            first = self._plan.first_run(run)
            if self._plan.learns and claims and first != self._plan.first_run(claims[0].run):
                break
            values = chosen
            if values is None:
                values = self._chosen(run, trials) if self._plan.learns else self._plan.values(run)
            if values is None and first != run:
                continue  # the machine that has the first run of this setting is about to choose it
            batch = None if values is None else batch_of(run, values)
            if claims and batch is not None and batch.name != name:
                continue
            number = counting[run].number
            if not self._begin(number):
                continue
            if values is None:
                values = self._sample(run, counting)
                batch = batch_of(run, values)
            if self._plan.learns:
                chosen = values
            self._set_values(number, values)
            claims.append(Claim(run, number, values))
            assert batch is not None
            name, most = batch.name, min(most, batch.most)
        return claims

    def _begin(self, number: int) -> bool:
        """Make a trial that waits this machine's; return False if another one was faster."""
        trial_id = self._trial_id(number)
        try:
            if not self._storage.set_trial_state_values(trial_id, TrialState.RUNNING):
                return False
        except UpdateFinishedTrialError:
            return False
        self._storage.set_trial_user_attr(trial_id, _MACHINE, self._machine)
        return True

    def _set_values(self, number: int, values: Values) -> None:
        trial_id, parameters = self._trial_id(number), self._plan.parameters(values)
        for key, distribution in self._plan.distributions().items():
            internal = distribution.to_internal_repr(parameters[key])
            self._storage.set_trial_param(trial_id, key, internal, distribution)

    def _chosen(self, run: int, trials: list[FrozenTrial]) -> dict[str, Any] | None:
        """Return the values that a sampler has chosen for a run, or for the first one of its setting."""
        first = self._plan.first_run(run)
        known = self._plan.distributions()
        for trial in trials:
            if trial.user_attrs.get(_RUN) == first and trial.params.keys() == known.keys():
                return self._plan.from_parameters(trial.params)
        return None

    def _sample(self, run: int, counting: dict[int, FrozenTrial]) -> dict[str, Any]:
        """Return what the sampler chooses for a run, from what those that count have found.

        The sampler sees them in the order of their numbers, with a seed of this run's own. So it chooses the
        same where a sweep was stopped and resumed.
        """
        distributions = self._plan.distributions()
        known = [trial.params for trial in counting.values() if trial.params.keys() == distributions.keys()]
        taken = {setting_text(self._plan.from_parameters(params)) for params in known}
        with quiet():
            sampler = optuna.samplers.TPESampler(seed=self._plan.seed(run), constant_liar=True)
            study = optuna.create_study(sampler=sampler, direction=self._direction)
            for _, trial in sorted(counting.items()):
                if trial.params.keys() == distributions.keys() and trial.state in _TELLING:
                    study.add_trial(trial)
            return self._plan.draw_new(
                lambda: self._plan.from_parameters(study.ask(distributions).params), taken
            )

    def ends_early(self, claim: Claim, step: int, score: float) -> bool:
        """Note the best score of a run at a rung, and return whether better ones leave it no place.

        This is asynchronous successive halving (Li et al., 2020): at each rung the best third goes on.
        Optuna's own pruner would count a run twice that was given up and begun anew.
        """
        try:
            self._storage.set_trial_intermediate_value(self._trial_id(claim.number), step, score)
        except UpdateFinishedTrialError:  # it was given up meanwhile
            return True
        counting = _counting(self._all()).values()
        scores = [trial.intermediate_values[step] for trial in counting if step in trial.intermediate_values]
        scores.sort(reverse=self._higher)
        last = scores[max(1, len(scores) // _REDUCTION) - 1]
        return score < last if self._higher else score > last

    def finish(self, claim: Claim, outcome: Outcome, directory: str) -> bool:
        """Note how a run has ended; return False if it was given up meanwhile and this does not count."""
        score = next(iter(outcome.best.values()), None)
        state = TrialState.COMPLETE
        if outcome.status == "failed" or score is None:
            state = TrialState.FAIL
        elif outcome.status == "pruned":
            state = TrialState.PRUNED
        trial_id = self._trial_id(claim.number)
        row = {
            **asdict(outcome),
            "host": socket.gethostname(),
            "directory": directory,
            "values": claim.values,
        }
        try:
            with together(self._storage):
                self._storage.set_trial_user_attr(trial_id, _ROW, row)
                self._storage.set_trial_state_values(trial_id, state, None if score is None else [score])
        except UpdateFinishedTrialError:
            return False
        return True

    def give_up(self, claim: Claim) -> None:
        """Let another machine, or this one later, train a run from where it is now."""
        self._give_up(claim.number)

    def ended(self) -> dict[int, Ended]:
        """Return how the runs have ended that have, by their numbers."""
        for run, trial in _counting(self._all()).items():
            row = trial.user_attrs.get(_ROW)
            if trial.state.is_finished() and row is not None and run not in self._ended:
                row = dict(row)
                values, host, directory = row.pop("values"), row.pop("host"), row.pop("directory")
                machine = trial.user_attrs.get(_MACHINE, "")
                self._ended[run] = Ended(Outcome(**row), values, machine, host, directory)
        return dict(sorted(self._ended.items()))

    def _all(self, *states: TrialState) -> list[FrozenTrial]:
        return self._storage.get_all_trials(self._id, deepcopy=False, states=states or None)

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)

    def _give_up(self, number: int) -> None:
        trial_id = self._trial_id(number)
        try:
            self._storage.set_trial_user_attr(trial_id, _GIVEN_UP, True)
            self._storage.set_trial_state_values(trial_id, TrialState.FAIL)
        except UpdateFinishedTrialError:  # it has ended, or another machine was faster
            return


def _counting(trials: list[FrozenTrial]) -> dict[int, FrozenTrial]:
    """Return the trial of each run that counts: the first one that is not given up."""
    found: dict[int, FrozenTrial] = {}
    for trial in sorted(trials, key=lambda trial: trial.number):
        if not trial.user_attrs.get(_GIVEN_UP):
            found.setdefault(trial.user_attrs[_RUN], trial)
    return found
