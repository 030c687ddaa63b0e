"""Trains the same networks with mlp and with PyTorch and compares their losses, step by step.

    python -m benchmarks.parity              prints a table
    python -m benchmarks.parity --markdown   prints docs/parity.md

mlp trains by its own loop, from a config. PyTorch gets the same first weights and the same batches; all else
is its own, with its defaults where a setting is not named. What is compared follows mlp's tables: an entry
that nothing is said about here is a failure, as is a difference that is not below the last of ``BOUNDS``.
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
    sys.exit("PyTorch, which this compares with, is not installed: pip install torch")

BOUNDS = ("1e-10", "1e-6", "1e-5", "1e-4")  # as the page says it; the last is what passes
EPOCHS, BATCHES = 10, 20  # batches an epoch, of which the last has 22 examples
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
largest relative difference of the losses, and that of the outputs at the end"""
PAGE = f"""\
<!-- python -m benchmarks.parity --markdown > docs/parity.md -->

# mlp and PyTorch, step by step

`python -m benchmarks.parity` trains the same networks with both, in float64, and compares them. mlp trains
by its own loop, from a config. PyTorch gets the same first weights and the same batches; layers, autograd,
loss, optimizer and schedule are its own, and so are its defaults where a setting is not named. PyTorch is no
dependency of mlp: `pip install torch` before you run it.

*Losses* is the largest relative difference in the curve of {STEPS} losses. *Outputs* is that of what the
trained networks make of the data in evaluation, the norm of the difference over the norm. The last digits
of a difference depend on the machine, so the table gives bounds; one that is not below {BOUNDS[-1]} is a
failure, and so is an entry of mlp's tables that is not listed. The bounds are wider where PyTorch adds
something to a norm before it divides by it: 1e-6 in `clip_grad_norm_`, 1e-7 in `renorm`.

Where the row says nothing else, a ReLU network 64-50-30-10 learns `datasets/digits.npz` by plain SGD from
cross-entropy; class weights are those of the spiral, losses for two classes learn the moons, regressions the
sine. What is drawn at random, like dropout, cannot be compared so; `tests/nn/test_dropout.py` is for that.
"""

Loss = Callable[[Tensor, Tensor], Tensor]
Step = tuple[NDArray[Any], NDArray[Any], float]  # X, y and the loss


@dataclass(frozen=True)
class Twin:
    """What PyTorch does; by default what ``BASE`` says.

    ``activation`` and ``norm`` take the number of units, ``optimizer`` the parameters and the learning rate,
    ``schedule`` the optimizer, ``penalty`` a matrix of weights. ``weight_decay`` is the optimizer's, of the
    weights alone; None leaves it at its default.
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
    """One comparison: the entry and its settings in mlp, what PyTorch calls it, and the twin.

    ``twin`` is None where PyTorch has no such thing; ``more`` are further options, as ``--set`` takes them.
    """

    entry: str
    settings: str
    pytorch: str
    twin: Twin | None
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """Comparisons of the entries of a table, ``names``, at ``key`` in the config.

    Where they are a choice, an entry is the name there; else it is a key of its own.
    """

    title: str
    key: str
    names: Iterable[str]
    cases: list[Case]
    choice: bool = True

    def options(self, case: Case) -> list[str]:
        """Return what mlp is told, as ``--set`` takes it."""
        if self.choice:
            return [f"{self.key}={{name: {case.entry}, {case.settings}}}", *case.more]
        return [f"{self.key}.{case.entry}={case.settings}", *case.more]


class Residual(nn.Module):
    """The output of a block, plus what ``shortcut`` makes of its input."""

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
        """Return (n, units) of (n, pieces units)."""
        return Z.unflatten(1, (self.pieces, -1)).amax(dim=1)


def margins(p: int, margin: float) -> Loss:
    """Sum over the classes what MultiMarginLoss takes the mean of."""
    return lambda logits, y: logits.shape[1] * F.multi_margin_loss(logits, y, p=p, margin=margin)


def logistic(logits: Tensor, y: Tensor) -> Tensor:
    """Take classes as 0 and 1."""
    return F.binary_cross_entropy_with_logits(logits[:, 0], y.to(logits.dtype))


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """Take classes as -1 and 1, the rank of the logit against 0."""
    z = logits[:, 0]
    return F.margin_ranking_loss(z, torch.zeros_like(z), 2 * y - 1, margin=1)


def one_cycle(optimizer: optim.Optimizer) -> lr_scheduler.OneCycleLR:
    """Reach the end of a phase where mlp does, in the step after it; PyTorch does in its last step."""
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


def momentum(**settings: Any) -> Twin:
    """Step by SGD with momentum 0.9."""
    return Twin(optimizer=lambda parameters, rate: optim.SGD(parameters, rate, momentum=0.9, **settings))


def activation(make: Callable[..., nn.Module], *settings: Any) -> Twin:
    """Take an activation that is the same whatever the number of units."""
    return Twin(activation=lambda _: make(*settings))


def schedule(make: Callable[..., Any], *settings: Any, **more: Any) -> Twin:
    """Take a schedule with its settings."""
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
            Case("gelu", "", 'GELU("tanh")', activation(nn.GELU, "tanh")),
            Case("silu", "", "SiLU", activation(nn.SiLU)),
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
        ],
        choice=False,
    ),
]


def compare(options: list[str], twin: Twin) -> tuple[float, float]:
    """Return the largest relative difference of the losses, and that of the trained networks' outputs.

    The outputs, those of evaluation, are differenced as a whole: norm of the difference over the norm.
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
        block = nn.Sequential(copied(layer.W, layer.b))
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


def copied(W: NDArray[Any], b: NDArray[Any] | None = None) -> nn.Linear:
    """Return a linear layer with the weights W (fan_in, fan_out), and the biases b where there are any."""
    linear = nn.Linear(*W.shape, bias=b is not None, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(W.T))
        if b is not None:
            linear.bias.copy_(torch.tensor(b))
    return linear


def train(run: Run) -> list[Step]:
    """Train with mlp and return what each step saw and what its loss was."""
    steps: list[Step] = []
    loss, first = run.trainer.loss, run.network.dense[0]

    def evaluate(logits: NDArray[Any], y: NDArray[Any], dlogits: NDArray[Any] | None) -> float:
        value = loss.evaluate(logits, y, dlogits)
        steps.append((first.X.copy(), y.copy(), value))  # both are buffers, used again
        return value

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
        if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):  # by the mean over the epoch's examples
            total += losses[-1] * len(y)
            if number % BATCHES == 0:
                scheduler.step(total)
                total = 0.0
        elif scheduler is not None:
            scheduler.step()
    return losses


@dataclass(frozen=True)
class Row:
    """What a comparison came to; no differences where PyTorch has nothing to compare with."""

    section: str
    mlp: str
    pytorch: str
    differences: tuple[float, ...] = ()
    failed: bool = False


def rows() -> Iterable[Row]:
    """Compare everything, and name the entries that nothing is said about."""
    for section in SECTIONS:
        for case in section.cases:
            between = ", " if section.choice else ": "
            said = between.join(filter(None, (case.entry, case.settings)))
            if case.twin is None:
                yield Row(section.title, said, "no equivalent")
                continue
            differences = compare(section.options(case), case.twin)
            failed = not all(difference < float(BOUNDS[-1]) for difference in differences)  # NaN fails
            yield Row(section.title, said, case.pytorch, differences, failed)
        for name in section.names:
            if name not in [case.entry for case in section.cases]:
                yield Row(section.title, name, "not compared: add it", failed=True)


def as_text(found: list[Row]) -> str:
    """Return a table of at most 80 columns, with the differences as they are on this machine."""
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
    """Return a round number that is well above a difference."""
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
