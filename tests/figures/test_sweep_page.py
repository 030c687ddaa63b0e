"""The page of a sweep is one self-contained file, which no name in it can break."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_sweeps import make_sweep

from mlpcli.errors import DataError, RunError
from mlpcli.figures.sweep_page import render_sweep
from mlpcli.sweep.record import SweepRecord, SweepRow, read_record, write_record


class Page(HTMLParser):
    """The contents of a page: the text of each section, and every attribute of every tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.sections[str(dict(attrs)["id"])] = ""

    def handle_data(self, data: str) -> None:
        if self.sections:
            section = list(self.sections)[-1]
            self.sections[section] = " ".join(f"{self.sections[section]} {data}".split())


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a sweep of 32 runs, of which some have diverged."""
    grid = {"model.hidden": [[2], [9]], "optimizer.learning_rate": [0.01, 0.1, 1e9, 0.3]}
    return make_sweep(tmp_path_factory.mktemp("sweep") / "spiral-sweep", grid, 4, "spiral")


@pytest.fixture(scope="module")
def html(directory: Path) -> str:
    return render_sweep(directory)


def test_a_page_has_everything_and_fetches_nothing(html: str) -> None:
    page = Page(html)
    assert list(page.sections) == [
        *("verdict", "key_importance", "parallel", "keys", "boundary", "curves"),
        *("ranking", "differences", "ended", "next"),
    ]
    assert "http" not in html.replace("http-equiv", "")
    assert len(html) < 2_000_000
    for tag, attributes in page.tags:
        assert tag != "script"
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/png;base64,")), tag
        if attributes.get("role") == "img":
            assert attributes["aria-label"]
    links = {attributes["href"] for tag, attributes in page.tags if tag == "a"}
    assert links == {f"#{name}" for name in page.sections}
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_it_says_what_the_table_says(html: str, directory: Path) -> None:
    sections = Page(html).sections
    record = read_record(directory / "sweep.csv")
    failed = [row for row in record.rows if row.status == "failed"]
    finished = [row for row in record.rows if row.status == "finished"]
    assert failed
    assert f"{len(finished)} finished, {len(failed)} failed." in sections["verdict"]
    assert f"{len(failed)} of 32 runs failed and count in no mean" in sections["verdict"]
    means: dict[str, list[float]] = {}
    for row in finished:
        means.setdefault(str(row.values), []).append(row.best["val_accuracy"] or 0.0)
    best = max(sum(scores) / len(scores) for scores in means.values())
    assert f"validation accuracy {best:.2%} in the best epoch" in sections["verdict"]
    assert "the seed" in sections["verdict"]
    assert sections["ranking"].partition(" A ")[2].split(" B ")[0].split()[2] == f"{best:.2%}"
    assert sections["ranking"].count("%") == 2 * len(means)
    assert sections["ended"].count("failed") == len(failed)
    assert "diverged" in sections["ended"]
    assert "mlp compare" in sections["next"]


def test_every_reference_within_a_picture_leads_somewhere(html: str) -> None:
    ids = set(re.findall(r'\bid="([^"]+)', html))
    references = set(re.findall(r'(?:href="#|url\(#)([^")]+)', html))
    assert len(references) > 30
    assert references <= ids


def test_the_order_of_rows_does_not_matter(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlpcli.figures.sweep_page._pictures", lambda *_: ([], []))
    record = read_record(directory / "sweep.csv")
    write_record(tmp_path / "sweep.csv", replace(record, rows=list(reversed(record.rows))))
    sections = [Page(render_sweep(place)).sections for place in (directory, tmp_path)]
    for name in ("ranking", "differences"):
        assert sections[0][name] == sections[1][name]


def test_few_runs_and_no_directories_make_a_page_too(directory: Path, tmp_path: Path) -> None:
    """The runs of another machine are not here: their pictures are left out, with a word."""
    record = read_record(directory / "sweep.csv")
    rows = [row for row in record.rows if row.seed == 0 and row.values["optimizer.learning_rate"] < 1]
    write_record(tmp_path / "sweep.csv", replace(record, rows=rows))
    sections = Page(render_sweep(tmp_path)).sections
    assert sections.keys() == {"verdict", "parallel", "keys", "ranking", "next"}
    assert "Nobody can say: there is one seed of each" in sections["verdict"]
    assert "Not measured: 6 runs finished, and it takes 20 or more" in sections["verdict"]
    assert "How the best ones learned: not drawn, as" in sections["verdict"]


def test_a_table_of_someone_else_is_only_text(directory: Path, tmp_path: Path) -> None:
    evil = "<script>document.title='x'</script>\u202e"
    record = read_record(directory / "sweep.csv")
    rows = [
        replace(
            row, values={**row.values, "model.hidden": f"{evil}{row.values['model.hidden']}"}, message=evil
        )
        for row in record.rows
    ]
    (tmp_path / "sweep.yaml").write_text(evil, encoding="utf-8")
    write_record(tmp_path / "sweep.csv", SweepRecord(record.keys, record.scores, rows))
    html = render_sweep(tmp_path)
    assert "<script" not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({0.1: [0.9, 0.8, 0.7], 0.2: [0.89, 0.82, 0.69]}, "It cannot be told apart from the other."),
        ({0.1: [0.9, 0.8, 0.71], 0.2: [0.5, 0.41, 0.3]}, "against 1 of 1 others."),
        ({0.1: [0.9, 0.8], 0.2: [0.8, 0.9], 0.3: [0.1, 0.0]}, "). 1 other setting came to the same mean."),
        (
            {0.1: [0.9, 0.8, 0.71], 0.2: [0.89, 0.82, 0.69], 0.3: [0.1, 0.01, 0.0]},
            "against 1 of 2 others; from the rest, it cannot be told apart.",
        ),
    ],
)
def test_whether_the_best_is_better_is_said(
    scores: dict[float, list[float]], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlpcli.figures.sweep_page._pictures", lambda *_: ([], []))
    rows = [
        SweepRow(10 * i + seed, "finished", seed, {"a": rate}, 1, {"val_accuracy": score}, {}, 1.0, "run")
        for i, (rate, values) in enumerate(scores.items())
        for seed, score in enumerate(values)
    ]
    write_record(tmp_path / "sweep.csv", SweepRecord(("a",), ("val_accuracy",), rows))
    assert expected in Page(render_sweep(tmp_path)).sections["verdict"]


def table_of(place: Path, scores: dict[float, list[float | None]]) -> Path:
    """Write the table of a sweep with the scores of each setting; runs without a score have failed."""
    rows = [
        SweepRow(
            10 * i + seed,
            "failed" if score is None else "finished",
            seed,
            {"a": rate, "b": 3},
            1,
            {} if score is None else {"val_accuracy": score},
            {},
            1.0,
            "run",
        )
        for i, (rate, values) in enumerate(scores.items())
        for seed, score in enumerate(values)
    ]
    write_record(place / "sweep.csv", SweepRecord(("a", "b"), ("val_accuracy",), rows))
    return place


def test_the_best_single_run_is_told_where_it_is_of_another_setting(tmp_path: Path) -> None:
    said = Page(render_sweep(table_of(tmp_path, {0.1: [0.8, 0.9], 0.2: [0.5, 0.99]}))).sections["verdict"]
    assert "Run 11, of setting B: validation accuracy 99.00%. The mean of that setting is worse" in said
    said = Page(render_sweep(table_of(tmp_path, {0.1: [0.8, 0.9], 0.2: [0.5, 0.7]}))).sections["verdict"]
    assert "single run" not in said


def test_a_setting_is_named_where_all_others_failed(tmp_path: Path) -> None:
    said = Page(render_sweep(table_of(tmp_path, {0.1: [0.8, 0.9], 0.2: [None, None]}))).sections["verdict"]
    assert "a 0.1, the only setting with a finished run: validation accuracy 85.00%" in said


@pytest.mark.parametrize(("settings", "is_told"), [(5, False), (6, True)])
def test_the_best_quarter_is_named_where_lines_show_it(tmp_path: Path, settings: int, is_told: bool) -> None:
    scores = {i / 10: [i / 10, None] for i in range(settings)}
    said = Page(render_sweep(table_of(tmp_path, scores))).sections["parallel"]
    assert ("the best quarter" in said) == is_told


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sweep.csv").write_text("run\n")
    with pytest.raises(DataError, match="the first line has not the columns"):
        render_sweep(tmp_path)
    write_record(tmp_path / "sweep.csv", SweepRecord(("a",), ("val_loss",), []))
    with pytest.raises(RunError, match="0 runs of the sweep finished"):
        render_sweep(tmp_path)


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
def test_the_page_fits_and_is_accessible(
    browser: Any, axe: Callable[[Any], list[str]], html: str, tmp_path: Path, width: int, scheme: str
) -> None:
    features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
    metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    (tmp_path / "sweep.html").write_text(html, encoding="utf-8")
    browser.get((tmp_path / "sweep.html").as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert axe(browser) == []
    assert browser.get_log("browser") == []
