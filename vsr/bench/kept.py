"""Where results are kept: a folder by version and machine, one file for each suite."""

from __future__ import annotations

import re
from pathlib import Path

from vsr.bench.machine import Machine
from vsr.bench.results import Results
from vsr.errors import OptionError


def check_folder(folder: str) -> None:
    """Raise OptionError unless it is there; what lies below is made when something is kept."""
    if not Path(folder).is_dir():
        raise OptionError(f"--keep {folder}: there is no such folder; make it first")


def kept_path(folder: str, results: Results) -> Path | None:
    """Return FOLDER/VERSION/MACHINE/SUITE.json, its folder made; None for what is not worth keeping.

    That is a run that was interrupted, or in which nothing can be trusted. Raises OSError.
    """
    if results.exit_code not in (0, 3):
        return None
    version = str(results.vsr["version"])
    path = Path(folder) / version / machine_name(results.machine) / f"{results.suite}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def machine_name(machine: Machine) -> str:
    """Return what tells machines apart as the name of a folder: amd-epyc-2-cores-avx512."""
    text = f"{machine.cpu} {machine.cores} cores {machine.isa} {machine.gpu or ''}"
    words = re.sub(r"\((r|tm|c)\)|@.*?hz", " ", text.lower())
    return "-".join(re.findall(r"[a-z0-9.]+", words))
