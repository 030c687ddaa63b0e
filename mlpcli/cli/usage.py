"""Says what was probably meant by a command line that cannot be read, above all which key --set changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import click

from mlpcli.cli.commands import command_line
from mlpcli.errors import nearest

__all__ = ["explain"]

# What the options of the commands are called elsewhere.
OTHER_OPTIONS = {
    **dict.fromkeys(("output", "output-dir", "o", "save", "save-dir", "log-dir", "run-dir"), "out"),
    **dict.fromkeys(("silent", "s", "no-progress"), "quiet"),
    **dict.fromkeys(("cv", "cross-validate", "k-fold", "kfold", "n-splits"), "folds"),
    **dict.fromkeys(("n-jobs", "jobs", "j", "workers", "num-threads", "cores"), "threads"),
    **dict.fromkeys(("continue", "restart", "resume-from"), "resume"),
    **dict.fromkeys(("overwrite", "f"), "force"),
    **dict.fromkeys(("param", "override"), "set"),
    **dict.fromkeys(("browser",), "open"),
    **dict.fromkeys(("type", "plot"), "kind"),
    **dict.fromkeys(("print-config", "check"), "dry-run"),
}
# The arguments of the commands, which stand without an option.
_ARGUMENTS = {
    **dict.fromkeys(("config", "c", "config-file", "cfg", "yaml"), "config"),
    **dict.fromkeys(("checkpoint", "ckpt", "model", "weights", "model-path"), "checkpoint"),
    **dict.fromkeys(("run", "run-dir", "runs"), "runs"),
    **dict.fromkeys(("data", "input", "file", "csv"), "data"),
}


def explain(error: click.UsageError, args: Sequence[str]) -> str | None:
    """Return the message for a command line that click refuses, if there is a better one than click's."""
    ctx = error.ctx
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _bad_value(error, error.param)
    if ctx is None:
        return None
    if isinstance(ctx.command, click.Group):
        close = (
            nearest(error.option_name.lstrip("-"), ctx.command.commands)
            if isinstance(error, click.NoSuchOption)
            else None
        )
        return (
            f"{error.message.split('. ')[0].rstrip('.')}; did you mean {ctx.command_path} {close}?"
            if close
            else None
        )
    options = _options(ctx.command)
    if isinstance(error, click.NoSuchOption):
        return _unknown_option(error.option_name, ctx, options, args)
    extra = re.fullmatch(r"Got unexpected extra arguments? \((.*)\)", error.message)
    if extra is not None and "layers" in options and (sizes := [arg for arg in args if arg.isdecimal()]):
        return (
            f"the sizes of layers are named by --layers: {command_line(args[0], '--layers', ','.join(sizes))}"
        )
    for name, option in options.items():
        if extra is not None and isinstance(option.type, click.Choice) and extra[1] in option.type.choices:
            return f"{error.message}; did you mean --{name} {extra[1]}?"
    if extra is not None and "set" in options:
        return _extra_argument(options, args)
    return None


def _bad_value(error: click.BadParameter, param: click.Parameter) -> str | None:
    """Return what is said of a value that is none of the names, or no number of the range."""
    kind, name = param.type, param.opts[0] if isinstance(param, click.Option) else (param.name or "").upper()
    value = re.match(r"'?(.*?)'? is not ", error.message)
    if value is None:
        return None
    if isinstance(kind, click.Choice):
        names = [str(choice) for choice in kind.choices]
        close = nearest(value[1], names)
        guess = f"; did you mean {close}?" if close else ""
        return f"{name} {value[1]}: unknown name {value[1]!r}{guess} (allowed: {', '.join(names)})"
    if isinstance(kind, (click.IntRange, click.FloatRange)) and "range" in error.message:
        what = "whole number" if isinstance(kind, click.IntRange) else "number"
        ends = f" from {kind.min:,} to {kind.max:,}" if kind.max is not None else f", {kind.min:,} or more"
        return f"{name} {value[1]}: {value[1]!r} is not a {what}{ends}"
    return None


def _options(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by their long names, without the hyphens."""
    return {
        name.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
        if name.startswith("--")
    }


def _unknown_option(
    name: str, ctx: click.Context, options: dict[str, click.Option], args: Sequence[str]
) -> str:
    word = next((_word(arg) for arg in args if _word(arg) and _starts(arg, name)), name.lstrip("-"))
    shown = f"--{word}" if name.startswith("--") else f"-{word}"
    no_such = f"{shown} is no option of {ctx.command_path}"
    if name[1:].isdecimal() and any(param.name == "row" for param in ctx.command.params):
        return f"ROW {name}: rows are numbered from 1"
    close = OTHER_OPTIONS.get(word) or nearest(word, options)
    if close in options and (close == OTHER_OPTIONS.get(word) or not _keys(word)):
        return f"{no_such}; did you mean --{close}?"
    arguments = [param.name for param in ctx.command.params if isinstance(param, click.Argument)]
    argument = _ARGUMENTS.get(word)
    if argument in arguments:
        usage = ctx.command.get_usage(ctx).removeprefix("Usage: ")
        return f"{no_such}; the {argument} is named without an option:\n  {usage}"
    keys = _keys(word) if "set" in options else []
    if not keys:
        return f"{no_such} (its options: {', '.join(f'--{option}' for option in options)})"
    if len(keys) > 1:
        return f"{no_such}; --set changes the keys of the config, such as {' or '.join(keys)}"
    return f"{no_such}; it is a key of the config, which --set changes:\n  {_rewritten(args, options)}"


def _starts(arg: str, name: str) -> bool:
    """Return whether an argument is the option that click calls ``name``, which may be its first letter."""
    return arg.split("=")[0] == name or (not name.startswith("--") and arg.startswith(name))


def _word(arg: str) -> str:
    """Return the name of an option without its hyphens; an empty one for what is no option."""
    return arg.split("=")[0].lstrip("-") if re.match("--?[A-Za-z]", arg) else ""


def _keys(word: str) -> list[str]:
    from mlpcli.config.keys import find_keys
    from mlpcli.config.schema import Experiment

    return find_keys(word, Experiment)


def _extra_argument(options: dict[str, click.Option], args: Sequence[str]) -> str | None:
    """Return what is said of ``epochs=5`` without --set, and of --set with a blank for the equals sign."""
    fixed = _rewritten(args, options)
    if fixed == command_line(*args):
        return None
    return f"a key of the config is changed by --set KEY=VALUE:\n  {fixed}"


def _rewritten(args: Sequence[str], options: dict[str, click.Option]) -> str:
    """Return the command line with --set for every key of the config in it."""
    return command_line(*_rewrite(list(args), options))


def _rewrite(args: list[str], options: dict[str, click.Option]) -> Iterator[str]:
    known = {name for option in options.values() for name in option.opts}
    while args:
        arg = args.pop(0)
        if arg == "--set" and len(args) > 1 and "=" not in args[0] and not args[1].startswith("-"):
            key = args.pop(0)
            yield from (arg, f"{next(iter(_keys(key)), key)}={args.pop(0)}")
            continue
        if arg == "--set" and args and _is_open(args[0]):  # the shell has cut it at its blanks
            value = args.pop(0)
            while args and _is_open(value):
                value += f" {args.pop(0)}"
            yield from (arg, value)
            continue
        takes_value = next((o for o in options.values() if arg in o.opts and not o.is_flag), None)
        if takes_value is not None and args and not _word(args[0]):
            yield from (arg, args.pop(0))
            continue
        key, equals, value = arg.partition("=")
        keys = _keys(_word(arg) or (key if equals else ""))
        if arg in known or not keys or (not _word(arg) and not equals):
            yield arg
            continue
        yield from ("--set", f"{keys[0]}={value if equals else _take_value(keys[0], args)}")


def _is_open(value: str) -> bool:
    """Return whether a value has a bracket that is not closed."""
    return any(value.count(first) > value.count(last) for first, last in ("[]", "{}"))


def _take_value(key: str, args: list[str]) -> str:
    """Take the value of a key from the front of ``args``: of a list all numbers that follow."""
    from mlpcli.config.keys import is_list
    from mlpcli.config.schema import Experiment

    if not args or re.match("--?[A-Za-z]", args[0]):
        return "VALUE"
    values = [args.pop(0)]
    if is_list(key, Experiment):
        while args and args[0].isdecimal():
            values.append(args.pop(0))
        text = ", ".join(values).strip("[]")
        return f"[{text}]" if re.fullmatch(r"[\d, ]*", text) else text
    return values[0]
