"""The works that are timed (training, evaluation, whole commands), their contenders, and the goals of mlp."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

__all__ = ["ROOT", "Command", "Entry", "Goal", "Race", "Work", "races"]

ROOT = Path(__file__).parents[1]
IMAGE_NET = (3072, 512, 256, 10)
NUMPY_ALONE = "mlp, by NumPy alone"
CIFAR10 = 10_000  # examples in each of its six files
MB = 1_000_000


@dataclass(frozen=True)
class Work:
    """Passes over random examples with a network of ``widths``: training epochs, or an evaluation.

    If there are 3072 inputs, they are the bytes of images, which are scaled when a batch is gathered;
    otherwise they are float32. A turn is ``epochs`` passes. In the ``precision`` bfloat16, products are of
    numbers that are rounded to it. ``sections`` are further settings of mlp's config, and ``engine`` is what
    multiplies for it, where that is not what mlp would choose. A number of ``networks`` train together, each
    on batches of its own; what times mlp is then whole runs, with what each epoch leaves in memory.
    """

    widths: tuple[int, ...]
    batch_size: int
    examples: int
    optimizer: Literal["momentum", "adam"] = "momentum"
    epochs: int = 1
    evaluation: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
    engine: Literal["numpy", "fast"] | None = None
    networks: int | None = None
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def images(self) -> bool:
        """Whether the inputs are images."""
        return self.widths[0] == IMAGE_NET[0]

    @property
    def steps(self) -> int:
        """The number of batches in a turn."""
        return self.epochs * -(-self.examples // self.batch_size)


@dataclass(frozen=True)
class Command:
    """A Python process, from its start to its end; ``{folder}`` in its arguments is a folder to write to."""

    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Goal:
    """The goal of mlp in comparison with an entry.

    ``faster``: mlp is at least ``bound`` times as fast as the entry. ``longer``: mlp takes at most ``bound``
    times as long as the entry. ``dearer``: the entry takes at most ``bound`` times as long as the first one.
    ``seconds``, ``bytes``: the entry takes less than ``bound``. Without a bound, the ratio is only reported.
    """

    kind: Literal["faster", "longer", "dearer", "seconds", "bytes"]
    bound: float | None = None


@dataclass(frozen=True)
class Entry:
    """A contender and its work; ``contender`` is what `find` finds it by, if it is one."""

    label: str
    does: Work | Command
    goal: Goal | None = None
    contender: str | None = None


@dataclass(frozen=True)
class Race:
    """Entries that are timed in turn; the others are compared with the first. ``unit`` is what is reported.

    If ``images`` is not 0, the commands find a made-up CIFAR-10 in ``{folder}/cifar``, with that many images
    per file.
    """

    title: str
    unit: Literal["step", "pass", "run", "peak"]
    entries: tuple[Entry, ...]
    images: int = 0


Races: TypeAlias = dict[str, list[Race]]


def races() -> Races:
    """Return all races, by the names on the command line."""
    return {
        "training": [
            _training("momentum", 128, floor=1.25),
            _training("adam", 128),
            _training("momentum", 512, floor=1.12),
            _training("adam", 512),
        ],
        "small": [_small()],
        "many": [
            _many(Work((2, 100, 3), 32, 3_200, epochs=5, networks=10), 3.0),
            _many(Work((784, 100, 10), 64, 6_400, networks=20), 12.0),
        ],
        "evaluation": [_evaluation()],
        "bfloat16": [
            _bfloat16(128, floor=1.25),
            _bfloat16(512, floor=1.12, itself=1.5),
            _bfloat16_evaluation(),
        ],
        "options": [_options()],
        "process": [_process()],
        "memory": [_memory()],
        "cifar10": [_ten_epochs("float32", 1.2), _ten_epochs("bfloat16", 1.1)],
        "startup": [_help(), _count()],
    }


def _named(widths: tuple[int, ...]) -> str:
    return "-".join(map(str, widths))


def _against(work: Work, goals: dict[str, Goal]) -> tuple[Entry, ...]:
    others = (Entry(name, work, goal, name) for name, goal in goals.items())
    return (Entry("mlp", work, None, "mlp"), *others)


def _training(
    optimizer: Literal["momentum", "adam"],
    batch_size: int,
    floor: float | None = None,
) -> Race:
    work = Work(IMAGE_NET, batch_size, 12_800, optimizer)
    goals = {
        "matrix products": Goal("longer", floor),
        "PyTorch": Goal("faster", 1.15),  # on AMD's processors; 1.1 on Intel's
        "scikit-learn": Goal("faster"),
    }
    if optimizer == "momentum":  # JAX has no optimizers of its own; momentum takes two lines
        goals["JAX"] = Goal("faster", 1.05)
    alone = Entry(NUMPY_ALONE, replace(work, engine="numpy"), Goal("faster"), "mlp")
    title = f"{_named(IMAGE_NET)}, {optimizer}, batch {batch_size}"
    return Race(title, "step", (*_against(work, goals), alone))


def _bfloat16(batch_size: int, floor: float, itself: float | None = None) -> Race:
    """Return a race in bfloat16, beside mlp in float32, which it is to outrun by ``itself``."""
    work = Work(IMAGE_NET, batch_size, 12_800, precision="bfloat16")
    goals = {"matrix products": Goal("longer", floor), "PyTorch": Goal("faster", 1.1)}
    in_float32 = Entry("mlp, float32", replace(work, precision="float32"), Goal("faster", itself), "mlp")
    title = f"{_named(IMAGE_NET)}, momentum, batch {batch_size}, bfloat16"
    return Race(title, "step", (*_against(work, goals), in_float32))


def _bfloat16_evaluation() -> Race:
    work = Work(IMAGE_NET, 1_000, 10_000, evaluation=True, precision="bfloat16")
    goals = {"matrix products": Goal("longer"), "PyTorch": Goal("faster")}
    in_float32 = replace(work, precision="float32")
    return Race(
        "evaluation of 10,000 images, bfloat16",
        "pass",
        (
            *_against(work, goals),
            Entry("mlp, float32", in_float32, Goal("faster"), "mlp"),
            Entry("PyTorch, float32", in_float32, Goal("faster", 1.5), "PyTorch"),
        ),
    )


def _small() -> Race:
    work = Work((2, 100, 3), 32, 3_200, epochs=5)
    goals = {
        "matrix products": Goal("longer"),
        "PyTorch": Goal("faster", 4.0),
        "scikit-learn": Goal("faster", 4.0),
        "JAX": Goal("faster", 1.1),
    }
    return Race(f"{_named(work.widths)}, momentum, batch 32", "step", _against(work, goals))


def _many(work: Work, most: float) -> Race:
    """Return a race of many networks beside one, of which they take ``most`` times the time."""
    one = Entry("one network", replace(work, networks=1), Goal("longer", most), "mlp")
    title = f"{work.networks} networks {_named(work.widths)}, momentum, batch {work.batch_size}"
    return Race(title, "step", (*_against(work, {"JAX": Goal("faster", 1.0)}), one))


def _evaluation() -> Race:
    work = Work(IMAGE_NET, 1_000, 10_000, evaluation=True)
    goals = {"matrix products": Goal("longer"), "PyTorch": Goal("faster", 1.1)}
    return Race("evaluation of 10,000 images", "pass", _against(work, goals))


def _options() -> Race:
    plain = Work(IMAGE_NET, 128, 12_800)
    options: dict[str, dict[str, dict[str, Any]]] = {
        "dropout 0.5": {"model": {"dropout": 0.5}},
        "batch norm": {"model": {"batch_norm": True}},
        "flip and crop": {"data": {"augment": {"flip": True, "crop": 4}}},
        "flip, rotate, scale and crop": {
            "data": {"augment": {"flip": True, "rotate": 10, "scale": 0.1, "crop": 4}}
        },
    }
    entries = (
        Entry(name, replace(plain, sections=sections), Goal("dearer", 1.25), "mlp")
        for name, sections in options.items()
    )
    return Race(
        f"{_named(IMAGE_NET)}, momentum, batch 128: mlp with an option",
        "step",
        (Entry("without", plain, None, "mlp"), *entries),
    )


def _process() -> Race:
    def script(name: str) -> Command:
        return Command((f"benchmarks/scripts/{name}.py", "{folder}"))

    train = ("-m", "mlpcli", "train", "configs/spiral.yaml", "--out", "{folder}/run", "--force")
    return Race(
        "mlp train configs/spiral.yaml, from start to end",
        "run",
        (
            Entry("mlp", Command(train)),
            Entry("PyTorch", script("spiral_pytorch"), Goal("faster", 5.0), "PyTorch"),
            Entry("scikit-learn", script("spiral_scikit_learn"), Goal("faster", 2.0), "scikit-learn"),
        ),
    )


def _cifar10(epochs: int, precision: str = "float32") -> Command:
    """Return training of configs/cifar10.yaml by mlp."""
    train = ("-m", "mlpcli", "train", "configs/cifar10.yaml", "--out", "{folder}/run", "--force")
    settings = ("data.root={folder}/cifar", f"training.epochs={epochs}", f"training.precision={precision}")
    return Command(train + tuple(word for setting in settings for word in ("--set", setting)))


def _cifar10_by_pytorch(epochs: int, precision: str = "float32") -> Command:
    return Command(("benchmarks/scripts/cifar10_pytorch.py", "{folder}", str(epochs), precision))


def _memory() -> Race:
    return Race(
        f"an epoch of CIFAR-10 ({6 * CIFAR10 * 3073 / MB:.0f} MB), from start to end",
        "peak",
        (
            Entry("mlp", _cifar10(1), Goal("bytes", 420 * MB)),
            Entry("PyTorch", _cifar10_by_pytorch(1), None, "PyTorch"),
        ),
        CIFAR10,
    )


def _ten_epochs(precision: Literal["float32", "bfloat16"], goal: float) -> Race:
    return Race(
        f"ten epochs of configs/cifar10.yaml in {precision}, from start to end",
        "run",
        (
            Entry("mlp", _cifar10(10, precision)),
            Entry("PyTorch", _cifar10_by_pytorch(10, precision), Goal("faster", goal), "PyTorch"),
        ),
        CIFAR10,
    )


def _help() -> Race:
    return Race(
        "mlp --help",
        "run",
        (
            Entry("mlp --help", Command(("-m", "mlpcli", "--help"))),
            Entry("import click", Command(("-c", "import click")), Goal("longer", 1.8)),
        ),
    )


def _count() -> Race:
    libraries = "import click, pydantic, yaml"
    model = f"{libraries}\nclass Section(pydantic.BaseModel):\n    x: int\nSection(x=1)"
    return Race(
        "mlp count-params CONFIG",
        "run",
        (
            Entry("mlp count-params", Command(("-m", "mlpcli", "count-params", "configs/spiral.yaml"))),
            Entry(libraries, Command(("-c", libraries)), Goal("longer", 1.5)),
            Entry("the same with one model", Command(("-c", model)), Goal("longer")),
        ),
    )
