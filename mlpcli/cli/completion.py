"""``mlp completion``: prints how a shell learns to complete command lines of mlp."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, CompletionItem, ZshComplete, add_completion_class

from mlpcli.cli.output import show

__all__ = ["completion"]

_INSTALL = {
    "bash": ("~/.bashrc", 'eval "$(_MLP_COMPLETE=bash_source mlp)"'),
    "zsh": ("~/.zshrc, below compinit", 'eval "$(_MLP_COMPLETE=zsh_source mlp)"'),
    "fish": ("~/.config/fish/completions/mlp.fish", "_MLP_COMPLETE=fish_source mlp | source"),
}


@click.command()
@click.argument("shell", type=click.Choice(list(_INSTALL)))
def completion(shell: str) -> None:
    """Print the line that lets SHELL complete commands, options, configs, runs, and keys after --set.

    It can be appended to the file that it names:

    mlp completion bash >> ~/.bashrc
    """
    file, line = _INSTALL[shell]
    show(f"# Completion of mlp; this line belongs in {file}. New shells then have it.\n{line}")


@add_completion_class
class _Bash(BashComplete):
    """Completes words with an equals sign too, at which bash takes words apart.

    No blank follows a folder, or a key whose value is to come.
    """

    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)",
        'COMPREPLY+=("$value")\n            [[ $value == *[=/] ]] && compopt -o nospace',
    )
    _before = 0  # characters of the word that bash has set apart

    def get_completion_args(self) -> tuple[list[str], str]:
        words, typed = super().get_completion_args()
        if typed == "=" and words:
            typed = f"{words.pop()}="
            self._before = len(typed)
        elif words and words[-1] == "=" and len(words) > 1:
            key = "".join(words[-2:])
            words, typed = words[:-2], key + typed
            self._before = len(key)
        return _joined(words), typed

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{item.type},{item.value[self._before :]}"


@add_completion_class
class _Zsh(ZshComplete):
    """Lets no blank follow a folder, or a key whose value is to come."""

    source_template = (
        ZshComplete.source_template.replace("local -a response\n", "local -a response\n    local -a end\n")
        .replace(
            'if [[ "$type" == "plain" ]]; then',
            'if [[ "$type" == "plain" ]]; then\n            [[ "$key" == *[=/] ]] && end=(-S "")',
        )
        .replace("completions_with_descriptions -U\n", 'completions_with_descriptions -U "${end[@]}"\n')
        .replace("compadd -U -V", 'compadd "${end[@]}" -U -V')
    )


def _joined(words: list[str]) -> list[str]:
    """Return words in which those around an equals sign are one."""
    joined: list[str] = []
    for word in words:
        if joined and (word == "=" or joined[-1].endswith("=")) and not joined[-1].startswith("-"):
            joined[-1] += word
        else:
            joined.append(word)
    return joined
