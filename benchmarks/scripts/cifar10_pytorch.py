"""Trains configs/cifar10.yaml with PyTorch.

The arguments are a folder that contains ``cifar``, the number of epochs, and the precision of the products,
float32 or bfloat16.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

torch.manual_seed(0)
folder, epochs, precision = Path(sys.argv[1]), int(sys.argv[2]), getattr(torch, sys.argv[3])
names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
records = np.concatenate([np.fromfile(folder / "cifar" / name, np.uint8).reshape(-1, 3073) for name in names])
y = torch.from_numpy(records[:, 0].astype(np.int64))
X = torch.from_numpy(np.ascontiguousarray(records[:, 1:]))
del records
n = len(X) * 5 // 6
rows = torch.randperm(n)
train, val, test = rows[n // 10 :], rows[: n // 10], torch.arange(n, len(X))

total, squares = torch.zeros(3072, dtype=torch.float64), torch.zeros(3072, dtype=torch.float64)
for part in train.split(5000):
    images = X[part].double()
    total += images.sum(dim=0)
    squares += images.square().sum(dim=0)
mean = total / len(train)
shift, scale = mean.float(), (squares / len(train) - mean.square()).rsqrt().float()

model = nn.Sequential(nn.Linear(3072, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
weights = [p for p in model.parameters() if p.ndim == 2]
biases = [p for p in model.parameters() if p.ndim == 1]
optimizer = torch.optim.SGD(
    [{"params": weights, "weight_decay": 1e-2}, {"params": biases}],
    lr=5e-3,
    momentum=0.9,
    nesterov=True,
    fused=True,
)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * -(-len(train) // 128))
criterion = nn.CrossEntropyLoss()


def scaled(part: torch.Tensor) -> torch.Tensor:
    """Return images scaled for the network."""
    return X[part].float().sub_(shift).mul_(scale)


def logits(part: torch.Tensor) -> torch.Tensor:
    """Return the logits of some examples."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        return model(scaled(part))


def accuracy(split: torch.Tensor) -> float:
    """Return the accuracy of the network on a split."""
    with torch.no_grad():
        correct = sum(int((logits(part).argmax(dim=1) == y[part]).sum()) for part in split.split(1000))
    return correct / len(split)


for epoch in range(epochs):
    for part in train[torch.randperm(len(train))].split(128):
        optimizer.zero_grad(set_to_none=True)
        criterion(logits(part).float(), y[part]).backward()
        optimizer.step()
        schedule.step()
    print(f"epoch {epoch + 1}: validation {accuracy(val):.2%}")
torch.save(model.state_dict(), folder / "best.pt")
print(f"train {accuracy(train):.2%}, validation {accuracy(val):.2%}, test {accuracy(test):.2%}")
