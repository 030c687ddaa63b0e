"""``python -m benchmarks``: compares the speed of mlp with that of its peers and of the bare matrix products.

All do the same work in turn, A B A B, and medians are reported, so that other load on the machine affects all
of them equally. Peers that are not installed (pip install '.[bench]') are left out. The code of mlp that
is timed is the code that its users run.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks.timing import Result, describe_machine, limit_cores, time_race
from benchmarks.works import MB, Race, Work, races

UNITS = {"step": "time a step", "pass": "time a pass", "run": "time a run", "peak": "peak memory"}


def row(race: Race, first: Result, result: Result) -> dict[str, Any]:
    """Return the result of an entry, as ``--json`` prints it."""
    entry, goal = result.entry, result.entry.goal
    is_training = isinstance(entry.does, Work) and not entry.does.evaluation
    found: dict[str, Any] = {
        "work": race.title,
        "contender": entry.label,
        "unit": race.unit,
        "seconds": result.seconds / (entry.does.steps if isinstance(entry.does, Work) and is_training else 1),
        "examples_per_second": (
            (entry.does.networks or 1) * entry.does.examples * entry.does.epochs / result.seconds
            if isinstance(entry.does, Work)
            else None
        ),
        "peak_bytes": result.peak,
        "first_is_faster_by": result.seconds / first.seconds,
    }
    if goal is not None:
        value = {
            "faster": result.seconds / first.seconds,
            "longer": first.seconds / result.seconds,
            "dearer": result.seconds / first.seconds,
            "seconds": result.seconds,
            "bytes": float(result.peak or 0),
        }[goal.kind]
        found |= {"goal": goal.kind, "value": value, "bound": goal.bound}
        if goal.bound is not None:
            found["reached"] = value >= goal.bound if goal.kind == "faster" else value <= goal.bound
    return found


def verdict(found: dict[str, Any]) -> str:
    """Return in words how an entry compares with mlp, and in parentheses the goal of mlp."""
    value, bound = found.get("value"), found.get("bound")
    comparison, required = {
        "faster": ("mlp {:.2f} x as fast", ">= {:g}"),
        "longer": ("mlp {:.2f} x as long", "<= {:g}"),
        "dearer": ("{:.2f} x as long", "<= {:g}"),
        "seconds": ("", "< {:.0f} ms"),
        "bytes": ("", "< {:.0f} MB"),
        None: ("", ""),
    }[found.get("goal")]
    scale = {"seconds": 1e3, "bytes": 1 / MB}.get(found.get("goal", ""), 1.0)
    words = [comparison.format(value)] if comparison else []
    if bound is not None:
        words.append(f"({required.format(scale * bound)}{'' if found['reached'] else ': missed'})")
    return " ".join(words)


def amount(found: dict[str, Any]) -> str:
    """Return the time or the memory that an entry took."""
    if found["unit"] == "peak":
        return f"{found['peak_bytes'] / MB:.0f} MB"
    milliseconds = 1e3 * found["seconds"]
    digits = 3 if milliseconds < 1 else 2 if milliseconds < 10 else 1 if milliseconds < 100 else 0
    return f"{milliseconds:.{digits}f} ms"


def rate(found: dict[str, Any]) -> str:
    """Return the examples per second, if the entry has examples."""
    return f"{found['examples_per_second']:,.0f}/s" if found["examples_per_second"] else ""


def as_text(race: Race, rows: list[dict[str, Any]]) -> str:
    """Return a table of at most 80 columns."""
    lines = [f"{race.title}; {UNITS[race.unit]}"]
    width = max(len(found["contender"]) for found in rows)
    for found in rows:
        cells = f"{found['contender']:<{width}}  {amount(found):>8}  {rate(found):>11}"
        lines.append(f"{cells}  {verdict(found)}".rstrip())
    return "\n".join(lines)


def as_markdown(race: Race, rows: list[dict[str, Any]]) -> str:
    """Return the same table in Markdown."""
    lines = [f"| {race.title} | {UNITS[race.unit]} | examples | |", "| --- | ---: | ---: | --- |"]
    lines += [f"| {r['contender']} | {amount(r)} | {rate(r)} | {verdict(r)} |" for r in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Parse the command line, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    everything = races()
    names = ", ".join(everything)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"{names}; default: all of them")
    parser.add_argument("--rounds", type=int, default=5, help="rounds to take the median of (default 5)")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print one JSON object")
    shape.add_argument("--markdown", action="store_true", help="print tables as in docs/speed.md")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.works if name not in everything]
    if unknown or arguments.rounds < 1:
        parser.error(
            f"there is no work {unknown[0]!r}: {names}" if unknown else "--rounds: must be at least 1"
        )
    limit_cores()
    machine = describe_machine()
    show = as_markdown if arguments.markdown else as_text
    if not arguments.json:
        print(", ".join(f"{name} {value}" for name, value in machine.items()))
    everything_found = []
    for name in arguments.works or everything:
        for race in everything[name]:
            results = time_race(race, arguments.rounds)
            rows = [row(race, results[0], result) for result in results]
            everything_found += rows
            if not arguments.json:
                print(f"\n{show(race, rows)}", flush=True)
    if arguments.json:
        json.dump({"machine": machine, "rows": everything_found}, sys.stdout, indent=1)
        print()


if __name__ == "__main__":
    main()
