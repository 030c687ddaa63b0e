"""Arrays and data frames of a program as data sets, and as rows for a trained network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcli.data.arrays.examples import dataset_of, labelled_rows
from mlpcli.data.arrays.features import (
    Keep,
    Values,
    cell,
    check_features,
    check_width,
    flattened,
    in_rows,
    numbered,
)
from mlpcli.data.arrays.objects import as_array, as_numbers
from mlpcli.data.arrays.targets import (
    check_targets,
    classified,
    is_classification,
    labels_or_values,
    of_rows,
    present_rows,
)
from mlpcli.data.dataset import Dataset, Features, Labelled
from mlpcli.data.kinds import NUMBERS, Kinds, Missing, ReadAs, Wanted
from mlpcli.data.labels import Labels, is_absent
from mlpcli.data.rows import DROPPED, Role, RowFacts, facts_of
from mlpcli.data.table.assemble import assemble_features, assemble_known
from mlpcli.data.table.dates import columns_of_table, date_of
from mlpcli.data.table.findings import rows_left_out
from mlpcli.data.table.frames import FrameSource, UnnamedColumns
from mlpcli.errors import DataError, did_you_mean
from mlpcli.reading import within_memory
from mlpcli.text import listed, nfc, repeated, shortened

__all__ = [
    "from_arrays",
    "holds_text",
    "is_frame",
    "labelled_arrays",
    "rows_of_array",
]


def is_frame(X: Any) -> bool:
    """Return whether X is a data frame, whose columns have names."""
    return hasattr(X, "columns")


def from_arrays(
    X: Any,
    y: Any,
    *,
    classification: bool | None,
    sample_weight: Any = None,
    groups: Any = None,
    read_as: Mapping[str, ReadAs] | None = None,
    missing: Missing = "fill",
) -> Dataset:
    """Return the data set of X (n, ...) and y: (n,) or (n, 1), or (n, k) for a regression.

    Both may be whatever ``np.asarray`` takes, and data frames. A frame is a table as a CSV file is: its
    columns may hold numbers, booleans, text or, as ``read_as`` says, dates, those that tell nothing are left
    out, and ``y`` may be the name of one of them. So is an array that holds text, but all its columns are
    kept, since they have no names. Other features are real numbers; uint8 stays bytes, and float32 in rows is
    not copied. NaN and what a masked array masks are missing cells: they are kept (fill), their rows left out
    (drop), or refused (error). Labels are numbers, booleans or strings. Rows without a target are left out,
    or refused (error). ``classification`` None means that y decides, as `holds_classes` says.

    ``sample_weight`` (n,) are weights of the rows, and ``groups`` (n,) numbers or texts, by which rows stay
    together. Raises DataError.
    """
    with within_memory("X", DataError):
        if is_frame(X):
            source = FrameSource(X)
            return _of_table(source, y, classification, sample_weight, groups, read_as or {}, missing)
        rows = X if isinstance(X, np.ndarray) else as_array("X", X)
        if holds_text(rows):
            source = FrameSource(UnnamedColumns(rows, numbered(rows.shape[1])))
            return _of_table(source, y, classification, sample_weight, groups, read_as or {}, missing)
        if read_as:
            raise DataError(
                "data.columns: X is no data frame, whose columns have names; give one, or leave this out"
            )
        rows = as_numbers("X", rows)
        check_features("X", rows.shape, rows.dtype, None)
        targets = _targets_of_program(y, len(rows), classification, missing)
        features = flattened("X", rows, Keep.SPREAD)
        about = _facts(len(rows), sample_weight, groups)
        return dataset_of("", features, targets, numbered(features.shape[1]), about, missing)


def holds_text(X: NDArray[Any]) -> bool:
    """Return whether an array (n, columns) holds texts or dates, so that it is read column by column."""
    if X.ndim != 2 or X.dtype.kind not in "OUT":
        return False
    return X.dtype.kind != "O" or any(isinstance(value, (str, date)) for value in X.flat)


def _of_table(
    source: FrameSource,
    y: Any,
    classification: bool | None,
    sample_weight: Any,
    groups: Any,
    read_as: Mapping[str, ReadAs],
    missing: Missing,
) -> Dataset:
    """Return the data set of columns that may hold more than numbers."""
    if not source.rows or not source.names:
        raise DataError(f"X: has shape {(source.rows, len(source.names))}: no rows, or no features")
    _require_different("X", source.names)
    kinds: dict[str, ReadAs] = dict.fromkeys(source.categorical, "category")
    kinds |= {nfc(name): kind for name, kind in read_as.items()}
    target = "y"
    if isinstance(y, str):
        target = nfc(y)
        y = _target_column(source, target)
        if kinds.get(target) in ("category", "number") and classification is None:
            classification = kinds[target] == "category"
        kinds[target] = "drop"
    elif nfc(str(getattr(y, "name", ""))) in source.places:
        _refuse_copy(source, nfc(str(y.name)), y)
    targets = _targets_of_program(y, source.rows, classification, missing)
    present = present_rows("y", targets)
    found = assemble_features(source, kinds, missing, present, keep_all=source.is_unnamed)
    dropped = {name: DROPPED for name, kind in kinds.items() if kind == "drop" and name != target}
    about = _facts(source.rows, sample_weight, groups).of(found.rows)
    codes, classes = classified("y", of_rows(targets, found.rows))
    return Dataset(
        found.X,
        codes,
        found.columns,
        classes,
        kinds=found.kinds,
        dropped=dropped | found.dropped,
        about=about,
        notes=(*found.notes, *rows_left_out(target, source.rows, present, len(found.X))),
        kept=found.rows,
    )


def _target_column(source: FrameSource, name: str) -> NDArray[Any]:
    """Return the column of a data frame that y names; raises DataError."""
    if name not in source.places:
        raise DataError(
            f"y: X has no column {name!r}; its columns are {listed(source.names)}"
            + did_you_mean(name, source.names)
        )
    return source.array(source.places[name])


def _refuse_copy(source: FrameSource, name: str, y: Any) -> None:
    """Raise DataError if y, a column with a name, is also among the columns to predict it from."""
    pairs = zip(source.array(source.places[name]).tolist(), np.asarray(y).tolist(), strict=False)
    if all((is_absent(a) and is_absent(b)) or a == b for a, b in pairs):
        raise DataError(
            f"X: its column {name!r} is y itself, so that nothing else would be learned; give y={name!r}, "
            "or X without that column"
        )


def _facts(n: int, sample_weight: Any, groups: Any = None) -> RowFacts:
    """Return what is known of n rows; raises DataError."""
    columns: dict[Role, tuple[str, NDArray[Any]]] = {}
    for where, given in (("sample_weight", sample_weight), ("groups", groups)):
        if isinstance(given, str):
            raise DataError(f"{where}: is the text {given!r}; give an array ({n:,},), as X[{given!r}] is one")
    if sample_weight is not None:
        columns["weight"] = "sample_weight", as_numbers("sample_weight", sample_weight)
    if groups is not None:
        columns["group"] = "groups", _names_of_groups(as_array("groups", groups))
    return facts_of(columns, n)


def _names_of_groups(groups: NDArray[Any]) -> NDArray[Any]:
    """Return groups that are Python objects as text; raises DataError if one is missing."""
    if groups.dtype.kind not in "OT":
        return groups
    for place, value in np.ndenumerate(groups):
        if is_absent(value):
            raise DataError(f"groups: {cell(place)} is missing; each row has a group")
    return groups.astype(str)


def labelled_arrays(
    X: Any,
    y: Any,
    *,
    columns: Sequence[str],
    classes: Sequence[str] | None,
    sample_weight: Any = None,
    kinds: Kinds = NUMBERS,
    precise: bool = True,
    missing: Missing = "fill",
) -> Labelled:
    """Return X (n, columns), and y as indices into known ``classes``, or as values where these are None.

    Columns of a data frame are taken by their names, and y may be the name of one of them. Rows without a
    target are left out, or refused if ``missing`` is error. Raises DataError.
    """
    features = rows_of_array(X, columns=columns, kinds=kinds, precise=precise)
    if isinstance(y, str) and is_frame(X):
        y = _target_column(FrameSource(X), nfc(y))
    targets = _targets_of_program(y, len(features), classes is not None, missing)
    return labelled_rows("", features, targets, _facts(len(features), sample_weight), classes)


def rows_of_array(
    X: Any, *, columns: Sequence[str], kinds: Kinds = NUMBERS, precise: bool = True
) -> Features:
    """Return new rows X (n, columns), or (columns,) for one row, for a network trained on ``columns``.

    Columns of a data frame are taken by their names, those of an array by their places. They are float32, or
    float64 if float32 would change them and they are to be ``precise``. Raises DataError.
    """
    with within_memory("X", DataError):
        if is_frame(X):
            source = FrameSource(X)
            dates = {name: date_of(name) for name in columns if nfc(name) not in source.places}
            dates = {name: date for name, date in dates.items() if date in source.places}
            _require_columns(source.names, columns_of_table([dates.get(name) or name for name in columns]))
        else:
            rows = in_rows(X if isinstance(X, np.ndarray) else as_array("X", X), len(columns))
            if not holds_text(rows):
                if any(kind.name == "category" for kind in kinds.values()):
                    raise DataError(
                        "X: holds no text, and the network was trained on columns of text; give all of the "
                        f"columns {listed(columns)}"
                    )
                rows = as_numbers("X", rows)
                check_features("X", rows.shape, rows.dtype, len(columns))
                return flattened("X", rows, Keep.EXACT if precise else Keep.SHORT)
            check_width("X", rows.shape[1], len(columns))
            source = FrameSource(UnnamedColumns(rows, columns))
        wanted = Wanted(columns, kinds, precise=precise)
        return assemble_known(source, wanted, target=None, classification=False, roles={}).X


def _targets_of_program(y: Any, n: int, classification: bool | None, missing: Missing) -> Labels | Values:
    targets = as_numbers("y", y) if classification is False else as_array("y", y)
    check_targets("y", targets.shape, targets.dtype, n, classification)
    is_class = is_classification("y", targets, n, classification)
    return labels_or_values("y", targets if is_class else as_numbers("y", targets), is_class, missing)


def _require_different(where: str, names: Sequence[str]) -> None:
    twice = repeated(names)
    if twice is not None:
        raise DataError(f"{where}: two columns are called {shortened(twice)}; give each a name of its own")


def _require_columns(names: Sequence[str], columns: Sequence[str]) -> None:
    """Raise DataError if the ``names`` of a data frame lack columns that the network was trained on."""
    _require_different("X", [name for name in names if name in columns])
    missing = [name for name in dict.fromkeys(columns) if nfc(name) not in names]
    if missing:
        what = "column" if len(missing) == 1 else "columns"
        by_place = "\nTo take columns by their places, give an array, X.to_numpy()."
        raise DataError(
            f"X: has no {what} {listed(missing)}; its columns are {listed(names)}"
            + did_you_mean(missing[0], names)
            + (by_place if len(names) == len(columns) else "")
        )
