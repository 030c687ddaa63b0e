"""The targets of fuzzing hold on the inputs that fuzzing begins with, and on inputs that once broke them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from usual import only

FORMATS = Path(__file__).parent / "training" / "formats"


@pytest.mark.parametrize("name", ["yaml", "checkpoint", "table"])
def test_the_seeds_hold(targets: ModuleType, name: str) -> None:
    seeds = targets.SEEDS[name]()
    assert len(seeds) > 4
    for seed in seeds:
        targets.TARGETS[name](seed)
    assert all(word.isprintable() and '"' not in word for word in targets.WORDS[name]())


def test_a_broken_reader_is_noticed(targets: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    load = targets.load_checkpoint

    def load_wrongly(path: Path) -> object:
        checkpoint = load(path)
        checkpoint.network.parameters.values[0] = float("nan")
        return checkpoint

    monkeypatch.setattr(targets, "load_checkpoint", load_wrongly)
    for seed in targets.SEEDS["checkpoint"]()[:4]:
        with pytest.raises(targets.BrokenError):
            targets.checkpoint(seed)
    monkeypatch.setattr(targets, "validate_experiment", lambda *_: None)
    with pytest.raises(targets.BrokenError):
        targets.yaml(b"data: spiral")


@pytest.mark.exhaustive
def test_mutated_checkpoints_are_answered_within_limits(metas: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "mutant.npz"
    with metas.Reader() as reader:
        for number, (content, learn) in enumerate(metas.mutations(0)):
            path.write_bytes(content)
            found = reader.answer(path)
            assert not found.is_broken, f"{number}: {found}"
            learn(found.text)
            if number == 15:
                break


@pytest.mark.exhaustive
def test_mutations_are_the_same_for_a_seed_and_hold_sound_and_unsound_files(
    metas: ModuleType, tmp_path: Path
) -> None:
    def answers(n: int) -> list[str]:
        path, texts = tmp_path / "mutant.npz", []
        for content, learn in metas.mutations(5):
            if len(content) > 100_000:
                learn("left out")
                continue
            path.write_bytes(content)
            with np.errstate(all="ignore"):
                texts.append(metas.read(path, tmp_path / "again.npz"))
            learn(texts[-1])
            if len(texts) == n:
                return texts
        raise AssertionError

    first = answers(25)
    assert len(set(first)) > 10
    assert any(text.startswith(metas.ACCEPTED) for text in first)
    assert answers(10) == first[:10]


def test_a_broken_reader_of_metas_is_noticed(
    metas: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = FORMATS / "3" / "classes.npz"
    assert metas.read(path, tmp_path / "again.npz").startswith(metas.ACCEPTED + "predicts")
    monkeypatch.setattr(metas, "load_checkpoint", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        metas.read(path, tmp_path / "again.npz")


# What fuzzing of checkpoints has found: transforms at the ends of what a float64 holds.
EXTREMES = (1.7e308, -1.7e308, 1e300, 5e-324, 3.4e38, -1.0)


@pytest.mark.parametrize("name", only({"values"}, ["classes", "values", "table"]))
def test_transforms_at_their_extremes_are_refused_or_predict(
    metas: ModuleType, tmp_path: Path, name: str
) -> None:
    with np.load(FORMATS / "3" / f"{name}.npz") as file:
        sound = dict(file)
    path, answers = tmp_path / "extreme.npz", set()
    for key in sound:
        if not key.removeprefix("network2_").startswith(
            ("shift", "scale", "fill", "edges", "target", "base")
        ):
            continue
        for value in EXTREMES:
            array = sound[key].astype(np.float32 if key[-2:] in ("_V", "_b") else np.float64)
            with np.errstate(over="ignore"):
                array.reshape(-1)[slice(None) if key == "shift" else -1] = value
            np.savez(path, **sound | {key: array})
            answers.add(metas.read(path, tmp_path / "again.npz")[:30])
    assert any(answer.startswith(metas.ACCEPTED) for answer in answers)
    assert len(answers) > 1


FAR = 1.79e308
BETWEEN: list[tuple[str, dict[str, Any], str]] = [
    (
        "table",
        {"edges": [-1.7e308, 1.7e308, 1.75e308, FAR] * 2},
        "edges that are not in order, or too far apart",
    ),
    ("table", {"edges": [0, 5e-324, 1e-323, 2e-323] * 2}, "accepted: predicts"),
    ("table", {"shift": -FAR, "fill": FAR}, "drives the network past what 32 bits can hold"),
    ("table", {"scale": 1.2e-38, "fill": FAR}, "drives the network past what 32 bits can hold"),
    ("values", {"target_shift": FAR, "target_scale": FAR}, "past what 64 bits can hold"),
    ("values", {"target_shift": -FAR, "target_scale": 1.2e-38}, "accepted: predicts, predicts"),
    ("values", {"baseline_constant": FAR}, "accepted: predicts, predicts"),
]


@pytest.mark.parametrize(("name", "values", "expected"), BETWEEN, ids=lambda value: str(value)[:30])
def test_extremes_of_several_arrays(
    metas: ModuleType, tmp_path: Path, name: str, values: dict[str, Any], expected: str
) -> None:
    with np.load(FORMATS / "3" / f"{name}.npz") as file:
        sound = dict(file)
    changed = {key: np.resize(np.array(value, np.float64), sound[key].shape) for key, value in values.items()}
    np.savez(tmp_path / "extreme.npz", **sound | changed)
    assert expected in metas.read(tmp_path / "extreme.npz", tmp_path / "again.npz")


# What fuzzing has found.
FOUND = {
    "an option that is not UTF-8": ("yaml", b"data: spiral\0--set \xff"),
}


@pytest.mark.parametrize(("name", "data"), FOUND.values(), ids=FOUND)
def test_what_fuzzing_has_found(targets: ModuleType, name: str, data: bytes) -> None:
    targets.TARGETS[name](data)
