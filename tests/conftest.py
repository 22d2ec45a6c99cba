"""What all tests share: which marks run, and a machine that tests can't dirty (cache folder, environment)."""

from __future__ import annotations

import importlib.util
import os
import socket
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run tests marked slow (minutes of real work)")
    parser.addoption("--offline", action="store_true", help="leave out tests marked network")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that can't run here is shown as skipped, with the reason; it never passes by silence."""
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow: give --slow"))
        if "network" in item.keywords and config.getoption("--offline"):
            item.add_marker(pytest.mark.skip(reason="network: --offline was given"))
        if "gpu" in item.keywords and not _has_gpu():
            item.add_marker(pytest.mark.skip(reason="gpu: there is none on this machine"))


@cache
def _has_gpu() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that a developer's shell may carry and that would change what tests see."""
    for name in [name for name in os.environ if name.startswith("MODELWRIGHT_") and name != "MODELWRIGHT_CACHE"]:
        monkeypatch.delenv(name)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection leaves this machine: any other address is refused at once, as on a machine without a network."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host not in ("", "127.0.0.1", "::1", "localhost"):
            raise OSError(101, "Network is unreachable")
        connect(self, address)  # type: ignore[arg-type]

    def guarded_resolve(host: object, *arguments: object, **settings: object) -> object:
        if host not in (None, "", "127.0.0.1", "::1", "localhost"):
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return resolve(host, *arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)


@pytest.fixture
def examples() -> Path:
    """The shipped projects."""
    return ROOT / "examples"
