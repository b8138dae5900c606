"""The page as a whole: what it says around the charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from vsr.bench.page.names import figure, head
from vsr.bench.page.run import traced
from vsr.bench.page.speed import quality, roofline, speed
from vsr.bench.results import Results
from vsr.page.html import bullets, document, folded, heading, number, paragraph, table

_TITLES = {
    "models": "Benchmark: models alone",
    "kernels": "Benchmark: operations",
    "pipeline": "Benchmark: whole runs",
    "peers": "Benchmark: beside other programs",
}


def results_page(results: Results) -> str:
    """Return the page for results of any suite."""
    facts = results.to_json()
    trusted = [case for case in facts["cases"] if case["refused"] is None]
    return document(
        _TITLES[results.suite],
        [
            _intro(facts),
            *speed(results.suite, trusted),
            *quality(trusted),
            *roofline(trusted),
            *_runs(trusted),
            *_figures(trusted),
            *_left_out(facts),
            *_machine(facts["machine"]),
            *_method(facts),
        ],
    )


def _intro(facts: Mapping[str, Any]) -> str:
    machine = facts["machine"]
    gpu = f", {machine['gpu']}" if machine["gpu"] else ""
    lines = [f"<p>{escape(machine['cpu'])}, {number(machine['cores'], 0)} cores{escape(gpu)}</p>"]
    if facts["interrupted"]:
        lines.append(paragraph("Interrupted: these cases were measured before."))
    if not facts["cases"]:
        lines.append(paragraph("Nothing was measured."))
    return "".join(lines)


def _runs(cases: Sequence[Mapping[str, Any]]) -> list[str]:
    runs = [traced(case) for case in cases if "trace" in case["detail"]]
    return [heading("Who waited for whom"), *(part for run in runs for part in run)] if runs else []


def _figures(cases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return all figures, what was asked for and chosen, and the rounds."""
    if not cases:
        return []
    figures = list(dict.fromkeys(name for case in cases for name in case["figures"]))
    parameters = list(dict.fromkeys(name for case in cases for name in case["parameters"]))
    return [
        heading("All figures"),
        table(
            ["", *map(head, figures)],
            [[escape(c["name"]), *(figure(c["figures"].get(name)) for name in figures)] for c in cases],
        ),
        folded(
            "What was measured",
            table(
                ["", *map(head, parameters)],
                [
                    [escape(c["name"]), *(_parameter(c["parameters"].get(n)) for n in parameters)]
                    for c in cases
                ],
            ),
        ),
        folded(
            "Each round: seconds a frame, and the share of the processor that others took", _rounds(cases)
        ),
    ]


def _rounds(cases: Sequence[Mapping[str, Any]]) -> str:
    count = max(len(case["samples"]) for case in cases)
    rows = []
    for case in cases:
        for text, values, places in (("s a frame", case["samples"], 6), ("others", case["noise"], 3)):
            cells = [number(value, places) for value in values]
            rows.append([f"{escape(case['name'])}, {text}", *cells, *[""] * (count - len(cells))])
    return table(["round", *(str(index + 1) for index in range(count))], rows)


def _parameter(value: str | float | bool | None) -> str:
    if isinstance(value, str):
        return escape(value)
    return ("no", "yes")[value] if isinstance(value, bool) else figure(value)


def _left_out(facts: Mapping[str, Any]) -> list[str]:
    refused = [[escape(c["name"]), escape(c["refused"])] for c in facts["cases"] if c["refused"] is not None]
    absent = [[escape(a["name"]), escape(a["why"]), escape(a["remedy"])] for a in facts["absent"]]
    parts = []
    if refused:
        parts += [heading("Refused"), table(["", "why"], refused, kind="text")]
    if absent:
        parts += [heading("Absent"), table(["", "why", "what brings it"], absent, kind="text")]
    return parts


def _machine(machine: Mapping[str, Any]) -> list[str]:
    load = " ".join(number(value, 2) for value in machine["load"])
    rows = [
        ["processor", escape(machine["cpu"])],
        ["cores", number(machine["cores"], 0)],
        ["instructions", escape(machine["isa"])],
        ["clock", number(machine["frequency_mhz"], 0, unit=" MHz")],
        ["memory", number(machine["memory_bytes"], 0, unit=" bytes")],
        ["load before", load or "-"],
        ["GPU", escape(machine["gpu"] or "-")],
        ["driver", escape(machine["driver"] or "-")],
        ["system", escape(machine["system"])],
        *([escape(name), escape(version)] for name, version in machine["packages"].items()),
    ]
    return [heading("Machine"), table(["", ""], rows, kind="text")]


def _method(facts: Mapping[str, Any]) -> list[str]:
    method, vsr = facts["method"], facts["vsr"]
    commit = f", commit {vsr['commit']}" if vsr["commit"] else ""
    turn = f", each of {number(method['turn_seconds'], 2)} s" if method["turn_seconds"] else ""
    return [
        heading("How it was measured"),
        f"<p>Rounds for each case: {number(method['rounds'], 0)}{turn}; "
        f"a round counts where others took at most {number(method['noise_limit'], 2)} of the processor.</p>",
        bullets(_METHOD if turn else _METHOD_OF_RUNS),
        paragraph(f"vsr {vsr['version']}{commit}, {facts['made']}", soft=True),
    ]


_ORDER = "Each case has a process of its own. Cases take turns; every second round goes backwards."
_REFUSAL = (
    "What was measured while others used the machine, or differs too much from round to round, is refused."
)
_METHOD = (
    _ORDER,
    "The first half of a turn warms up and does not count. A round's result is its median frame, a case's "
    "the median of its rounds.",
    _REFUSAL,
)
_METHOD_OF_RUNS = (_ORDER, "A round is a whole run; a case's result is the median of its rounds.", _REFUSAL)
