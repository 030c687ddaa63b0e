"""The notebook in docs/ runs, and its outputs are what its code gives.

``python tests/test_notebook.py`` runs it and writes the outputs anew, after a change of its cells.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbclient is not installed")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"
NUMBER = re.compile(r"[ −-]*\d[\d.,e-]*")
STRICT = """\
import warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", module="ipykernel")
"""
INLINE = """\
%matplotlib inline
import matplotlib.pyplot as plt
run.plot("curves")
"""
WIDGET = "application/vnd.jupyter.widget-view+json"
SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)


def read() -> Any:
    return nbformat.read(NOTEBOOK, 4)


def is_bar(output: Any) -> bool:
    return output.get("name") == "stderr" or WIDGET in output.get("data", {})


def run(notebook: Any, folder: Path, first: str = "") -> Any:
    """Run a notebook in a folder, ``first`` before its own code; its bars are left out."""
    notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    nbclient.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    ).execute()
    del notebook.cells[0]
    notebook.metadata.pop("widgets", None)
    for number, cell in enumerate(code(notebook), 1):
        cell.execution_count = number
        cell.outputs = [output for output in cell.outputs if not is_bar(output)]
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    return notebook


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def told(cell: Any) -> list[dict[str, str]]:
    """Return the outputs of a cell by their kinds, without numbers, which differ by machine, and pictures."""
    found = []
    for output in cell.outputs:
        data = output.get("data") or {output.output_type: output.text}
        texts = {
            kind: " ".join(NUMBER.sub(" n ", SVG.sub("svg", text)).split())
            for kind, text in data.items()
            if kind != "image/png"
        }
        found.append(texts | dict.fromkeys(data.keys() - texts, "a picture"))
    return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Any:
    notebook = read()
    notebook.cells.append(nbformat.v4.new_code_cell(INLINE))
    return run(notebook, tmp_path_factory.mktemp("notebook"), STRICT)


@pytest.mark.exhaustive
def test_its_outputs_are_what_its_code_gives(ran: Any) -> None:
    stored = read()
    for cell, other in zip(code(stored), code(ran)[:-1], strict=True):
        assert told(cell) == told(other), cell.source


def test_it_is_whole_small_and_in_order() -> None:
    notebook = read()
    nbformat.validate(notebook)
    assert NOTEBOOK.stat().st_size < 200_000
    assert [cell.execution_count for cell in code(notebook)] == [*range(1, len(code(notebook)) + 1)]
    assert max(len(line) for cell in code(notebook) for line in cell.source.splitlines()) < 90


@pytest.mark.exhaustive
def test_each_picture_is_shown_once_also_where_pyplot_shows_its_own(ran: Any) -> None:
    for cell in code(ran):
        pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert len(pictures) == (cell.source.splitlines()[-1].startswith("run.plot(")), cell.source


def test_its_links_lead_to_pages() -> None:
    texts = [cell.source for cell in read().cells if cell.cell_type == "markdown"]
    links = re.findall(r"\]\(([^)#]+)", "\n".join(texts))
    assert links
    for link in links:
        assert (NOTEBOOK.parent / link).is_file(), link


if __name__ == "__main__":
    place = Path(tempfile.mkdtemp())
    nbformat.write(run(read(), place), NOTEBOOK)
    shutil.rmtree(place)
