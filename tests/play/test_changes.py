"""Changes are told with their epochs; those of one thing in a row are one."""

from __future__ import annotations

from mlpcli.play.changes import Change, with_change


def test_changes_of_one_thing_in_a_row_are_one() -> None:
    changes: tuple[Change, ...] = ()
    for change in (
        Change("added", 3, 3, number=1),
        Change("added", 5, 5, number=2),
        Change("dropout", 5, 5, "0", "0.1"),
        Change("dropout", 7, 7, "0.1", "0.4"),
        Change("added", 9, 9, number=1),
        Change("examples moved", 9, 9),
        Change("examples moved", 11, 11),
    ):
        changes = with_change(changes, change)
    assert [str(change) for change in changes] == [
        "epochs 3 to 5: 3 examples added",
        "epochs 5 to 7: dropout 0 -> 0.4",
        "epoch 9: 1 example added",
        "epochs 9 to 11: examples moved",
    ]
