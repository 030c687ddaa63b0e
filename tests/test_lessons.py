"""The lessons do what they say, in order and in an empty directory, and their claims hold."""

from __future__ import annotations

import doctest
import io
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from usual import only

from mlpcli.cli import run
from mlpcli.config.shipped import shipped_configs
from mlpcli.figures import NOTES

FOLDER = Path(__file__).parents[1] / "docs" / "lessons"
LESSONS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("[0-9]*.md"))}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r" *-?\d[\d.,e-]*")
EXACT = ("count-params", "tiny.npz")  # whose numbers come from no training


@dataclass
class Played:
    """A lesson that was run: what each command line ``said``, and the ``names`` of its Python lines."""

    said: dict[str, str] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)

    def lines(self, command: str) -> list[str]:
        return [line for line in self.said if line.startswith(f"mlp {command} ")]

    def score(self, line: str, row: str, column: int) -> float:
        """Return a number of a table that a command printed, by the first word of its row."""
        (found,) = re.findall(rf"^{row} +(.*)$", self.said[line], re.MULTILINE)
        return float(found.split()[column].rstrip("%").replace(",", ""))


def blocks(lesson: str, language: str) -> list[str]:
    return [block for name, block in BLOCK.findall(LESSONS[lesson]) if name == language]


def transcript(console: str) -> list[tuple[str, str]]:
    """Return each command line of a block, and what the lesson says that it prints."""
    found = []
    for piece in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, _, output = piece.partition("\n")
        found.append((command, output.rstrip("\n")))
    return found


def without_numbers(text: str) -> str:
    """Replace numbers, as scores differ a little from machine to machine."""
    return NUMBER.sub(" n", text)


def play_command(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command line in this process, and return all that a terminal shows."""
    command, *pieces = line.split(" | ")
    assert run(shlex.split(command)[1:]) == 0, line
    captured = capsys.readouterr()
    printed = captured.out.splitlines()
    for piece in pieces:
        program, _, number = piece.partition(" -")
        printed = {"head": printed[: int(number)], "tail": printed[-int(number) :]}[program]
    return "\n".join([*captured.err.splitlines(), *printed]).rstrip("\n")


def play_python(lines: str, names: dict[str, Any]) -> None:
    """Run lines of an interactive Python and compare their results; numbers only where nothing is trained."""
    test = doctest.DocTestParser().get_doctest(lines, names, "the lesson", None, 0)
    checker = doctest.OutputChecker()
    if "train(" in lines:
        compare = checker.check_output
        checker.check_output = lambda want, got, flags: compare(  # type: ignore[method-assign]
            without_numbers(want), without_numbers(got), flags
        )
    told = io.StringIO()
    result = doctest.DocTestRunner(checker, verbose=False).run(test, out=told.write, clear_globs=False)
    names.update(test.globs)
    assert not result.failed, told.getvalue()


CLAIMS: dict[str, Callable[[Played], None]] = {}


def claim(lesson: str) -> Callable[[Callable[[Played], None]], None]:
    def add(check: Callable[[Played], None]) -> None:
        CLAIMS[lesson] = check

    return add


@claim("01-two-layers")
def two_linear_layers_are_one_and_a_relu_bends_the_border(played: Played) -> None:
    accuracies = [played.score(line, "train", 1) for line in played.lines("train")]
    one, two, relu, four = accuracies
    assert max(one, two, four) < 65
    assert relu > 95


@claim("02-one-neuron")
def either_loss_makes_a_classifier_and_too_much_forgetting_none(played: Played) -> None:
    neuron, svm, _ = played.lines("train")
    assert played.score(neuron, "train", 1) > 85
    assert played.score(svm, "train", 1) > 85
    (forgotten,) = played.lines("eval")
    assert played.score(forgotten, "loss", 0) == pytest.approx(0.6931, abs=1e-3)


@claim("03-sigmoid-and-tanh")
def saturated_sigmoids_pass_no_gradient_on_and_small_weights_little(played: Played) -> None:
    good, large, _, _, small, tanh = played.lines("train")
    assert played.score(good, "train", 1) > 85
    assert played.score(large, "train", 1) < 20
    assert played.score(large, "1", 0) > 90
    assert played.score(large, "1", 1) < 1e-6
    assert played.score(small, "train", 1) < 20
    assert played.score(small, "1", 0) < 5
    assert played.score(small, "1", 1) < 1e-2 * played.score(small, "7", 1)
    assert played.score(tanh, "train", 1) > 75


@claim("04-relu")
def a_high_learning_rate_kills_relus_but_not_their_relatives(played: Played) -> None:
    high, proper, between, *relatives, _ = played.lines("train")
    assert played.score(high, "1", 0) > 80
    assert played.score(proper, "1", 0) < 10
    assert 20 < played.score(between, "1", 0) < 60
    for relative in relatives:
        assert played.score(relative, "train", 1) > played.score(high, "train", 1)


@claim("05-layers")
def a_network_of_eight_hidden_units_learns_the_flowers(played: Played) -> None:
    assert played.score(played.lines("train")[0], "train", 1) > 90


@claim("06-forward")
def a_trained_network_is_explained_too(played: Played) -> None:
    assert any("predicted" in output for line, output in played.said.items() if "runs/iris" in line)


@claim("07-backward")
def the_gradients_are_checked(played: Played) -> None:
    ((error,),) = (
        re.findall(r"^pass  gradient +worst relative error (\S+);", output, re.MULTILINE)
        for output in played.said.values()
    )
    assert float(error) < 1e-5


@claim("08-any-function")
def more_units_come_closer_to_a_sine_and_three_layers_beat_two(played: Played) -> None:
    line, two_units, twenty, two, three, _ = played.lines("train")
    r2 = [played.score(run, "train", 1) for run in (line, two_units, twenty)]
    assert r2[0] < 0.7 < r2[1] < 0.97 < r2[2]
    assert played.score(three, "test", 1) > played.score(two, "test", 1) + 3
    (five,) = played.lines("eval")
    assert played.score(five, "R2", 0) > 0.985


@claim("09-sizes")
def a_network_overfits_unless_it_is_regularized(played: Played) -> None:
    plain, l2, *_ = played.lines("train")
    assert played.score(plain, "train", 1) > 98
    assert played.score(plain, "test", 0) > 3 * played.score(plain, "train", 0)
    assert played.score(l2, "test", 1) > played.score(plain, "test", 1) + 2
    losses = [played.score(line, "loss", 0) for line in played.lines("eval")]
    assert losses[1] > 3 * losses[0]
    assert losses[3] < 1.5 * losses[2]
    assert losses[3] < losses[1]


@claim("10-luck")
def large_networks_agree_and_small_ones_are_lucky_or_not(played: Played) -> None:
    lucky, unlucky, longer = played.lines("train")
    assert played.score(lucky, "train", 1) > played.score(unlucky, "train", 1) + 5
    assert played.score(longer, "train", 0) > played.score(lucky, "train", 0) + 0.05
    assert played.names["large"] > 0.93
    assert played.names["small"] < 0.9


@claim("11-summary")
def the_digits_are_read(played: Played) -> None:
    best, linear, sigmoid, high = played.lines("train")
    assert played.score(best, "test", 1) > 95
    assert played.score(best, "1", 0) < 10
    for other in (linear, sigmoid, high):
        assert played.score(other, "train", 1) < played.score(best, "train", 1)
    assert played.score(high, "1", 0) > 80


@pytest.mark.parametrize("lesson", only({"05-layers", "06-forward"}, LESSONS))
def test_a_lesson(
    lesson: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its transcripts are what its commands print, its own pictures are drawn, and its claims hold."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    played = Played()
    for language, block in BLOCK.findall(LESSONS[lesson]):
        if language == "pycon":
            play_python(block, played.names)
        for line, expected in transcript(block) if language == "console" else ():
            played.said[line] = play_command(line, capsys)
            like = str if any(word in line for word in EXACT) else without_numbers
            assert like(played.said[line]) == like(expected), line
    for picture in re.findall(r"\]\(([\w-]+\.(?:png|svg))\)", LESSONS[lesson]):
        assert (tmp_path / picture).is_file()
        assert (FOLDER / picture).stat().st_size < 200_000
    CLAIMS[lesson](played)


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_picture_of_a_lesson_has_a_command(lesson: str) -> None:
    text = LESSONS[lesson]
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert pictures
    for picture in map(Path, pictures):
        assert (FOLDER / picture).is_file()
        if picture.parent.name == "notes":
            assert picture.stem in NOTES
            assert f"`mlp plot --notes {picture.stem}`" in text
        else:
            assert re.search(rf"^\$ mlp .*--out {picture.name}$", text, re.MULTILINE)


@cache
def shipped() -> dict[str, Any]:
    return {
        name: yaml.safe_load(path.read_text(encoding="utf-8")) for name, path in shipped_configs().items()
    }


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_shows_configs_that_come_with_mlp(lesson: str) -> None:
    shown = blocks(lesson, "yaml")
    assert shown
    for block in shown:
        named = [name for name, config in shipped().items() if yaml.safe_load(block) == config]
        assert any(f"`{name}`" in LESSONS[lesson] for name in named), block


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_has_one_exercise_whose_answer_is_run(lesson: str) -> None:
    _, _, exercise = LESSONS[lesson].partition("\n## Exercise\n")
    (answer,) = re.findall(
        r'^<details markdown="1">\n<summary>Answer</summary>\n\n(.*)\n</details>$',
        exercise,
        re.DOTALL | re.MULTILINE,
    )
    assert re.search(r"^```(?:console|pycon)\n", answer, re.MULTILINE)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_number_in_the_text_of_a_lesson_stands_in_a_block(lesson: str) -> None:
    """Percentages, and decimals of more than two digits, are results: the page shows where they are from."""
    text = LESSONS[lesson]
    shown = " ".join(block for _, block in BLOCK.findall(text))
    sentences = re.sub(r"!\[[^]]+\]", "", BLOCK.sub("", text))
    for number in re.findall(r"\d+\.\d{3,}|\d+(?:\.\d+)?(?=%)", sentences):
        assert number in shown, number
