"""Trains configs/spiral.yaml with PyTorch; the argument is a folder to write to."""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)

# Three spirals, a fifth of the points for validation and a fifth for the test.
y = np.repeat(np.arange(3), 100)
radius = np.tile(np.linspace(0, 1, 100), 3)
angle = 4 * (radius + y) + rng.normal(0, 0.2, 300)
X = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1).astype(np.float32)
train, val, test = np.split(rng.permutation(300), [180, 240])
X = (X - X[train].mean(axis=0)) / X[train].std(axis=0)
X, y = torch.from_numpy(X), torch.from_numpy(y)

model = nn.Sequential(nn.Linear(2, 100), nn.ReLU(), nn.Linear(100, 3))
weights = [p for p in model.parameters() if p.ndim == 2]
biases = [p for p in model.parameters() if p.ndim == 1]
optimizer = torch.optim.SGD(
    [{"params": weights, "weight_decay": 1e-3}, {"params": biases}], lr=0.1, momentum=0.9, fused=True
)
criterion = nn.CrossEntropyLoss()


def accuracy(rows: np.ndarray) -> float:
    """Return the accuracy of the network on some rows."""
    with torch.no_grad():
        return (model(X[rows]).argmax(dim=1) == y[rows]).float().mean().item()


best, kept = -1.0, {}
for _ in range(200):
    for rows in torch.from_numpy(train)[torch.randperm(len(train))].split(64):
        optimizer.zero_grad(set_to_none=True)
        criterion(model(X[rows]), y[rows]).backward()
        optimizer.step()
    score = accuracy(val)
    if score > best:
        best, kept = score, {name: value.clone() for name, value in model.state_dict().items()}
torch.save(kept, Path(sys.argv[1]) / "best.pt")
model.load_state_dict(kept)
print(f"validation {best:.2%}, test {accuracy(test):.2%}")
