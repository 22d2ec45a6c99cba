"""`modelwright doctor`: what this machine can do, measured now, and what to do about what it can't."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import psutil

from modelwright.base import machine
from modelwright.base.console import Console, amount
from modelwright.data.catalogue.fetch import cache_folder

_REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)(?:\[(?P<extras>[\w,. -]+)\])?[^;]*(?:;.*extra == ['\"](?P<extra>[\w-]+)['\"].*)?$")
_GIB = 2**30


def examine(console: Console) -> dict[str, Any]:
    """Look and measure, in about three seconds. Nothing outside this machine is contacted.

    Returns:
        Facts by name: memory and disk in bytes, peaks in GFLOP/s and GB/s (None where the library that would show it is
        not installed), and `warnings`, each {"came", "remedy"}.
    """
    warnings: list[dict[str, str]] = []
    facts = machine.describe()
    with console.progress("measuring", 3) as bar:
        float32 = machine.gemm_gflops()
        bar.update(1, note="matrix multiplication")
        copied = machine.copy_gbytes()
        bar.update(2, note="memory")
        torch = _torch(warnings)
        bar.update(3, note="bfloat16")
    found: dict[str, Any] = {
        "modelwright": _version("modelwright"),
        "python": facts.python,
        "system": facts.system,
        "processor": facts.processor,
        "cores": facts.cores,
        "features": list(facts.features),
        "memory_bytes": facts.memory_bytes,
        "memory_limit_bytes": _memory_limit(),
        "memory_available_bytes": psutil.virtual_memory().available,
        "disk_free_bytes": shutil.disk_usage(Path.cwd()).free,
        "peaks": {"float32_gflops": float32, "bfloat16_gflops": torch["bfloat16_gflops"], "copy_gbytes_per_s": copied},
        "gpus": torch["gpus"],
        "extras": _extras(),
        "cache": _cache(cache_folder()),
        "writable": {"here": _writable(Path.cwd()), "temporary": _writable(Path(tempfile.gettempdir()))},
    }
    found["warnings"] = [*warnings, *_warnings(found)]
    return found


def lines(found: dict[str, Any]) -> list[str]:
    """The findings as people read them."""
    peaks, cache = found["peaks"], found["cache"]
    limit = f", of which this process may use {_gib(found['memory_limit_bytes'])}" if found["memory_limit_bytes"] else ""
    bfloat16 = "not measured" if peaks["bfloat16_gflops"] is None else f"{amount(peaks['bfloat16_gflops'], 3)} GFLOP/s"
    gpus = [f"{item['name']}, {_gib(item['memory_bytes'])}" for item in found["gpus"]]
    text = [
        f"modelwright {found['modelwright']} · Python {found['python']} · {found['system']}",
        f"processor   {found['cores']} cores, {found['processor']} ({', '.join(found['features']) or 'no instruction sets known'})",
        f"memory      {_gib(found['memory_bytes'])}{limit}, {_gib(found['memory_available_bytes'])} available",
        f"disk        {_gib(found['disk_free_bytes'])} free here",
        f"peaks       float32 {amount(peaks['float32_gflops'], 3)} GFLOP/s · bfloat16 {bfloat16} · "
        f"copy {amount(peaks['copy_gbytes_per_s'], 3)} GB/s (measured now)",
        f"GPU         {' · '.join(gpus) or 'none'}",
    ]
    for name, extra in found["extras"].items():
        missing = [library for library, installed in extra["libraries"].items() if installed is None]
        state = "installed" if extra["installed"] else f"missing: {', '.join(missing)}"
        text.append(f"[{name}]{' ' * max(1, 10 - len(name))}{state}")
    text.append(f"cache       {cache['folder']}, {cache['bytes'] / 1e6:,.0f} MB")
    for warning in found["warnings"]:
        text += [f"! {warning['came']}", f"  {warning['remedy']}"]
    return text if found["warnings"] else [*text, "Nothing stands in the way of a run."]


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _extras() -> dict[str, Any]:
    """Each extra with its libraries' installed versions. `all` adds none; `dev` and `bench` are for those who change us."""
    wanted: dict[str, list[str]] = {}
    for text in (_version("modelwright") and requires("modelwright")) or ():
        match = _REQUIREMENT.match(text)
        if match is None or match["extra"] in (None, "all", "bench", "dev"):
            continue
        names = (
            [f"[{part.strip()}]" for part in match["extras"].split(",")] if match["name"] == "modelwright" else [match["name"]]
        )
        wanted.setdefault(match["extra"], []).extend(names)

    def libraries(extra: str) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for name in wanted[extra]:
            found |= libraries(name.strip("[]")) if name.startswith("[") else {name: _version(name)}
        return found

    return {
        extra: {"installed": None not in libraries(extra).values(), "libraries": libraries(extra)} for extra in sorted(wanted)
    }


def _torch(warnings: list[dict[str, str]]) -> dict[str, Any]:
    """bfloat16 peak (torch has it, numpy has not) and GPUs, as far as torch is installed."""
    if _version("torch") is None:
        return {"bfloat16_gflops": None, "gpus": []}
    try:
        import torch
    except (ImportError, OSError) as error:  # installed, but its shared libraries don't load here
        warnings.append(
            {
                "came": f"torch is installed but can't be loaded: {error}",
                "remedy": "Install it again: pip install --force-reinstall torch",
            }
        )
        return {"bfloat16_gflops": None, "gpus": []}
    gpus = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return {
        "bfloat16_gflops": _bfloat16_gflops(torch),
        "gpus": [{"name": gpu.name, "memory_bytes": gpu.total_memory} for gpu in gpus],
    }


def _bfloat16_gflops(torch: Any, seconds: float = 0.5, size: int = 1024) -> float:
    """bfloat16 matrix-multiply peak on the processor, in GFLOP/s."""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.rand(size, size, generator=generator).to(torch.bfloat16) for _ in range(2))
    best, until = float("inf"), time.perf_counter() + seconds
    with torch.inference_mode():
        left @ right
        while True:
            start = time.perf_counter()
            left @ right
            best = min(best, time.perf_counter() - start)
            if time.perf_counter() > until:
                return 2 * size**3 / best / 1e9


def _memory_limit() -> int | None:
    """What a container may use, in bytes, where that is less than the machine has."""
    file = Path("/sys/fs/cgroup/memory.max")
    text = file.read_text().strip() if file.is_file() else "max"
    return int(text) if text.isdigit() and int(text) < psutil.virtual_memory().total else None


def _cache(folder: Path) -> dict[str, Any]:
    size = sum(_size(path) for path in folder.rglob("*"))
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return {"folder": str(folder), "bytes": size, "writable": _writable(nearest)}


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:  # another process is using the cache
        return 0


def _writable(folder: Path) -> bool:
    """By writing: permissions alone do not tell of read-only mounts and full disks."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
            file.flush()
        return True
    except OSError:
        return False


def _warnings(found: dict[str, Any]) -> list[dict[str, str]]:
    """What would get in the way of a run, and what to do about it."""
    told: list[tuple[str, str]] = []
    for place, folder in (("here", "this folder"), ("temporary", "the folder for temporary files")):
        if not found["writable"][place]:
            told.append((f"{folder} can't be written", "Free some space or change the permissions."))
    if not found["cache"]["writable"]:
        told.append((f"the cache {found['cache']['folder']} can't be written", "export MODELWRIGHT_CACHE=<a folder that can>"))
    if found["disk_free_bytes"] < 2 * _GIB:
        told.append(
            (f"only {_gib(found['disk_free_bytes'])} of disk are free", "Free 2 GiB or more: runs keep their checkpoints.")
        )
    if found["memory_available_bytes"] < 2 * _GIB:
        told.append(
            (f"only {_gib(found['memory_available_bytes'])} of memory are available", "Close programs, or lower batch_size.")
        )
    for extra in ("data", "train", "serve", "report"):
        if extra in found["extras"] and not found["extras"][extra]["installed"]:
            told.append((f"the extra [{extra}] is incomplete", f"pip install 'modelwright[{extra}]'"))
    if not found["extras"]:
        told.append(("Modelwright is not installed as a package", "pip install -e '.[all]'"))
    if not {"avx512_bf16", "amx_bf16", "bf16"} & set(found["features"]) and not found["gpus"]:
        told.append(("the processor has no bfloat16 units", "Nothing to do: training uses float32, at about half the speed."))
    if shutil.which("nvidia-smi") and not found["gpus"]:
        told.append(("there is an NVIDIA driver, but torch sees no GPU", "Install the CUDA build of torch that fits the driver."))
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdigit() and int(threads) < found["cores"]:
        told.append((f"OMP_NUM_THREADS={threads} holds {found['cores']} cores back", "unset OMP_NUM_THREADS"))
    return [{"came": came, "remedy": remedy} for came, remedy in told]


def _gib(size: int) -> str:
    return f"{size / _GIB:.1f} GiB"
