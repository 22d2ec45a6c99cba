"""Write constraints.txt: the exact version of every distribution that our extras need, as installed in this environment.

Only what the extras reach is listed, so that a library somebody tried out never becomes a pin. A local version label
("2.13.0+cpu") is dropped: which build of a version is taken is the machine's business.

    .venv/bin/python scripts/constrain.py [--check]
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
OURS = "modelwright"
HEADER = "# Exact versions that tests pass with. Written by scripts/constrain.py; `make constraints` renews it.\n"


def requirements(name: str, extra: str) -> list[str]:
    """What `name[extra]` asks for. Ours is read from pyproject.toml, so that an edit counts before it is installed again.

    Raises:
        SystemExit: the distribution is not installed.
    """
    if name == OURS:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return project["optional-dependencies"][extra] if extra else project["dependencies"]
    try:
        wanted = map(Requirement, distribution(name).requires or ())
    except PackageNotFoundError:
        raise SystemExit(f"{name} is needed but not installed; run: .venv/bin/python -m pip install -e '.[dev]'") from None
    return [str(item) for item in wanted if item.marker is None or item.marker.evaluate({"extra": extra})]


def reached(extras: set[str]) -> dict[str, str]:
    """Canonical name → version of everything that our extras need here, ours left out."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(OURS, extra) for extra in ("", *sorted(extras))]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        needed = [Requirement(text) for text in requirements(name, extra)]
        if name != OURS:
            found[name] = distribution(name).version.partition("+")[0]
        for requirement in needed:
            waiting += [(canonicalize_name(requirement.name), part) for part in ("", *sorted(requirement.extras))]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is out of date")
    check = parser.parse_args().check
    pins = reached({"all", "dev"})
    content = HEADER + "".join(f"{name}=={pins[name]}\n" for name in sorted(pins))
    path = ROOT / "constraints.txt"
    if check:
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            print("constraints.txt is out of date; run: make constraints", file=sys.stderr)
            return 1
        return 0
    path.write_text(content, encoding="utf-8")
    print(f"{path.name}: {len(pins)} distributions")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
