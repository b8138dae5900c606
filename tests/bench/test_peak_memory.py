"""The most memory that a process had is its own, not that of the process which started it."""

import subprocess
import sys

import numpy as np
import pytest

CODE = """
from vsr.bench.machine import peak_rss_bytes, resident_bytes
print(resident_bytes("self"), peak_rss_bytes())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell only one of the two")
def test_a_large_parent_does_not_count() -> None:
    ballast = np.ones(300 << 20, np.uint8)
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    resident, peak = map(int, done.stdout.split())
    assert resident > 1 << 20  # and near the peak, but pages are counted in batches, and may be reclaimed
    assert resident / 2 < peak < ballast.nbytes
