"""Gives the site the shape of the repository, so that the same links work in both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

LINK = re.compile(r"\]\(([^)#\s]+)|src=\"([^\"]+)\"")
FOUND_LAST = ("CHANGELOG.md", "docs/architecture.md", "docs/reading.md")
CELL = re.compile(r"<td[ >].*?</td>", re.DOTALL)
CODE = re.compile(r"(?<=<code>)[^<]+")
OPTION = re.compile(r"--[a-z-]+")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give headings the anchors that they have in the repository, and folders their pages."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    _list_folders(config.nav or [], Path(config.config_file_path).parent)
    return config


def _list_folders(nav: list[Any], root: Path) -> None:
    for entry in nav:
        for title, target in entry.items() if isinstance(entry, dict) else ():
            if isinstance(target, list):
                _list_folders(target, root)
            elif target.endswith("/"):
                pages = sorted((root / target).glob("*.md"), key=lambda page: (page.stem != "index", page))
                entry[title] = [page.relative_to(root).as_posix() for page in pages]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put the pages under docs/, beside them README.md, and whatever in the repository they link to."""
    root = Path(config.config_file_path).parent
    site = Files([file for file in files if file.src_dir != config.docs_dir])  # those of the theme
    pages = [file for file in files if file.src_dir == config.docs_dir and not file.inclusion.is_excluded()]
    waiting = [root / "README.md", *(Path(config.docs_dir, file.src_uri) for file in pages)]
    while waiting:
        path = waiting.pop()
        uri = path.relative_to(root).as_posix()
        if site.get_file_from_path(uri) is not None:
            continue
        kind = Notebook if path.suffix == ".ipynb" else File
        site.append(kind(uri, str(root), config.site_dir, config.use_directory_urls))
        if path.suffix == ".md":
            for targets in LINK.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
                linked = (path.parent / "".join(targets)).resolve()
                if linked.is_file() and linked.is_relative_to(root):
                    waiting.append(linked)
    return site


class Notebook(File):
    """A notebook, which is a page of the site."""

    def is_documentation_page(self) -> bool:
        """Return True: it is shown as a page, and not copied as a file."""
        return True


def on_page_read_source(page: Page, **_: object) -> str | None:
    """Return a notebook as Markdown; other pages are read as they are."""
    if not isinstance(page.file, Notebook):
        return None
    cells = json.loads(Path(str(page.file.abs_src_path)).read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(part for cell in cells for part in _cell(cell))


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Let the search show what is new, and the house, after the pages for users."""
    if page.file.src_uri in FOUND_LAST:
        page.meta["search"] = {"boost": 0.2}
    return markdown


def on_page_content(html: str, **_: object) -> str:
    """Let code in the cells of tables break after underscores, and not inside of options."""

    def breaking(code: re.Match[str]) -> str:
        return OPTION.sub(r'<span class="option">\g<0></span>', code[0].replace("_", "_<wbr>"))

    return CELL.sub(lambda cell: CODE.sub(breaking, cell[0]), html)


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in cell.get("outputs", ()):
        data = output.get("data", {})
        if "image/png" in data:
            yield f"![](data:image/png;base64,{''.join(data['image/png']).strip()})"
        elif "text/html" in data:
            lines = "".join(data["text/html"]).splitlines()
            yield "\n".join(["<div>", *(line for line in lines if line.strip()), "</div>"])
        elif text := "".join(output.get("text", data.get("text/plain", ()))):
            yield f"```\n{text.rstrip()}\n```"
