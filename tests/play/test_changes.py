"""Changes are told with their epochs; those of one thing in a row are one."""

from __future__ import annotations

from mlpcli.play.changes import Change, with_change


def test_changes_of_one_thing_in_a_row_are_one() -> None:
    changes: tuple[Change, ...] = ()
    for change in (
        Change("points added", 3, 3),
        Change("points added", 5, 5),
        Change("dropout", 5, 5, "0", "0.1"),
        Change("dropout", 7, 7, "0.1", "0.4"),
        Change("points added", 9, 9),
    ):
        changes = with_change(changes, change)
    assert [str(change) for change in changes] == [
        "epochs 3 to 5: points added",
        "epochs 5 to 7: dropout 0 -> 0.4",
        "epoch 9: points added",
    ]
