"""``python -m benchmarks.images``: layers of windows, whitening and augmentation, beside those of peers.

As in ``python -m benchmarks``, contenders take turns, each in a process of its own, and medians are reported.
Here a row of a table is a race, and the times of others are also told as multiples of the first, mlp's. The
threads of all wait as mlp's do (`prepare_blas`): beside other load, PyTorch is several times as slow without.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.__main__ import amount
from benchmarks.contenders import Turn, draw, experiment_of, is_here, write_data
from benchmarks.timing import Result, describe_machine, limit_cores, time_race
from benchmarks.works import ROOT, Entry, Race, Work
from mlpcli.blas import prepare_blas, thread_count

if TYPE_CHECKING:
    from mlpcli.data.batches import Split
    from mlpcli.data.transform import Transform

__all__ = ["CONTENDERS", "races", "table"]

IMAGE = (3, 32, 32)
WIDTHS = (3072, 10)  # of images, and of what they are told apart by; hidden layers stand in the sections
BATCH, STEPS = 256, 10
AUGMENTED: dict[str, dict[str, Any]] = {
    "none": {},
    "flip": {"flip": True},
    "crop 3": {"crop": 3},
    "flip, crop 3": {"flip": True, "crop": 3},
    "rotate 10, scale 0.1, stretch 0.05": {"rotate": 10, "scale": 0.1, "stretch": 0.05},
    "mixup 0.2": {"mixup": 0.2},
    "all of these": {
        **{"flip": True, "crop": 3, "mixup": 0.2},
        **{"rotate": 10, "scale": 0.1, "stretch": 0.05},
    },
}


def training_by_pytorch(work: Work) -> Turn:
    """Return a turn of the recipe in PyTorch, an epoch."""
    prepare_blas()
    from benchmarks.recipe_pytorch import epochs

    with tempfile.TemporaryDirectory() as folder:
        write_data(work, Path(folder))
        training = epochs(experiment_of(work, Path(folder)))
        next(training)  # reads the images
    return lambda: next(training)


def _fitted(work: Work) -> tuple[Split, Transform]:
    import numpy as np

    from mlpcli.data.batches import Split
    from mlpcli.data.transform import Transform

    X, y = draw(work)
    split = Split(X, y, np.arange(len(X)))
    return split, Transform.fit(work.sections["data"]["scaling"], X, split.rows, image=IMAGE)


def batches(work: Work) -> Turn:
    """Return a turn in which mlp gathers, scales and augments batches; an evaluation keeps nothing scaled."""
    prepare_blas()
    import numpy as np

    from mlpcli.build.parts import build_augmenter
    from mlpcli.data.batches import Batches
    from mlpcli.onednn import find_onednn

    augmenter = build_augmenter(experiment_of(work, Path()))
    gathered = Batches(*_fitted(work), keep=not work.evaluation, onednn=find_onednn()[0])
    rng = np.random.default_rng(0)

    def turn() -> None:
        for X, *_ in gathered.shuffled(work.batch_size, rng):
            if augmenter is not None:
                augmenter.apply(X, rng)

    return turn


def batches_by_pytorch(work: Work) -> Turn:
    """Return the same in PyTorch, where a convolution whitens."""
    prepare_blas()
    import torch
    from torch.nn import functional

    from benchmarks.recipe_pytorch import augment, mix

    torch.set_num_threads(thread_count())
    torch.manual_seed(0)
    split, transform = _fitted(work)
    raw, shift, factor = map(torch.from_numpy, (split.X, transform.shift, transform.factor))
    whitening = transform.whitening
    experiment: Any = experiment_of(work, Path())

    def scaled(rows: torch.Tensor) -> torch.Tensor:
        X = raw[rows].float().sub_(shift).mul_(factor)
        if whitening is None:
            return X
        images = functional.pad(X.view(-1, *IMAGE), (filters.shape[-1] // 2,) * 4, mode="replicate")
        return functional.conv2d(images, filters).flatten(1)

    if whitening is not None:
        filters = torch.from_numpy(whitening.filters).float()
    kept = None if work.evaluation or whitening is None else scaled(torch.arange(len(raw)))

    def turn() -> None:
        for rows in torch.randperm(len(raw)).split(work.batch_size):
            X = scaled(rows) if kept is None else kept[rows]
            mix(augment(X, experiment), experiment.data.augment.mixup)

    return turn


def fit(work: Work) -> Turn:
    """Return a turn in which mlp measures the scaling of all images."""
    prepare_blas()
    import numpy as np

    from mlpcli.data.transform import Transform

    X, _ = draw(work)
    rows, scaling = np.arange(len(X)), work.sections["data"]["scaling"]
    return lambda: Transform.fit(scaling, X, rows, image=IMAGE)


def products_of_fit(work: Work) -> Turn:
    """Return only the products of lines that hold the covariance of patches 9 x 9, and its eigenvectors."""
    prepare_blas()
    import numpy as np

    rng = np.random.default_rng(0)
    channels, height, width = IMAGE
    row, patch = channels * width, channels * 9 * 9
    lines = rng.standard_normal((BATCH, height * row + 16))[:, : height * row]
    blocks = [lines[:, i * row : (i + 9) * row] for i in range(height)]
    products = [np.empty((row, block.shape[1])) for block in blocks]
    C = np.cov(rng.standard_normal((patch, 10 * patch)))

    def turn() -> None:
        for _ in range(-(-work.examples // BATCH)):
            for block, out in zip(blocks, products, strict=True):
                np.matmul(block[:, :row].T, block, out=out)
        np.linalg.eigh(C)

    return turn


def fit_by_pytorch(work: Work) -> Turn:
    """Return a turn of PyTorch, in float32: the usual ZCA of whole images."""
    prepare_blas()
    import torch

    torch.set_num_threads(thread_count())
    raw = torch.from_numpy(draw(work)[0])

    def turn() -> torch.Tensor:
        X = raw.float()
        std, mean = torch.std_mean(X, dim=0)
        if work.sections["data"]["scaling"] != "whiten":
            return std
        X.sub_(mean).mul_(std.square().mean().rsqrt())
        w, V = torch.linalg.eigh(X.T @ X / len(X))
        return V / (w.clamp(min=0) + 0.16).sqrt() @ V.T

    return turn


def fit_by_scikit_learn(work: Work) -> Turn:
    """Return a turn of StandardScaler, or of PCA of whole images."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    X = draw(work)[0]
    if work.sections["data"]["scaling"] == "whiten":
        return lambda: PCA(whiten=True, svd_solver="covariance_eigh").fit(X.astype("float32"))
    return lambda: StandardScaler().fit(X.astype("float32"))


CONTENDERS = {
    "PyTorch, training": ("torch", training_by_pytorch),
    "mlp, batches": (None, batches),
    "PyTorch, batches": ("torch", batches_by_pytorch),
    "mlp, fit": (None, fit),
    "matrix products, fit": (None, products_of_fit),
    "PyTorch, fit": ("torch", fit_by_pytorch),
    "scikit-learn, fit": ("sklearn", fit_by_scikit_learn),
}


def _race(title: str, work: Work, *names: str) -> Race:
    """Return a race of contenders: those of `CONTENDERS`, which begin with their labels, and of all."""
    found = (
        (name.partition(",")[0], f"benchmarks.images:{name}" if name in CONTENDERS else name)
        for name in names
    )
    return Race(title, "step", tuple(Entry(label, work, contender=name) for label, name in found))


def _training(config: str, precision: Any) -> Race:
    from mlpcli.config.loader import make_experiment
    from mlpcli.config.schema.plain import to_plain

    plain = to_plain(make_experiment(str(ROOT / "configs" / "cifar10" / f"{config}.yaml"), {}))
    sections = {name: plain[name] for name in ("model", "loss", "optimizer")}
    data = {name: plain["data"][name] for name in ("scaling", "augment")}
    # PyTorch's recipe scores a validation split after each epoch, so mlp has one, too, of an image a class.
    data |= {"val_size": WIDTHS[-1], "train_size": BATCH * STEPS - WIDTHS[-1]}
    work = Work(WIDTHS, BATCH, BATCH * STEPS, precision=precision, sections={**sections, "data": data})
    return _race(f"{config}, {precision}", work, "mlp", "matrix products", "PyTorch, training")


def _scaling(scaling: str) -> list[Race]:
    sections = {"data": {"scaling": scaling}}
    all_of_them = Work(WIDTHS, 45_000, 45_000, sections=sections)
    some = Work(WIDTHS, BATCH, BATCH * STEPS, sections=sections)
    fits = [name for name in CONTENDERS if name.endswith("fit")]
    if scaling != "whiten":
        fits.remove("matrix products, fit")
    both = ("mlp, batches", "PyTorch, batches")
    return [
        _race(f"{scaling}: measured on 45,000 images", all_of_them, *fits),
        _race(f"{scaling}: a batch of training", some, *both),
        _race(f"{scaling}: a batch of new images", replace(some, evaluation=True), *both),
    ]


def _augmented(title: str, augment: dict[str, Any]) -> Race:
    data = {"scaling": "whiten", "augment": augment}
    work = Work(WIDTHS, BATCH, BATCH * STEPS, sections={"data": data})
    return _race(title, work, "mlp, batches", "PyTorch, batches")


def races() -> dict[str, list[Race]]:
    """Return the rows of each table, by the names on the command line."""
    return {
        "training": [
            _training(config, precision)
            for config in ("fast", "standard")
            for precision in ("float32", "bfloat16")
        ],
        "scaling": [race for scaling in ("whiten", "standardize") for race in _scaling(scaling)],
        "augment": [_augmented(*item) for item in AUGMENTED.items()],
    }


def table(races: list[Race], time: Callable[[Race], list[Result]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown: a row for each race once ``time`` has its results."""
    entries = [entry for race in races for entry in race.entries if is_here(str(entry.contender))]
    labels = list(dict.fromkeys(entry.label for entry in entries))
    yield f"|  | {' | '.join(labels)} |"
    yield f"| --- |{' ---: |' * len(labels)}"
    for race in races:
        results = time(race)
        found = {}
        for result in results:
            assert isinstance(result.entry.does, Work)
            told = amount({"unit": "step", "seconds": result.seconds / result.entry.does.steps})
            ratio = "" if result is results[0] else f", {result.seconds / results[0].seconds:.2f} x"
            found[result.entry.label] = told + ratio
        yield f"| {race.title} | {' | '.join(found.get(label, '') for label in labels)} |"


def main() -> None:
    """Parse the command line, measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.images", description=__doc__)
    everything = races()
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"default: {', '.join(everything)}")
    parser.add_argument("--rounds", type=int, default=5, help="rounds to take the median of (default 5)")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.tables if name not in everything]:
        parser.error(f"there is no table {unknown[0]!r}: {', '.join(everything)}")
    if arguments.rounds < 1:
        parser.error("--rounds: must be at least 1")
    limit_cores()
    print(", ".join(f"{name} {value}" for name, value in describe_machine().items()))
    for name in arguments.tables or everything:
        print()
        for line in table(everything[name], partial(time_race, rounds=arguments.rounds)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
