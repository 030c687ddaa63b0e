"""Labels: classes in order, labels that a network knows, and what is no label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlpcli.data.labels import classify, labels_of, note_alike, parse_number, recognize


@pytest.mark.parametrize(
    ("labels", "classes", "y"),
    [
        (["b", "a", "B"], ("B", "a", "b"), [2, 1, 0]),
        (["10", "2", "+2.0"], ("+2.0", "2", "10"), [2, 1, 0]),
        ([1e-300, -1, 0.5], ("-1", "1e-300", "0.5"), [1, 0, 2]),
    ],
)
def test_classes_are_in_order(labels: list[object], classes: tuple[str, ...], y: list[int]) -> None:
    codes, found = classify("y", labels_of("y", np.array(labels)))
    assert (codes.tolist(), found) == (y, classes)
    assert recognize(labels_of("y", np.array(labels)), classes).tolist() == y


def test_each_label_knows_where_it_was_first_seen() -> None:
    for y in (np.array(["b", "a", "b"]), np.array(["b", "a", "b"], object)):
        labels = labels_of("y", y)
        assert dict(zip(labels.names, labels.places, strict=True)) == {"a": "y[1]", "b": "y[0]"}
        assert [labels.names[code] for code in labels.codes] == ["b", "a", "b"]


def test_one_class_is_none(refusal: Callable[..., str]) -> None:
    message = refusal(classify, "y", labels_of("y", np.array(["a", "a"])))
    assert message == "y: holds 'a' in every row; at least two classes are needed"


@pytest.mark.parametrize("name", ["a\0", "\0a", "a\0b"])
def test_a_class_has_no_nul_in_its_name(refusal: Callable[..., str], name: str) -> None:
    message = refusal(classify, "y", labels_of("y", np.array(["a", name, "b"], object)))
    assert message == f"y[1]: label {name!r} holds a NUL character; name the class without it"


def test_labels_that_differ_from_row_to_row(refusal: Callable[..., str]) -> None:
    names = labels_of("y", np.array([f"id{i}" for i in range(50)]))
    assert refusal(classify, "y", names, "Name it.").endswith("too many for classes.\nName it.")
    assert refusal(classify, "y", labels_of("y", np.arange(50))).endswith("set `loss: mse`.")


@pytest.mark.parametrize(("text", "number"), [("1e3", 1000), (" 2 ", 2), ("1_000", None), ("x", None)])
def test_numbers(text: str, number: float | None) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    ("names", "alike"),
    [
        (["NO", "YES", "Yes", "yes"], "'YES', 'Yes', 'yes' are different texts; write them alike"),
        (["1", "1.0", "2"], "'1', '1.0' are different texts; write"),
        (["A", "a", "B", "b"], "'A', 'a' are different texts (and 1 more such); write"),
        (["1", "01", "001"], None),
        (["oak", "elm", "1", "2"], None),
        ([], None),
    ],
)
def test_names_that_look_alike_are_noted(names: list[str], alike: str | None) -> None:
    notes = note_alike("kind", names)
    assert len(notes) == (alike is not None)
    if alike is not None:
        assert notes[0].startswith(f"'kind': {alike}")
