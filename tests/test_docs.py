"""README and docs say what there is: transcripts, configs and code run; links, files and options exist."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from mlpcli.cli import cli, run
from mlpcli.config.loader import parse_experiment

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for pattern in ("*.md", "docs/*.md", "docs/lessons/*.md", "configs/**/*.md", "datasets/*.md")
    for path in sorted(ROOT.glob(pattern))
}
WRONG = """\
data:
  name: spirals
model:
  hidden: [100, fifty]
  activation: relu
optimizer:
  learning_rat: 1e-2
training:
  epochs: true
"""
WITH_FILES = ("docs/explain.md",)  # the code of these pages writes what their commands read
NUMBER = re.compile(r" *[\d.,e-]*\d")


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a page that are in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)


def with_blocks(language: str) -> list[str]:
    """Return the pages with blocks in a language; the lessons are run by tests/test_lessons.py."""
    return [page for page in PAGES if blocks(page, language) and not page.startswith("docs/lessons/")]


def commands(page: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a page's transcripts, and what it prints."""
    for console in blocks(page, "console"):
        for block in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
            command, _, output = block.partition("\n")
            yield command, output


def without_numbers(lines: list[str]) -> list[str]:
    """Replace scores and times, which differ from machine to machine."""
    return [NUMBER.sub(" n", line) for line in lines]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("configs", "datasets"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def test_the_pages_have_transcripts() -> None:
    transcripts = {page: len(list(commands(page))) for page in with_blocks("console")}
    assert transcripts.keys() >= {
        f"docs/{name}.md" for name in ("counting", "mistakes", "pictures", "tables")
    }
    assert sum(transcripts.values()) >= 10


@pytest.mark.parametrize("page", with_blocks("console"))
def test_every_transcript(page: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if page in WITH_FILES:
        exec(compile("\n".join(blocks(page, "python")), page, "exec"), {})
    for command, output in commands(page):
        words, _, pipe = command.partition(" | ")
        run(shlex.split(words)[1:])
        captured = capsys.readouterr()
        printed = captured.out.splitlines()
        if pipe:
            printed = printed[: int(pipe.removeprefix("head -"))]
        said = "\n".join([*captured.err.splitlines(), *printed]).replace(str(workplace), "/home/ada")
        lines = said.rstrip("\n").splitlines()
        expected = output.rstrip("\n").splitlines()
        if any(word in command + output for word in (".npz", "check", "Best epoch", "this machine has")):
            lines, expected = without_numbers(lines), without_numbers(expected)
        assert lines == expected, command


def test_the_first_transcript(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That of a terminal, which shows a bar where there is a line for each epoch without one."""
    (shown,) = re.findall(
        r"^\$ mlp train configs/spiral.yaml\n(.*?)^```", PAGES["README.md"], re.DOTALL | re.M
    )
    assert run(["train", "configs/spiral.yaml"]) == 0
    captured = capsys.readouterr()
    printed = [line for line in captured.err.splitlines() if not line.startswith("epoch ")]
    expected = [line for line in shown.splitlines() if not line.startswith("epoch 200/200 ")]
    expected.remove("")  # sets the summary off from the bar
    assert without_numbers([*printed, *captured.out.splitlines()]) == without_numbers(expected)


def test_the_config_beside_the_first_transcript_is_the_file() -> None:
    (shown,) = blocks("README.md", "yaml")
    assert yaml.safe_load(shown) == yaml.safe_load((ROOT / "configs" / "spiral.yaml").read_text())


@pytest.mark.parametrize("page", with_blocks("yaml"))
def test_every_config_is_valid(page: str) -> None:
    for block in blocks(page, "yaml"):
        parse_experiment(block, page, ROOT / "configs")


def test_the_code_of_the_readme_runs(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("README.md", "python")
    exec(compile(code, "README.md", "exec"), {})
    assert re.fullmatch(r"\[[012] [012]\]\n", capsys.readouterr().out)


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", PAGES[page], re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", PAGES[page]):
        file, _, anchor = "".join(target).partition("#")
        if file.startswith("https://"):
            continue
        path = ((ROOT / page).parent / file).resolve() if file else ROOT / page
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.relative_to(ROOT).as_posix()), target


@pytest.mark.parametrize("page", PAGES)
def test_every_file_of_the_repository_that_is_named_exists(page: str) -> None:
    """Recipes also name files that are yet to be written, with NAME in their place."""
    for path in re.findall(r"`((?:mlpcli|tests|benchmarks|docs|configs|datasets)/[\w./-]*)`", PAGES[page]):
        if "NAME" not in path:
            assert (ROOT / path).exists(), path


def test_docs_leave_no_page_without_a_link() -> None:
    linked = {
        ((ROOT / page).parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)#]+)", PAGES[page])
    }
    assert {ROOT / page for page in PAGES} - linked == {ROOT / "README.md"}


def spans(page: str) -> list[list[str]]:
    """Return the words of each command line that stands in a sentence."""
    text = re.sub(r"^```.*?^```", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    found = re.findall(r"`mlp\s+([^`]+)`", text)
    return [span.split() for span in found]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_that_is_named_exists(page: str) -> None:
    for words in spans(page):
        command: Any = cli
        options: set[str] = {"--help", "--version"}
        for word in words:
            if isinstance(command, click.Group) and not word.startswith("-") and word != "COMMAND":
                assert word in command.commands, words
                command = command.commands[word]
                options |= {option for parameter in command.params for option in parameter.opts}
            elif word.startswith("--"):
                assert word in options, words


def defined_names(path: Path) -> set[str]:
    """Return the functions, classes and annotated names of a module; those in a class also as Class.name."""
    found: set[str] = set()

    def visit(node: ast.AST, owner: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                found.update({child.name, f"{owner}{child.name}"})
                visit(child, f"{child.name}.")
            elif isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
                found.add(child.target.id)

    visit(ast.parse(path.read_text(encoding="utf-8")), "")
    return found


STOPS = dict(
    re.findall(r"^## (\d+)\. [^\n]*\n(.*?)(?=^## |\Z)", PAGES["docs/reading.md"], re.DOTALL | re.MULTILINE)
)
NO_NAMES = ("mlp ", "mlpcli.train", "--dry-run", "count-params", ".npz")


def test_the_walk_through_the_code_has_ten_stops() -> None:
    assert list(STOPS) == [str(i + 1) for i in range(10)]


@pytest.mark.parametrize("stop", STOPS)
def test_a_stop_names_what_is_in_its_files(stop: str) -> None:
    spans = re.findall(r"`([^`]+)`", STOPS[stop])
    files = {span for span in spans if span.startswith("mlpcli/")}
    names = set().union(*(defined_names(ROOT / file) for file in files))
    assert files
    for span in spans:
        if span not in files and not span.startswith(NO_NAMES):
            name = span.partition("(")[0]
            assert name in names, name
