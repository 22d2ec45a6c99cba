"""What this machine is and what it uses: facts, memory, and peaks measured by short runs (never looked up)."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Machine:
    """Facts about the machine. Memory in bytes; `features` holds the instruction sets that decide precision."""

    processor: str
    cores: int
    memory_bytes: int
    features: tuple[str, ...]
    system: str
    python: str

    @property
    def line(self) -> str:
        """One line for evidence: what the figure was measured on."""
        return f"{self.cores} cores {self.processor}, {self.memory_bytes / 2**30:.0f} GiB, {self.system}"


_FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8", "bf16", "i8mm", "asimd")


@cache
def describe() -> Machine:
    """Read the facts once per process. Linux gives processor and instruction sets; elsewhere they stay general."""
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.split("\n"))}
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    return Machine(
        processor=fields.get("model name") or platform.processor() or platform.machine(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        features=tuple(name for name in _FEATURES if name in flags),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )


def resident_bytes(pid: int | None = None) -> int:
    """Memory that a process (default: this one) holds in RAM now, in bytes."""
    return psutil.Process(pid).memory_info().rss


def gemm_gflops(seconds: float = 0.5, size: int = 1024) -> float:
    """float32 matrix-multiply peak seen by numpy in about `seconds`, in GFLOP/s."""
    import numpy as np

    generator = np.random.default_rng(0)
    left, right = generator.random((2, size, size), dtype=np.float32)
    left @ right
    best, until = float("inf"), time.perf_counter() + seconds
    while best == float("inf") or time.perf_counter() < until:  # at least once, however busy the machine is
        start = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def copy_gbytes(seconds: float = 0.3, size: int = 1 << 26) -> float:
    """Memory bandwidth seen by a plain copy (bytes read plus written), in GB/s."""
    import numpy as np

    source = np.ones(size, dtype=np.uint8)
    target = np.empty_like(source)
    best, until = float("inf"), time.perf_counter() + seconds
    while best == float("inf") or time.perf_counter() < until:  # at least once, however busy the machine is
        start = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - start)
    return 2 * size / best / 1e9
