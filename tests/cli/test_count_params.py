"""mlp count-params: the counts of the notes, with the working, from layers, configs and checkpoints."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpcli.cli.count_params import describe_network
from mlpcli.config.loader import load_experiment
from mlpcli.config.schema import Experiment
from mlpcli.config.shipped import shipped_configs
from mlpcli.machine import Available
from mlpcli.training.directory import RunDirectory

CONFIGS = Path(__file__).parents[2] / "configs"
Mlp = Callable[..., Any]

# CS231n, Neural Networks 1, "Sizing neural networks", and a linear classifier counted by hand
NETWORKS = {
    "3,4,2": (6, 20, 6, 26),
    "3,4,4,1": (9, 32, 9, 41),
    "3072,100,10": (110, 308_200, 110, 308_310),
    "2, 3": (3, 6, 3, 9),
}


@pytest.mark.parametrize(("layers", "expected"), NETWORKS.items(), ids=NETWORKS)
def test_counts_of_the_notes(mlp: Mlp, layers: str, expected: tuple[int, ...]) -> None:
    code, out, err = mlp("count-params", "--layers", layers, "--json")
    assert (code, err) == (0, "")
    counts = json.loads(out)
    assert tuple(counts[key] for key in ("neurons", "weights", "biases", "parameters")) == expected
    assert sum(layer["parameters"] for layer in counts["layers"]) == expected[-1]


def test_the_table_shows_the_working(mlp: Mlp) -> None:
    shown = mlp("count-params", "--layers", "3,4,4,1").out
    assert shown == (
        "layer          weights     biases  parameters\n"
        "    1  hidden  3 x 4 = 12       4          16\n"
        "    2  hidden  4 x 4 = 16       4          20\n"
        "    3  output  4 x 1 = 4        1           5\n"
        "\n"
        "neurons     4 + 4 + 1 = 9  (the 3 inputs are not counted)\n"
        "weights     12 + 16 + 4 = 32\n"
        "biases      4 + 4 + 1 = 9\n"
        "parameters  32 + 9 = 41\n"
    )
    assert mlp("count-params", "--layers", "3,4,2").out.endswith(
        "\n"
        "neurons     4 + 2 = 6  (the 3 inputs are not counted)\n"
        "weights     12 + 8 = 20\n"
        "biases      4 + 2 = 6\n"
        "parameters  20 + 6 = 26\n"
    )


def test_memory_is_shown_after_it_where_it_is_asked_for(mlp: Mlp) -> None:
    shown = mlp("count-params", "--layers", "3,4,4,1").out
    more = mlp("count-params", "--layers", "3,4,4,1", "--memory").out
    assert more.startswith(f"{shown}\nmemory, float32 ")
    assert "\nFLOPs " in more
    assert max(map(len, more.splitlines())) <= 80
    assert [
        mlp("count-params", "--layers", "3,4", "--json", *memory).out for memory in ([], ["--memory"])
    ] == [mlp("count-params", "--layers", "3,4", "--json").out] * 2


@pytest.mark.parametrize("name", [name for name in shipped_configs() if "/" not in name])
def test_the_memory_of_a_config_fits_into_a_terminal(mlp: Mlp, name: str) -> None:
    out = mlp("count-params", name, "--memory").out
    assert max(map(len, out.splitlines())) <= 80
    parts = re.findall(r"^(?:memory, float32|) +(\S.*?)  +[\d.,]+ (?:B|kB|MB|GB)(.*)$", out, re.MULTILINE)
    working = {part: said.strip() for part, said in parts}
    assert working["copies"] == "4 x: previous and best"
    assert re.search(r"\d rows scored", working["work buffers"])


def test_long_sums_are_shortened(mlp: Mlp) -> None:
    out = mlp("count-params", "--layers", ",".join(["5"] * 100)).out
    assert "\nneurons     5 + 5 + 5 + 5 + ... + 5 = 495  (" in out


def test_memory_and_flops_by_hand(mlp: Mlp) -> None:
    costs = json.loads(mlp("count-params", CONFIGS / "spiral.yaml", "--json").out)
    assert (costs["batch_size"], costs["optimizer"]) == (64, "sgd")
    # 2-100-3: 603 parameters of 4 bytes, one velocity each; 2 inputs and 103 outputs for 64 examples
    shown = costs["bytes"]
    network = {key: shown[key] for key in ("parameters", "gradients", "optimizer", "activations")}
    assert network == {"parameters": 2412, "gradients": 2412, "optimizer": 2412, "activations": 4 * 64 * 105}
    assert shown.pop("total") == sum(shown.values())
    # forward 2 * 500 + 103; backward dW 2 * 500, db 103, and dX 2 * 300 for the second layer alone
    assert costs["flops"] == {
        "forward_per_example": 1103,
        "training_per_example": 2806,
        "training_step": 64 * 2806,
    }


def test_a_network_that_does_not_fit_is_counted_and_said_not_to(
    mlp: Mlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "left here" not in mlp("count-params", CONFIGS / "spiral.yaml", "--memory").out
    module = sys.modules["mlpcli.cli.count_params"]
    monkeypatch.setattr(module, "available_memory", lambda: Available(10**9, "this machine"))
    code, out, _ = mlp("count-params", "--layers", "2,1000000,1000000,3", "--memory")
    assert code == 0
    line = next(line for line in out.splitlines() if " total " in line)
    assert line.endswith("more than the 1 GB left here")


def test_the_config_names_its_activations(mlp: Mlp, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("data: sine\nmodel: {hidden: [{units: 3, activation: sigmoid}, 2], activation: tanh}\n")
    code, out, _ = mlp("count-params", config)
    assert code == 0
    assert [line.split()[1] for line in out.splitlines()[1:4]] == ["sigmoid", "tanh", "output"]
    assert "(the input is not counted)" in out


def test_maxout_multiplies_and_prelu_adds(mlp: Mlp, tmp_path: Path) -> None:
    """Maxout doubles the parameters of every neuron (CS231n); a prelu learns one slope more for each."""
    config = tmp_path / "c.yaml"
    config.write_text(
        "data: moons\nmodel: {hidden: [{units: 3, activation: maxout}, 4], activation: prelu}\n"
    )
    counts = json.loads(mlp("count-params", config, "--json").out)
    assert [layer["weights"] for layer in counts["layers"]] == [2 * 3 * 2, 3 * 4, 4 * 2]
    assert [layer["biases"] for layer in counts["layers"]] == [3 * 2, 4, 2]
    assert [layer["slopes"] for layer in counts["layers"]] == [0, 4, 0]
    assert (counts["neurons"], counts["parameters"]) == (3 + 4 + 2, 32 + 12 + 4)
    out = mlp("count-params", config).out
    assert "2 x 3 x 2 = 12" in out
    assert "\nslopes      4\nparameters  32 + 12 + 4 = 48\n" in out
    assert mlp("train", config, "--quiet", "--set", "training.epochs=2").code == 0
    assert mlp("count-params", "runs/c/last.npz", "--json").out == mlp("count-params", config, "--json").out
    assert mlp("eval", "runs/c/last.npz").code == 0


def test_batch_norm_adds_gamma_and_beta(mlp: Mlp, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("data: moons\nmodel: {hidden: [{units: 3, activation: maxout}, 4], batch_norm: true}\n")
    counts = json.loads(mlp("count-params", config, "--json").out)
    assert [layer["norm_parameters"] for layer in counts["layers"]] == [2 * 2 * 3, 2 * 4, 0]
    assert counts["parameters"] == counts["weights"] + counts["biases"] + 20
    assert "\ngamma, beta  12 + 8 = 20\nparameters   32 + 12 + 20 = 64\n" in mlp("count-params", config).out


def test_terms_are_inputs_that_the_config_tells(mlp: Mlp, tmp_path: Path) -> None:
    config = tmp_path / "t.yaml"
    config.write_text("data: {name: moons, terms: [square, product, sine]}\nmodel: {hidden: [4]}\n")
    assert "7 x 4 = 28" in mlp("count-params", config).out
    config.write_text("data: {name: sine, terms: [product]}\nmodel: {hidden: [4], inputs: 2}\n")
    assert "2 does not fit sine, which has 1 features" in mlp("count-params", config).err


def test_a_checkpoint_counts_like_its_config(mlp: Mlp, trained: Callable[..., RunDirectory]) -> None:
    """Only the config is asked for the data, which say how many rows are scored at a time."""
    run = trained("iris", "training.epochs=2")
    from_checkpoint = json.loads(mlp("count-params", run.best, "--json").out)
    from_config = json.loads(mlp("count-params", CONFIGS / "iris.yaml", "--json").out)
    ours, theirs = from_checkpoint.pop("bytes"), from_config.pop("bytes")
    assert from_checkpoint == from_config
    assert theirs.keys() - ours.keys() == {"data", "inputs", "baseline"}
    assert ours["buffers"] > theirs["buffers"]  # of 500 rows, and of the 90 in the training split
    assert {key for key in ours if ours[key] != theirs[key]} == {"buffers", "margin", "total"}


def test_the_data_are_read_if_the_config_does_not_tell(mlp: Mlp, tmp_path: Path) -> None:
    code, out, err = mlp("count-params", CONFIGS / "digits.yaml")
    assert (code, err) == (0, "")
    assert "64 x 256 = 16,384" in out
    assert "256 x 10 = 2,560" in out
    (tmp_path / "t.csv").write_text("a,b,y\n" + "1,2,p\n3,4,q\n" * 20)
    config = tmp_path / "c.yaml"
    config.write_text("data: {name: csv, path: t.csv, target: y}\nmodel: {hidden: [4]}\n")
    assert "2 x 4 = 8" in mlp("count-params", config).out


def test_without_the_data_the_config_must_tell(mlp: Mlp, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("data: {name: csv, path: missing.csv, target: y}\n")
    code, out, err = mlp("count-params", config)
    assert (code, out) == (1, "")
    assert "missing.csv" in err
    assert "model.inputs and model.outputs" in err
    config.write_text(config.read_text() + "model: {hidden: [4], inputs: 3, outputs: 2}\n")
    assert "20 + 6 = 26" in mlp("count-params", config).out


@pytest.mark.parametrize(
    "layers", ["", "3", "3,", "3,a", "3,0", "3,-4", "3,4.5", "3,1e3", "3,٣", "3," + "9" * 10, "3,(4)"]
)
def test_layers_that_are_none(mlp: Mlp, layers: str) -> None:
    code, out, err = mlp("count-params", "--layers", layers)
    assert (code, out) == (2, "")
    assert err.startswith(f"Error: --layers {layers}: ")
    assert "as in 3,4,4,1" in err


def test_one_network_at_a_time(mlp: Mlp) -> None:
    for args in ([], ["--layers", "3,4", CONFIGS / "spiral.yaml"]):
        code, out, err = mlp("count-params", *args)
        assert (code, out) == (2, "")
        assert "name one network" in err


def test_what_is_neither_config_nor_checkpoint(mlp: Mlp, tmp_path: Path) -> None:
    assert mlp("count-params", "nope.yaml") == (2, "", "Error: nope.yaml: there is no such file\n")
    assert mlp("count-params", tmp_path).code == 2
    (tmp_path / "fake.npz").write_bytes(b"PK\x03\x04")
    assert mlp("count-params", "fake.npz").code == 1


def test_a_config_is_counted_without_numpy() -> None:
    code = (
        "import sys; from mlpcli.cli import run; run(sys.argv[1:]);"
        "assert 'numpy' not in sys.modules, 'NumPy was imported'"
    )
    args = [sys.executable, "-c", code, "count-params", str(CONFIGS / "spiral.yaml")]
    result = subprocess.run(args, capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")


def test_every_optimizer_says_what_it_keeps() -> None:
    for name in ("sgd", "momentum", "nesterov", "adam"):
        experiment = Experiment.model_validate({"data": "spiral", "optimizer": name})
        assert experiment.optimizer.slots == {"sgd": 0, "momentum": 1, "nesterov": 1, "adam": 2}[name]


def test_the_rows_add_up_with_norms_slopes_and_projections(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "data: spiral\nmodel: {hidden: [4], activation: prelu, norm: batch, residual: true}", encoding="utf-8"
    )
    experiment = load_experiment(path)
    heads, row = describe_network((2, 4, 3), experiment).splitlines()[:2]
    assert re.split(r"  +", heads.strip())[-4:] == ["slopes", "gamma, beta", "projections", "parameters"]
    assert row.split("=")[1].split() == ["8", "4", "4", "8", "8", "32"]


def test_what_units_see_through_windows(mlp: Mlp, tmp_path: Path) -> None:
    config = tmp_path / "local.yaml"
    config.write_text(
        "data: cifar10\nmodel: {hidden: [{units: 64, window: 8, stride: 4}, {units: 9, window: 3}, 7]}\n"
    )
    lines = mlp("count-params", str(config)).out.splitlines()
    assert " ".join(lines[1].split()) == "1 relu 192 x 3,136 = 602,112 3,136 605,248"
    assert " ".join(lines[2].split()) == "2 relu 576 x 225 = 129,600 225 129,825"
    assert " ".join(lines[3].split()) == "3 relu 225 x 7 = 1,575 7 1,582"
    assert lines[6] == "layer 1     64 units at each of 7 x 7 places see 8 x 8 x 3 of 32 x 32 x 3"
    assert lines[7] == "layer 2     9 units at each of 5 x 5 places see 3 x 3 x 64 of 7 x 7 x 64"
    costs = json.loads(mlp("count-params", str(config), "--json").out)
    weights = 49 * 192 * 64 + 25 * 576 * 9 + 225 * 7 + 7 * 10
    assert costs["weights"] == weights
    assert costs["flops"]["forward_per_example"] == 2 * weights + costs["biases"]
