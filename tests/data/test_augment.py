"""Augmentation: small images whose every outcome can be told, and nothing outside the training split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mlpcli.build.parts import build_augmenter
from mlpcli.config.loader import validate_experiment
from mlpcli.data.augment import Augmenter
from mlpcli.data.deform import Deformer
from mlpcli.training.run import Run
from mlpcli.training.start import train_run

EACH = {
    "flip": True,
    "rotate": 10.0,
    "scale": 0.1,
    "stretch": 0.1,
    "crop": 4,
    "cutout": 8,
    "mixup": 0.2,
}
# Two channels of 3 x 4 pixels, no two alike and none 0.
IMAGE = np.arange(1, 25, dtype=np.float32).reshape(2, 3, 4)


def augmented(n: int = 400, seed: int = 0, **settings: Any) -> NDArray[Any]:
    augmenter = Augmenter(IMAGE.shape, **settings)
    X = np.tile(IMAGE.ravel(), (n, 1))
    changed, share = augmenter.apply(X, np.random.default_rng(seed))
    assert share == 1
    return changed.reshape(n, *IMAGE.shape)


def outcomes(images: NDArray[Any]) -> set[bytes]:
    return {np.ascontiguousarray(image).tobytes() for image in images}


def test_a_flip_is_left_to_right_and_comes_up_half_the_time() -> None:
    images = augmented(flip=True)
    mirrored = IMAGE[:, :, ::-1]
    assert outcomes(images) == {IMAGE.tobytes(), mirrored.tobytes()}
    assert np.mean([np.array_equal(image, mirrored) for image in images]) == pytest.approx(0.5, abs=0.1)


def test_a_crop_is_any_window_of_the_padded_image() -> None:
    padded = np.pad(IMAGE, ((0, 0), (1, 1), (1, 1)))
    windows = {padded[:, y : y + 3, x : x + 4].tobytes() for y in range(3) for x in range(3)}
    assert outcomes(augmented(crop=1)) == windows
    assert len(outcomes(augmented(crop=1, flip=True))) == 18


def test_the_padding_stays_blank_from_batch_to_batch() -> None:
    augmenter = Augmenter(IMAGE.shape, crop=1)
    rng = np.random.default_rng(0)
    seen: set[bytes] = set()
    for n in (50, 7, 60, 50):
        seen |= outcomes(augmenter.apply(np.tile(IMAGE.ravel(), (n, 1)), rng)[0].reshape(n, *IMAGE.shape))
    assert len(seen) == 9


@pytest.mark.parametrize("side", [1, 2, 3])
def test_cutout_blanks_a_square_in_all_channels(side: int) -> None:
    """Its first corner lies anywhere from side // 2 above and left of the image; what is outside is cut."""
    expected = set()
    for y in range(3):
        for x in range(4):
            image = IMAGE.copy()
            top, left = y - side // 2, x - side // 2
            image[:, max(0, top) : top + side, max(0, left) : left + side] = 0
            expected.add(image.tobytes())
    assert outcomes(augmented(cutout=side)) == expected


def test_deformed_images_are_mirrored_and_then_shifted() -> None:
    """All are deformed by the first draws, alike here; what comes after is the same as without."""
    deformed = np.tile(IMAGE, (16, 1, 1, 1))
    Deformer(IMAGE.shape, rotate=30, scale=0, stretch=0).apply(deformed, np.random.default_rng(0))
    image = deformed[0]
    assert not np.array_equal(image, IMAGE)
    padded = [np.pad(one, ((0, 0), (1, 1), (1, 1))) for one in (image, image[:, :, ::-1])]
    windows = {one[:, y : y + 3, x : x + 4].tobytes() for one in padded for y in range(3) for x in range(3)}
    found = outcomes(augmented(16, flip=True, rotate=30, crop=1))
    assert len(found) > 8
    assert found <= windows


def test_mixup_blends_each_row_with_the_next() -> None:
    augmenter = Augmenter((1, 1, 2), mixup=0.4)
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(200):
        X = np.array([[1, 10], [2, 20], [4, 40]], np.float32)
        mixed, share = augmenter.apply(X.copy(), rng)
        np.testing.assert_allclose(mixed, share * X + (1 - share) * X[[1, 2, 0]], rtol=1e-6)
        shares.append(share)
    assert 0.5 <= min(shares) < 0.6
    # The mean of max(b, 1 - b) for b from Beta(0.4, 0.4), by 10 million draws of another generator: 0.840.
    assert np.mean(shares) == pytest.approx(0.840, abs=0.03)


@pytest.mark.parametrize("name", EACH)
def test_the_stream_alone_decides(name: str) -> None:
    augmenter = Augmenter((3, 32, 32), **{name: EACH[name]})
    X = np.random.default_rng(0).standard_normal((20, 3072), np.float32)
    first, again, other = (
        augmenter.apply(X.copy(), np.random.default_rng(seed))[0].copy() for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, X)


def experiment(root: Path, **augment: Any) -> Any:
    data = {"name": "cifar10", "root": str(root), "val_size": 5, "augment": augment}
    model = {"hidden": [4], "activation": "tanh"}
    return validate_experiment(
        {"data": data, "model": model, "training": {"epochs": 2, "batch_size": 5}}, Path()
    )


@pytest.mark.parametrize("name", EACH)
def test_only_training_sees_it(name: str, tmp_path: Path, make_cifar10: Callable[..., Any]) -> None:
    """With weights that all but stand still the validation scores are those without it."""
    make_cifar10(tmp_path / "cifar-10-batches-bin")
    rows = []
    for settings in ({}, {name: EACH[name]}):
        config = experiment(tmp_path, **settings)
        sections = {**config.model_dump(), "optimizer": {"name": "sgd", "learning_rate": 1e-30}}
        rows.append(train_run(validate_experiment(sections, Path())).recorder.metrics[0])
    assert rows[0]["val_loss"] == rows[1]["val_loss"]
    assert rows[0]["train_loss"] != rows[1]["train_loss"]


def test_the_gradient_of_a_blend(tmp_path: Path, make_cifar10: Callable[..., Any]) -> None:
    """One step of sgd on one batch moves the output biases along share (p - t) + (1 - share) (p - t')."""
    make_cifar10(tmp_path / "cifar-10-batches-bin")
    config = experiment(tmp_path, mixup=1.0)
    sections = config.model_dump()
    sections["optimizer"] = {"name": "sgd", "learning_rate": 0.5}
    sections["training"] = {**sections["training"], "batch_size": 10}
    trainer = Run(validate_experiment(sections, Path())).trainer
    seen: list[Any] = []
    apply = trainer.augmenter.apply  # type: ignore[union-attr]

    def watch(X: NDArray[Any], rng: np.random.Generator) -> tuple[NDArray[Any], float]:
        mixed, share = apply(X, rng)
        seen.append((mixed.copy(), share))
        return mixed, share

    trainer.augmenter.apply = watch  # type: ignore[method-assign, union-attr]
    W1, b1, W2 = (trainer.network.parameters.view(name).copy() for name in ("W1", "b1", "W2"))
    batches = trainer.train.shuffled

    def keep(*args: Any) -> Any:
        for X, y in batches(*args):
            seen.append(y)
            yield X, y

    trainer.train.shuffled = keep  # type: ignore[method-assign]
    epoch = next(trainer.epochs())
    y, (X, share) = seen
    logits = np.tanh(X @ W1 + b1) @ W2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = share * np.eye(10)[y] + (1 - share) * np.eye(10)[np.roll(y, -1)]
    assert 0.5 < share < 1
    np.testing.assert_allclose(
        trainer.network.parameters.view("b2"), -0.5 * (p - targets).mean(axis=0), atol=1e-6
    )
    expected = -(targets * np.log(p)).sum(axis=1).mean()
    assert epoch.metrics["train_loss"] == pytest.approx(expected, rel=1e-5)


def test_nothing_asked_for_is_nothing_built() -> None:
    assert build_augmenter(validate_experiment({"data": "spiral"}, Path())) is None
    assert build_augmenter(validate_experiment({"data": "cifar10"}, Path())) is None
