"""Images: which examples can be mirrored."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlpcli.config.loader import validate_experiment
from mlpcli.errors import UsageError
from mlpcli.training.images import note_mirrors, require_images


def test_rows_of_a_table_have_no_mirror_images() -> None:
    table = validate_experiment({"data": {"name": "csv", "path": "a.csv", "target": "y"}}, Path())
    with pytest.raises(UsageError, match=r"^the rows of a\.csv are no images that could be mirrored; those"):
        require_images(table, 64)


def test_a_note_says_that_rows_are_only_taken_for_images() -> None:
    files = validate_experiment({"data": {"name": "npz", "path": "a.npz"}}, Path())
    (note,) = note_mirrors(files, require_images(files, 64))
    assert note.startswith("Each row is taken for a gray image of 8 x 8 pixels")
    cifar10 = validate_experiment({"data": "cifar10"}, Path())
    assert note_mirrors(cifar10, require_images(cifar10, 3072)) == []
