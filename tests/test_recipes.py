"""The configs that the recipes give for other libraries begin with the weights of those."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mlpcli.config.loader import parse_experiment
from mlpcli.training.model import Model
from mlpcli.training.run import Run

ROOT = Path(__file__).parents[1]
BOUNDS = {  # of the last config of the page: the bound of W and of b in each layer, drawn evenly
    "from_pytorch": [(64**-0.5, 64**-0.5), (128**-0.5, 128**-0.5)],
    "from_keras": [((6 / (64 + 128)) ** 0.5, 0), ((6 / (128 + 10)) ** 0.5, 0)],
}


@pytest.mark.parametrize("page", BOUNDS)
def test_a_config_begins_with_the_weights_of_the_other_library(page: str) -> None:
    """nn.Linear draws W and b from +-1/sqrt(fan_in), Dense draws W from +-sqrt(6 / (fan_in + fan_out))."""
    text = (ROOT / "docs" / "recipes" / f"{page}.md").read_text(encoding="utf-8")
    config = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[-1]
    layers = Model(Run(parse_experiment(config, page, ROOT / "configs")).here()).layers
    for i, (of_weights, of_biases) in enumerate(BOUNDS[page], 1):
        W, b = layers[f"W{i}"], layers[f"b{i}"]
        assert of_weights * 0.98 < abs(W).max() <= of_weights * 1.001
        assert np.var(W) == pytest.approx(of_weights**2 / 3, rel=0.1)
        assert of_biases * 0.7 <= abs(b).max() <= of_biases * 1.001
