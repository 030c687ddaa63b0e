"""Fits linear models in closed form or by a few Newton steps: ridge and logistic regression.

Both add penalty / 2 times the sum of V**2 to the sum of the losses and leave b free. The penalty is the one
of a grid that predicts each row best from the other rows (leave-one-out), which takes no second fit: the
leverages of the rows say how far each has drawn its own prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit_linear", "fit_parts"]

Floats = NDArray[np.float64]

# Penalties for each row, of columns whose mean square is 1, from the strongest to the weakest.
_GRID = 10.0 ** np.arange(2.0, -6.25, -0.25)
_DECADES = 10.0 ** np.arange(0.0, -7.0, -1.0)
_UNLIMITED = 1 << 40
_ALMOST = 0.02  # of the lowest cost
_ENOUGH = 1e-8  # a row
_LEAST = 1e-10  # of 1 - leverage, which rounding may bring to 0
_MANY = 50  # classes, with more of which a fit that is certain of its rows may take thousands of steps
_MOST_WORK = 1e10  # of such a fit, in products and sums of single numbers: a few seconds


def fit_linear(
    X: NDArray[Any], y: NDArray[Any], classes: int | None, weights: NDArray[Any] | None = None
) -> tuple[Floats, Floats]:
    """Return V (d, outputs) and b (outputs,) of the linear model X V + b, fitted to all rows.

    X (n, d) has columns of one scale, as the inputs of a network do; they may be constant, or sums of each
    other. Without ``classes``, y is (n, outputs) values, and the loss is the squared error. With them, y (n,)
    is class indices, there is one output for each class, and the loss is the cross-entropy of their softmax;
    the columns of V add up to 0. Where two classes share one logit, it is the second column minus the first.
    ``weights`` (n,), 0 or more and not all 0, multiply the losses of the rows.
    """
    w = _normed(weights, len(X))
    Z, mean, size = _scaled(X, w)
    if classes is None:
        V, b = _ridge(Z, y.astype(np.float64), w)
    else:
        V, b, _ = _logistic(Z, y, classes, w)
    V /= size
    return V, b - mean @ V


def fit_parts(
    X: NDArray[Any],
    y: NDArray[Any],
    classes: int | None,
    parts: Sequence[NDArray[np.intp]],
    weights: NDArray[Any] | None = None,
) -> tuple[Floats, Floats]:
    """Return V (k, d, outputs) and b (k, outputs) of k models like that of `fit_linear`.

    Each is fitted to its part of the rows. The penalty of a ridge is chosen by these rows, too. That of a
    logistic regression is, for a row, the one that suits all rows: its choice takes several fits, for eight
    parts of 20,000 rows and 20 columns 3 s instead of 0.8 s.
    """
    w = _normed(weights, len(X))
    Z, mean, size = _scaled(X, w)
    if classes is None:
        y = y.astype(np.float64)
    else:
        V, b, penalty = _logistic(Z, y, classes, w)
        start = np.vstack([V, b])
    fits = []
    for rows in parts:
        of_part = np.average(Z[rows], axis=0, weights=w[rows])
        centered = Z[rows] - of_part
        if classes is None:
            V, b = _ridge(centered, y[rows], w[rows])
        else:
            share = float(w[rows].sum()) / len(X)
            V, b = _logistic_with(centered, y[rows], classes, penalty * share, w[rows], start)
        V /= size
        fits.append((V, b - (of_part * size + mean) @ V))
    return np.stack([V for V, _ in fits]), np.stack([b for _, b in fits])


def _normed(weights: NDArray[Any] | None, n: int) -> Floats:
    """Return the weights (n,) with a mean of 1, and none of them 0, so that every part has some."""
    if weights is None or not weights.any():
        return np.ones(n)
    normed: Floats = np.maximum(weights / weights.mean(dtype=np.float64), 1e-9)
    return normed


def _scaled(X: NDArray[Any], w: Floats) -> tuple[Floats, Floats, float]:
    """Return X with columns of mean 0 and a mean square of 1 over all of them, their means and the factor."""
    mean: Floats = np.average(X.astype(np.float64, copy=False), axis=0, weights=w)
    Z: Floats = X - mean
    size = float(np.sqrt(np.mean(Z**2))) or 1.0
    Z /= size
    return Z, mean, size


def _principal(X: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the rows in their principal axes, Z = X W (n, r), the sums of squares (r,) of Z, and W (d, r).

    The columns of Z are orthogonal, and r is the smaller of n and d: X W W.T = X.
    """
    n, d = X.shape
    if d <= n:
        squares, W = np.linalg.eigh(X.T @ X)
        return X @ W, np.maximum(squares, 0), W
    squares, U = np.linalg.eigh(X @ X.T)
    squares = np.maximum(squares, 0)
    sizes = np.sqrt(squares)
    return U * sizes, squares, X.T @ (U / np.maximum(sizes, 1e-6 * (sizes.max() or 1.0)))


def _ridge(X: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Least squares of centered columns: V = (X.T X + penalty)**-1 X.T y (Hoerl & Kennard, 1970).

    Row i changes its own prediction by its leverage h, so that without it the error would be e / (1 - h)
    (PRESS; Allen, 1974). Each output has a penalty of its own.
    """
    b: Floats = np.average(y, axis=0, weights=w)
    root = np.sqrt(w)[:, None]
    V, best = np.zeros((X.shape[1], y.shape[1])), np.full(y.shape[1], np.inf)
    Z, squares, W = _principal(root * X)
    wanted = root * (y - b)
    projected = Z.T @ wanted
    for penalty in w.sum() * _GRID:
        shrinkage = 1 / (squares + penalty)
        weights = projected * shrinkage[:, None]
        leverages = w / w.sum() + Z**2 @ shrinkage
        press = np.sum(((wanted - Z @ weights) / np.maximum(1 - leverages, _LEAST)[:, None]) ** 2, axis=0)
        better = press < best
        V[:, better] = W @ weights[:, better]
        best = np.minimum(best, press)
    return V, b


class _Logistic:
    """The cross-entropy of a softmax over ``classes`` of X V, plus penalty / 2 times the sum of V**2.

    The rows are weighted by ``w`` (n,). A fit of many classes ends, maybe before the minimum, when it has
    done its ``share`` of ``_MOST_WORK``.

    The last column of X is 1, and the last row of V, which is not penalized, the biases. The rows of V add up
    to 0, and so do those of all steps: a number that is added to all logits changes nothing.
    """

    def __init__(
        self,
        X: Floats,
        y: NDArray[Any],
        classes: int,
        w: Floats,
        start: Floats | None = None,
        share: float = 1,
    ) -> None:
        n, d = X.shape
        self.X = np.hstack([X, np.ones((n, 1))])
        self._w = w[:, None]
        self._targets = np.zeros((n, classes))
        self._targets[np.arange(n), y] = w
        self.V = np.zeros((d + 1, classes))
        self.V[-1] = np.log(self._targets.sum(axis=0) + 0.5)  # a class may be missing
        self.V[-1] -= self.V[-1].mean()
        if start is not None:
            self.V[...] = start
        self._penalty = np.zeros((d + 1, 1))
        self._steps_left = (
            int(share * _MOST_WORK / (n * classes * (d + 20))) if classes > _MANY else _UNLIMITED
        )
        self._look()

    def solve(self, penalty: float) -> None:
        """Minimize the cost from where V is, until a Newton step promises less than ``_ENOUGH`` a row."""
        if not self._steps_left:
            return
        self._penalty[:-1] = penalty
        inverses = self._inverses()
        cost = self._cost(self.V)
        for _ in range(50):
            P = _softmax(self.X @ self.V)
            gradient = self.X.T @ (self._w * P - self._targets) + self._penalty * self.V
            if not gradient.any():
                return
            step = self._newton_step(P, gradient, inverses)
            promised = -float(np.vdot(gradient, step))
            if promised < _ENOUGH * len(self.X):
                return
            share = 1.0
            while (lower := self._cost(self.V + share * step)) > cost - 1e-4 * share * promised:
                share /= 2
                if share < 1e-6:  # rounding: there is nothing left to gain
                    return
            self.V += share * step
            cost = lower

    def left_out_cost(self, penalty: float) -> float:
        """Fit V with the penalty; return the cross-entropy of the rows if each is predicted from the others.

        One Newton step takes a row out of the fit (Rad & Maleki, 2020), with the blocks as the Hessian.
        """
        self.solve(penalty)
        self._look()
        logits = self.X @ self.V
        errors = self._w * _softmax(logits) - self._targets
        for c, inverse in enumerate(self._inverses()):
            spread = np.sum((self.X @ inverse) * self.X, axis=1)
            logits[:, c] += errors[:, c] * spread / np.maximum(1 - self._curvatures[:, c] * spread, _LEAST)
        return self._cross_entropy(logits)

    def _cost(self, V: Floats) -> float:
        return self._cross_entropy(self.X @ V) + 0.5 * float(np.sum(self._penalty * V**2))

    def _cross_entropy(self, logits: Floats) -> float:
        largest = logits.max(axis=1, keepdims=True)
        sums = np.log(np.sum(np.exp(logits - largest), axis=1, keepdims=True)) + largest
        return float(np.vdot(self._w, sums) - np.vdot(self._targets, logits))

    def _look(self) -> None:
        """Set the blocks, one for each class, that approximate the Hessian of the cross-entropy at V.

        They are its diagonal blocks times C / (C - 1), which makes up for the others where all C classes
        are alike; for two classes it is exact.
        """
        P = _softmax(self.X @ self.V)
        classes = P.shape[1]
        self._curvatures = self._w * P * (1 - P) * (classes / max(classes - 1, 1))
        different = self._curvatures.T[: 1 if classes == 2 else classes]
        blocks = np.stack([self.X.T @ (self.X * w[:, None]) for w in different])
        self._blocks = np.broadcast_to(blocks, (classes, *blocks.shape[1:]))

    def _inverses(self) -> Floats:
        least = 1e-9 * len(self.X)  # a class may be missing, or all rows be certain
        inverses: Floats = np.linalg.inv(self._blocks + np.diag(np.maximum(self._penalty[:, 0], least)))
        return inverses

    def _newton_step(self, P: Floats, gradient: Floats, inverses: Floats) -> Floats:
        """Solve H step = -gradient by conjugate gradients, preconditioned with the blocks."""
        step, residual = np.zeros_like(gradient), -gradient
        enough = 0.05 * float(np.linalg.norm(gradient))
        z = _preconditioned(residual, inverses)
        direction, product = z, float(np.vdot(residual, z))
        for _ in range(min(100, self._steps_left)):
            self._steps_left -= 1
            change = self.X @ direction
            change -= np.sum(P * change, axis=1, keepdims=True)
            change *= P * self._w
            H_direction = self.X.T @ change + self._penalty * direction
            curvature = float(np.vdot(direction, H_direction))
            if curvature <= 0:  # rounded to 0: all rows are certain
                break
            length = product / curvature
            step += length * direction
            residual -= length * H_direction
            if np.linalg.norm(residual) <= enough:
                break
            z = _preconditioned(residual, inverses)
            product, before = float(np.vdot(residual, z)), product
            direction = z + product / before * direction
        return step


def _preconditioned(residual: Floats, inverses: Floats) -> Floats:
    z: Floats = np.einsum("cij,jc->ic", inverses, residual)
    z -= z.mean(axis=1, keepdims=True)
    return z


def _logistic(X: Floats, y: NDArray[Any], classes: int, w: Floats) -> tuple[Floats, Floats, float]:
    """Multinomial logistic regression; the penalty falls as long as rows left out are predicted better.

    Of the penalties that do almost as well as the best, the strongest is taken, since one Newton step takes
    too little out of a fit that is nearly certain of all its rows. Returns V, b and the penalty.
    """
    X, W = _spanned(X)
    fit = _Logistic(X, y, classes, w)
    fits: dict[float, tuple[float, Floats]] = {}
    lowest, worse = np.inf, 0
    for penalty in len(X) * _DECADES:
        cost = fit.left_out_cost(penalty)
        fits[penalty] = cost, fit.V.copy()
        worse = 0 if cost < lowest * (1 - 1e-4) else worse + 1
        lowest = min(lowest, cost)
        if worse == 2:
            break
    best = _strongest(fits)
    for penalty in (best * 10**0.5, best / 10**0.5):
        fits[penalty] = fit.left_out_cost(penalty), fit.V.copy()
    best = _strongest(fits)
    V = fits[best][1]
    return W @ V[:-1], V[-1], best


def _logistic_with(
    X: Floats, y: NDArray[Any], classes: int, penalty: float, w: Floats, start: Floats
) -> tuple[Floats, Floats]:
    Z, W = _spanned(X)
    fit = _Logistic(Z, y, classes, w, start if Z is X else None, share=0.1)
    fit.solve(penalty)
    return W @ fit.V[:-1], fit.V[-1]


def _spanned(X: Floats) -> tuple[Floats, Any]:
    """Return Z = X W with no more columns than rows, and W: weights outside the rows' span would be 0."""
    n, d = X.shape
    if d <= n:
        return X, np.eye(d)
    Z, _, W = _principal(X)
    return Z, W


def _strongest(fits: dict[float, tuple[float, Floats]]) -> float:
    """Return the strongest penalty whose cost is almost the lowest."""
    lowest = min(cost for cost, _ in fits.values())
    return max(penalty for penalty, (cost, _) in fits.items() if cost <= lowest * (1 + _ALMOST))


def _softmax(logits: Floats) -> Floats:
    P: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    return P
