"""The runs of a sweep in a storage: each ends once, whatever machines do, die of or come back from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from mlpcli.config.sweeps import SweepConfig, SweepOptions
from mlpcli.errors import ConfigError
from mlpcli.sweep.messages import Outcome
from mlpcli.sweep.plan import SweepPlan
from mlpcli.sweep.storage import open_storage
from mlpcli.sweep.trials import Batch, Claim, Trials


class Machines:
    """Machines that share a journal; each call of `machine` is another process, also if the name is known."""

    def __init__(self, folder: Path, **options: Any) -> None:
        (folder / "c.yaml").write_text("data: spiral\n", encoding="utf-8")
        options = options or {"grid": ["training.epochs=[1, 2, 3, 4]"]}
        self.plan = SweepPlan(SweepConfig(folder / "c.yaml", (), SweepOptions(**options)))
        self.storage = str(folder / "shared.jsonl")

    def machine(self, name: str, *, alone: bool = False, patience: float = 0.0, **other: Any) -> Trials:
        plan = other.pop("plan", self.plan)
        storage = open_storage(self.storage)
        return Trials(storage, "s", plan, name, higher=True, alone=alone, beat=0.0, patience=patience)

    def ended(self) -> list[int]:
        return list(self.machine("reader", alone=False).ended())


def take(trials: Trials) -> Claim:
    (claim,) = trials.claim()
    return claim


def finished(claim: Claim, score: float = 0.5) -> Outcome:
    return Outcome(claim.run, "finished", 1, 1, {"val_accuracy": score}, {"val_accuracy": score}, 0.1)


def finish_all(trials: Trials, score: float = 0.5) -> list[Claim]:
    claims = []
    while some := trials.claim():
        (claim,) = some
        assert trials.finish(claim, finished(claim, score), f"run-{claim.run}")
        claims.append(claim)
    return claims


def test_machines_claim_each_run_once(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    one, two = machines.machine("one"), machines.machine("two")
    claims = [take(one), take(two), take(two), take(one)]
    assert [claim.run for claim in claims] == [1, 2, 3, 4]
    assert [claim.values["training.epochs"] for claim in claims] == [1, 2, 3, 4]
    assert one.claim() == []
    for trials, claim in zip((one, two, two, one), claims, strict=True):
        assert trials.finish(claim, finished(claim), "d")
    assert one.ended() == two.ended()
    assert [(ended.machine, ended.outcome.run) for ended in one.ended().values()] == [
        ("one", 1),
        ("two", 2),
        ("two", 3),
        ("one", 4),
    ]


def test_a_machine_that_was_killed_goes_on_and_repeats_nothing(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    before = machines.machine("one")
    first, _ = take(before), take(before)
    before.finish(first, finished(first), "d")
    again = machines.machine("one")  # gives up what it was training
    assert [claim.run for claim in finish_all(again)] == [2, 3, 4]
    assert machines.ended() == [1, 2, 3, 4]


def test_a_machine_goes_on_at_once_where_nobody_else_can_have_a_run(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    take(machines.machine("one", alone=True))
    assert take(machines.machine("copied", alone=True)).run == 1


def test_the_runs_of_a_machine_that_died_are_given_up_once_it_is_silent(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    dead, living = machines.machine("dead"), machines.machine("living", patience=1e9)
    dead.beat()
    assert take(dead).run == 1
    living.beat()
    assert take(living).run == 2  # the other may still live
    impatient = machines.machine("impatient", patience=-1.0)
    impatient.beat()
    assert take(impatient).run == 1


def test_a_machine_that_lives_keeps_its_runs(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    one, two = machines.machine("one"), machines.machine("two", patience=1e-9)
    take(one)
    for _ in range(3):
        one.beat()
        two.beat()
    assert take(two).run == 2


def test_a_run_that_is_claimed_and_has_no_machine_yet_is_given_up_in_time(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    one = machines.machine("one", patience=-1.0)
    assert one.claim()
    storage = open_storage(machines.storage)
    study = storage.get_study_id_from_name("s")
    storage.set_trial_state_values(
        storage.get_trial_id_from_study_id_trial_number(study, 1), TrialState.RUNNING
    )
    one.beat()
    assert take(one).run == 2


def test_a_machine_that_was_believed_dead_does_not_count_twice(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    slow, quick = machines.machine("slow"), machines.machine("quick", patience=-1.0)
    late = take(slow)
    quick.beat()
    again = take(quick)
    assert (late.run, again.run) == (1, 1)
    assert not slow.finish(late, finished(late, 0.9), "slow")
    assert slow.ends_early(late, 1, 0.9)
    assert quick.finish(again, finished(again, 0.1), "quick")
    assert machines.machine("reader").ended()[1].directory == "quick"


def test_a_run_that_ends_while_it_is_given_up_counts_once(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    slow = machines.machine("slow")
    claim = take(slow)
    storage = open_storage(machines.storage)
    study = storage.get_study_id_from_name("s")
    trial = storage.get_trial_id_from_study_id_trial_number(study, claim.number)
    storage.set_trial_user_attr(trial, "given_up", True)  # by a machine that is killed before it goes on
    slow.finish(claim, finished(claim), "slow")
    assert take(machines.machine("quick")).run == 1


def test_two_machines_that_fill_the_storage_at_the_same_time_make_no_run_twice(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    one = machines.machine("one")
    take(one)
    study = optuna.load_study(study_name="s", storage=open_storage(machines.storage))
    for run in (1, 2, 3, 4):
        study.add_trial(create_trial(state=TrialState.WAITING, user_attrs={"run": run}))
    two = machines.machine("two")
    assert [claim.run for claim in finish_all(two)] == [2, 3, 4]
    assert sorted(machines.ended()) == [2, 3, 4]


def test_a_machine_that_is_killed_while_it_fills_the_storage_leaves_the_rest_to_others(
    tmp_path: Path,
) -> None:
    machines = Machines(tmp_path)
    machines.machine("killed")
    study = optuna.load_study(study_name="s", storage=open_storage(machines.storage))
    study.add_trial(create_trial(state=TrialState.WAITING, user_attrs={"run": 3}))
    assert [claim.run for claim in finish_all(machines.machine("one"))] == [1, 2, 3, 4]


def test_a_run_that_failed_is_not_repeated(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    one = machines.machine("one")
    claim = take(one)
    assert one.finish(claim, Outcome(1, "failed", message="it diverged"), "d")
    assert [claim.run for claim in finish_all(machines.machine("one"))] == [2, 3, 4]
    assert machines.machine("reader").ended()[1].outcome == Outcome(1, "failed", message="it diverged")


TPE: dict[str, Any] = {
    "sample": ["optimizer.learning_rate=log(1e-4, 1e-1)"],
    "grid": ["model.hidden=[[3], [6], [20]]"],
    "sampler": "tpe",
    "trials": 15,
}


def chosen(folder: Path, killed_after: int | None = None, **more: Any) -> list[dict[str, Any]]:
    """Return the values of all runs in order, whose score is better the higher the rate is."""
    folder.mkdir()
    machines = Machines(folder, **TPE, **more)
    trials, found = machines.machine("one", alone=True), []
    while claims := trials.claim():
        (claim,) = claims
        if len(found) == killed_after:
            killed_after = None
            trials = machines.machine("one", alone=True)
            continue
        trials.finish(claim, finished(claim, claim.values["optimizer.learning_rate"]), "d")
        found.append(claim.values)
    return found


def test_tpe_learns_and_chooses_the_same_each_time_also_after_a_kill(tmp_path: Path) -> None:
    found = chosen(tmp_path / "a")
    assert len(found) == 15
    assert found == chosen(tmp_path / "b")
    assert found == chosen(tmp_path / "c", killed_after=11)
    rates = [values["optimizer.learning_rate"] for values in found]
    assert sum(rates[10:]) > sum(rates[:5])


def half(waiting: int) -> int:
    return -(-waiting // 2)


def by_epochs(_: int, values: dict[str, Any]) -> Batch:
    return Batch(str(values["training.epochs"]), 2 if values["training.epochs"] == 3 else 32)


def test_runs_of_one_batch_are_claimed_together(tmp_path: Path) -> None:
    machines = Machines(tmp_path, grid=["training.epochs=[1, 2, 3]", "regularization.l2=[0, 0.1, 0.2, 0.3]"])
    one, two = machines.machine("one"), machines.machine("two")
    claims = [trials.claim(half, by_epochs) for trials in (one, two, one, one)]
    assert [[claim.run for claim in each] for each in claims] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10], [11]]
    assert [claim.run for claim in two.claim(half, by_epochs)] == [12]
    for claim in claims[0]:
        assert one.finish(claim, finished(claim), "d")
    assert machines.ended() == [1, 2, 3, 4]


@pytest.mark.parametrize("seeds", [1, 3])
def test_tpe_that_claims_seeds_together_chooses_what_it_chooses_one_by_one(
    tmp_path: Path, seeds: int
) -> None:
    one_by_one = chosen(tmp_path / "a", seeds=seeds)
    (tmp_path / "b").mkdir()
    trials = Machines(tmp_path / "b", **TPE, seeds=seeds).machine("one", alone=True)
    found = []
    while claims := trials.claim(lambda _: 10, lambda *_: Batch("", 32)):
        assert len(claims) == seeds
        for claim in claims:
            trials.finish(claim, finished(claim, claim.values["optimizer.learning_rate"]), "d")
            found.append(claim.values)
    assert found == one_by_one


def test_machines_that_give_signs_of_life_are_counted(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    one, two = machines.machine("one", patience=1e9), machines.machine("two", patience=1e9)
    for _ in range(2):
        one.beat()
        two.beat()
    assert (one.machines, two.machines) == (2, 2)
    last = machines.machine("last", patience=-1.0)  # by whose clock the others are silent
    last.beat()
    assert last.machines == 1


def test_tpe_chooses_no_setting_twice(tmp_path: Path) -> None:
    machines = Machines(tmp_path, sample=["training.epochs=int(1, 6)"], sampler="tpe")
    epochs = [claim.values["training.epochs"] for claim in finish_all(machines.machine("one"))]
    assert sorted(epochs) == [1, 2, 3, 4, 5, 6]


def test_the_seeds_of_a_setting_that_tpe_chose_share_its_values(tmp_path: Path) -> None:
    found = chosen(tmp_path / "a", seeds=2)
    assert len(found) == 30
    assert found[::2] == found[1::2]
    assert len({str(values) for values in found}) > 10


def test_what_tpe_chose_for_a_run_that_was_given_up_is_kept(tmp_path: Path) -> None:
    machines = Machines(tmp_path, **TPE)
    lost = take(machines.machine("dead"))
    other = machines.machine("other", patience=-1.0)
    other.beat()
    assert take(other).values == lost.values


def test_only_the_best_third_goes_on_after_a_rung(tmp_path: Path) -> None:
    machines = Machines(tmp_path, grid=["training.epochs=[1, 2, 3, 4, 5, 6]"], prune=True)
    one = machines.machine("one")
    claims = [take(one) for _ in range(6)]
    scores = [0.5, 0.4, 0.6, 0.55, 0.7, 0.65]
    ends = [one.ends_early(claim, 1, score) for claim, score in zip(claims, scores, strict=True)]
    assert ends == [False, True, False, True, False, False]  # of six, two go on: 0.7 and 0.65
    assert not one.ends_early(claims[4], 3, 0.7)


def test_a_score_of_a_run_that_was_given_up_does_not_count_at_a_rung(tmp_path: Path) -> None:
    machines = Machines(tmp_path, prune=True, grid=["training.epochs=[1, 2, 3]"])
    dead = machines.machine("dead")
    dead.ends_early(take(dead), 1, 0.9)
    again = machines.machine("dead")
    assert not again.ends_early(take(again), 1, 0.1)  # the first at this rung


def test_another_sweep_of_the_same_name_is_refused(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    machines.machine("one")
    other = Machines(tmp_path, grid=["training.epochs=[1, 2]"], seeds=2)
    with pytest.raises(ConfigError) as caught:
        other.machine("two")
    assert "the storage holds a sweep 's' of another config:" in str(caught.value)
    assert "sweep.grid.training.epochs: [1, 2, 3, 4] there, [1, 2] here" in str(caught.value)


def test_a_study_of_another_program_is_refused(tmp_path: Path) -> None:
    machines = Machines(tmp_path)
    optuna.create_study(study_name="s", storage=open_storage(machines.storage), direction="maximize").ask()
    with pytest.raises(ConfigError, match="a study 's' that is no sweep of mlp"):
        machines.machine("one")
