"""Random streams: a name always gives the same numbers, and different names give different numbers."""

from __future__ import annotations

import numpy as np

from mlpcli.streams import Streams, stream


def test_streams_depend_only_on_seed_name_and_index() -> None:
    def draw(*of: object) -> list[float]:
        return stream(*of).random(4).tolist()  # type: ignore[arg-type]

    assert draw(0, "init") == draw(0, "init", 0)
    different = [draw(0, "init"), draw(1, "init"), draw(0, "data"), draw(0, "init", 1), draw(1, "shuffle", 7)]
    assert len({tuple(numbers) for numbers in different}) == len(different)


def test_the_numbers_of_a_stream_stay_the_same_from_version_to_version() -> None:
    """Runs of older versions can be resumed: a stream is PCG64, seeded with seed, name and index."""
    name = sum(byte << 8 * i for i, byte in enumerate(b"init"))
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence([3, name, 2])))
    np.testing.assert_array_equal(stream(3, "init", 2).random(5), expected.random(5))


def test_streams_are_made_once_per_name_and_continue() -> None:
    streams, one = Streams(5, 7), stream(5, "dropout", 7)
    found = [streams["dropout"].random(), streams["dropout"].random()]
    assert found == [one.random(), one.random()]
    assert streams["noise"].random() == stream(5, "noise", 7).random()
