from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.serve.release import make_release

from modelwright.serve.predictor import Predictor
from modelwright.serve.rehearse import Started, server
from modelwright.spec.serve import Serve


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed release; tests that change it copy it first."""
    return make_release(tmp_path_factory.mktemp("release") / "two-topics")


@pytest.fixture(scope="session")
def predictor(release: Path) -> Predictor:
    return Predictor(release, threads=1)


LIMITS = Serve(threads=1, max_request_rows=50, max_characters=5_000, max_body_bytes=60_000)


@pytest.fixture(scope="session")
def running(release: Path) -> Iterator[Started]:
    """The real server, as a process of its own."""
    with server(release, LIMITS) as started:
        yield started
