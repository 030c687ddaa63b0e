"""The targets of fuzzing hold on the inputs that fuzzing begins with, and on inputs that once broke them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest


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


# What fuzzing has found.
FOUND = {
    "an option that is not UTF-8": ("yaml", b"data: spiral\0--set \xff"),
}


@pytest.mark.parametrize(("name", "data"), FOUND.values(), ids=FOUND)
def test_what_fuzzing_has_found(targets: ModuleType, name: str, data: bytes) -> None:
    targets.TARGETS[name](data)
