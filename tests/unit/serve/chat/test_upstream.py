"""Our own face over our own server: what a client sees must be the same as without the one in front."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from tests.unit.serve.chat.test_chat_server import ASKED, ask, metric
from tests.unit.serve.serving import serving, wait_until

from modelwright.serve.app import create_app
from modelwright.serve.predictor import Predictor
from modelwright.spec.serve import Serve


@pytest.fixture(scope="module")
def front(address: str, predictor: Predictor) -> Iterator[str]:
    """In front stands a release that can't chat itself: all that is said comes from behind."""
    engine = address.replace("http://", "openai://") + "/harbour"
    with serving(create_app(predictor, Serve(threads=1, engine=engine))) as found:
        yield found


def client_of(address: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)


def test_answers_streams_and_counts_are_those_behind(front: str, client: openai.OpenAI) -> None:
    with client_of(front) as through:
        assert [model.id for model in through.models.list().data] == ["two-topics"]
        behind, before = ask(client, max_tokens=30), ask(through, model="two-topics", max_tokens=30)
        assert before.choices[0].message.content == behind.choices[0].message.content
        assert (before.usage, before.model) == (behind.usage, "two-topics")
        chunks = list(ask(through, model="two-topics", max_tokens=30, stream=True, stream_options={"include_usage": True}))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == behind.choices[0].message.content
        assert chunks[-1].usage == behind.usage
        text = through.completions.create(model="two-topics", prompt="The tide", max_tokens=5, temperature=0)
        assert (
            text.choices[0].text
            == client.completions.create(model="harbour", prompt="The tide", max_tokens=5, temperature=0).choices[0].text
        )


def test_refusals_from_behind_keep_their_kind(front: str) -> None:
    with client_of(front) as through:
        long: Any = [{"role": "user", "content": "tide 潮水 " * 300}]
        with pytest.raises(openai.BadRequestError) as caught:
            ask(through, model="two-topics", messages=long)
        assert caught.value.body["code"] == "context_length_exceeded"  # type: ignore[index]
        with pytest.raises(openai.NotFoundError):
            ask(through, model="harbour")


def test_leaving_in_front_frees_the_place_behind(front: str, address: str) -> None:
    with client_of(front) as through:
        stream = ask(through, model="two-topics", max_tokens=190, stream=True, logit_bias={"0": -100, "2": -100})
        next(stream)
        stream.close()
    wait_until(lambda: metric(address, "modelwright_chat_busy") == 0, 3)


def test_a_server_that_is_not_there_is_a_bad_gateway(predictor: Predictor, unused_port: int) -> None:
    engine = f"openai://127.0.0.1:{unused_port}/model"
    with serving(create_app(predictor, Serve(threads=1, engine=engine))) as found, client_of(found) as through:
        with pytest.raises(openai.InternalServerError) as caught:
            ask(through, model="two-topics", messages=ASKED)
        assert caught.value.status_code == 502
        assert engine in caught.value.body["where"]  # type: ignore[index]


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
