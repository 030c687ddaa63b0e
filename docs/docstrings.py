"""Turns the plain text of docstrings into Markdown: names become links, formulas stay as they are."""

from __future__ import annotations

import re
from typing import Any

import griffe

CODE = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)


class PlainText(griffe.Extension):
    """Rewrites each docstring once its package is read."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Rewrite the docstrings of all public classes and functions, and of their public methods."""
        public = {}
        for room in ("mlpcli", "mlpcli.sklearn"):
            module = pkg if room == "mlpcli" else pkg["sklearn"]
            public |= {str(name).strip("'"): f"{room}.{name}" for name in module.exports or ()}
        for path in public.values():
            found = pkg[path.partition(".")[2]]
            if found.is_alias:
                found = found.final_target
            if found.is_class:
                for member in found.all_members.values():
                    _rewrite(member, pkg, public, found, path)
            _rewrite(found, pkg, public, found, path)


def _rewrite(found: Any, package: griffe.Module, public: dict[str, str], owner: Any, owner_path: str) -> None:
    if found.is_alias:
        found = found.final_target
    text = found.docstring and found.docstring.value
    if not text or found.extra["mlp"].get("rewritten"):
        return
    found.extra["mlp"]["rewritten"] = True
    members = owner.all_members if owner.is_class else {}

    def link(code: str) -> str:
        name = code.strip("`").removeprefix("mlpcli.")
        first, _, rest = name.partition(".")
        if code.startswith("``"):
            return code
        if first in public:
            path = f"{public[first]}{'.' + rest if rest else ''}"
        elif name in members:
            path = f"{owner_path}.{name}"
        else:
            return code
        return f"[{code}][{path}]" if package[path.partition(".")[2]].has_docstring else code

    parts = CODE.split(text)
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = link(part)
            continue
        part = part.replace("*", r"\*")
        part = re.sub(r"\bdocs/(\w+\.md)", r"[\1](\1)", part)
        parts[i] = re.sub(
            r"\b([A-Z]\w+(?:Error|Warning))\b",
            lambda match: f"[{match[1]}][{public[match[1]]}]" if match[1] in public else match[1],
            part,
        )
    found.docstring.value = "".join(parts)
