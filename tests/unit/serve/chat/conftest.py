from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from tests.unit.serve.chat.release import make_chat_release
from tests.unit.serve.serving import serving

from modelwright.serve.app import create_app
from modelwright.serve.predictor import Predictor
from modelwright.spec.serve import Serve

LIMITS = Serve(threads=1, places=2, max_tokens=200, max_characters=20_000, max_body_bytes=2_000_000)


@pytest.fixture(scope="session")
def chat_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_chat_release(tmp_path_factory.mktemp("chat") / "harbour")


@pytest.fixture(scope="session")
def chatty(chat_release: Path) -> Predictor:
    return Predictor(chat_release, threads=1)


@pytest.fixture(scope="session")
def address(chatty: Predictor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("log") / "requests.jsonl"
    with serving(create_app(chatty, LIMITS.model_copy(update={"log": str(log)}))) as found:
        yield found


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as found:
        yield found
