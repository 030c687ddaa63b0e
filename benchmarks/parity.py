"""Trains the same networks with mlp and with PyTorch and compares their losses, step by step.

    python -m benchmarks.parity              prints a table
    python -m benchmarks.parity --markdown   prints docs/parity.md

mlp trains with its own loop, from a config. PyTorch gets the same initial weights and the same batches;
everything else is its own, with its defaults for settings that are not named. The comparisons cover all
entries of mlp's tables. An entry that is missing here is a failure, and so is a difference above the last of
``BOUNDS``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli import __version__
from mlpcli.config.loader import parse_experiment
from mlpcli.config.plan import UNITS
from mlpcli.nn.local import Local
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.penalties import PENALTIES
from mlpcli.optim.rules import RULES
from mlpcli.optim.schedules import SCHEDULES
from mlpcli.text import clip, columns
from mlpcli.training.run import Run

try:
    import torch
    from torch import Tensor, nn, optim
    from torch.nn import functional as F  # noqa: N812
    from torch.optim import lr_scheduler
except ImportError:
    sys.exit("PyTorch, which mlp is compared with, is not installed: pip install torch")

BOUNDS = ("1e-10", "1e-6", "1e-5", "1e-4")  # as on the page; larger differences than the last one fail
EPOCHS, BATCHES = 10, 20  # the last of the 20 batches per epoch has 22 examples
ALL = "train_size: 630, val_size: 0, test_size: 0"
BASE = f"""\
data: {{name: npz, path: datasets/digits.npz, {ALL}}}
model: {{hidden: [50, 30]}}
optimizer: {{name: sgd, learning_rate: 0.1}}
regularization: {{l2: 0}}
training: {{epochs: {EPOCHS}, batch_size: 32}}
"""
SPIRAL, MOONS, SINE = (f"data={{name: {name}, points: 630, {ALL}}}" for name in ("spiral", "moons", "sine"))
SLOWER = "optimizer.learning_rate=0.01"

STEPS = EPOCHS * BATCHES
VERSIONS = f"mlp {__version__} on NumPy {np.__version__}, PyTorch {torch.__version__}"
HEADING = f"""\
{VERSIONS}, float64, {STEPS} steps
largest relative difference of the losses, and relative difference of the final outputs"""
PAGE = f"""\
<!-- python -m benchmarks.parity --markdown > docs/parity.md -->

# mlp and PyTorch, step by step

`python -m benchmarks.parity` trains the same networks with both, in float64, and compares them. mlp trains
with its own loop, from a config. PyTorch gets the same initial weights and batches; layers, autograd, loss,
optimizer and schedule are its own, and so are the defaults of settings that are not named. mlp does not
depend on PyTorch: run `pip install torch` first.

*Losses* is the largest relative difference between the two curves of {STEPS} losses. *Outputs* compares the
outputs of the trained networks in evaluation: the norm of the difference over the norm. The last digits of a
difference depend on the machine, so the table gives bounds. A difference above {BOUNDS[-1]} is a failure,
and so is an entry of mlp's tables that is missing. The bounds are wider where PyTorch adds a small number to
a norm before dividing by it: 1e-6 in `clip_grad_norm_`, 1e-7 in `renorm`.

Unless the row says otherwise, a ReLU network 64-50-30-10 learns `datasets/digits.npz` with plain SGD and
cross-entropy. Class weights are tested on the spiral, losses for two classes on the moons, and regressions
on the sine. Random layers like dropout cannot be compared in this way; `tests/nn/test_dropout.py` tests them.
"""

Loss = Callable[[Tensor, Tensor], Tensor]
Step = tuple[NDArray[Any], NDArray[Any], float]  # X, y and the loss


@dataclass(frozen=True)
class Twin:
    """The settings of PyTorch; the defaults correspond to ``BASE``.

    ``activation`` and ``norm`` take the number of units, ``optimizer`` the parameters and the learning rate,
    ``schedule`` the optimizer, ``penalty`` a matrix of weights. ``weight_decay`` is an option of the
    optimizer for the weights, without the biases; None means PyTorch's default.
    """

    activation: Callable[[int], nn.Module] = lambda _: nn.ReLU()
    norm: Callable[[int], nn.Module] | None = None
    residual: bool = False
    loss: Loss = F.cross_entropy
    optimizer: Callable[[Any, float], optim.Optimizer] = optim.SGD
    schedule: Callable[[optim.Optimizer], Any] | None = None
    penalty: Callable[[Tensor], Tensor] | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    max_norm: float | None = None


@dataclass(frozen=True)
class Case:
    """One comparison: the entry and its settings in mlp, its name in PyTorch, and the twin.

    ``twin`` is None if PyTorch has no equivalent; ``more`` are further options in the form of ``--set``.
    """

    entry: str
    settings: str
    pytorch: str
    twin: Twin | None
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """Comparisons of the entries of a table, ``names``, at ``key`` in the config.

    If they are a ``choice``, an entry is the name at that key; otherwise each entry is a key of its own.
    """

    title: str
    key: str
    names: Iterable[str]
    cases: list[Case]
    choice: bool = True

    def options(self, case: Case) -> list[str]:
        """Return the options of mlp, in the form of ``--set``."""
        if self.choice:
            return [f"{self.key}={{name: {case.entry}, {case.settings}}}", *case.more]
        return [f"{self.key}.{case.entry}={case.settings}", *case.more]


class Residual(nn.Module):
    """The sum of the outputs of a block and of a shortcut around it."""

    def __init__(self, block: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.block, self.shortcut = block, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return block(x) + shortcut(x)."""
        return self.block(x) + self.shortcut(x)


class Maxout(nn.Module):
    """The largest of ``pieces`` blocks of columns."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, Z: Tensor) -> Tensor:
        """Return (n, units) for an input of (n, pieces units)."""
        return Z.unflatten(1, (self.pieces, -1)).amax(dim=1)


def margins(p: int, margin: float) -> Loss:
    """Return the sum over the classes of which MultiMarginLoss takes the mean."""
    return lambda logits, y: logits.shape[1] * F.multi_margin_loss(logits, y, p=p, margin=margin)


def logistic(logits: Tensor, y: Tensor) -> Tensor:
    """Return the logistic loss of one logit, with classes 0 and 1."""
    return F.binary_cross_entropy_with_logits(logits[:, 0], y.to(logits.dtype))


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """Return the hinge loss of one logit, as a ranking of the logit against 0 with classes -1 and 1."""
    z = logits[:, 0]
    return F.margin_ranking_loss(z, torch.zeros_like(z), 2 * y - 1, margin=1)


def one_cycle(optimizer: optim.Optimizer) -> lr_scheduler.OneCycleLR:
    """Return the schedule with phases that end as in mlp, one step later than PyTorch's own."""
    rise, start, final = 0.3, 0.04, 1e-4
    return lr_scheduler.OneCycleLR(
        optimizer,
        optimizer.param_groups[0]["lr"],
        total_steps=STEPS + 1,
        pct_start=(rise * STEPS + 1) / (STEPS + 1),
        cycle_momentum=False,
        div_factor=1 / start,
        final_div_factor=start / final,
    )


def four_cycles(step: int) -> float:
    """Return sin(pi t)**2 for t = log2(1 + 15 step / steps), which is (1 - cos(2 pi t)) / 2."""
    turns = torch.log2(torch.tensor(1 + 15 * step / STEPS, dtype=torch.float64))
    return float(torch.sin(torch.pi * turns) ** 2)


def momentum(**settings: Any) -> Twin:
    """Return a twin with SGD and momentum 0.9."""
    return Twin(optimizer=lambda parameters, rate: optim.SGD(parameters, rate, momentum=0.9, **settings))


def activation(make: Callable[..., nn.Module], *settings: Any) -> Twin:
    """Return a twin with an activation that does not depend on the number of units."""
    return Twin(activation=lambda _: make(*settings))


def schedule(make: Callable[..., Any], *settings: Any, **more: Any) -> Twin:
    """Return a twin with a schedule and its settings."""
    return Twin(schedule=lambda optimizer: make(optimizer, *settings, **more))


WEIGHTS = torch.tensor([1, 2, 4], dtype=torch.float64)

SECTIONS = [
    Section(
        "optimizer",
        "optimizer",
        RULES,
        [
            Case("sgd", "", "SGD", Twin()),
            Case("momentum", "", "SGD(momentum=0.9)", momentum()),
            Case("nesterov", "", "SGD(momentum=0.9, nesterov=True)", momentum(nesterov=True)),
            Case("adagrad", "", "Adagrad", Twin(optimizer=optim.Adagrad)),
            Case("rmsprop", "", "RMSprop", Twin(optimizer=optim.RMSprop)),
            Case("adam", "", "Adam", Twin(optimizer=optim.Adam)),
            Case("adamw", "", "AdamW", Twin(optimizer=optim.AdamW)),
            Case("lion", "", "", None),
        ],
    ),
    Section(
        "activation",
        "model.activation",
        UNITS,
        [
            Case("identity", "", "Identity", activation(nn.Identity)),
            Case("sigmoid", "", "Sigmoid", activation(nn.Sigmoid)),
            Case("tanh", "", "Tanh", activation(nn.Tanh)),
            Case("relu", "", "ReLU", activation(nn.ReLU)),
            Case("leaky_relu", "", "LeakyReLU", activation(nn.LeakyReLU)),
            Case("prelu", "", "PReLU(units)", Twin(activation=nn.PReLU)),
            Case("maxout", "pieces: 3", "amax of three blocks", activation(Maxout, 3)),
            Case("elu", "alpha: 0.5", "ELU(0.5)", activation(nn.ELU, 0.5)),
            Case("selu", "", "SELU", activation(nn.SELU)),
            Case("gelu", "", 'GELU("tanh")', activation(nn.GELU, "tanh")),
            Case("silu", "", "SiLU", activation(nn.SiLU)),
            Case("mish", "", "Mish", activation(nn.Mish)),
            Case("softplus", "", "Softplus", activation(nn.Softplus)),
        ],
    ),
    Section(
        "loss",
        "loss",
        LOSSES,
        [
            Case("cross_entropy", "", "CrossEntropyLoss", Twin()),
            Case(
                "cross_entropy",
                "label_smoothing: 0.1",
                "CrossEntropyLoss(label_smoothing=0.1)",
                Twin(loss=partial(F.cross_entropy, label_smoothing=0.1)),
            ),
            Case(
                "cross_entropy",
                "class_weights: [1, 2, 4]",
                "CrossEntropyLoss(weight)",
                Twin(loss=partial(F.cross_entropy, weight=WEIGHTS)),
                (SPIRAL,),
            ),
            Case(
                "cross_entropy",
                "label_smoothing: 0.1, class_weights: [1, 2, 4]",
                "CrossEntropyLoss(weight, label_smoothing=0.1)",
                Twin(loss=partial(F.cross_entropy, weight=WEIGHTS, label_smoothing=0.1)),
                (SPIRAL,),
            ),
            Case("hinge", "", "MultiMarginLoss, summed", Twin(loss=margins(1, 1)), (SLOWER,)),
            Case(
                "hinge",
                "delta: 0.5, squared: true",
                "MultiMarginLoss(2, 0.5), summed",
                Twin(loss=margins(2, 0.5)),
                (SLOWER,),
            ),
            Case("binary_cross_entropy", "", "BCEWithLogitsLoss", Twin(loss=logistic), (MOONS,)),
            Case("binary_hinge", "", "MarginRankingLoss(1)", Twin(loss=margin), (MOONS,)),
            Case("mse", "", "MSELoss", Twin(loss=F.mse_loss), (SINE,)),
            Case("mae", "", "L1Loss", Twin(loss=F.l1_loss), (SINE,)),
            Case(
                "huber",
                "delta: 0.5",
                "HuberLoss(delta=0.5)",
                Twin(loss=partial(F.huber_loss, delta=0.5)),
                (SINE,),
            ),
        ],
    ),
    Section(
        "schedule",
        "optimizer.schedule",
        SCHEDULES,
        [
            Case(
                "constant",
                "warmup: 2",
                "LinearLR",
                schedule(lr_scheduler.LinearLR, 1 / (2 * BATCHES), total_iters=2 * BATCHES - 1),
            ),
            Case("step", "every: 3", "StepLR", schedule(lr_scheduler.StepLR, 3 * BATCHES)),
            Case(
                "exponential",
                "shrink: 0.8",
                "ExponentialLR",
                schedule(lr_scheduler.ExponentialLR, 0.8 ** (1 / BATCHES)),
            ),
            Case("cosine", "", "CosineAnnealingLR", schedule(lr_scheduler.CosineAnnealingLR, STEPS)),
            Case("coslog4", "", "LambdaLR", schedule(lr_scheduler.LambdaLR, four_cycles)),
            Case("one_cycle", "", "OneCycleLR", Twin(schedule=one_cycle)),
            Case(
                "plateau",
                "patience: 1, shrink: 0.5",
                "ReduceLROnPlateau(patience=0)",
                replace(
                    schedule(lr_scheduler.ReduceLROnPlateau, factor=0.5, patience=0, threshold=0),
                    loss=F.mse_loss,
                ),
                (SINE, "loss=mse"),
            ),
        ],
    ),
    Section(
        "regularization",
        "regularization",
        PENALTIES,
        [
            Case("l1", "1e-3", "autograd of the sum", Twin(penalty=lambda W: 1e-3 * W.abs().sum())),
            Case(
                "l2",
                "1e-2",
                "weight_decay=0.01",
                replace(momentum(), weight_decay=1e-2),
                ("optimizer=momentum",),
            ),
            Case(
                "weight_decay",
                "0.1",
                "AdamW(weight_decay=0.1)",
                Twin(optimizer=optim.AdamW, weight_decay=0.1),
                ("optimizer=adamw",),
            ),
            Case("max_norm", "1.5", "renorm", Twin(max_norm=1.5)),
        ],
        choice=False,
    ),
    Section(
        "gradient",
        "optimizer",
        (),
        [Case("clip_norm", "0.5", "clip_grad_norm_", Twin(clip_norm=0.5))],
        choice=False,
    ),
    Section(
        "layer",
        "model",
        (),
        [
            Case("norm", "batch", "BatchNorm1d", Twin(norm=nn.BatchNorm1d)),
            Case("norm", "layer", "LayerNorm", Twin(norm=nn.LayerNorm)),
            Case(
                "residual", "true", "x @ P + f(x), x + f(x)", Twin(residual=True), ("model.hidden=[50, 50]",)
            ),
            Case("hidden", "[{units: 6, window: 3, stride: 2}, 30]", "Unfold, einsum", Twin()),
        ],
        choice=False,
    ),
]


def compare(options: list[str], twin: Twin) -> tuple[float, float]:
    """Return the largest relative difference of the losses, and the relative difference of the outputs.

    The outputs are those of the trained networks in evaluation; their difference is the norm of the
    difference over the norm.
    """
    run = Run(parse_experiment(BASE, "BASE", Path(__file__).parents[1], options), dtype=np.float64)
    model = translate(run, twin)
    steps = train(run)
    losses = np.array([loss for _, _, loss in steps])
    expected = np.array(train_twin(model, twin, run.experiment.optimizer.learning_rate, steps))
    X = np.concatenate([X for X, _, _ in steps[:BATCHES]])
    with torch.no_grad():
        outputs = model.eval()(torch.tensor(X)).numpy()
    of_outputs = np.linalg.norm(run.network.forward(X) - outputs) / np.linalg.norm(outputs)
    return float(np.max(np.abs(losses - expected) / np.abs(expected))), float(of_outputs)


def translate(run: Run, twin: Twin) -> nn.Sequential:
    """Return PyTorch's network with mlp's weights and biases."""
    model = nn.Sequential()
    for layer in run.network.dense:
        block = nn.Sequential(local(layer) if isinstance(layer, Local) else copied(layer.W, layer.b))
        units = layer.spec.fan_out
        if layer is not run.network.dense[-1]:
            if twin.norm is not None:
                block.append(twin.norm(units))
            block.append(twin.activation(units))
            if twin.residual:
                P = f"P{layer.spec.number}"
                is_projected = P in run.network.parameters.shapes
                block = nn.Sequential(
                    Residual(block, copied(run.network.parameters.view(P)) if is_projected else nn.Identity())
                )
        model.extend(block)
    return model.double()


class Unfolded(nn.Module):
    """A matrix for each window of a square gray image, as torch.nn.Unfold cuts it out."""

    def __init__(self, W: NDArray[Any], b: NDArray[Any], size: int, stride: int) -> None:
        super().__init__()
        self.weight, self.bias = (nn.Parameter(torch.tensor(array)) for array in (W, b))
        self.cut = nn.Unfold(size, stride=stride)

    def forward(self, X: Tensor) -> Tensor:
        """Return the sums of all windows, side by side."""
        side = int(X.shape[1] ** 0.5)
        windows = self.cut(X.reshape(-1, 1, side, side))  # (n, fan_in, places)
        return torch.einsum("nfp,pfu->npu", windows, self.weight).flatten(1) + self.bias


def local(layer: Local) -> Unfolded:
    """Return a locally connected layer with the weights and biases of ``layer``."""
    return Unfolded(layer.W, layer.b, layer.window.size, layer.window.stride)


def copied(W: NDArray[Any], b: NDArray[Any] | None = None) -> nn.Linear:
    """Return a linear layer with the weights W (fan_in, fan_out) and, if given, the biases b."""
    linear = nn.Linear(*W.shape, bias=b is not None, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(W.T))
        if b is not None:
            linear.bias.copy_(torch.tensor(b))
    return linear


def train(run: Run) -> list[Step]:
    """Train with mlp and return the batch and the loss of each step."""
    steps: list[Step] = []
    loss, forward = run.trainer.loss, run.network.forward
    batch = np.empty((0, 0))

    def remember(X: NDArray[Any], *rngs: Any) -> NDArray[Any]:
        nonlocal batch
        batch = X.copy()  # a reused buffer, as y
        return forward(X, *rngs)

    def evaluate(logits: NDArray[Any], y: NDArray[Any], *others: Any) -> float:
        value = loss.evaluate(logits, y, *others)
        steps.append((batch, y.copy(), value))
        return value

    run.network.forward = remember  # type: ignore[method-assign]
    run.trainer.loss = replace(loss, evaluate=evaluate)
    for _ in run.trainer.epochs():
        pass
    assert len(steps) == STEPS
    return steps


def train_twin(model: nn.Sequential, twin: Twin, learning_rate: float, steps: list[Step]) -> list[float]:
    """Train with PyTorch on the batches of ``steps`` and return the loss of each."""
    weights = [layer.weight for layer in model.modules() if isinstance(layer, nn.Linear)]
    others = [p for p in model.parameters() if not any(p is weight for weight in weights)]
    decay = {} if twin.weight_decay is None else {"weight_decay": twin.weight_decay}
    optimizer = twin.optimizer(
        [{"params": weights, **decay}, {"params": others, "weight_decay": 0}], learning_rate
    )
    scheduler = None if twin.schedule is None else twin.schedule(optimizer)
    losses: list[float] = []
    total = 0.0
    for number, (X, y, _) in enumerate(steps, 1):
        optimizer.zero_grad()
        target = torch.tensor(y)
        loss = twin.loss(model(torch.tensor(X)), target.double() if target.is_floating_point() else target)
        losses.append(loss.item())
        if twin.penalty is not None:
            loss = loss + sum(twin.penalty(weight) for weight in weights)
        loss.backward()
        if twin.clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), twin.clip_norm)
        optimizer.step()
        if twin.max_norm is not None:
            with torch.no_grad():
                for weight in weights:
                    weight.copy_(torch.renorm(weight, 2, 0, twin.max_norm))
        if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):  # it takes the mean loss of the epoch
            total += losses[-1] * len(y)
            if number % BATCHES == 0:
                scheduler.step(total)
                total = 0.0
        elif scheduler is not None:
            scheduler.step()
    return losses


@dataclass(frozen=True)
class Row:
    """The result of a comparison, without differences if PyTorch has no equivalent."""

    section: str
    mlp: str
    pytorch: str
    differences: tuple[float, ...] = ()
    failed: bool = False


def rows() -> Iterable[Row]:
    """Run all comparisons, and list the entries without one."""
    for section in SECTIONS:
        for case in section.cases:
            between = ", " if section.choice else ": "
            shown = between.join(filter(None, (case.entry, case.settings)))
            if case.twin is None:
                yield Row(section.title, shown, "no equivalent")
                continue
            differences = compare(section.options(case), case.twin)
            failed = not all(difference < float(BOUNDS[-1]) for difference in differences)  # NaN fails
            yield Row(section.title, shown, case.pytorch, differences, failed)
        for name in section.names:
            if name not in [case.entry for case in section.cases]:
                yield Row(section.title, name, "not compared: add it", failed=True)


def as_text(found: list[Row]) -> str:
    """Return a table of at most 80 columns, with the differences measured on this machine."""
    cells = [("mlp", "PyTorch", "losses", "outputs")]
    section = ""
    for row in found:
        if row.section != section:
            section = row.section
            cells += [("", "", "", ""), (section, "", "", "")]
        differences = [f"{difference:.1e}" for difference in row.differences] or ["", ""]
        cells.append((f"  {clip(row.mlp, 30)}", clip(row.pytorch, 28), *differences))
    return columns(cells, "<<>>")


def as_page(found: list[Row]) -> str:
    """Return docs/parity.md, with bounds that do not depend on the machine."""
    lines = [PAGE, f"{VERSIONS}:", "", "| | mlp | PyTorch | losses | outputs |", "| --- " * 5 + "|"]
    section = ""
    for row in found:
        title, section = ("" if row.section == section else row.section), row.section
        bounds = [f"< {bound(difference)}" for difference in row.differences] or ["", ""]
        lines.append(f"| {title} | `{row.mlp}` | {row.pytorch} | {' | '.join(bounds)} |")
    return "\n".join(lines)


def bound(difference: float) -> str:
    """Return the smallest of ``BOUNDS`` that is well above a difference."""
    return next((each for each in BOUNDS if 3 * difference < float(each)), "inf")


def main() -> int:
    """Compare, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity")
    parser.add_argument("--markdown", action="store_true", help="print docs/parity.md")
    markdown = parser.parse_args().markdown
    torch.set_num_threads(1)
    found = list(rows())
    print(as_page(found) if markdown else f"{HEADING}\n\n{as_text(found)}")
    failed = [row for row in found if row.failed]
    for row in failed:
        print(f"FAILED: {row.section} {row.mlp} ({row.pytorch})", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
