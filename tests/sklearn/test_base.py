"""The estimators do what scikit-learn asks of every estimator, and take what mlp takes."""

from __future__ import annotations

import pickle
import re
import shutil
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.6")
pd = pytest.importorskip("pandas")

from sklearn.base import clone  # noqa: E402
from sklearn.compose import make_column_transformer  # noqa: E402
from sklearn.datasets import load_diabetes, load_iris  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import estimator_checks_generator  # noqa: E402

import mlpcli  # noqa: E402
from mlpcli import DataWarning, MlpError  # noqa: E402
from mlpcli.data.table.dates import DATE_PARTS  # noqa: E402
from mlpcli.sklearn import EstimatorError, MLPClassifier, MLPRegressor  # noqa: E402
from mlpcli.text import install_command  # noqa: E402

ESTIMATORS = {
    "classifier": MLPClassifier(max_iter=5, early_stopping=True, n_iter_no_change=2),
    "regressor": MLPRegressor(max_iter=5),
}
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "a row of weight 2 counts like two rows in the loss, but steps are taken on batches, which "
        "are others where a row stands twice"
    )
}
IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)


def name_of(check: Any) -> str:
    return str(getattr(check, "func", check).__name__)


CHECKS = [
    pytest.param(
        estimator,
        check,
        id=f"{kind}-{number}-{name_of(check)}",
        marks=[
            *(
                pytest.mark.xfail(reason=EXPECTED_FAILURES[name_of(check)], raises=AssertionError)
                for _ in range(name_of(check) in EXPECTED_FAILURES)
            ),
            *(pytest.mark.exhaustive for _ in range(number % {"classifier": 2, "regressor": 4}[kind] > 0)),
        ],
    )
    for kind, prototype in ESTIMATORS.items()
    for number, (estimator, check) in enumerate(estimator_checks_generator(prototype))
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_a_check_of_scikit_learn(estimator: Any, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # without it, a check is skipped
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those that the checks provoke
        check(estimator)


def test_no_check_is_left_out_by_a_tag() -> None:
    counts = Counter(str(param.id).partition("-")[0] for param in CHECKS)
    assert counts["classifier"] >= 60, counts
    assert counts["regressor"] >= 57, counts
    assert {name_of(check) for _, check in (param.values for param in CHECKS)} >= EXPECTED_FAILURES.keys()


def table() -> tuple[Any, np.ndarray]:
    """Return a table with words, categories, booleans and missing cells, and a label that follows from it."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=90), "b": rng.normal(size=90)})
    frame["word"] = rng.choice(["red", "green", "blue"], 90)
    frame["category"] = pd.Categorical(rng.choice(["p", "q"], 90))
    frame["flag"] = rng.choice([True, False], 90)
    y = np.where(frame["word"] == "red", "yes", np.where(frame["a"] > 0, "no", "perhaps"))
    frame.loc[::7, "a"] = np.nan
    frame.loc[::11, "word"] = None
    return frame, y


def test_a_data_frame_is_a_table() -> None:
    X, y = table()
    fitted = MLPClassifier(max_iter=15, random_state=0).fit(X, y)
    assert fitted.score(X, y) > 0.85
    assert list(fitted.feature_names_in_) == list(X.columns) == list(fitted.model_.columns)
    assert fitted.model_.classes == tuple(fitted.classes_) == ("no", "perhaps", "yes")
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(X[["b", "a", "word", "category", "flag"]])


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_the_network_of_a_table_is_that_of_mlp_train(kind: Any) -> None:
    """Also in what follows from the number of rows."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"size": rng.normal(size=900), "color": rng.choice(["red", "green"], 900)})
    y = X["size"] + (X["color"] == "red") if kind is MLPRegressor else X["color"] + "ish"
    same = {"epochs": 2, "seed": 7}
    trained = mlpcli.train(X=X, y=y, data={"val_size": 0, "test_size": 0}, training=same).best.config
    fitted = kind(max_iter=2, config={"training": {"seed": 7}}).fit(X, y).model_.config
    for section in ("model", "loss", "optimizer", "regularization", "training"):
        assert fitted[section] == trained[section]
    assert fitted["training"]["batch_size"] == 64
    assert kind().fit(X[:100], y[:100]).n_iter_ == 150


def test_the_columns_of_an_array_are_those_of_the_frame() -> None:
    X, y = table()
    fitted = MLPClassifier(max_iter=3, random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="feature names"):
        assert (fitted.predict(X.to_numpy()) == fitted.predict(X)).all()
    without_names = MLPClassifier(max_iter=3, random_state=0).fit(X.to_numpy(), y)
    assert without_names.model_.columns == ("x1", "x2", "x3", "x4", "x5")
    assert without_names.predict(X.to_numpy()).shape == (90,)
    X, y = IRIS
    of_array = MLPClassifier(max_iter=3, random_state=0).fit(X, y)
    with pytest.warns(UserWarning, match="feature names"):
        assert (of_array.predict(pd.DataFrame(X, columns=list("abcd"))) == of_array.predict(X)).all()


def test_columns_that_tell_nothing_are_left_out_and_need_not_be_told() -> None:
    X, y = table()
    X["constant"] = 1
    fitted = MLPClassifier(max_iter=3, random_state=0).fit(X, y)
    assert "constant" not in fitted.model_.columns
    assert fitted.n_features_in_ == 6
    assert fitted.predict(X).shape == (90,)


def test_missing_cells_are_taken_and_infinite_ones_are_not() -> None:
    X, y = IRIS
    X = X.copy()
    X[::5, 2] = np.nan
    assert MLPClassifier(max_iter=5, random_state=0).fit(X, y).score(X, y) > 0.9
    X[3, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        MLPClassifier().fit(X, y)
    with pytest.raises(EstimatorError, match="inf"):
        MLPClassifier().fit(pd.DataFrame(X, columns=list("abcd")), y)


def test_what_mlp_refuses_is_a_value_error_of_mlp() -> None:
    X, y = table()
    X["a"] = pd.date_range("2020-01-01", periods=90).astype(str)
    said = r"`config=\{'data': \{'columns': \{'a': 'date'\}\}\}` takes dates apart"
    with pytest.raises(ValueError, match=said) as caught:
        MLPClassifier().fit(X, y)
    assert isinstance(caught.value, MlpError)
    assert caught.value.__cause__ is None
    fitted = MLPClassifier(max_iter=2, config={"data": {"columns": {"a": "date"}}}).fit(X, y)
    assert fitted.predict(X).shape == (90,)
    with pytest.raises(EstimatorError, match=r"diverged\.\nLower learning_rate_init \(now 1e\+09\) or mom"):
        MLPClassifier(8, solver="sgd", learning_rate_init=1e9, random_state=0).fit(*IRIS)


def test_a_fit_that_fails_leaves_no_network_behind() -> None:
    X, y = IRIS
    fitted = MLPClassifier(max_iter=2).fit(X, y)
    with pytest.raises(EstimatorError, match=r"^alpha: -1 is not"):
        fitted.set_params(alpha=-1).fit(X, y + 1)
    with pytest.raises(NotFittedError):
        fitted.predict(X)


def test_it_works_where_estimators_work() -> None:
    X, y = table()
    columns = make_column_transformer(
        (StandardScaler(), ["a", "b"]), (OneHotEncoder(sparse_output=False), ["word", "category", "flag"])
    ).set_output(transform="pandas")
    piped = make_pipeline(columns, MLPClassifier(8, max_iter=30, random_state=0))
    assert piped.fit(X, y).score(X, y) > 0.7
    assert "onehotencoder__word_red" in piped[-1].feature_names_in_
    assert clone(piped).fit(X, y).predict(X).tolist() == piped.predict(X).tolist()
    search = GridSearchCV(
        MLPClassifier(max_iter=2, random_state=0), {"alpha": [0, 0.1], "dropout": [0, 0.5]}, cv=2
    )
    assert set(search.fit(*IRIS).best_params_) == {"alpha", "dropout"}
    scores = cross_val_score(MLPRegressor(max_iter=3, random_state=0), *DIABETES, cv=3)
    assert scores.min() > 0.3


def test_a_fitted_estimator_can_be_pickled_and_saved(tmp_path: Any) -> None:
    import mlpcli

    X, y = table()
    fitted = MLPClassifier(max_iter=3, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    assert (again.predict_proba(X) == fitted.predict_proba(X)).all()
    fitted.model_.save(tmp_path / "model.npz")
    loaded = mlpcli.load(tmp_path / "model.npz")
    assert (loaded.predict(X) == fitted.predict(X)).all()
    assert loaded.evaluate(X, y)["accuracy"] == pytest.approx(fitted.score(X, y))


def test_weights_and_biases_are_those_of_scikit_learn_for_one_network() -> None:
    X, y = IRIS
    one = MLPClassifier((6, 5), max_iter=2, norm="batch").fit(X, y)
    assert [W.shape for W in one.coefs_] == [(4, 6), (6, 5), (5, 3)]
    assert [b.shape for b in one.intercepts_] == [(6,), (5,), (3,)]
    assert one.n_layers_ == 4
    several = MLPRegressor((6,), members=3, max_iter=2).fit(*DIABETES)
    assert [W.shape for W in several.coefs_] == [(3, 10, 6), (3, 6, 1)]


def test_curves_and_counts() -> None:
    X, y = IRIS
    all_rows = MLPClassifier(8, max_iter=12, random_state=0).fit(X, y)
    assert len(all_rows.loss_curve_) == all_rows.n_iter_ == 12
    assert all_rows.loss_ == all_rows.loss_curve_[-1] < all_rows.loss_curve_[0]
    assert all_rows.validation_scores_ is all_rows.best_validation_score_ is None
    early = MLPClassifier(8, early_stopping=True, n_iter_no_change=2, max_iter=500, random_state=0).fit(X, y)
    assert early.n_iter_ == len(early.validation_scores_) == early.model_.epoch + 2 < 500
    assert early.best_validation_score_ == max(early.validation_scores_)
    assert early.model_.config["data"]["val_size"] == 0.1


def test_a_warm_start_begins_with_the_weights_of_the_fit_before() -> None:
    X, y = IRIS
    warm = MLPClassifier(max_iter=10, warm_start=True, random_state=0).fit(X, y)
    first = warm.loss_
    warm.fit(X, y)
    assert warm.loss_curve_[10] < first * 1.2
    assert warm.loss_ < first
    assert (len(warm.loss_curve_), warm.n_iter_) == (20, 10)
    cold = clone(warm).set_params(warm_start=False).fit(X, y).fit(X, y)
    assert cold.loss_ == first
    with pytest.raises(EstimatorError, match="cannot go on from one of another model"):
        warm.set_params(hidden_layer_sizes=7).fit(X, y)


def test_partial_fits_go_on_also_after_a_pickle() -> None:
    X, y = DIABETES
    online = MLPRegressor(learning_rate_init=0.01, random_state=0)
    for start in range(0, 400, 40):
        online.partial_fit(X[start : start + 40], y[start : start + 40])
    assert online.n_iter_ == len(online.loss_curve_) == 10
    assert online.score(X, y) > 0.2
    again = pickle.loads(pickle.dumps(online))
    for each in (online, again):  # a single row, and the state of adam
        each.partial_fit(X[400:401], y[400:401])
    assert all((a == b).all() for a, b in zip(online.coefs_, again.coefs_, strict=True))


def test_partial_fits_know_the_categories_of_the_first_rows() -> None:
    X, y = table()
    online = MLPClassifier(random_state=0).partial_fit(X[:40], y[:40], classes=np.unique(y))
    X["word"] = X["word"].replace("red", "violet")
    online.partial_fit(X[40:], y[40:])
    with pytest.warns(DataWarning, match="'word': .* texts that the training split had not"):
        assert online.predict(X).shape == (90,)


def test_verbose_prints_each_epoch_and_what_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    network = MLPClassifier(8, max_iter=2, verbose=True).fit(*IRIS)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["Iteration 1", "Iteration 2"]
    network.fit(pd.DataFrame(IRIS[0]).assign(same=1).set_axis(list("abcde"), axis=1), IRIS[1])
    assert capsys.readouterr().out.startswith("Left out: 'e' (holds 1 in every row).")


def test_event_files_are_refused() -> None:
    with pytest.raises(ValueError, match=r"training.tensorboard: true .*an estimator keeps none"):
        MLPClassifier(8, config={"training": {"tensorboard": True}}).fit(*IRIS)


def test_an_interrupt_keeps_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(run: Any) -> None:
        if len(run.metrics) == when:
            raise KeyboardInterrupt

    monkeypatch.setattr("mlpcli.sklearn.base._tell", interrupt)  # the function of verbose=True
    when, network = 3, MLPClassifier(8, verbose=True)
    with pytest.warns(UserWarning, match="interrupted after 3 epochs; the best is kept"):
        network.fit(*IRIS)
    assert network.n_iter_ == 3
    assert network.predict(IRIS[0]).shape == (150,)
    when = 0
    with pytest.raises(KeyboardInterrupt):
        network.fit(*IRIS)


WORKERS = """\
from joblib import Parallel, cpu_count, delayed
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from mlpcli.sklearn import MLPClassifier

def threads():
    import numpy, threadpoolctl
    from mlpcli.blas import thread_count
    return max([thread_count(), *(pool["num_threads"] for pool in threadpoolctl.threadpool_info())])

print(max(Parallel(n_jobs=2)(delayed(threads)() for _ in range(2))), max(1, cpu_count() // 2))
X, y = load_iris(return_X_y=True)
found = [
    GridSearchCV(MLPClassifier(max_iter=2, random_state=0), {"alpha": [0, 1]}, cv=2, n_jobs=n).fit(X, y)
    for n in (None, 2)
]
print(*(search.cv_results_["mean_test_score"].tolist() for search in found), sep="\\n")
"""


@pytest.mark.slow
def test_workers_share_the_cores_and_find_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", WORKERS], capture_output=True, text=True, check=True)
    threads, alone, shared = done.stdout.splitlines()
    most, each = map(int, threads.split())
    assert most <= each
    assert alone == shared


def test_without_scikit_learn_the_error_says_how_to_install_it() -> None:
    code = "import sys; sys.modules['sklearn'] = None\nimport mlpcli.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        f"ImportError: mlpcli.sklearn needs scikit-learn: {install_command('mlpcli[sklearn]')}"
    )


def test_mlpcli_does_not_import_scikit_learn() -> None:
    code = "import sys, mlpcli.api; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.exhaustive
def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).parents[2]
    shutil.copytree(
        root / "datasets", tmp_path / "datasets", ignore=lambda _, names: {*names} - {"penguins.csv"}
    )
    monkeypatch.chdir(tmp_path)
    page = (root / "docs" / "sklearn.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE):
        exec(compile(block, "docs/sklearn.md", "exec"), names)
    assert names["model"].score(names["X"], names["y"]) > 0.95
    assert (tmp_path / "penguins.npz").is_file()


def test_the_page_tells_of_every_parameter() -> None:
    page = (Path(__file__).parents[2] / "docs" / "sklearn.md").read_text(encoding="utf-8") + str(
        MLPClassifier.__doc__
    )
    assert [name for name in MLPClassifier().get_params() if not re.search(rf"\b{name}\b", page)] == []


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_unknown_categories_are_warned_of(method: str) -> None:
    X = pd.DataFrame({"town": ["Bonn", "Kiel", "Ulm"] * 20})
    model = MLPClassifier(max_iter=1, random_state=0).fit(X, X.town)
    with pytest.warns(DataWarning, match="'town': 2 cells hold texts that the training split had not"):
        getattr(model, method)(pd.DataFrame({"town": ["Bonn", "Berlin", "Hof"]}))


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_columns_of_dates_are_taken_apart(zone: str | None) -> None:
    X = pd.DataFrame({"when": pd.date_range("2020-01-01", periods=60, freq="177h", tz=zone)})
    network = MLPClassifier(max_iter=20, random_state=0).fit(X, X.when.dt.day_of_week >= 5)
    assert network.model_.columns == tuple(f"when {part}" for part in DATE_PARTS)
    assert network.score(X, X.when.dt.day_of_week >= 5) > 0.9
