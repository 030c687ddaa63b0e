"""What was changed since the network began to train from its seed, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlpcli.text import count

__all__ = ["Change", "with_change"]


@dataclass(frozen=True)
class Change:
    """A change of ``what``, made after epoch ``first``, or several up to epoch ``last``.

    ``before`` and ``after`` are the values of a setting, and empty for examples, whose ``number`` was
    added or removed, or is 0 where some were moved.
    """

    what: str
    first: int
    last: int
    before: str = ""
    after: str = ""
    number: int = 0

    def __str__(self) -> str:
        when = f"epoch {self.first}" if self.first == self.last else f"epochs {self.first} to {self.last}"
        values = f" {self.before} -> {self.after}" if self.before else ""
        number = f"{count(self.number, 'example')} " if self.number else ""
        return f"{when}: {number}{self.what}{values}"


def with_change(changes: tuple[Change, ...], new: Change) -> tuple[Change, ...]:
    """Return the changes with another one; what is dragged from value to value is a single change."""
    if not changes or changes[-1].what != new.what:
        return (*changes, new)
    last = changes[-1]
    merged = replace(last, last=new.last, after=new.after, number=last.number + new.number)
    return (*changes[:-1], merged)
