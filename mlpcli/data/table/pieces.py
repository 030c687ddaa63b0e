"""Cuts a table into pieces, each of which is a source by itself, so that not all of it is in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlpcli.data.table.faults import Faults
from mlpcli.data.table.source import Excerpt, Rows, Source

__all__ = ["Piece", "in_pieces"]


class Piece(Excerpt):
    """Some blocks of a table, as a source."""

    def __init__(self, source: Source, blocks: Sequence[Rows]) -> None:
        super().__init__(source)
        self._blocks = blocks
        self.length = sum(len(block.lines) for block in blocks)

    def blocks(self, faults: Faults) -> Iterator[Rows]:  # noqa: ARG002
        """Yield the blocks, whose faults are known."""
        yield from self._blocks


def in_pieces(source: Source, rows: int) -> Iterator[Piece]:
    """Yield the blocks of a table as pieces of at least so many rows, but for the last; at least one piece.

    Raises DataError for faults of the text.
    """
    faults = Faults(source.place)
    held: list[Rows] = []
    count = pieces = 0
    for block in source.blocks(faults):
        faults.report()
        held.append(block)
        count += len(block.lines)
        if count >= rows:
            yield Piece(source, held)
            held, count, pieces = [], 0, pieces + 1
    faults.report()
    if held or not pieces:
        yield Piece(source, held)
