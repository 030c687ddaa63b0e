"""mlp eval: the same scores for people and for programs, from the checkpoint alone."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli import train
from mlpcli.build.splits import load_splits
from mlpcli.config.loader import load_experiment
from mlpcli.training.directory import RunDirectory

Mlp = Callable[..., Any]
Trained = Callable[..., RunDirectory]
CONFIGS = Path(__file__).parents[2] / "configs"
DATASETS = Path(__file__).parents[2] / "datasets"


def test_json_has_what_programs_need(mlp: Mlp, trained: Trained) -> None:
    run = trained("spiral", "training.epochs=20")
    code, out, err = mlp("eval", run.best, "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["split"], report["n"], report["data"]) == ("test", 60, "spiral")
    confusion = np.array(report["confusion"])
    assert confusion.sum() == 60
    assert report["accuracy"] == pytest.approx(np.trace(confusion) / 60)
    assert report["loss"] > 0
    assert [row["support"] for row in report["classes"]] == confusion.sum(axis=1).tolist()


@pytest.mark.parametrize("split", ["train", "val"])
def test_scores_are_those_of_the_run(mlp: Mlp, trained: Trained, split: str) -> None:
    run = trained("spiral", "training.epochs=20")
    report = json.loads(mlp("eval", run.best, "--split", split, "--json").out)
    rows = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    best = next(row for row in rows if row["epoch"] == report["epoch"])
    assert report["split"] == split
    if split == "val":  # training scores move with the weights, these were taken after the epoch
        assert report["accuracy"] == best["val_accuracy"]
        assert report["loss"] == pytest.approx(best["val_loss"], rel=1e-5)
    assert report["n"] == {"train": 180, "val": 60}[split]


def test_tta_scores_images_with_their_mirror_images(
    mlp: Mlp, tmp_path: Path, make_cifar10: Callable[..., Any]
) -> None:
    """They are the scores of the model with_tta; text and JSON say so."""
    test, labels = make_cifar10(tmp_path / "cifar-10-batches-bin", n=20)["test_batch"]
    data = {"name": "cifar10", "root": str(tmp_path), "val_size": 10}
    run = train({"model": {"hidden": [4]}, "training": {"epochs": 1}}, data=data, out=tmp_path / "run")
    report = json.loads(mlp("eval", tmp_path / "run", "--tta", "--json").out)
    mirrored = test.reshape(-1, 3, 32, 32)[..., ::-1].reshape(-1, 3072)
    p = (run.best.predict_proba(test) + run.best.predict_proba(mirrored)) / 2
    assert report["tta"] is True
    assert report["accuracy"] == pytest.approx(np.mean(p.argmax(axis=1) == labels))
    assert report["log_loss"] == pytest.approx(-np.log(p[np.arange(20), labels]).mean(), rel=1e-5)
    assert "tta" not in json.loads(mlp("eval", tmp_path / "run", "--json").out)
    code, out, err = mlp("eval", tmp_path / "run", "--tta")
    assert (code, err) == (0, "")
    assert "on the test split of cifar10: 20 examples, with mirror images\n" in out


def test_tta_of_what_may_be_no_images(mlp: Mlp, trained: Trained) -> None:
    code, _, err = mlp("eval", trained("digits", "training.epochs=1").best, "--tta")
    assert code == 0
    assert "taken for a gray image of 8 x 8 pixels, and mirrored" in " ".join(err.split())
    np.save("rows.npy", np.zeros((1, 2)))
    for command in (["eval"], ["predict", "rows.npy"]):
        code, out, err = mlp(command[0], trained("spiral", "training.epochs=20").best, *command[1:], "--tta")
        assert (code, out) == (2, "")
        assert "the rows of spiral are no images that could be mirrored" in err
        assert err.endswith("Leave out --tta.\n")


def test_batch_norm_is_scored_with_its_running_statistics(mlp: Mlp, trained: Trained) -> None:
    """Every command reads the statistics from the checkpoint: rows score alike, together or alone."""
    directory = trained("iris", "model.batch_norm=true", "training.epochs=5")
    last = [json.loads(row) for row in directory.metrics.read_text().splitlines()][-1]
    report = json.loads(mlp("eval", directory.last, "--split", "val", "--json").out)
    assert report["accuracy"] == last["val_accuracy"]
    assert report["loss"] == pytest.approx(last["val_loss"], rel=1e-6)
    whole = mlp("predict", directory.last, DATASETS / "iris.csv").out.splitlines()
    lines = (DATASETS / "iris.csv").read_text().splitlines()
    Path("one.csv").write_text(f"{lines[0]}\n{lines[77]}\n")
    assert mlp("predict", directory.last, "one.csv").out.splitlines()[1] == whole[77]


def test_the_table_says_the_same(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    report = json.loads(mlp("eval", run.best, "--json").out)
    code, out, err = mlp("eval", run.best)
    assert (code, err) == (0, "")
    first, _, rest = out.partition("\n\n")
    expected = f"{run.best} (epoch {report['epoch']}) on the test split of iris.csv: 30 examples"
    assert first.replace("\n", " ") == expected
    lines = rest.splitlines()
    assert f"accuracy  {report['accuracy']:.2%}" in re.sub(" +", "  ", out)
    for row in report["classes"]:
        shown = next(line.split() for line in lines if line.startswith(row["class"]))
        assert shown[1:] == [*(f"{row[key]:.2%}" for key in ("precision", "recall", "f1")), "10"]
    header = next(i for i, line in enumerate(lines) if line.startswith("confusion"))
    matrix = [[int(word) for word in line.split()[1:]] for line in lines[header + 2 : header + 5]]
    assert matrix == report["confusion"]
    assert lines[header + 1].split() == ["setosa", "versicolor", "virginica"]


def test_a_regression_has_errors_and_r2(mlp: Mlp, trained: Trained) -> None:
    run = trained("sine", "training.epochs=20")
    report = json.loads(mlp("eval", run.best, "--json").out)
    train = load_splits(load_experiment(CONFIGS / "sine.yaml")).train
    assert report["loss"] == pytest.approx(report["mse"] / train.y[train.rows].var(), rel=1e-4)
    assert report["mae"] ** 2 <= report["mse"]
    assert 0.5 < report["r2"] <= 1
    out = mlp("eval", run.best).out
    lines = [line.split() for line in out.splitlines()]
    beside = [report["baselines"][name] for name in ("mean", "linear")]
    assert ["network", "mean", "linear"] in lines
    assert ["R2", *(f"{scores['r2']:.4f}" for scores in (report, *beside))] in lines
    assert [
        "root",
        "mean",
        "squared",
        "error",
        *(f"{s['mse'] ** 0.5:.4f}" for s in (report, *beside)),
    ] in lines
    assert beside[1]["r2"] < report["r2"]  # a line is no sine
    assert "accuracy" not in out


def test_several_targets_of_a_table_have_scores_and_predictions_each(mlp: Mlp, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 300))
    rows = np.column_stack([a, b, 100 + 10 * a, np.exp(b) + 5])
    text = "a,b,height,mass\n" + "".join(",".join(f"{cell:.5f}" for cell in row) + "\n" for row in rows)
    (tmp_path / "table.csv").write_text(text)
    (tmp_path / "two.yaml").write_text(
        "data: {name: csv, path: table.csv, target: [height, mass]}\nmodel: {hidden: [16]}\n"
        "optimizer: {learning_rate: 0.02}\ntraining: {epochs: 30}\n"
    )
    assert mlp("train", tmp_path / "two.yaml", "--out", tmp_path / "run", "--quiet").code == 0
    best = tmp_path / "run" / "best.npz"
    report = json.loads(mlp("eval", best, "--json").out)
    assert [row["target"] for row in report["targets"]] == ["height", "mass"]
    assert all(row["r2"] > 0.9 for row in report["targets"])
    shown = mlp("eval", best, "--data", tmp_path / "table.csv").out
    assert re.search(r"^target +RMSE.*R2\nheight .*\nmass ", shown, re.MULTILINE)
    predicted = mlp("predict", best, tmp_path / "table.csv").out.splitlines()
    assert predicted[0] == "height,mass"
    values = np.array([list(map(float, line.split(","))) for line in predicted[1:]])
    assert np.corrcoef(values[:, 0], rows[:, 2])[0, 1] > 0.95
    assert np.corrcoef(values[:, 1], rows[:, 3])[0, 1] > 0.9
    told = mlp("data", "describe", tmp_path / "two.yaml").out
    assert re.search(r"^height +train", told, re.MULTILINE)


def test_a_measure_without_a_value_is_null_and_says_why(mlp: Mlp, trained: Trained) -> None:
    run = trained("blobs", "data.noise=0")
    report = json.loads(mlp("eval", run.best, "--json").out)
    assert (report["log_loss"], report["roc_auc"]) == (None, 1.0)
    assert report["undefined"]["log_loss"] == "the network gives scores, not probabilities"
    out = mlp("eval", run.best).out
    assert "\nNot defined, as the network gives scores, not probabilities:\nlog loss, calibration" in out


def test_two_classes_have_a_threshold(mlp: Mlp, trained: Trained) -> None:
    run = trained("moons", "training.epochs=5")
    best = json.loads(mlp("eval", run.best, "--json").out)["threshold"]
    assert (best["class"], 0 < best["value"] < 1) == ("1", True)
    assert (
        f"\nF1 is that of 1; at best {best['f1']:.2%}, with predict --threshold {best['value']}."
        in mlp("eval", run.best).out
    )


def test_ten_classes_fit_80_columns_and_fifty_are_summed_up(mlp: Mlp, trained: Trained) -> None:
    ten = trained("blobs", "data.classes=10", "data.noise=0.4", "training.epochs=1")
    out = mlp("eval", ten.best).out
    assert "confusion (a row for the true class" in out
    assert max(map(len, out.splitlines()[1:])) <= 80
    fifty = trained("blobs", "data.classes=50", "data.noise=0.4", "training.epochs=1")
    out = mlp("eval", fifty.best).out
    assert "most frequent confusions" in out
    assert re.search(r"^ *\d+  x  \d+ +taken for  \d+$", out, re.MULTILINE)
    assert max(map(len, out.splitlines()[1:])) <= 80


def test_nothing_confused(mlp: Mlp, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained("blobs", "data.noise=0")
    monkeypatch.setenv("COLUMNS", "10")
    assert mlp("eval", run.best).out.endswith("\nnone\n")


def test_without_a_test_split_the_next_one_is_scored(mlp: Mlp, trained: Trained) -> None:
    no_test = trained("spiral", "data.test_size=0", "training.epochs=1")
    assert json.loads(mlp("eval", no_test.best, "--json").out)["split"] == "val"
    code, out, err = mlp("eval", no_test.best, "--split", "test")
    assert (code, out) == (2, "")
    assert err == "Error: this run has no test split; it has val, train\n"


def test_a_table_can_take_the_place_of_the_data(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    whole = json.loads(mlp("eval", run.best, "--data", DATASETS / "iris.csv", "--json").out)
    assert (whole["split"], whole["n"], whole["data"]) == ("all", 150, str(DATASETS / "iris.csv"))
    shutil.copy(DATASETS / "iris.csv", "copy.csv")
    split = json.loads(mlp("eval", run.best, "--data", "copy.csv", "--split", "test", "--json").out)
    original = json.loads(mlp("eval", run.best, "--split", "test", "--json").out)
    assert split == {**original, "data": "copy.csv"}
    assert "on all of copy.csv: 150 examples" in mlp("eval", run.best, "--data", "copy.csv").out


def test_rows_of_ones_own_for_a_drawn_set(mlp: Mlp, trained: Trained) -> None:
    run = trained("xor", "training.epochs=20")
    Path("own.csv").write_text("x1,x2,y\n0.5,0.5,0\n-0.5,0.5,1\n0.5,-0.5,1\n")
    np.savez("own.npz", X=np.array([[0.5, 0.5], [-0.5, 0.5], [0.5, -0.5]]), y=np.array([0, 1, 1]))
    csv, npz = (
        json.loads(mlp("eval", run.best, "--data", f"own.{kind}", "--json").out) for kind in ("csv", "npz")
    )
    assert csv == {**npz, "data": "own.csv"}
    assert csv["n"] == 3
    code, out, err = mlp("eval", run.best, "--data", "own.csv", "--split", "test")
    assert (code, out) == (2, "")
    assert "is drawn from the seed" in err


def test_data_that_have_changed_are_refused(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    text = (DATASETS / "iris.csv").read_text()
    for name, changed, what in (
        ("columns.csv", text.replace("petal_width", "petal_height"), "other features"),
        ("classes.csv", text.replace("setosa", "rosa"), "other classes"),
    ):
        Path(name).write_text(changed)
        code, out, err = mlp("eval", run.best, "--data", name, "--split", "test")
        assert (code, out) == (2, "")
        assert what in err


def test_values_past_all_numbers_are_refused(mlp: Mlp, trained: Trained) -> None:
    run = trained("xor", "training.epochs=20")
    Path("far.csv").write_text("x1,x2,y\n0.5,0.5,0\n3e38,3e38,1\n")
    for command in (["eval", run.best, "--data", "far.csv"], ["predict", run.best, "far.csv"]):
        code, out, err = mlp(*command)
        assert (code, out) == (1, "")
        assert "example 2 drives the network past what 32 bits can hold" in err


def test_the_directory_of_a_run_stands_for_its_best_checkpoint(mlp: Mlp, trained: Trained) -> None:
    run = trained("xor", "training.epochs=20")
    assert mlp("eval", run.path) == mlp("eval", run.best)
    assert mlp("eval", run.path, "--json").code == 0


def test_a_folder_that_is_no_run_is_told_from_a_checkpoint(mlp: Mlp) -> None:
    Path("folder").mkdir()
    code, out, err = mlp("eval", "folder")
    assert (code, out) == (2, "")
    assert err.startswith("Error: folder is not the directory of a run: it has no config.yaml; name the ")
    Path("folder/config.yaml").write_text("data: xor")
    code, out, err = mlp("eval", "folder")
    assert err == "Error: folder has no best.npz yet: no epoch has been finished\n"


def test_a_file_that_has_changed_since_training_is_not_split_again(mlp: Mlp) -> None:
    shutil.copy(DATASETS / "iris.csv", "flowers.csv")
    Path("c.yaml").write_text(
        "data: {name: csv, path: flowers.csv, target: species}\ntraining: {epochs: 5}\n"
    )
    assert mlp("train", "c.yaml", "--quiet").code == 0
    best = "runs/c/best.npz"
    assert mlp("eval", best).code == 0
    header, *lines = Path("flowers.csv").read_text().splitlines()
    Path("flowers.csv").write_text("\n".join([header, *reversed(lines)]))
    code, out, err = mlp("eval", best)
    assert (code, out) == (1, "")
    assert "flowers.csv is no longer what the network was trained on" in err
    assert json.loads(mlp("eval", best, "--data", "flowers.csv", "--json").out)["n"] == 150
    Path("flowers.csv").unlink()
    code, _, err = mlp("eval", best)
    assert code == 1
    assert "If the data have moved, name them with --data." in err


def test_a_majority_and_a_mean_to_compare_with(mlp: Mlp, trained: Trained) -> None:
    run = trained("iris", "training.epochs=20")
    report = json.loads(mlp("eval", run.best, "--json").out)
    assert report["baseline"] == pytest.approx(1 / 3)
    f1 = np.mean([row["f1"] for row in report["classes"]])
    assert report["macro"]["f1"] == pytest.approx(f1)
    lines = mlp("eval", run.best).out.splitlines()
    linear = report["baselines"]["linear"]["accuracy"]
    assert linear > 0.9
    words = [line.split() for line in lines]
    assert ["network", "most", "frequent", "linear"] in words
    accuracy = next(row for row in words if row[:1] == ["accuracy"])
    assert accuracy[1:4] == [f"{report['accuracy']:.2%}", "33.33%", f"{linear:.2%}"]
    assert any(line.split()[0] == "(mean)" for line in lines if line)


def test_a_config_is_told_from_a_checkpoint(mlp: Mlp) -> None:
    code, out, err = mlp("eval", CONFIGS / "iris.yaml")
    assert (code, out) == (2, "")
    assert (
        "is a config, not a run; name the directory of a run, as in runs/spiral, or a checkpoint in it" in err
    )
    assert f"To train it: mlp train {CONFIGS / 'iris.yaml'}" in err


@pytest.mark.parametrize("loss", ["binary_hinge", "binary_cross_entropy"])
def test_a_single_neuron_tells_its_line(mlp: Mlp, loss: str) -> None:
    """In the features' own units, however they were scaled: the line has to part what predict parts."""
    Path("c.yaml").write_text(
        "data: {name: csv, path: table.csv, target: side}\nmodel: {hidden: []}\n"
        f"loss: {loss}\noptimizer: {{learning_rate: 0.1}}\n"
    )
    rng = np.random.default_rng(0)
    points = rng.uniform([100, -3], [300, 5], (200, 2))
    sides = np.where(points @ [0.02, -1] - 3 > 0, 1, -1)
    lines = [f"{a:.3f},{b:.3f},{side}" for (a, b), side in zip(points, sides, strict=True)]
    Path("table.csv").write_text("age,score,side\n" + "\n".join(lines))
    assert mlp("train", "c.yaml", "--quiet").code == 0
    best = "runs/c/best.npz"
    line = json.loads(mlp("eval", best, "--json").out)["line"]
    assert line["features"] == ["age", "score"]
    scores = points @ line["w"] + line["b"]
    assert np.mean((scores > 0) == (sides > 0)) > 0.97
    labels = mlp("predict", best, "table.csv").out.splitlines()[1:]
    assert (
        np.mean(
            [(row.split(",")[0] == "1") == (score > 0) for row, score in zip(labels, scores, strict=True)]
        )
        == 1
    )
    assert line["margin"] == pytest.approx(1 / np.hypot(*line["w"]))
    out = mlp("eval", best).out
    w1, w2, b = *line["w"], line["b"]
    assert f"{w1:.4g} * age - {-w2:.4g} * score - {-b:.4g} = 0" in out


def test_more_than_one_neuron_draws_no_line(mlp: Mlp, trained: Trained) -> None:
    assert "line" not in json.loads(mlp("eval", trained("xor", "training.epochs=20").best, "--json").out)


def test_balanced_weights_find_a_rare_class(mlp: Mlp) -> None:
    """A class of 5 in 100, in the midst of the other: as good as never found, until it weighs as much."""
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(0, 1, (570, 2)), rng.normal(1, 0.5, (30, 2))])
    np.savez("rare.npz", X=X, y=np.repeat([0, 1], [570, 30]))
    Path("c.yaml").write_text(
        "data: {name: npz, path: rare.npz}\nmodel: {hidden: []}\ntraining: {epochs: 30}\n"
    )
    recalls = []
    for weights in ("null", "balanced"):
        loss = f"loss={{name: cross_entropy, class_weights: {weights}}}"
        assert mlp("train", "c.yaml", "--set", loss, "--out", weights, "--quiet").code == 0
        report = json.loads(mlp("eval", f"{weights}/last.npz", "--json").out)
        recalls.append(report["classes"][1]["recall"])
    assert recalls[1] > 0.5 > recalls[0]


def test_rows_without_a_target_are_left_out_and_counted(mlp: Mlp, tmp_path: Path) -> None:
    """As in training: the file that a network was trained on can be scored whole."""
    rows = "".join(f"{i % 7},{i % 3},{'' if i % 10 == 0 else 1.5 * i}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f"a,b,y\n{rows}")
    (tmp_path / "t.yaml").write_text("data: {name: csv, path: t.csv, target: y}\ntraining: {epochs: 2}")
    assert mlp("train", tmp_path / "t.yaml", "--out", tmp_path / "run", "-q").code == 0
    result = mlp("eval", tmp_path / "run", "--data", tmp_path / "t.csv")
    assert result.code == 0
    assert result.err.splitlines() == ["6 of 60 rows have no 'y', and are left out."]
    assert ": 54 examples" in result.out


def test_the_first_line_fits_the_terminal(
    mlp: Mlp, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = trained("spiral", "training.epochs=1").best
    monkeypatch.setenv("COLUMNS", "60")
    first = mlp("eval", best).out.split("\n\n")[0]
    assert first == f"{best} (epoch 1)\non the test split of spiral: 60 examples"
