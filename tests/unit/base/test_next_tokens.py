"""A language model's graph, scored whole: padding, documents side by side, logits in pieces."""

from types import SimpleNamespace

import numpy as np
import pytest

from modelwright.base.errors import ReleaseError
from modelwright.base.next_tokens import NextTokens

VOCABULARY, WIDTH = 11, 4
TYPES = {"tensor(float)": "float32"}


class Session:
    """Stands for a graph: the logits of a token depend on the sum of all tokens so far, which is what the cache holds."""

    def __init__(self, positions: bool = False, width: int | str = WIDTH) -> None:
        self.names = ["input_ids", "attention_mask", *(["position_ids"] if positions else []), "past_key_values.0.key"]
        self.width, self.calls = width, list[tuple[int, int]]()

    def get_inputs(self):
        shape = ["batch", 1, "past", self.width]
        return [SimpleNamespace(name=name, type="tensor(float)", shape=shape) for name in self.names]

    def get_outputs(self):
        return [SimpleNamespace(name="logits", shape=["batch", "tokens", VOCABULARY])]

    def run(self, names, feed):
        ids, past = feed["input_ids"], feed["past_key_values.0.key"]
        self.calls.append(ids.shape)
        assert past.shape[0] == len(ids)
        assert feed["attention_mask"].shape[1] == past.shape[2] + ids.shape[1]
        if "position_ids" in feed:
            assert (feed["position_ids"][:, 0] == past.shape[2]).all()
        before = past[:, 0, -1:, 0] if past.shape[2] else np.zeros((len(ids), 1), np.float32)
        state = np.cumsum(ids, 1) + before
        keys = np.repeat(state[:, None, :, None], WIDTH, 3).astype(np.float32)
        found = {"logits": logits(state), "present.0.key": np.concatenate([past, keys], 2)}
        return [found[name] for name in names]


def logits(state: np.ndarray) -> np.ndarray:
    return np.cos(state[..., None] * np.arange(1, VOCABULARY + 1)).astype(np.float32)


def expected(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """By the definition, one document at a time."""
    found = np.zeros(ids.shape, np.float64)
    for row in range(len(ids)):
        for number in set(mask[row].tolist()) - {0}:
            where = np.flatnonzero(mask[row] == number)
            scores = logits(np.cumsum(ids[row, where])).astype(np.float64)
            logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
            found[row, where[1:]] = -logs[np.arange(len(where) - 1), ids[row, where[1:]]]
    return found


@pytest.mark.parametrize("logits_bytes", [10**9, 4 * VOCABULARY * 20, 4 * VOCABULARY * 3, 1])
@pytest.mark.parametrize("positions", [False, True])
def test_each_token_is_scored_once_however_little_memory_there_is(tmp_path, logits_bytes, positions):
    generator = np.random.default_rng(0)
    ids = generator.integers(0, VOCABULARY, (5, 13))
    mask = np.array(
        [[1] * 13, [1] * 4 + [0] * 9, [1] * 5 + [2] * 6 + [3] * 2, [1] + [2] * 12, [0] * 13],
        np.int64,
    )
    session = Session(positions)
    found = NextTokens(session, TYPES, tmp_path, logits_bytes).surprise(ids, mask)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(ids, mask), atol=1e-5)
    assert all(rows * tokens * VOCABULARY * 4 <= logits_bytes or rows * tokens == 1 for rows, tokens in session.calls)


def test_a_graph_that_leaves_the_width_open_needs_its_settings(tmp_path):
    with pytest.raises(ReleaseError, match=r"genai_config\.json"):
        NextTokens(Session(width="width"), TYPES, tmp_path)
    assert NextTokens.speaks(Session())
