"""Processor time of commands: what a command costs, whoever else works on the machine."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

MOST_TURNS = 5
_LIBRARIES = "import numpy, pydantic, yaml; from pydantic import BaseModel, Field"


def seconds(*arguments: str) -> float:
    """Of a Python process, start-up included, with compiled modules kept, as a second start finds them."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=kept)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def assert_within_a_second(*arguments: str) -> None:
    """The best of some turns; the first only warms the caches. A processor's second is worth less on a slow or crowded machine: where loading
    three of our libraries takes over a sixth of a second, six times that is allowed (three are usual)."""
    seconds(*arguments)
    spent, loading = [], []
    while not spent or (len(spent) < MOST_TURNS and min(spent) >= 1.0):
        spent.append(seconds(*arguments))
        loading.append(seconds("-c", _LIBRARIES))
    assert min(spent) < max(1.0, 6 * min(loading)), (spent, loading)
