"""``python -m benchmarks.tables``: scores of mlp's default network, and of others, on real tables.

The tables come as their packages have them (pip install '.[bench]', then pip install --no-deps ISLP). All
contenders get the same rows for training and the same for the test. mlp gets them as a CSV file and a config
that names the file and the target, and nothing else. The others get their columns prepared as their users
would: numbers scaled, missing ones filled with the median and flagged, text one-hot. Scores are kept in a
cache, so that a contender is trained again only when asked to with ``--again``.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.metrics import accuracy_score, balanced_accuracy_score, log_loss, r2_score, roc_auc_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import mlpcli.sklearn

__all__ = ["CONTENDERS", "TABLES", "Scores", "Table", "read_table", "splits"]

MANY_ROWS = 20_000
TEST_PART = 0.25
Scores = dict[str, float]


@dataclass(frozen=True)
class Table:
    """A table in a package: how it is read, what is predicted, and which columns would tell it.

    ``dates`` are columns of dates, which mlp refuses until it is told to take them apart.
    """

    read: Callable[[], pd.DataFrame]
    target: str
    classification: bool
    leaks: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()


def folder(package: str) -> Path:
    """Return the folder of an installed package, without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"{package} is not installed: pip install '.[bench]', pip install --no-deps ISLP")
    return Path(found.origin).parent


def csv(package: str, path: str, **how: Any) -> Callable[[], pd.DataFrame]:
    """Return a function that reads a CSV file of a package."""
    return lambda: pd.read_csv(folder(package) / path, **how)


def json_records(package: str, path: str) -> Callable[[], pd.DataFrame]:
    """Return a function that reads a JSON file of a package, a list of rows."""
    return lambda: pd.DataFrame(json.loads((folder(package) / path).read_text("utf-8")))


@cache
def archive() -> tarfile.TarFile:
    """Return the archive in which pydataset has its tables."""
    return tarfile.open(folder("pydataset") / "resources.tar.gz")


def r(path: str) -> Callable[[], pd.DataFrame]:
    """Return a function that reads a table of an R package, "PACKAGE/NAME", from pydataset."""

    def read() -> pd.DataFrame:
        file = archive().extractfile(f"resources/rdata/csv/{path}.csv")
        assert file is not None
        return pd.read_csv(io.BytesIO(file.read()))

    return read


def sklearn_table(name: str, target: str = "target") -> Callable[[], pd.DataFrame]:
    """Return a function that reads a table of scikit-learn; classes by their names, where it has them."""

    def read() -> pd.DataFrame:
        from sklearn import datasets

        found = getattr(datasets, f"load_{name}")(as_frame=True)
        frame = found.frame.rename(columns={"target": target})
        if "target_names" in found and found.target_names is not None and name != "digits":
            frame[target] = np.asarray(found.target_names)[frame[target]]
        return frame

    return read


TABLES: dict[str, Table] = {
    "iris": Table(sklearn_table("iris", "species"), "species", True),
    "wine": Table(sklearn_table("wine"), "target", True),
    "penguins": Table(csv("palmerpenguins", "data/penguins.csv"), "species", True),
    "breast_cancer": Table(sklearn_table("breast_cancer"), "target", True),
    "biopsy": Table(r("MASS/biopsy"), "class", True),
    "anes96": Table(csv("statsmodels", "datasets/anes96/anes96.csv", sep="\t", quotechar="'"), "vote", True),
    "OJ": Table(csv("ISLP", "data/OJ.csv"), "Purchase", True),
    "titanic": Table(r("COUNT/titanic"), "survived", True),
    "seattle_weather": Table(
        csv("vega_datasets", "_data/seattle-weather.csv"), "weather", True, dates=("date",)
    ),
    "digits": Table(sklearn_table("digits"), "target", True),
    "Chile": Table(r("car/Chile"), "vote", True),
    "Default": Table(csv("ISLP", "data/Default.csv"), "default", True),
    "Hitters": Table(csv("ISLP", "data/Hitters.csv"), "Salary", False),
    "Auto": Table(csv("ISLP", "data/Auto.csv"), "mpg", False),
    "Carseats": Table(csv("ISLP", "data/Carseats.csv"), "Sales", False),
    "Credit": Table(csv("ISLP", "data/Credit.csv"), "Balance", False),
    "cars": Table(
        json_records("vega_datasets", "_data/cars.json"), "Miles_per_Gallon", False, dates=("Year",)
    ),
    "diabetes": Table(sklearn_table("diabetes"), "target", False),
    "Boston": Table(csv("ISLP", "data/Boston.csv"), "medv", False),
    "College": Table(csv("ISLP", "data/College.csv"), "Outstate", False),
    "Wage": Table(csv("ISLP", "data/Wage.csv"), "wage", False, leaks=("logwage",)),
    "fair": Table(csv("statsmodels", "datasets/fair/fair.csv"), "affairs", False),
    "Bikeshare": Table(csv("ISLP", "data/Bikeshare.csv"), "bikers", False, leaks=("casual", "registered")),
    "randhie": Table(csv("statsmodels", "datasets/randhie/randhie.csv"), "mdvis", False),
    "diamonds": Table(r("ggplot2/diamonds"), "price", False),
    "movies": Table(r("ggplot2/movies"), "rating", False),
}


def read_table(table: Table) -> pd.DataFrame:
    """Return the rows whose target is known, without the columns that would tell it."""
    frame = table.read().drop(columns=list(table.leaks))
    return frame[frame[table.target].notna()].reset_index(drop=True)


def splits(rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows for training and for the test, each in the order of the table; five times, or twice."""
    for seed in range(2 if rows > MANY_ROWS else 5):
        order = np.random.default_rng(seed).permutation(rows)
        test = int(TEST_PART * rows)
        yield np.sort(order[test:]), np.sort(order[:test])


# The contenders. Each takes the table, the rows for training and those for the test with their targets, and
# returns predictions: values, or the classes with their probabilities (n, classes).


def inputs(table: Table, train: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the columns of numbers and those of text, without row ids and constants."""
    X = train.drop(columns=table.target)
    used = [
        name
        for name in X.columns
        if not name.startswith("Unnamed")
        and X[name].nunique(dropna=False) > 1
        and (pd.api.types.is_numeric_dtype(X[name]) or X[name].nunique() < len(X))
    ]
    numbers = [n for n in used if pd.api.types.is_numeric_dtype(X[n]) and X[n].dtype != bool]
    return numbers, [n for n in used if n not in numbers]


def dense(table: Table, train: pd.DataFrame) -> ColumnTransformer:
    """Return the preparation for models of numbers; of a text column, the 100 commonest values count."""
    numbers, texts = inputs(table, train)
    fill = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=100, sparse_output=False)
    return ColumnTransformer([("numbers", fill, numbers), ("texts", one_hot, texts)])


def linear(table: Table, train: pd.DataFrame) -> Any:
    """Return a logistic regression, or a ridge regression whose penalty is chosen on the training rows."""
    model = LogisticRegression(max_iter=2000) if table.classification else RidgeCV(np.logspace(-2, 4, 13))
    return make_pipeline(dense(table, train), model)


def sklearn_mlp(table: Table, train: pd.DataFrame) -> Any:
    """Return scikit-learn's network by its defaults, the targets of a regression scaled."""
    if table.classification:
        return make_pipeline(dense(table, train), MLPClassifier(random_state=0))
    regressor = TransformedTargetRegressor(MLPRegressor(random_state=0), transformer=StandardScaler())
    return make_pipeline(dense(table, train), regressor)


def estimator(hidden: tuple[int, ...] | None = None) -> Callable[[Table, pd.DataFrame], Any]:
    """Return what makes mlp's estimator, by its defaults or with layers; it takes a table as it is."""

    def make(table: Table, _train: pd.DataFrame) -> Any:
        config = {"data": {"columns": dict.fromkeys(table.dates, "date")}}
        kind = mlpcli.sklearn.MLPClassifier if table.classification else mlpcli.sklearn.MLPRegressor
        return kind(hidden, random_state=0, config=config)

    return make


def boosting(table: Table, train: pd.DataFrame) -> Any:
    """Return gradient boosting of histograms by its defaults, which takes categories and gaps as they are."""
    numbers, texts = inputs(table, train)
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=200)
    columns = ColumnTransformer([("texts", codes, texts), ("numbers", "passthrough", numbers)])
    kind = HistGradientBoostingClassifier if table.classification else HistGradientBoostingRegressor
    return make_pipeline(columns, kind(random_state=0, categorical_features=list(range(len(texts)))))


def baseline(table: Table, _train: pd.DataFrame) -> Any:
    """Return the most frequent class, or the mean."""
    return DummyClassifier(strategy="prior") if table.classification else DummyRegressor()


def by_sklearn(make: Callable[[Table, pd.DataFrame], Any]) -> Contender:
    """Return the contender that fits a model of scikit-learn."""

    def run(table: Table, train: pd.DataFrame, test: pd.DataFrame) -> Predictions:
        model = make(table, train).fit(train.drop(columns=table.target), train[table.target])
        X = test.drop(columns=table.target)
        if not table.classification:
            return model.predict(X), None, None
        return model.predict(X), model.predict_proba(X), list(model.classes_)

    return run


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write rows as their owner would have them: a nameless column stays nameless."""
    frame.rename(columns={"Unnamed: 0": ""}).to_csv(path, index=False)


def by_mlp(*options: str) -> Contender:
    """Return the contender that trains the default network of mlp, by its commands, with more ``options``."""

    def run(table: Table, train: pd.DataFrame, test: pd.DataFrame) -> Predictions:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(train, folder / "train.csv")
            write(test.drop(columns=table.target), folder / "test.csv")
            data: dict[str, Any] = {"name": "csv", "path": "train.csv", "target": table.target}
            if table.dates:
                data["columns"] = dict.fromkeys(table.dates, "date")
            (folder / "config.yaml").write_text(json.dumps({"data": data}), "utf-8")
            mlp(folder, "train", "config.yaml", "--out", "run", *options)
            mlp(folder, "predict", "run/best.npz", "test.csv", "--out", "predictions.csv")
            found = pd.read_csv(folder / "predictions.csv", dtype={"label": str}, keep_default_na=False)
        if not table.classification:
            return found.iloc[:, 0].to_numpy(), None, None
        classes = [name.removeprefix("probability_") for name in found.columns[1:]]
        return found["label"].to_numpy(), found.iloc[:, 1:].to_numpy(float), classes

    return run


def mlp(folder: Path, *arguments: str) -> None:
    """Run a command of mlp in a folder; ends the program with its message if it fails."""
    command = [sys.executable, "-m", "mlpcli", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"mlp {' '.join(arguments)}: {done.stderr}")


Predictions = tuple[np.ndarray, "np.ndarray | None", "list[Any] | None"]
Contender = Callable[[Table, pd.DataFrame, pd.DataFrame], Predictions]

ALL_ROWS = ("--set", "data.test_size=0")  # the benchmark has test rows of its own
CONTENDERS: dict[str, Contender] = {
    "mlp": by_mlp(),
    "mlp, all rows": by_mlp(*ALL_ROWS),
    "linear": by_sklearn(linear),
    "sklearn MLP": by_sklearn(sklearn_mlp),
    "boosting": by_sklearn(boosting),
    "baseline": by_sklearn(baseline),
    # mlp's estimator for scikit-learn
    "estimator": by_sklearn(estimator()),
    "estimator (100,)": by_sklearn(estimator((100,))),
    # mlp with one ingredient less
    "no bins": by_mlp(*ALL_ROWS, "--set", "data.bins=0"),
    "no linear path": by_mlp(
        *ALL_ROWS,
        *("--set", "recipe=table", "--set", "model.linear_path=none", "--set", "model.output_gain=1"),
    ),
    "no folds": by_mlp(*ALL_ROWS, "--set", "training.validation=split"),
    "one member": by_mlp(*ALL_ROWS, "--set", "recipe=table", "--set", "model.members=1"),
    "no clipping": by_mlp(*ALL_ROWS, "--set", "recipe=table", "--set", "model.clip_outputs=false"),
    "plain": by_mlp(*ALL_ROWS, "--set", "recipe=plain"),
}
USUAL = ("mlp", "mlp, all rows", "linear", "sklearn MLP", "boosting")


def score(table: Table, y: pd.Series, found: Predictions) -> Scores:
    """Return R2, or accuracy, balanced accuracy, log loss and for two classes ROC AUC."""
    values, probabilities, classes = found
    if not table.classification:
        return {"r2": float(r2_score(y, values))}
    assert probabilities is not None
    assert classes is not None
    names = [str(name) for name in classes]
    truth, said = y.astype(str), np.asarray(values).astype(str)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class may be missing in the test rows
        scores = {
            "accuracy": float(accuracy_score(truth, said)),
            "balanced": float(balanced_accuracy_score(truth, said)),
            "log_loss": float(log_loss(truth, probabilities[:, np.argsort(names)], labels=sorted(names))),
        }
    if len(names) == 2:
        scores["auc"] = float(roc_auc_score(truth == names[1], probabilities[:, 1]))
    return scores


def measure(name: str, contender: Contender) -> list[Scores]:
    """Return the scores of a contender on each split of a table, with the time that it took, in seconds.

    That of the processors, its commands among them, is nearly the same on a busy machine.
    """
    table = TABLES[name]
    frame = read_table(table)
    found = []
    for train, test in splits(len(frame)):
        began, busy = time.perf_counter(), sum(os.times()[:4])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's on convergence
            predictions = contender(table, frame.iloc[train], frame.iloc[test])
        times = {"seconds": time.perf_counter() - began, "processor": sum(os.times()[:4]) - busy}
        found.append(score(table, frame[table.target].iloc[test], predictions) | times)
    return found


class Cache:
    """Scores that were measured before, in a JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, dict[str, list[Scores]]] = (
            json.loads(path.read_text("utf-8")) if path.is_file() else {}
        )

    def get(self, table: str, contender: str, *, again: bool) -> list[Scores]:
        """Return the scores of a contender on a table, measured now if they are not known."""
        kept = self._known.setdefault(table, {})
        if again or contender not in kept:
            kept[contender] = measure(table, CONTENDERS[contender])
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(self._known, indent=1), "utf-8")
        return kept[contender]


def spread(values: list[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation."""
    return statistics.fmean(values), statistics.stdev(values)


def ranks(scores: dict[str, float]) -> dict[str, float]:
    """Return the rank of each contender, 1 for the highest score; equal ones get the mean of their ranks."""
    series = pd.Series(scores).round(4).rank(ascending=False)
    return {str(name): float(rank) for name, rank in series.items()}


def as_markdown(results: dict[str, dict[str, list[Scores]]], contenders: list[str]) -> str:
    """Return the report: a row for each table, then the mean rank and the seconds of each contender."""
    lines = [
        "| table | score | " + " | ".join(contenders) + " |",
        "| --- | --- |" + " ---: |" * len(contenders),
    ]
    all_ranks: dict[str, list[float]] = {name: [] for name in contenders}
    behind = []
    for table, by_contender in results.items():
        key = "accuracy" if TABLES[table].classification else "r2"
        found = {name: spread([s[key] for s in by_contender[name]]) for name in contenders}
        for name, rank in ranks({name: mean for name, (mean, _) in found.items()}).items():
            all_ranks[name].append(rank)
        best = max((found[n] for n in contenders if n != contenders[0]), default=found[contenders[0]])
        if found[contenders[0]][0] < best[0] - best[1]:
            behind.append(table)
        cells = [f"{mean:.4f} ± {deviation:.4f}" for mean, deviation in found.values()]
        lines.append(f"| {table} | {key} | " + " | ".join(cells) + " |")
    means = [f"{statistics.fmean(all_ranks[name]):.2f}" for name in contenders]
    lines.append("| mean rank | | " + " | ".join(means) + " |")
    for key, what in (("seconds", "mean seconds"), ("processor", "mean seconds of processors")):
        times = [[s[key] for by in results.values() for s in by[name] if key in s] for name in contenders]
        if all(times):
            lines.append(
                f"| {what} | | " + " | ".join(f"{statistics.fmean(some):.1f}" for some in times) + " |"
            )
    lines += [
        "",
        f"{contenders[0]} is more than a standard deviation behind on: {', '.join(behind) or 'none'}",
    ]
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)}; default: all")
    parser.add_argument(
        "--contenders", default=";".join(list(CONTENDERS)[:5]), help="names, with semicolons between"
    )
    parser.add_argument("--again", default="", help="contenders to measure again, with semicolons between")
    default = Path(tempfile.gettempdir()) / "mlp-tables.json"
    parser.add_argument("--cache", type=Path, default=default, help=f"the file of known scores ({default})")
    arguments = parser.parse_args()
    contenders, again = arguments.contenders.split(";"), set(arguments.again.split(";")) - {""}
    for names, known in ((arguments.tables, TABLES), ([*contenders, *again], CONTENDERS)):
        wrong = [name for name in names if name not in known]
        if wrong:
            parser.error(f"there is no {wrong[0]!r}: {', '.join(known)}")
    kept = Cache(arguments.cache)
    results = {
        table: {name: kept.get(table, name, again=name in again) for name in contenders}
        for table in arguments.tables or TABLES
    }
    print(as_markdown(results, contenders))


if __name__ == "__main__":
    main()
