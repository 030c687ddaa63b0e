"""``mlp completion SHELL`` says how to install it, and what it installs works in the shell."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlpcli.cli.completion import _INSTALL, _Bash, _Zsh


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[str, str], str]:
    """Return a function that runs a script in a shell which knows mlp and its completion, as ``line``."""
    (tmp_path / "mlp").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mlpcli "$@"\n')
    (tmp_path / "mlp").chmod(0o755)
    env = {
        **os.environ,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "XDG_CONFIG_HOME": str(tmp_path),
    }

    def run(name: str, script: str) -> str:
        if shutil.which(name) is None:
            pytest.skip(f"needs {name}")
        (tmp_path / "line").write_text(_INSTALL[name][1])
        done = subprocess.run(
            [name, "-c", script],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == ""
        return done.stdout

    return run


@pytest.mark.parametrize("name", _INSTALL)
def test_it_prints_a_comment_and_the_line_to_install(name: str, mlp: Callable[..., Any]) -> None:
    code, out, err = mlp("completion", name)
    assert (code, err) == (0, "")
    comment, line = out.splitlines()
    assert comment.startswith(f"# Completion of mlp; this line belongs in {_INSTALL[name][0]}.")
    assert line == _INSTALL[name][1]


def test_another_shell_is_refused_with_those_that_there_are(mlp: Callable[..., Any]) -> None:
    code, _, err = mlp("completion", "csh")
    assert code == 2
    assert all(name in err for name in _INSTALL)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["mlp", "train", "spir"], ["spiral"], marks=pytest.mark.exhaustive),
        (["mlp", "train", "spiral", "--set", "regularization.max"], ["regularization.max_norm="]),
        # bash takes words apart at an equals sign
        pytest.param(
            ["mlp", "train", "--set", "optimizer.schedule", "=", "cosi"],
            ["cosine"],
            marks=pytest.mark.exhaustive,
        ),
        pytest.param(
            ["mlp", "train", "--set", "model.residual", "="], ["false", "true"], marks=pytest.mark.exhaustive
        ),
        (["mlp", "train", "--set", "model.residual", "=", "true", "spir"], ["spiral"]),
    ],
)
def test_bash_completes(shell: Callable[[str, str], str], words: list[str], expected: list[str]) -> None:
    script = f"""
    . ./line
    compopt() {{ :; }}  # it may be called only while readline completes
    COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}
    _mlp_completion mlp
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert shell("bash", script).splitlines() == expected


@pytest.mark.exhaustive
def test_fish_completes(shell: Callable[[str, str], str]) -> None:
    script = (
        'source ./line; complete -C "mlp train spir"; complete -C "mlp train --set optimizer.schedule=cosi"'
    )
    assert shell("fish", script).splitlines() == ["spiral", "optimizer.schedule=cosine"]


@pytest.mark.exhaustive
def test_zsh_loads_its_function(shell: Callable[[str, str], str]) -> None:
    script = "autoload -U compinit; compinit -u -D; . ./line; print -r -- $_comps[mlp]"
    assert shell("zsh", script) == "_mlp_completion\n"


def test_the_scripts_of_click_are_changed_where_they_have_to_be() -> None:
    assert "compopt -o nospace" in _Bash.source_template
    assert _Zsh.source_template.count('"${end[@]}"') == 2
    assert _Zsh.source_template.count("end=(") == _Zsh.source_template.count("local -a end") == 1
