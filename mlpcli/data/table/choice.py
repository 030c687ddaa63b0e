"""Chooses the columns of a table that are read: features and targets, by what the config says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from mlpcli.data.kinds import Missing, ReadAs, Wanted
from mlpcli.data.labels import parse_number
from mlpcli.data.rows import DROPPED, NAMELESS, ROLES, Roles
from mlpcli.data.table.columns import Column
from mlpcli.data.table.dates import DateOrder, columns_of_table, date_of
from mlpcli.data.table.dialect import DELIMITERS
from mlpcli.data.table.frames import FrameSource
from mlpcli.data.table.source import Source
from mlpcli.data.table.targets import Target, Targets
from mlpcli.errors import DataError, nearest
from mlpcli.text import listed, nfc, repeated, shortened

__all__ = [
    "as_class",
    "chosen_columns",
    "column_of",
    "data_as_names",
    "known_columns",
    "require",
    "require_one_of_each",
    "target_of",
]

_TRAINED_ON_NUMBERS = (
    "The network was trained on numbers in this column; leave missing cells empty, or write NA."
)
_AS_TRAINED = "Write numbers as in {}, as the network was trained; its config has it in `data`."
_IN_A_FRAME = (
    "X has it as text. Give numbers as numbers: pandas.read_csv reads 1.234,5 with decimal=',' and\n"
    "thousands='.'."
)
_NEAR = 5  # missing names for which near ones are looked for
_LEAVE_OUT = "Name the columns to predict from in `data.features`, and the others are ignored."


def chosen_columns(
    source: Source,
    features: Sequence[str] | None,
    target: str | Sequence[str],
    read_as: Mapping[str, ReadAs],
    missing: Missing,
    roles: Roles,
    date_order: DateOrder | None = None,
) -> tuple[list[Column], dict[str, str]]:
    """Return the columns to learn from, and why others are left out before their cells are looked at.

    Columns that nobody asks for may have no name, or the same one. Raises DataError where a column is
    missing, or asked for twice.
    """
    names = source.names
    targets, kinds = _listed(target), {nfc(name): kind for name, kind in read_as.items()}
    asked = targets if features is None else [*map(nfc, features), *targets]
    aside = {nfc(name): role for role, name in roles.items()}
    require(source, [*asked, *(name for name in (*kinds, *aside) if name not in asked)])
    twice = next((name for name in aside if name in asked), None)
    if twice is not None:
        key = "data.target" if twice in targets else "data.features"
        raise DataError(
            f"{key}: {shortened(twice)} {ROLES[aside[twice]]}, as data.{aside[twice]} says, and cannot be "
            "both; take it out of one of them"
        )
    left_out: dict[str, str] = {}
    if features is None:
        left_out = {name: DROPPED for name in names if kinds.get(name) == "drop"}
        left_out |= {name: ROLES[role] for name, role in aside.items()}
        left_out |= {f"(column {i})": NAMELESS for i, name in enumerate(names, 1) if not name}
        chosen = [name for name in names if name and name not in targets and name not in left_out]
    else:
        chosen = asked[: -len(targets)]
        refused = next((name for name in chosen if kinds.get(name) == "drop"), None)
        if refused is not None:
            raise DataError(
                f"data.columns: {shortened(refused)} is named in data.features; drop it there, or keep it"
            )
    if not chosen:
        if features is not None:
            raise DataError("data.features: name at least one column, or leave it out to use every column")
        raise DataError(
            f"{source.where}: has only the column {listed(targets)}, and nothing to learn it from"
        )
    require_one_of_each(source, [*chosen, *aside], targets, every=features is None)
    columns = [column_of(name, source.places[name], kinds.get(name), missing, date_order) for name in chosen]
    return columns, left_out


def column_of(
    name: str, place: int, read_as: ReadAs | None, missing: Missing, date_order: DateOrder | None = None
) -> Column:
    """Return a column that is read as the config says, or as its cells show for None."""
    all_present = missing == "error"
    if read_as is None or read_as == "drop":
        return Column(name, place, all_present=all_present)
    hint = f"It is read as numbers, as `data.columns` says; {{{name}: category}} takes it as text."
    return Column(
        name, place, read_as, given=True, if_text=hint, all_present=all_present, date_order=date_order
    )


def known_columns(source: Source, wanted: Wanted, target: str | Sequence[str] | None) -> list[Column]:
    """Return the columns of the file from which those of a trained network are read."""
    kinds = {nfc(name): kind for name, kind in wanted.kinds.items()}
    places = source.places
    as_trained = _AS_TRAINED.format(wanted.dialect.example)
    if isinstance(source, FrameSource):
        as_trained = _IN_A_FRAME
    found: dict[str, Column] = {}
    asked = []
    names = [nfc(name) for name in wanted.columns]
    of_table = columns_of_table([name for name in names if name not in places])
    for name in names:
        date = date_of(name)
        is_part = date is not None and name not in places and (date in places or date in of_table)
        base = date if date is not None and is_part else name
        asked.append(base)
        if base in found or base not in places:
            continue
        place, kind = places[base], kinds.get(base)
        if base != name:
            found[base] = Column(base, place, "date", given=True, date_order=wanted.dialect.dates)
        elif kind is None:
            found[base] = Column(
                base, place, "number", given=True, if_text=_TRAINED_ON_NUMBERS, as_trained=as_trained
            )
        else:
            levels = kind.levels if kind.name == "category" else None
            found[base] = Column(base, place, kind.name, given=True, levels=levels)
    asked = list(dict.fromkeys(asked))
    targets = [] if target is None else _listed(target)
    require(source, [*asked, *targets])
    require_one_of_each(source, asked, targets, every=False)
    return list(found.values())


def _listed(target: str | Sequence[str]) -> list[str]:
    return [nfc(name) for name in ([target] if isinstance(target, str) else target)]


def target_of(
    source: Source,
    target: str | Sequence[str],
    classification: bool | None,
    missing: Missing,
    numbers: Collection[str] | None = None,
) -> Target | Targets:
    """Return the target, or the targets, to be read.

    ``numbers`` are the columns that are numbers as they are written; None says that all are.
    """
    names = _listed(target)
    given = names if numbers is None else [*map(nfc, numbers)]
    if len(names) > 1:
        return Targets([Target(source, name, False, missing, ask=name not in given) for name in names])
    return Target(source, names[0], classification, missing, ask=names[0] not in given)


def as_class(
    classification: bool | None, read_as: Mapping[str, ReadAs], target: str | Sequence[str]
) -> bool | None:
    """Return whether the target is a class, if the config says so in one way or the other."""
    targets = _listed(target)
    kinds = {nfc(name): kind for name, kind in read_as.items()}
    for name in targets:
        if kinds.get(name) in ("drop", "date"):
            raise DataError(
                f"data.columns: {shortened(name)} is the target, which cannot be read as {kinds[name]}"
            )
        if len(targets) > 1 and kinds.get(name) not in (None, "number"):
            raise DataError(
                f"data.columns: {shortened(name)} is one of several targets, which are numbers, not a "
                f"{kinds[name]}; predict it alone"
            )
    said = kinds.get(targets[0])
    return (said != "number") if classification is None and said is not None else classification


def require(source: Source, asked: Sequence[str]) -> None:
    """Raise DataError if a column is missing."""
    names = source.names
    missing = [name for name in asked if name not in source.places]
    if missing and source.if_missing is not None:
        raise DataError(source.if_missing)
    if missing:
        others = [name for name in names if name not in asked]
        near = {name: nearest(name, others) for name in missing[:_NEAR]}
        meant = [
            f"{found!r}" if len(missing) == 1 else f"{found!r} for {shortened(name)}"
            for name, found in near.items()
            if found is not None
        ]
        columns = "column" if len(missing) == 1 else "columns"
        raise DataError(
            f"{source.where}: has no {columns} {listed(missing)}; its columns are "
            + listed([name for name in names if name])
            + (f"\nDid you mean {', '.join(meant)}?" if meant else "")
            + (_headless(names) or _cut_otherwise(names))
        )


def require_one_of_each(
    source: Source, columns: Sequence[str], targets: Sequence[str], *, every: bool
) -> None:
    """Raise DataError if one of several columns is meant; ``every`` says that all of a table are read."""
    asked, counts = [*columns, *targets], Counter(source.names)
    several = next((name for name in asked if counts[name] > 1), None)
    if several is not None:
        advice = "; give each a name of its own" + (f".\n{_LEAVE_OUT}" if every else "")
        raise DataError(
            f"{source.header}: two columns are called {shortened(several)}{_headless(source.names) or advice}"
        )
    twice = repeated(asked)
    if twice is not None:
        what = "is the target" if twice in targets else "is named twice"
        raise DataError(f"data.features: {shortened(twice)} {what}; name each column once")


def _headless(names: Sequence[str]) -> str:
    if any(parse_number(name) is not None for name in names):
        return (
            "\nThe first line must name the columns; this one seems to hold data. "
            "Write a line with the names of the columns above it."
        )
    return ""


def _cut_otherwise(names: Sequence[str]) -> str:
    """Return what to do about names that hold a delimiter, or that are a title and nothing more."""
    other = next((mark for mark in DELIMITERS if any(mark in name for name in names)), None)
    if other is not None:
        said, shown = ("a tab", "\\t") if other == "\t" else (repr(other), other)
        return f'\nIf {said} is what separates the columns, set `data.delimiter: "{shown}"`.'
    if len([name for name in names if name]) == 1:
        return "\nThe first line must name the columns; delete a title and other lines above the names."
    return ""


def data_as_names(source: Source) -> list[str]:
    """Return a note if names of columns seem to be data, such as 5.1; whole numbers may be names."""
    numbers = [name for name in source.names if parse_number(name) is not None and not name.isdecimal()]
    if not numbers:
        return []
    return [
        f"{source.header}: the columns have names such as {shortened(numbers[0])}. If these are data, "
        "write a line with the names of the columns above them."
    ]
