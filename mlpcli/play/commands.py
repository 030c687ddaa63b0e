"""The commands of the page, as they come from it: whatever they hold, they are checked here."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from mlpcli.errors import UsageError
from mlpcli.play.session import Session
from mlpcli.text import shell_path

__all__ = ["carry_out", "is_for_both", "settings_of_second"]

# Networks that are compared keep the same data and seed, and go on together.
_FOR_BOTH = {"play", "pause", "step", "batch", "reset", "seed", "add", "move", "remove", "clear"}


def is_for_both(command: dict[str, Any]) -> bool:
    """Return whether a command is for both networks that are compared, or for the one that it names."""
    if command.get("do") == "change":
        return _is_shared(str(command.get("key")))
    return command.get("do") in _FOR_BOTH


def _is_shared(key: str) -> bool:
    """Return whether a setting is the same for networks that are compared: data and seed."""
    return key == "training.seed" or (key.startswith("data.") and key != "data.terms")


def settings_of_second(command: dict[str, Any]) -> dict[str, str]:
    """Return the settings of the second network of a link; its data and seed are those of the first."""
    first, second = (_settings(command.get(key)) for key in ("settings", "second"))
    shared = {key: text for key, text in first.items() if _is_shared(key)}
    return shared | {key: text for key, text in second.items() if not _is_shared(key)}


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError("a number is missing")
    try:
        number = float(value)
    except OverflowError:  # a whole number of hundreds of digits
        number = math.inf
    if not math.isfinite(number):
        raise UsageError("a number is too large")
    return number


def _settings(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise UsageError("the settings of a link are missing")
    return value


def _say_saved(config: Path, has_table: bool, has_checkpoint: bool) -> str:
    """Return in words which files were saved, and what to do with them."""
    path = Path(os.path.relpath(config))
    files = [path]
    if has_table:
        files.append(path.with_suffix(".csv"))
    if has_checkpoint:
        files.append(path.with_suffix(".npz"))
    names = [shell_path(file) for file in files]
    saved = f"Saved {' and '.join([', '.join(names[:-1]), names[-1]] if len(names) > 1 else names)}."
    train = f"mlp train {names[0]}"
    if not has_checkpoint:
        return f"{saved} To train the same network: {train}"
    return f"{saved} {names[-1]} is this network: mlp eval {names[-1]}. To train it further: {train}"


def carry_out(session: Session, command: dict[str, Any]) -> dict[str, Any]:
    """Carry out a command of the page; return what it needs besides the new state. Raises MlpError."""
    what = command.get("do")
    if what == "play":
        session.playing = session.diverged is None
    elif what == "pause":
        session.pause()
    elif what == "step":
        session.playing = False
        session.train_epoch()
    elif what == "batch":
        session.playing = False
        session.train_batch()
    elif what == "reset":
        session.reset()
    elif what == "seed":
        session.new_seed()
    elif what == "clear":
        session.clear()
    elif what == "change":
        session.change(str(command.get("key")), str(command.get("value")))
    elif what == "add":
        x, y = (_number(command.get(axis)) for axis in "xy")
        value = command.get("label", command.get("value"))
        session.add(x, y, None if value is None else _number(value))
    elif what == "move":
        x, y = (_number(command.get(axis)) for axis in "xy")
        session.move(int(_number(command.get("index"))), x, y)
    elif what == "remove":
        session.remove(int(_number(command.get("index"))))
    elif what == "link":
        if "second" in command:
            _settings(command["second"])
        session.take_link(_settings(command.get("settings")))
    elif what == "save":
        return {"text": _say_saved(session.save(), bool(session.added), bool(session.changes))}
    else:
        raise UsageError("unknown command")
    return {}
