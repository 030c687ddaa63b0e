"""The numbers with which students of the CS231n course check their code.

The figures are those of the notebooks of Assignment 1 (two_layer_net) and Assignment 2 (FullyConnectedNets).
The first has no factor 0.5 in its penalty, so that its reg is half of our l2; the second has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpcli.build.parts import build_loss, build_network, build_penalties
from mlpcli.config.loader import validate_experiment
from mlpcli.nn.losses import LOSSES
from mlpcli.nn.network import Network
from mlpcli.nn.objective import differentiate_objective, evaluate_objective
from mlpcli.optim.optimizer import Optimizer
from mlpcli.optim.rules import RULES, Rule


class Net:
    """A ReLU network with one hidden layer, and the course's ``loss(X, y)``."""

    def __init__(self, widths: tuple[int, int, int], l2: float, **arrays: Any) -> None:
        experiment = validate_experiment(
            {"data": "blobs", "model": {"hidden": [widths[1]]}, "regularization": {"l2": l2}}, Path()
        )
        self.network: Network = build_network(experiment, widths, np.float64)
        self.loss, self.penalties = build_loss(experiment), build_penalties(experiment)
        for name, values in arrays.items():
            self.network.parameters.view(name)[...] = values

    def evaluate(self, X: np.ndarray, y: np.ndarray) -> float:
        """Return the loss with its penalties."""
        return evaluate_objective(self.network, self.loss, self.penalties, X, y, {})

    def gradients(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the gradient of `evaluate` with respect to all parameters."""
        return differentiate_objective(self.network, self.loss, self.penalties, X, y, {})


def toy(reg: float) -> tuple[Net, np.ndarray, np.ndarray]:
    """Return the network and the data of init_toy_model and init_toy_data in Assignment 1."""
    draws = np.random.RandomState(0)
    W1 = 1e-1 * draws.randn(4, 10)
    W2 = 1e-1 * draws.randn(10, 3)
    X = 10 * np.random.RandomState(1).randn(5, 4)
    return Net((4, 10, 3), 2 * reg, W1=W1, W2=W2), X, np.array([0, 1, 2, 2, 1])


def test_assignment_1_scores_and_loss() -> None:
    net, X, y = toy(reg=0.05)
    scores = [
        [-0.81233741, -1.27654624, -0.70335995],
        [-0.17129677, -1.18803311, -0.47310444],
        [-0.51590475, -1.01354314, -0.8504215],
        [-0.15419291, -0.48629638, -0.52901952],
        [-0.00618733, -0.12435261, -0.15226949],
    ]
    np.testing.assert_allclose(net.network.forward(X), scores, rtol=0, atol=5e-9)  # all the digits given
    assert net.evaluate(X, y) == pytest.approx(1.30378789133, abs=1e-11)


def test_assignment_1_gradients() -> None:
    """The course expects relative errors below 1e-8 in each array."""
    net, X, y = toy(reg=0.05)
    w, analytic = net.network.parameters.values, net.gradients(X, y)
    numeric = np.empty_like(w)
    for i, old in enumerate(w.copy()):
        losses = []
        for h in (1e-5, -1e-5):
            w[i] = old + h
            losses.append(net.evaluate(X, y))
        w[i] = old
        numeric[i] = (losses[0] - losses[1]) / 2e-5
    errors = np.abs(analytic - numeric) / np.maximum(1e-8, np.abs(analytic) + np.abs(numeric))
    assert errors.max() < 1e-8


def test_assignment_2_scores_and_losses() -> None:
    n, D, H, C = 3, 5, 50, 7
    arrays = {
        "W1": np.linspace(-0.7, 0.3, D * H).reshape(D, H),
        "b1": np.linspace(-0.1, 0.9, H),
        "W2": np.linspace(-0.3, 0.4, H * C).reshape(H, C),
        "b2": np.linspace(-0.9, 0.1, C),
    }
    X, y = np.linspace(-5.5, 4.5, n * D).reshape(D, n).T, np.array([0, 5, 1])
    scores = [
        [11.53165108, 12.2917344, 13.05181771, 13.81190102, 14.57198434, 15.33206765, 16.09215096],
        [12.05769098, 12.74614105, 13.43459113, 14.1230412, 14.81149128, 15.49994135, 16.18839143],
        [12.58373087, 13.20054771, 13.81736455, 14.43418138, 15.05099822, 15.66781506, 16.2846319],
    ]
    net = Net((D, H, C), 0, **arrays)
    np.testing.assert_allclose(net.network.forward(X), scores, rtol=0, atol=5e-9)
    assert net.evaluate(X, y) == pytest.approx(3.4702243556, abs=1e-10)
    assert Net((D, H, C), 1.0, **arrays).evaluate(X, y) == pytest.approx(26.5948426952, abs=1e-10)


def test_worked_examples_of_the_notes() -> None:
    """Linear Classification: the scores of the multiclass SVM's example, and those of "SVM vs. Softmax"."""
    hinge, wide = (LOSSES["hinge"](delta=delta, squared=False) for delta in (1.0, 10.0))
    assert wide.evaluate(np.array([[13.0, -7.0, 11.0]]), np.array([0]), None) == 8
    scores, y = np.array([[-2.85, 0.86, 0.28]]), np.array([2])
    assert hinge.evaluate(scores, y, None) == pytest.approx(1.58)
    softmax = LOSSES["cross_entropy"](label_smoothing=0.0, class_weights=None)
    assert softmax.evaluate(scores, y, None) == pytest.approx(1.04, abs=0.005)


def numbers(text: str) -> np.ndarray:
    return np.array(text.split(), np.float64)


# The course checks each rule with one step; all the digits that it prints.
SGD_MOMENTUM = {
    "next_w": """
        0.1406      0.20738947  0.27417895  0.34096842  0.40775789
        0.47454737  0.54133684  0.60812632  0.67491579  0.74170526
        0.80849474  0.87528421  0.94207368  1.00886316  1.07565263
        1.14244211  1.20923158  1.27602105  1.34281053  1.4096""",
    "velocity": """
        0.5406      0.55475789  0.56891579  0.58307368  0.59723158
        0.61138947  0.62554737  0.63970526  0.65386316  0.66802105
        0.68217895  0.69633684  0.71049474  0.72465263  0.73881053
        0.75296842  0.76712632  0.78128421  0.79544211  0.8096""",
}
RMSPROP = {
    "next_w": """
        -0.39223849 -0.34037513 -0.28849239 -0.23659121 -0.18467247
        -0.132737   -0.08078555 -0.02881884  0.02316247  0.07515774
         0.12716641  0.17918792  0.23122175  0.28326742  0.33532447
         0.38739248  0.43947102  0.49155973  0.54365823  0.59576619""",
    "v": """
        0.5976      0.6126277   0.6277108   0.64284931  0.65804321
        0.67329252  0.68859723  0.70395734  0.71937285  0.73484377
        0.75037008  0.7659518   0.78158892  0.79728144  0.81302936
        0.82883269  0.84469141  0.86060554  0.87657507  0.8926""",
}
ADAM = {
    "next_w": """
        -0.40094747 -0.34836187 -0.29577703 -0.24319299 -0.19060977
        -0.1380274  -0.08544591 -0.03286534  0.01971428  0.0722929
         0.1248705   0.17744702  0.23002243  0.28259667  0.33516969
         0.38774145  0.44031188  0.49288093  0.54544852  0.59801459""",
    "v": """
        0.69966     0.68908382  0.67851319  0.66794809  0.65738853
        0.64683452  0.63628604  0.6257431   0.61520571  0.60467385
        0.59414753  0.58362676  0.57311152  0.56260183  0.55209767
        0.54159906  0.53110598  0.52061845  0.51013645  0.49966""",
    "m": """
        0.48        0.49947368  0.51894737  0.53842105  0.55789474
        0.57736842  0.59684211  0.61631579  0.63578947  0.65526316
        0.67473684  0.69421053  0.71368421  0.73315789  0.75263158
        0.77210526  0.79157895  0.81105263  0.83052632  0.85""",
}


def step(rule: Rule, learning_rate: float, steps: int, **slots: np.ndarray) -> dict[str, np.ndarray]:
    """Return the weights and slots of the course's w and dw after a step that follows ``steps`` others."""
    w, dw = np.linspace(-0.4, 0.6, 20), np.linspace(-0.6, 0.4, 20)
    optimizer = Optimizer(rule, learning_rate, w, dw)
    optimizer.steps = steps
    for name, values in slots.items():
        optimizer.slots[name][...] = values
    optimizer.step()
    return {"next_w": w, **optimizer.slots}


def assert_equal(found: dict[str, np.ndarray], published: dict[str, str]) -> None:
    assert found.keys() == published.keys()
    for name, text in published.items():
        np.testing.assert_allclose(found[name], numbers(text), rtol=0, atol=5.1e-9, err_msg=name)


def test_assignment_2_sgd_momentum() -> None:
    """The course's velocity is v <- mu v - learning_rate dw; ours is that divided by -learning_rate."""
    velocity = np.linspace(0.6, 0.9, 20)
    found = step(RULES["momentum"](momentum=0.9), 1e-3, 0, velocity=velocity / -1e-3)
    found["velocity"] *= -1e-3
    assert_equal(found, SGD_MOMENTUM)


def test_assignment_2_rmsprop() -> None:
    rule = RULES["rmsprop"](beta2=0.99, eps=1e-8)
    assert_equal(step(rule, 1e-2, 0, v=np.linspace(0.6, 0.9, 20)), RMSPROP)


def test_assignment_2_adam() -> None:
    """The course's m and v are weighted means; ours are those divided by 1 - beta."""
    rule = RULES["adam"](beta1=0.9, beta2=0.999, eps=1e-8)
    m, v = np.linspace(0.6, 0.9, 20), np.linspace(0.7, 0.5, 20)
    found = step(rule, 1e-2, 5, m=m / (1 - 0.9), v=v / (1 - 0.999))
    found["m"] *= 1 - 0.9
    found["v"] *= 1 - 0.999
    assert_equal(found, ADAM)
