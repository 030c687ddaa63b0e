"""Models: predictions in the units of the data, the same as those of the commands."""

from __future__ import annotations

import copy
import csv
import json
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli import cross_validate, train
from mlpcli.cli import run as mlp
from mlpcli.errors import DataError, DataWarning, RunError, UsageError
from mlpcli.nn.losses import LOSSES
from mlpcli.training.checkpoints import load_checkpoint
from mlpcli.training.directory import RunDirectory
from mlpcli.training.model import Model, load_model, unlabelled

Trained = Callable[..., RunDirectory]
IRIS = Path(__file__).parents[2] / "datasets" / "iris.csv"
EPOCHS = "training.epochs=3"


def iris() -> tuple[list[dict[str, str]], Any, list[str]]:
    with IRIS.open() as file:
        rows = list(csv.DictReader(file))
    X = np.array([[float(value) for key, value in row.items() if key != "species"] for row in rows])
    return rows, X, [row["species"] for row in rows]


def test_it_predicts_the_same_as_mlp_predict(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained("iris", EPOCHS)
    model, (_, X, _) = load_model(run.best), iris()
    assert mlp(["predict", str(run.best), str(IRIS)]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert model.classes is not None
    assert [row["label"] for row in rows] == model.predict(X).tolist()
    told = [[float(row[f"probability_{name}"]) for name in model.classes] for row in rows]
    np.testing.assert_allclose(model.predict_proba(X), told, rtol=1e-5)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-6)


def test_it_scores_the_same_as_mlp_eval(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained("iris", EPOCHS)
    _, X, y = iris()
    assert mlp(["eval", str(run.best), "--data", str(IRIS), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    found = load_model(run.best).evaluate(X, y)
    assert found == {key: report[key] for key in found}
    assert report.keys() - found.keys() == {"checkpoint", "epoch", "data", "split"}


COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "copy of a copy": lambda model: copy.deepcopy(pickle.loads(pickle.dumps(model))),
}


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("name", ["1/classes", "1/values", "3/classes", "3/values", "3/table"])
def test_a_copy_predicts_the_same_and_shares_nothing(way: str, name: str, tmp_path: Path) -> None:
    model = load_model(Path(__file__).with_name("formats") / f"{name}.npz")
    rows = unlabelled(np.zeros((5, len(model.columns))))  # also codes of the first text of each column
    scores = model.compute_logits(rows, "X").copy()
    copied = COPIES[way](model)
    np.testing.assert_array_equal(copied.compute_logits(rows, "X"), scores)
    model.save(tmp_path / "model.npz")
    copied.save(tmp_path / "copy.npz")
    assert (tmp_path / "copy.npz").read_bytes() == (tmp_path / "model.npz").read_bytes()
    for array in copied.layers.values():
        array[...] = 0
    np.testing.assert_array_equal(model.compute_logits(rows, "X"), scores)
    assert repr(copied) == repr(model)


@pytest.mark.parametrize("loss", LOSSES)
def test_models_of_every_loss_are_copied_with_their_members(loss: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 2))
    y = X.sum(axis=1) if LOSSES[loss].__name__ in ("mse", "mae", "huber") else np.arange(20) % 2
    config = {"loss": loss, "model": {"hidden": [3], "members": 2}}
    model = train(config, X=X, y=y, training={"epochs": 1}).last
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copied.predict(X), model.predict(X))
    assert copied.evaluate(X, y) == model.evaluate(X, y)


def test_runs_and_models_say_what_they_are(trained: Trained) -> None:
    run = train("spiral", training={"epochs": 2, "patience": None})
    assert repr(run) == "<mlpcli.Run: 2-100-3 network, 603 parameters; cross_entropy, sgd, epoch 2 of 2>"
    assert repr(run.last) == "<mlpcli.Model: 2-100-3, trained on spiral, epoch 2>"
    assert (
        repr(load_model(trained("iris", EPOCHS).last))
        == "<mlpcli.Model: 4-16-3, trained on iris.csv, epoch 3>"
    )


def test_several_threads_may_use_one_model(trained: Trained) -> None:
    """Each thread gets the same results as a single thread, with batches of different sizes."""
    model, (_, X, y) = load_model(trained("iris", EPOCHS).best), iris()
    rows = [slice(0, 10 + 7 * i) for i in range(20)]
    alone = [model.evaluate(X[part], y[part]) for part in rows]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda part: model.evaluate(X[part], y[part]), rows))
    assert together == alone


def test_scores_are_the_logits_worked_out_by_hand(trained: Trained) -> None:
    model, (_, X, _) = load_model(trained("iris", EPOCHS).best), iris()
    transform, layers = model.checkpoint.transform, model.layers
    hidden = np.maximum(transform.scaling.apply(X) @ layers["W1"] + layers["b1"], 0)
    expected = hidden @ layers["W2"] + layers["b2"]
    np.testing.assert_allclose(model.scores(X), expected, atol=1e-4)


def test_values_of_a_regression_are_in_their_own_units() -> None:
    x = np.linspace(0, 1, 60)[:, None]
    config = {"model": {"hidden": []}, "loss": "mse", "training": {"epochs": 300}, "optimizer": "adam"}
    model = train(config, X=x, y=1000 * x[:, 0] + 5000, data={"val_size": 0}).last
    np.testing.assert_allclose(model.predict([[0.5], [1.0]]), [5500, 6000], atol=60)
    assert model.predict(x).shape == (60,)
    assert model.scores(x).shape == (60, 1)
    assert model.evaluate(x, 1000 * x[:, 0] + 5000)["r2"] > 0.95
    with pytest.raises(UsageError, match=r"trained with mse gives no probabilities; use predict\(X\)"):
        model.predict_proba(x)
    two = train(config, X=x, y=np.hstack([x, -x]), training={"epochs": 1}).last
    assert two.predict(x).shape == (60, 2)


MIRRORED = np.arange(16).reshape(4, 4)[:, ::-1].ravel()  # the pixels of a mirror image, of 4 x 4


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "hinge", "mse"])
def test_a_model_with_tta_predicts_the_mean_of_images_and_mirror_images(loss: str, members: int) -> None:
    rng = np.random.default_rng(0)
    X = rng.random((30, 16))
    y = np.exp(4 * X[:, 0]) if loss == "mse" else np.arange(30) % (3 if loss == "hinge" else 2)
    changes = {"data": {"target_transform": "log"}} if loss == "mse" else {}
    config = {"loss": loss, "model": {"hidden": [3], "members": members}, "training": {"epochs": 2}}
    model = train(config | changes, X=X, y=y).last
    both = model.with_tta()

    def outputs(rows: Any) -> Any:
        if loss == "mse":
            return model.predict(rows)
        return model.scores(rows) if loss == "hinge" else model.predict_proba(rows)

    expected = (outputs(X) + outputs(X[:, MIRRORED])) / 2
    assert not np.allclose(expected, outputs(X), rtol=1e-4)
    names = {"mse": both.predict, "hinge": both.scores}
    np.testing.assert_allclose(names.get(loss, both.predict_proba)(X), expected, rtol=1e-5)
    if loss != "mse":
        np.testing.assert_array_equal(both.predict(X), expected.argmax(axis=1))
    report = both.evaluate(X, y)
    assert report["tta"] is True
    if loss == "mse":
        assert report["mae"] == pytest.approx(np.mean(np.abs(expected - y)), rel=1e-5)
    else:
        assert report["accuracy"] == pytest.approx(np.mean(expected.argmax(axis=1) == y))
    assert report["loss"] != model.evaluate(X, y)["loss"]
    copied = pickle.loads(pickle.dumps(both))
    np.testing.assert_array_equal(copied.scores(X), both.scores(X))
    assert repr(copied).endswith("trained on arrays, with mirror images, epoch 2>")


def test_tta_of_the_mean_of_several_networks() -> None:
    rng = np.random.default_rng(0)
    X, config = rng.random((30, 16)), {"model": {"hidden": [3]}, "training": {"epochs": 1}}
    for y in (np.arange(30) % 3, X.sum(axis=1)):
        model = cross_validate(config, X=X, y=y, folds=2).model
        found = model.predict if y.dtype == float else model.predict_proba
        both = model.with_tta().predict if y.dtype == float else model.with_tta().predict_proba
        np.testing.assert_allclose(both(X), (found(X) + found(X[:, MIRRORED])) / 2, rtol=1e-5)


def test_tta_is_for_images(trained: Trained) -> None:
    with pytest.raises(UsageError, match=r"the rows of spiral are no images that could be mirrored"):
        load_model(trained("spiral", EPOCHS).best).with_tta()
    levels = np.array([["a", "b"][i % 2] for i in range(16)])  # 4 x 4 columns, but one of texts
    X = np.column_stack([levels, np.random.default_rng(0).random((16, 15)).astype(str)])
    model = train({"training": {"epochs": 1}}, X=X, y=np.arange(16) % 2).last
    assert model.checkpoint.kinds
    with pytest.raises(UsageError, match="the rows of arrays are no images"):
        model.with_tta()


def test_an_svm_has_scores_and_no_probabilities(trained: Trained) -> None:
    model = load_model(trained("spiral", EPOCHS, "loss=hinge").best)
    X = np.zeros((4, 2))
    assert model.scores(X).shape == (4, 3)
    with pytest.raises(UsageError, match=r"trained with hinge gives no probabilities; use scores\(X\)"):
        model.predict_proba(X)


def test_a_positive_score_of_a_binary_loss_means_the_second_class(trained: Trained) -> None:
    model = load_model(trained("moons", EPOCHS, "loss=binary_cross_entropy").best)
    X = np.random.default_rng(0).normal(size=(50, 2))
    assert model.scores(X).shape == (50, 1)
    assert model.predict_proba(X).shape == (50, 2)
    np.testing.assert_array_equal(model.predict(X), (model.scores(X)[:, 0] > 0).astype(int))


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([3, 1, 2], "i"),
        ([-1, 1], "i"),
        ([True, False], "b"),
        ([0.0, 1.0], "i"),
        ([0.5, 1.5], "U"),
        (["b", "a"], "U"),
        (["007", "7x"], "U"),
    ],
)
def test_labels_have_the_type_of_their_names(labels: list[Any], kind: str) -> None:
    y = np.array(labels * 20)
    X = np.tile(np.eye(len(labels)), (20, 1))
    config = {"model": {"hidden": []}, "optimizer": {"name": "adam", "learning_rate": 0.1}}
    model = train(config, X=X, y=y, training={"epochs": 30}, loss="cross_entropy").best
    predicted = model.predict(np.eye(len(labels)))
    assert predicted.dtype.kind == kind
    assert predicted.tolist() == (labels if kind != "U" else [str(label) for label in labels])


def test_layers_are_views(trained: Trained) -> None:
    model = load_model(trained("iris", EPOCHS).best)
    with np.load(trained("iris", EPOCHS).best) as file:
        for name, array in model.layers.items():
            np.testing.assert_array_equal(array, file[name])
    X = np.zeros((1, 4))
    model.layers["b2"][:] = [0, 100, 0]
    assert model.predict(X).tolist() == [model.classes and model.classes[1]]


def test_a_saved_model_is_loaded_and_predicts_the_same(trained: Trained, tmp_path: Path) -> None:
    model, (_, X, _) = load_model(trained("iris", EPOCHS).last), iris()
    model.save(tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.scores(X), model.scores(X))
    assert again.config == model.config
    assert load_checkpoint(tmp_path / "model.npz").resume is None
    with pytest.raises(RunError, match="cannot be written"):
        model.save(tmp_path / "none" / "model.npz")


def test_the_config_is_a_copy(trained: Trained) -> None:
    model = load_model(trained("iris", EPOCHS).best)
    model.config["training"]["epochs"] = 99
    assert model.config["training"]["epochs"] == 3


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1, 2, 3]], "has 3 features"),
        ([["a", 1, 1, 1]], "not a number|features are"),
        ([[np.inf, 1, 1, 1]], "inf"),
    ],
)
def test_rows_that_do_not_fit(trained: Trained, X: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_model(trained("iris", EPOCHS).best).predict(X)


def test_rows_that_overflow_are_reported(trained: Trained) -> None:
    with pytest.raises(DataError, match="X: example 2 drives the network past what 32 bits can hold"):
        load_model(trained("iris", EPOCHS).best).predict([[1, 1, 1, 1], [3e38, -3e38, 3e38, 3e38]])


def test_models_made_of_one_checkpoint_agree(trained: Trained) -> None:
    checkpoint = load_checkpoint(trained("iris", EPOCHS).best)
    _, X, _ = iris()
    np.testing.assert_array_equal(Model(checkpoint).scores(X), Model(checkpoint).scores(X))


def test_weights_that_are_not_finite_are_not_saved(trained: Trained, tmp_path: Path) -> None:
    model = load_model(trained("iris", EPOCHS).best)
    model.layers["W1"][0, 0] = np.nan
    with pytest.raises(RunError, match="holds weights that are not finite"):
        model.save(tmp_path / "nan.npz")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("data", "loss"),
    [
        ("spiral", "cross_entropy"),
        ("spiral", "hinge"),
        ("moons", "binary_cross_entropy"),
        ("moons", "binary_hinge"),
        ("sine", "mse"),
    ],
)
def test_several_networks_predict_the_mean_of_their_predictions(tmp_path: Path, data: str, loss: str) -> None:
    config = {"data": data, "loss": loss, "training": {"epochs": 3}}
    models = [train(config, data={"fold": {"number": k, "of": 3}}).best for k in (1, 2, 3)]
    first, *others = (model.checkpoint for model in models)
    mean = Model(replace(first, others=tuple(other.members[0] for other in others)))
    X = np.random.default_rng(0).standard_normal((50, len(mean.columns)))
    mean.save(tmp_path / "mean.npz")
    loaded = load_model(tmp_path / "mean.npz")
    if loss == "mse":
        expected = np.mean([model.predict(X).astype(float) for model in models], axis=0)
        np.testing.assert_allclose(mean.predict(X), expected, rtol=1e-6, atol=1e-7)
        np.testing.assert_array_equal(loaded.predict(X), mean.predict(X))
        y = expected + 1
        report = mean.evaluate(X, y)
        assert first.target_transform is not None
        scaling = first.target_transform.scaling
        assert report["mse"] == pytest.approx(1, rel=1e-5)
        assert report["loss"] == pytest.approx(1 / float(scaling.scale[0]) ** 2, rel=1e-5)
        return
    read = "predict_proba" if "entropy" in loss else "scores"
    expected = np.mean([getattr(model, read)(X) for model in models], axis=0)
    np.testing.assert_allclose(getattr(mean, read)(X), expected, rtol=2e-6, atol=1e-6)
    np.testing.assert_array_equal(loaded.predict(X), mean.predict(X))
    named = np.array(mean.classes)[
        expected.argmax(axis=1) if expected.shape[1] > 1 else (expected[:, 0] > 0) * 1
    ]
    assert mean.predict(X).astype(str).tolist() == named.tolist()
    assert mean.evaluate(X, named)["accuracy"] == 1
    assert repr(mean).startswith("<mlpcli.Model: 3 networks, 2-100-")
    assert {"W1", "network3_b2"} <= mean.layers.keys()


@pytest.mark.parametrize("method", ["predict", "predict_proba", "scores"])
def test_codes_that_were_read_as_numbers_are_warned_of_once(method: str) -> None:
    pd = pytest.importorskip("pandas")
    codes = np.tile(["01067", "10115", "20095"], 20)
    X = pd.DataFrame({"code": codes, "x": np.arange(60.0) % 7})
    model = train(X=X, y=(codes == "01067") | (X.x > 5), training={"epochs": 1}).last
    getattr(model, method)(X)  # no warning, which would be an error
    said = (
        r"^'code': 20 cells hold texts that the training split had not; read as another one\. They are "
        r"numbers in X, and were codes such as '01067' .* with dtype=\{'code': str\}\.$"
    )
    with pytest.warns(DataWarning, match=said) as caught:
        getattr(model, method)(X.assign(code=X.code.astype(int)))
    assert [warning.filename for warning in caught] == [__file__]
    notes = model.evaluate(X.assign(code=X.code.astype(float)), X.x > 5)["notes"]
    assert "60 cells hold texts" in notes[0]


def test_a_warning_names_five_columns_at_most() -> None:
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame({f"c{i}": np.tile(["a", "b", "c"], 20) for i in range(7)})
    model = train(X=X, y=np.arange(60) % 3, training={"epochs": 1}).last
    with pytest.warns(DataWarning, match=r"'c4': 60 cells .*\nThe same of 2 more columns\.$"):
        model.predict(X.assign(**dict.fromkeys(X.columns, "d")))
