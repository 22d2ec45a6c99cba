"""What a service costs before its first customer: size on disk, start, memory.

    python scripts/measure_service.py RELEASE              with this environment's Python
    python scripts/measure_service.py RELEASE --install    in a fresh environment with nothing but modelwright[serve]

Bars: install < 300 MB and without torch; process start to first answered request < 1 s; < 250 MB resident after load.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright.base.console import Console
from modelwright.base.machine import describe
from modelwright.base.store import write_json
from modelwright.serve import load
from modelwright.serve.predictor import Predictor
from modelwright.serve.rehearse import first_answer, server
from modelwright.spec.serve import Serve

ROOT = Path(__file__).parent.parent
BARS = {"install_mb": 300, "cold_start_s": 1.0, "loaded_mb": 250}
HEAVY = ("torch", "transformers", "sklearn", "scipy", "onnx", "pandas", "pyarrow")
_CHECK = """
import json, sys
from pathlib import Path
from modelwright.serve.app import create_app
from modelwright.serve.predictor import Predictor
from modelwright.spec.serve import Serve
create_app(Predictor(Path(sys.argv[1])), Serve())
print(json.dumps(sorted(set(sys.argv[2:]) & set(sys.modules))))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path)
    parser.add_argument("--install", action="store_true", help="measure in a fresh environment")
    parser.add_argument("--starts", type=int, default=7, help="how often the server is started")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "service.json")
    given = parser.parse_args()
    release = given.release.resolve()
    found: dict[str, Any] = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "machine": describe().line}
    with tempfile.TemporaryDirectory() as folder:
        python = sys.executable
        if given.install:
            python, found["install_mb"], found["packages"] = _install(Path(folder))
        found |= {"heavy_modules": _heavy_modules(python, release), **_starts(python, release, given.starts)}
    found["bars"] = BARS
    found["meets_bars"] = not found["heavy_modules"] and all(found[name] < bar for name, bar in BARS.items() if name in found)
    write_json(given.out, found)
    Console().line(json.dumps({name: value for name, value in found.items() if name != "packages"}, indent=1))
    return 0 if found["meets_bars"] else 1


def _install(folder: Path) -> tuple[str, float, dict[str, float]]:
    """A fresh environment: its Python, the MB that installing added, and the largest packages among them."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    site = next((folder / "lib").glob("python*/site-packages"))
    before = _bytes_by_entry(site)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-c", str(ROOT / "constraints.txt"), f"{ROOT}[serve]"], check=True)
    added = {name: size - before.get(name, 0) for name, size in _bytes_by_entry(site).items()}
    largest = sorted(added, key=lambda name: -added[name])[:12]
    return python, round(sum(added.values()) / 1e6, 1), {name: round(added[name] / 1e6, 1) for name in largest}


def _bytes_by_entry(site: Path) -> dict[str, int]:
    return {
        entry.name: sum(path.stat().st_size for path in (entry.rglob("*") if entry.is_dir() else [entry]) if path.is_file())
        for entry in site.iterdir()
    }


def _heavy_modules(python: str, release: Path) -> list[str]:
    """Which of the heavy libraries a server has imported."""
    ended = subprocess.run([python, "-c", _CHECK, str(release), *HEAVY], capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


def _starts(python: str, release: Path, times: int) -> dict[str, float]:
    """Start the server `times` times: seconds to the first answer (median; the first start, which fills the system's file
    cache, is left out), memory after it, and after a second of load at 32 connections."""
    sample = Predictor(release).sample
    text = " ".join(["The shares of the bank rose after the match was won."] * 40)
    starts, idle, loaded = [], [], []
    for _ in range(times + 1):
        with server(release, Serve(), python) as started:
            requests = load.build(started.address, "/v1/predict", [sample, dict.fromkeys(sample, text)])
            starts.append(load.run(lambda started=started, requests=requests: first_answer(started, requests[0])))
            idle.append(started.memory_bytes)
            load.run(lambda started=started, requests=requests: load.load(started.address, requests, 32, 1.0))
            loaded.append(started.memory_bytes)
    return {
        "cold_start_s": round(statistics.median(starts[1:]), 3),
        "cold_start_low_s": round(min(starts[1:]), 3),
        "cold_start_high_s": round(max(starts[1:]), 3),
        "idle_mb": round(statistics.median(idle) / 1e6, 1),
        "loaded_mb": round(max(loaded) / 1e6, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
