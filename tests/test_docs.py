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
    for pattern in ("*.md", "docs/**/*.md", "configs/**/*.md", "datasets/*.md")
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
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
RUN_ELSEWHERE = {  # pages whose code has a test of its own
    "docs/lessons/": "tests/test_lessons.py",
    "docs/python.md": "tests/test_api.py",
    "docs/sklearn.md": "tests/sklearn/test_base.py",
}
READ_BY = {  # files that a page's commands read, and from where they are
    "docs/quickstart.md": {"my.csv": "datasets/penguins.csv"},
    "docs/export.md": {"penguins.csv": "datasets/penguins.csv"},
    "docs/recipes/images.md": {"shapes.yaml": "the page"},
}
RUN_BEFORE = {  # what a page takes for granted
    "docs/files.md": "mlp train spiral --set training.epochs=1",
    "docs/compare.md": "the page",
}
TAKE_LONG = (
    "docs/quickstart.md",
    "docs/compare.md",
    "docs/sweep.md",
    "docs/folds.md",
    "docs/export.md",
    "docs/tables.md",
    "docs/recipes/",
)
NOT_RUN = {  # commands of sh blocks that are not run, and why; what they name is checked
    r"python3 -m venv |source |(.*/)?pip install ": "needs the package index",
    r"(.*/)?(pytest|ruff|mypy)\b|\.ci/run": "is what runs this test",
    r"(.*/)?python -m (benchmarks|tests\.fuzz|mkdocs)\b": "takes minutes, or packages that tests do not need",
    r"mlp completion ": "writes into the shell's own files",
    r"mlp play ": "serves a page until it is stopped",
}
NOT_INSTALLED = {  # modules of Python blocks that are not run, and why; they are compiled
    "torch": "two gigabytes",
    "keras": "needs one of three frameworks",
    "model_torch": "needs torch",
    "mlflow": "large; tests/test_tracking.py runs this with a module in its place",
    "wandb": "needs an account; tests/test_tracking.py runs this with a module in its place",
}
NUMBER = re.compile(r" *[\d.,e-]*\d")


def blocks(page: str, language: str) -> list[str]:
    """Return the code blocks of a page that are in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)


def with_blocks(*languages: str) -> list[str]:
    """Return the pages with blocks in one of the languages."""
    return [
        page
        for page in PAGES
        if any(blocks(page, language) for language in languages) and not page.startswith((*RUN_ELSEWHERE,))
    ]


def commands(console: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a transcript, and what it prints."""
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
    transcripts = {
        page: sum(len(list(commands(block))) for block in blocks(page, "console"))
        for page in with_blocks("console")
    }
    assert transcripts.keys() >= {
        f"docs/{name}.md" for name in ("counting", "mistakes", "pictures", "tables")
    }
    assert sum(transcripts.values()) >= 10


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.exhaustive if page.startswith(TAKE_LONG) else ())
        for page in with_blocks("console", "python")
    ],
)
def test_every_transcript_and_every_line_of_python(
    page: str, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are run one after the other, in a folder with the data and configs of the repository."""
    for file, source in READ_BY.get(page, {}).items():
        text = (
            blocks(page, "yaml")[0] if source == "the page" else (ROOT / source).read_text(encoding="utf-8")
        )
        (workplace / file).write_text(text, encoding="utf-8")
    if page in RUN_BEFORE:
        lines = blocks(page, "sh")[0] if RUN_BEFORE[page] == "the page" else RUN_BEFORE[page]
        assert all(run(shlex.split(line)[1:]) == 0 for line in lines.splitlines())
    names: dict[str, Any] = {}
    for language, block in BLOCK.findall(PAGES[page]):
        capsys.readouterr()
        if language == "python":
            code = compile(block, page, "exec")
            if not imported(block) & NOT_INSTALLED.keys():
                exec(code, names)
        elif language == "console":
            play(block, workplace, capsys)
    names.clear()  # files that the page leaves open are closed here, and not in the middle of another test


def imported(code: str) -> set[str]:
    """Return the packages that some code imports."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def play(console: str, workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the commands of a transcript, and compare what they print; scores and times may differ."""
    for command, output in commands(console):
        words, _, pipe = command.partition(" | ")
        run(shlex.split(words)[1:])
        captured = capsys.readouterr()
        printed = captured.out.splitlines()
        if pipe:
            printed = printed[: int(pipe.removeprefix("head -"))]
        said = "\n".join([*captured.err.splitlines(), *printed]).replace(str(workplace), "/home/ada")
        lines = said.rstrip("\n").splitlines()
        expected = output.rstrip("\n").splitlines()
        if any(
            word in command + output
            for word in (
                ".npz",
                "seeds.json",
                "check",
                "Best epoch",
                "Best run",
                "this machine has",
                " kB)",
                "95 %",
            )
        ):
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


SHELL_LINES = [
    pytest.param(command, id=f"{page}: {command}"[:60])
    for page in PAGES
    for block in blocks(page, "sh")
    for line in block.splitlines()
    for command in line.partition("  #")[0].strip().split(" && ")
    if command
]


@pytest.mark.parametrize("command", SHELL_LINES)
def test_every_line_for_the_shell(command: str, workplace: Path) -> None:
    """What it names exists; if nothing is said against it, it is run."""
    words = shlex.split(command)
    program = Path(words[0]).name
    if program == "pip":
        extras = {extra for word in words for extra in re.findall(r"\[(.*)\]", word)}
        project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        known = re.findall(
            r"^(\w+) = \[", project.partition("[project.optional-dependencies]")[2], re.MULTILINE
        )
        assert {each for extra in extras for each in extra.split(",")} <= {*known}
    elif program == "python":
        module = ROOT.joinpath(*words[2].split("."))
        assert words[1] == "-m"
        assert module.is_dir() or module.with_suffix(".py").is_file() or words[2] in ("venv", "mkdocs")
    elif program == "mlp":
        require_known(words[1:])
    elif words[0].startswith("."):
        assert words[0].startswith(".venv/") or (ROOT / words[0]).exists()
    if not any(re.match(pattern, command) for pattern in NOT_RUN):
        assert program == "mlp", f"{command}: say in NOT_RUN why it is not run"
        assert run(words[1:]) == 0


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
        require_known(words)


def require_known(words: list[str]) -> None:
    """Fail unless the words of a command line name a command of mlp, and its options."""
    command: Any = cli
    options: set[str] = {"--help", "--version"}
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-") and word != "COMMAND":
            assert word in command.commands, words
            command = command.commands[word]
            options |= {option for parameter in command.params for option in parameter.opts}
        elif word.startswith("--"):
            assert word in options, words


@pytest.mark.parametrize("page", PAGES)
def test_what_is_installed_is_this_project(page: str) -> None:
    """In its folder: the package index has another project of the name of the package."""
    if page != "docs/config.md":  # its text is that of mlp, which is installed where it is read
        assert not re.findall(r"pip install [^`\n]*mlpcli", PAGES[page])


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
