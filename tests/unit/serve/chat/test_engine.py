from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from tests.unit.serve.serving import wait_until

from modelwright.base.decoding import Decoding, Layout
from modelwright.base.errors import MachineError
from modelwright.serve.chat.engine import CHUNK, Engine, Job, Piece
from modelwright.serve.chat.sampling import Chooser, Sampling
from modelwright.serve.chat.spelling import Spelling
from modelwright.serve.predictor import Predictor


class Listener:
    """Collects one answer's pieces."""

    def __init__(self, chatty: Predictor, prompt: list[int], limit: int, seed: int | None = None) -> None:
        self.came: queue.SimpleQueue[Piece] = queue.SimpleQueue()
        sampling = Sampling(temperature=0.0 if seed is None else 1.0, seed=seed)
        self.job = Job(prompt, limit, Chooser(sampling), Spelling(chatty.task.words.decode), self.came.put)

    def wait(self) -> tuple[str, int, Piece]:
        """Text, tokens and the last piece."""
        text, tokens = "", 0
        while True:
            piece = self.came.get(timeout=20)
            text, tokens = text + piece.text, tokens + piece.tokens
            if piece.last:
                return text, tokens, piece


class Gated(Decoding):
    """Steps only while `gate` is open, and fails when told to; its buffers begin full of NaN, as used memory may be."""

    def __init__(self, session, layout: Layout) -> None:
        super().__init__(session, layout)
        self.gate, self.broken = threading.Event(), False
        self.gate.set()

    def step(self, tokens):
        assert self.gate.wait(20)
        if self.broken:
            raise MemoryError("no memory")
        for buffer in self._rows.buffers:
            for row, text in enumerate(self.texts):
                buffer[row, :, text.length :] = np.nan
            buffer[len(self.texts) :] = np.nan
        return super().step(tokens)


@contextmanager
def engine(chatty: Predictor, places: int = 3) -> Iterator[tuple[Engine, Gated]]:
    decoding = Gated(chatty.graph.session, Layout.read(chatty.release))
    found = Engine(decoding, places, ends=())
    try:
        yield found, decoding
    finally:
        decoding.gate.set()
        found.close()


PROMPTS = [[5, 17, 40], list(range(10, 10 + CHUNK + 30)), [60] * 9, [3, 4]]


def test_answers_in_company_are_those_alone_whenever_they_join(chatty: Predictor) -> None:
    with engine(chatty) as (one, decoding):
        alone = []
        for number, prompt in enumerate(PROMPTS):
            listener = Listener(chatty, prompt, 20 + number, seed=number)
            one.submit(listener.job)
            alone.append(listener.wait())
        decoding.gate.clear()
        together = [Listener(chatty, prompt, 20 + number, seed=number) for number, prompt in enumerate(PROMPTS)]
        for listener in together:
            one.submit(listener.job)
        wait_until(lambda: one.busy >= 1)
        decoding.gate.set()
        assert [listener.wait() for listener in together] == alone
    assert [tokens for _, tokens, _ in alone] == [20, 21, 22, 23]
    assert {piece.reason for _, _, piece in alone} == {"length"}
    assert not decoding.texts


def test_greedy_answers_are_the_graph_s_own_most_likely_tokens(chatty: Predictor) -> None:
    decoding = Decoding(chatty.graph.session, Layout.read(chatty.release))
    with engine(chatty) as (one, _):
        listener = Listener(chatty, PROMPTS[0], 12)
        one.submit(listener.job)
        listener.wait()
        ids = [*PROMPTS[0], *listener.job.spelling.ids]
    feed = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
    feed |= {name: np.zeros((1, decoding.layout.heads, 0, decoding.layout.width), np.float32) for name in decoding.pasts}
    logits = chatty.graph.session.run(["logits"], feed)[0][0]
    assert logits.argmax(1)[len(PROMPTS[0]) - 1 : -1].tolist() == ids[len(PROMPTS[0]) :]


def test_who_leaves_frees_a_place_and_who_waits_takes_it(chatty: Predictor) -> None:
    with engine(chatty, places=1) as (one, decoding):
        decoding.gate.clear()
        first, second, third = (Listener(chatty, [5, 6 + number], 100) for number in range(3))
        for listener in (first, second, third):
            one.submit(listener.job)
        wait_until(lambda: one.busy == 1 and one.queued == 2)
        second.job.left = True  # while it waits
        first.job.left = True  # in the middle of its answer
        decoding.gate.set()
        assert third.wait()[1] == 100
        wait_until(lambda: one.busy == 0 and one.queued == 0)
        assert second.came.empty()
        assert not decoding.texts


def test_a_failure_is_told_to_those_it_hit_and_the_engine_goes_on(chatty: Predictor) -> None:
    with engine(chatty) as (one, decoding):
        decoding.broken = True
        hit = Listener(chatty, [5, 6], 10)
        one.submit(hit.job)
        error = hit.wait()[2].error
        assert isinstance(error, MachineError)
        assert "no memory" in error.came
        decoding.broken = False
        listener = Listener(chatty, [5, 6], 10)
        one.submit(listener.job)
        assert listener.wait()[1] == 10


def test_memory_of_long_texts_is_given_back(chatty: Predictor) -> None:
    layout = Layout.read(chatty.release)
    decoding = Decoding(chatty.graph.session, layout)
    from modelwright.base.decoding import Text

    texts = []
    for number in range(5):
        text = Text()
        decoding.read(text, [7 + number] * 200)
        decoding.join(text)
        texts.append(text)
    decoding.step([9] * 5)
    taken = sum(buffer.nbytes for buffer in decoding._rows.buffers)
    assert taken >= 5 * 201 * layout.token_bytes
    for text in texts:
        decoding.leave(text)
    assert sum(buffer.nbytes for buffer in decoding._rows.buffers) < taken / 4
    with pytest.raises(ValueError, match="not read just now"):
        decoding.join(texts[0])
