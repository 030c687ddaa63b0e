"""A converted table trains like the table, also in blocks, and its network takes tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlpcli.build.fitted import fit_transform
from mlpcli.build.splits import load_splits
from mlpcli.config.loader import load_experiment
from mlpcli.data.transform import Transform
from mlpcli.errors import DataError, UsageError
from mlpcli.training.apply import score_checkpoint
from mlpcli.training.convert import about_rows, convert_data, experiment_of
from mlpcli.training.predictions import predict_rows
from mlpcli.training.run import Run
from mlpcli.training.start import take_directory, train_run

PENGUINS = Path(__file__).parents[2] / "datasets" / "penguins.csv"
PLAIN = "recipe: plain\ntraining: {epochs: 3}\n"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a German table: semicolons, decimal commas, dates, categories, gaps."""
    monkeypatch.chdir(tmp_path)
    rows = [
        f"{i % 13},{i % 10};{('Ulm', 'Jena', 'Bonn', '')[i % 4]};{i % 28 + 1}.{i % 12 + 1}.2024;"
        f"{3 * (i % 13)},5"
        for i in range(300)
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["Größe;Stadt;Tag;Preis", *rows]) + "\n", encoding="cp1252")
    Path("c.yaml").write_text(
        "data: {name: csv, path: t.csv, target: Preis, columns: {Tag: date}, encoding: cp1252, "
        "val_size: 0.3}\n" + PLAIN
    )
    return path


def test_a_table_is_trained_on_to_the_same_bytes(tmp_path: Path) -> None:
    experiment = experiment_of(PENGUINS, "species")
    converted = convert_data(experiment, tmp_path / "out")
    assert (converted.rows, converted.classes, about_rows(experiment)) == (344, 3, 344)
    runs = [Run(experiment), Run(load_experiment(tmp_path / "out" / "data.yaml"))]
    for run in runs:
        for epoch in run.epochs():
            if epoch.number == 3:
                break
    one, other = (run.network.parameters.values for run in runs)
    assert one.tobytes() == other.tobytes()
    assert runs[0].splits.columns == runs[1].splits.columns


def test_new_rows_have_the_form_of_the_table(table: Path, tmp_path: Path) -> None:
    convert_data(experiment_of(Path("c.yaml"), None), tmp_path / "out")
    config = tmp_path / "out" / "data.yaml"
    config.write_text(config.read_text() + PLAIN)
    experiment = load_experiment(config)
    assert experiment.data.val_size == 0.3
    run = train_run(experiment, take_directory("run", Path("run")))
    predictions = predict_rows(run.best.checkpoint, table)
    assert predictions.columns == ["Preis"]
    whole = train_run(load_experiment(Path("c.yaml")), take_directory("whole", Path("whole")))
    np.testing.assert_array_equal(predictions.values, predict_rows(whole.best.checkpoint, table).values)
    assert (
        score_checkpoint(Path("run"), None, table)["r2"] == score_checkpoint(Path("whole"), None, table)["r2"]
    )


def test_in_blocks_the_transform_is_that_of_the_same_rows(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert_data(experiment_of(Path("c.yaml"), None), tmp_path / "out")
    monkeypatch.setattr("mlpcli.data.npy.LARGE", 0)
    monkeypatch.setattr("mlpcli.data.npy.rows_of_a_block", lambda _: 20)
    experiment = load_experiment(tmp_path / "out" / "data.yaml")
    splits = load_splits(experiment)
    assert splits.train.whole is not None
    X = np.concatenate([split.X for split in splits.train.whole.chunks()])
    whole = Transform.fit("standardize", X, np.arange(len(X)), splits.columns, splits.kinds)
    fitted = fit_transform(experiment, splits)
    assert (fitted.slots, fitted.flagged) == (whole.slots, whole.flagged)
    np.testing.assert_allclose(fitted.apply(X), whole.apply(X), rtol=1e-9, atol=1e-9)
    assert fitted.features(splits.columns, splits.kinds) == whole.features(splits.columns, splits.kinds)


def test_what_cannot_be_converted_is_refused(table: Path, tmp_path: Path) -> None:
    Path("s.yaml").write_text("data: spiral\n")
    with pytest.raises(UsageError, match="its data are spiral; only tables"):
        experiment_of(Path("s.yaml"), None)
    with pytest.raises(UsageError, match="is a config, which names the target itself"):
        experiment_of(Path("c.yaml"), "Preis")
    with pytest.raises(UsageError, match="holds arrays already"):
        experiment_of(Path("a.npz"), "y")
    with pytest.raises(UsageError, match=r"which column is to be predicted\? Its columns are 'species'"):
        experiment_of(PENGUINS, None)


def test_arrays_that_do_not_fit_their_description_are_refused(tmp_path: Path) -> None:
    convert_data(experiment_of(PENGUINS, "species"), tmp_path / "out")
    experiment = load_experiment(tmp_path / "out" / "data.yaml")
    np.save(tmp_path / "out" / "X.npy", np.ones((344, 3)))
    with pytest.raises(DataError, match=r"describes 7 columns, and .* has 3"):
        load_splits(experiment)
