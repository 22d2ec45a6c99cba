"""A language model's graph, token by token, for several texts at once.

The graph is of ONNX Runtime GenAI's layout: `input_ids` and `attention_mask` in, `logits` out, and for each layer the keys and
values of the tokens so far in and out. Its attention (`GroupQueryAttention`) reads how far each row has come from that row's
mask, so that texts of different lengths stand side by side without padding, each row's answer is the very same as alone, and a
text joins or leaves between any two steps. Keys and values stay in place: what goes in and what comes out is one buffer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.errors import ReleaseError
from modelwright.base.optional import require
from modelwright.base.store import read_json

SETTINGS = "genai_config.json"
"""Lies beside the graph of every language model that can be stepped."""
CHUNK = 256
"""Tokens of a prompt read at a time at most."""
_FIRST_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Layout:
    """What `genai_config.json` says of a graph.

    Args:
        layers, heads, width: key/value heads per layer, and numbers per head.
        context: tokens of a text at most, prompt and answer together.
        vocabulary: size of the logits.
        ends: the tokens that end an answer.
    """

    layers: int
    heads: int
    width: int
    context: int
    vocabulary: int
    ends: frozenset[int]

    @property
    def token_bytes(self) -> int:
        """Memory that one token of one text takes."""
        return 2 * self.layers * self.heads * self.width * 4

    @classmethod
    def read(cls, folder: Path) -> Layout:
        """Raises: ReleaseError: the file is missing or damaged."""
        path = folder / SETTINGS
        try:
            model = read_json(path)["model"]
            decoder, ends = model["decoder"], model["eos_token_id"]
            return cls(
                layers=int(decoder["num_hidden_layers"]),
                heads=int(decoder["num_key_value_heads"]),
                width=int(decoder["head_size"]),
                context=int(model["context_length"]),
                vocabulary=int(model["vocab_size"]),
                ends=frozenset(ends if isinstance(ends, list) else [ends]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ReleaseError(
                f"can't be read: {error}",
                expected="the file as the export wrote it",
                where=str(path),
                remedy="Make it again: modelwright run --from compress",
            ) from error


@dataclass(eq=False, slots=True)
class Text:
    """One text that is being continued: how many of its tokens the graph has seen."""

    length: int = 0


class Decoding:
    """Texts that a graph continues together. Used from one thread at a time.

    Args:
        session: an ONNX Runtime session.
        layout: of its graph.

    Attributes:
        texts: in the order of the rows of `step`.

    Raises:
        ReleaseError: the graph wants other inputs than this can give.
    """

    def __init__(self, session: Any, layout: Layout) -> None:
        self.runtime = require("onnxruntime", "serve")
        self.session, self.layout = session, layout
        pairs = [f"{layer}.{part}" for layer in range(layout.layers) for part in ("key", "value")]
        self.pasts, self.presents = [f"past_key_values.{pair}" for pair in pairs], [f"present.{pair}" for pair in pairs]
        known = {"input_ids", "attention_mask", "position_ids", *self.pasts}
        wanted = {item.name: item for item in session.get_inputs()}
        strange = sorted(set(wanted) - known) or sorted({"input_ids", "attention_mask", *self.pasts} - set(wanted))
        if strange or any(wanted[name].type != "tensor(float)" for name in self.pasts):
            raise _strange_graph(strange or ["keys and values that are not float32"])
        self.positions = "position_ids" in wanted
        self.texts: list[Text] = []
        self._rows = _Cache(self, 0, 0)
        self._apart = _Cache(self, 0, 0)
        self._reading: Text | None = None

    def read(self, text: Text, tokens: Sequence[int]) -> np.ndarray:
        """Show the graph the next tokens (at least one) of a text that is not among `texts` yet. One text is read at a time, from
        its beginning, in as many calls as its caller likes; then it is let `join`, or dropped.

        Returns:
            Logits for the token after them, float32 [vocabulary].
        """
        if text.length == 0:
            self._reading = text
        if self._reading is not text:
            raise ValueError("another text is being read")
        after = text.length + len(tokens)
        self._apart.reserve(1, after, keep=[text.length])
        positions = np.arange(text.length, after, dtype=np.int64)[None]
        logits = self._apart.run(np.array([tokens], np.int64), np.ones((1, after), np.int64), positions)
        text.length = after
        return logits[0, -1]

    def join(self, text: Text) -> None:
        """Let the text that was read take part in `step`, as the last row."""
        if self._reading is not text:
            raise ValueError("this text was not read just now")
        row = len(self.texts)
        self._rows.reserve(row + 1, text.length + 1, keep=[one.length for one in self.texts])
        for here, there in zip(self._rows.buffers, self._apart.buffers, strict=True):
            here[row, :, : text.length] = there[0, :, : text.length]
        self.texts.append(text)
        self._reading = None
        self._apart.shrink()

    def step(self, tokens: Sequence[int]) -> np.ndarray:
        """Give every text its next token.

        Returns:
            Logits for the tokens after them, float32 [texts, vocabulary]; overwritten by the next step.
        """
        lengths = np.array([text.length for text in self.texts], np.int64)
        longest = int(lengths.max()) + 1
        self._rows.reserve(len(self.texts), longest, keep=[text.length for text in self.texts])
        mask = (np.arange(longest) <= lengths[:, None]).astype(np.int64)
        logits = self._rows.run(np.array(tokens, np.int64)[:, None], mask, lengths[:, None])
        for text in self.texts:
            text.length += 1
        return logits[:, 0]

    def leave(self, text: Text) -> None:
        """Take a text out; the last row moves into its place. A text that is only being read is forgotten."""
        if text is self._reading:
            self._reading = None
        if text not in self.texts:
            return
        row, last = self.texts.index(text), self.texts.pop()
        if last is not text:
            self.texts[row] = last
            for buffer in self._rows.buffers:
                buffer[row, :, : last.length] = buffer[len(self.texts), :, : last.length]
        if not self.texts:
            self._rows.shrink()


class _Cache:
    """Keys and values of some rows: for each layer two arrays [rows, heads, tokens, width], of which the first rows are in use."""

    def __init__(self, owner: Decoding, rows: int, tokens: int) -> None:
        self.owner = owner
        self._allocate(rows, tokens)

    def _allocate(self, rows: int, tokens: int) -> None:
        layout = self.owner.layout
        shape = (rows, layout.heads, tokens, layout.width)
        self.rows, self.tokens = rows, tokens
        # zeros and not empty: the system hands out their memory only when it is written to
        self.buffers = [np.zeros(shape, np.float32) for _ in self.owner.pasts]
        self._bound: tuple[int, Any, np.ndarray] | None = None

    def reserve(self, rows: int, tokens: int, keep: Sequence[int]) -> None:
        """Room for `rows` rows of `tokens` tokens, keeping so many tokens of the first rows. It grows by doubling."""
        if rows <= self.rows and tokens <= self.tokens:
            return
        most = max(self.owner.layout.context, tokens)
        tokens = min(most, 2 ** math.ceil(math.log2(max(tokens, _FIRST_TOKENS)))) if tokens > self.tokens else self.tokens
        rows = 2 ** math.ceil(math.log2(rows)) if rows > self.rows else self.rows
        before = self.buffers
        self._allocate(rows, tokens)
        for old, new in zip(before, self.buffers, strict=True):
            for row, length in enumerate(keep[: len(old)]):
                new[row, :, :length] = old[row, :, :length]

    def shrink(self) -> None:
        """Give memory back that an unusually long text or many texts took."""
        if self.rows * self.tokens > 2 * _FIRST_TOKENS:
            self._allocate(0, 0)

    def run(self, ids: np.ndarray, mask: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """One run over the first rows.

        Args:
            ids, positions: int64 [rows, new tokens].
            mask: int64 [rows, tokens so far and new].

        Returns:
            Logits [rows, new tokens, vocabulary].
        """
        owner, rows = self.owner, len(ids)
        if ids.shape[1] > 1:
            binding, logits = self._bind(rows, ids.shape[1])
        else:
            if self._bound is None or self._bound[0] != rows:
                self._bound = (rows, *self._bind(rows, 1))
            binding, logits = self._bound[1:]
        binding.bind_cpu_input("input_ids", ids)
        binding.bind_cpu_input("attention_mask", mask)
        if owner.positions:
            binding.bind_cpu_input("position_ids", positions)
        owner.session.run_with_iobinding(binding)
        return logits

    def _bind(self, rows: int, length: int) -> tuple[Any, np.ndarray]:
        owner = self.owner
        binding = owner.session.io_binding()
        logits = np.empty((rows, length, owner.layout.vocabulary), np.float32)
        binding.bind_output("logits", "cpu", 0, np.float32, logits.shape, logits.ctypes.data)
        for past, present, buffer in zip(owner.pasts, owner.presents, self.buffers, strict=True):
            shape, address = (rows, *buffer.shape[1:]), buffer.ctypes.data
            binding.bind_input(past, "cpu", 0, np.float32, shape, address)
            binding.bind_output(present, "cpu", 0, np.float32, shape, address)
        return binding, logits


def _strange_graph(names: Sequence[str]) -> ReleaseError:
    return ReleaseError(
        f"the graph can't be continued token by token: {', '.join(names[:3])}",
        expected="input_ids, attention_mask, and float32 keys and values of every layer",
        where=SETTINGS,
        remedy="Export an architecture whose attention is GroupQueryAttention; what else it answers is served by /v1/predict.",
    )
