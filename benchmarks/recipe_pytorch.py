"""Trains a recipe for CIFAR-10 with PyTorch, as its users would where they want it fast on a CPU.

It reads the same config as mlp, sees the same examples in each split and the same inputs, which are prepared
before the clock starts, and draws its own weights, batches and augmentations. Images are augmented a batch
at a time. What a recipe does not need is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mlpcli.blas import thread_count
from mlpcli.build.fitted import fit_transform
from mlpcli.build.parts import build_schedule
from mlpcli.build.splits import load_splits
from mlpcli.config.schema import Experiment
from mlpcli.data.batches import Batches, Split
from mlpcli.data.transform import Transform
from mlpcli.optim.schedules import warm

__all__ = ["IMAGE", "augment", "epochs", "mix"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": lambda: nn.GELU(approximate="tanh"),
    "silu": nn.SiLU,
}
IMAGE = (3, 32, 32)


class Local(nn.Module):
    """A locally connected layer: units at each place of a window over an image, with weights of their own."""

    def __init__(self, shape: tuple[int, int, int], window: int, stride: int, units: int) -> None:
        super().__init__()
        channels, side, _ = shape
        self.input, self.window, self.stride = shape, window, stride
        self.across = (side - window) // stride + 1
        fan_in = channels * window**2
        self.weight = nn.Parameter(torch.randn(self.across**2, fan_in, units) * math.sqrt(2 / fan_in))
        self.bias = nn.Parameter(torch.zeros(units * self.across**2))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return Y (n, units across across) of X (n, channels side side)."""
        seen = functional.unfold(X.view(-1, *self.input), self.window, stride=self.stride)
        return torch.bmm(seen.permute(2, 0, 1), self.weight).permute(1, 2, 0).flatten(1) + self.bias


def build_model(experiment: Experiment) -> nn.Sequential:
    """Return the network of a config."""
    model, shape, width = experiment.model, IMAGE, math.prod(IMAGE)
    layers: list[nn.Module] = [nn.Dropout(model.input_dropout)] if model.input_dropout else []
    for number, section in enumerate(model.hidden):
        layer: Any = model.resolved(section)
        if layer.residual or layer.norm == "layer":
            raise NotImplementedError(f"hidden layer {number + 1}: residual, or norm: layer")
        if layer.window is None:
            linear = nn.Linear(width, layer.units)
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
            layers.append(linear)
            width = layer.units
        else:
            local = Local(shape, layer.window, layer.stride or 1, layer.units)
            layers.append(local)
            shape = (layer.units, local.across, local.across)
            width = math.prod(shape)
        if layer.norm == "batch":
            layers.append(nn.BatchNorm1d(width))
        layers.append(ACTIVATIONS[layer.activation.name]())
        if layer.dropout:
            layers.append(nn.Dropout(layer.dropout))
    output = nn.Linear(width, 10)
    nn.init.normal_(output.weight, std=model.output_gain / math.sqrt(width))
    nn.init.zeros_(output.bias)
    return nn.Sequential(*layers, output)


def build_optimizer(experiment: Experiment, model: nn.Module) -> torch.optim.Optimizer:
    """Return the fused optimizer of a config; weight decay and L2 are for matrices alone."""
    section: Any = experiment.optimizer
    is_decoupled = section.name == "adamw"
    decay, other = experiment.l2, experiment.weight_decay
    if is_decoupled:
        decay, other = other, decay
    if other or experiment.regularization.l1:
        raise NotImplementedError("l1, l2 with adamw, or weight_decay with another optimizer")
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in model.parameters() if p.ndim == 1], "weight_decay": 0.0},
    ]
    rate = section.learning_rate
    if section.name in ("adam", "adamw"):
        of_name = torch.optim.AdamW if is_decoupled else torch.optim.Adam
        return of_name(groups, lr=rate, betas=(section.beta1, section.beta2), eps=section.eps, fused=True)
    if section.name in ("momentum", "nesterov"):
        is_nesterov = section.name == "nesterov"
        return torch.optim.SGD(groups, lr=rate, momentum=section.momentum, nesterov=is_nesterov, fused=True)
    raise NotImplementedError(f"optimizer: {section.name}")


def augment(X: torch.Tensor, experiment: Experiment) -> torch.Tensor:
    """Return images (n, 3072) that are changed at random, as ``data.augment`` says; mixup comes later."""
    section: Any = experiment.data
    wanted, n = section.augment, len(X)
    images = X.view(n, *IMAGE)
    if wanted.flip:
        images = torch.where((torch.rand(n) < 0.5)[:, None, None, None], images.flip(3), images)
    if wanted.rotate or wanted.scale or wanted.stretch:
        images = deform(images, wanted.rotate, wanted.scale, wanted.stretch)
    if wanted.crop:
        padded = functional.pad(images, (wanted.crop,) * 4)
        down, right = torch.randint(0, 2 * wanted.crop + 1, (2, n))
        windows = padded.unfold(2, IMAGE[1], 1).unfold(3, IMAGE[2], 1)  # (n, 3, places, places, 32, 32)
        images = windows[torch.arange(n), :, down, right]
    if wanted.cutout:
        first = torch.randint(0, 32, (2, n, 1)) - wanted.cutout // 2
        inside = (torch.arange(32) >= first) & (torch.arange(32) < first + wanted.cutout)
        images = images * ~(inside[0][:, :, None] & inside[1][:, None, :])[:, None]
    return images.reshape(n, -1)


def deform(images: torch.Tensor, rotate: float, scale: float, stretch: float) -> torch.Tensor:
    """Turn, scale and stretch each image at random."""
    n = len(images)

    def drawn(most: float) -> torch.Tensor:
        return (2 * torch.rand(n) - 1) * most

    angle, size = drawn(math.radians(rotate)), torch.exp(drawn(math.log1p(scale)))
    ratio = torch.exp(drawn(math.log1p(stretch)) / 2)
    zero = torch.zeros(n)
    first = torch.stack([size * ratio * angle.cos(), -size * ratio * angle.sin(), zero], 1)
    second = torch.stack([size / ratio * angle.sin(), size / ratio * angle.cos(), zero], 1)
    grid = functional.affine_grid(torch.stack([first, second], 1), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def mix(X: torch.Tensor, mixup: float) -> tuple[torch.Tensor, float]:
    """Return each image blended with the next one, if ``mixup`` is not 0, and the share that is its own."""
    if not mixup:
        return X, 1.0
    share = float(torch.distributions.Beta(mixup, mixup).sample())
    share = max(share, 1 - share)
    return share * X + (1 - share) * X.roll(-1, 0), share


def epochs(experiment: Experiment) -> Iterator[float]:
    """Yield 0 once all is ready, then train, and yield the validation accuracy after each epoch."""
    torch.set_num_threads(thread_count())
    torch.manual_seed(experiment.training.seed)
    section, rate = experiment.data, experiment.optimizer.learning_rate
    splits = load_splits(experiment)
    transform = fit_transform(experiment, splits)
    train, val = (_whole(split, transform) for split in (splits.train, splits.val))
    model = build_model(experiment)
    optimizer = build_optimizer(experiment, model)
    schedule, warmup = build_schedule(experiment)
    rounds, total = experiment.training.precision == "bfloat16", experiment.training.epochs
    loss: Any = experiment.loss
    if loss.name != "cross_entropy" or loss.class_weights is not None:
        raise NotImplementedError(f"loss: {loss.name}, or class_weights")
    criterion = nn.CrossEntropyLoss(label_smoothing=loss.label_smoothing)
    yield 0.0
    for epoch in range(total):
        model.train()
        batches = torch.randperm(len(train[0])).split(experiment.training.batch_size)
        for number, rows in enumerate(batches):
            now, step = epoch + number / len(batches), 1 / len(batches)
            for group in optimizer.param_groups:
                factor = schedule.factor(now, total) * warm(now + step, warmup)
                group["lr"] = rate * factor
            X, share = mix(augment(train[0][rows], experiment), section.augment.mixup)
            y = train[1][rows]
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=rounds):
                logits = model(X)
            value = criterion(logits.float(), y)
            if share < 1:
                value = share * value + (1 - share) * criterion(logits.float(), y.roll(-1, 0))
            value.backward()
            optimizer.step()
        yield _accuracy(model, *val, rounds=rounds)


def _whole(split: Split, transform: Transform) -> tuple[torch.Tensor, torch.Tensor]:
    """Return all examples of a split as inputs X and classes y."""
    X, y = Batches(split, transform).examples(np.arange(len(split)))
    return torch.from_numpy(X), torch.from_numpy(y.astype(np.int64))


def _accuracy(model: nn.Module, X: torch.Tensor, y: torch.Tensor, *, rounds: bool) -> float:
    model.eval()
    correct = 0
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=rounds):
        for images, labels in zip(X.split(1000), y.split(1000), strict=True):
            correct += int((model(images).argmax(dim=1) == labels).sum())
    return correct / len(y)
