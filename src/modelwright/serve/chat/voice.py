"""Whoever answers: the release's own graph, or a server behind this one. The face knows only this."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from modelwright.base.decoding import Decoding, Layout
from modelwright.base.errors import RequestError
from modelwright.base.graph import Graph
from modelwright.serve.chat.engine import Engine, Job, Piece, hand_over
from modelwright.serve.chat.problems import ContextError
from modelwright.serve.chat.requests import Ask
from modelwright.serve.chat.sampling import Chooser
from modelwright.serve.chat.spelling import Spelling
from modelwright.serve.problems import OverloadedError
from modelwright.spec.serve import Serve
from modelwright.tasks.chat.messages import with_system
from modelwright.tasks.chat.template import render
from modelwright.tasks.chat.tokenizer import ChatTokenizer

ASIDE_CHARACTERS = 4_000
"""A prompt longer than this is turned into tokens beside the event loop."""


@dataclass(slots=True)
class Answer:
    """An answer on its way: tokens of its prompt are known, its pieces come. `leave` gives its place back; after the last piece it
    does nothing."""

    prompt_tokens: int
    pieces: AsyncIterator[Piece]
    leave: Callable[[], None]


class Voice(Protocol):
    """Answers asks."""

    context: int

    async def answer(self, ask: Ask) -> Answer:
        """Begin an answer.

        Raises:
            ContextError, RequestError: it can't be answered.
            OverloadedError: too many wait.
        """
        ...

    @property
    def queued(self) -> int: ...
    @property
    def busy(self) -> int: ...
    async def close(self) -> None: ...


class Reader:
    """Asks as tokens, for one release: tokenizer, template, limits.

    Args:
        tokenizer: with its chat template.
        layout: of the graph.
        settings: `context` and `max_tokens`.
        system: the system message of conversations that bring none.

    Attributes:
        ends: tokens that end an answer.
    """

    def __init__(self, tokenizer: ChatTokenizer, layout: Layout, settings: Serve, system: str | None = None) -> None:
        self.tokenizer, self.layout = tokenizer, layout
        self.settings, self.system = settings, system
        self.ends = layout.ends | {tokenizer.end, tokenizer.document_end}
        self.context = min(self.layout.context, settings.context or self.layout.context)

    def prompt(self, ask: Ask) -> list[int]:
        """The prompt's tokens.

        Raises:
            RequestError: the template refuses the conversation, or an id is none of the vocabulary's.
        """
        if ask.messages is not None:
            return render(self.tokenizer, with_system(ask.messages, self.system), True)[0]
        if isinstance(ask.prompt, str):
            return [self.tokenizer.begin, *self.tokenizer.encode(ask.prompt)]  # as every document begins in a lesson
        assert ask.prompt is not None
        if wrong := [one for one in ask.prompt if not 0 <= one < self.layout.vocabulary]:
            raise RequestError(
                f"the token {wrong[0]} does not exist",
                expected=f"ids from 0 to {self.layout.vocabulary - 1:,}",
                where="prompt",
                remedy="Encode the prompt with this model's tokenizer.json, or send it as text.",
            )
        return list(ask.prompt)

    def limit(self, ask: Ask, prompt_tokens: int) -> int:
        """Tokens that the answer may take.

        Raises:
            ContextError: there is no room for it; the counts are told.
        """
        most = self.settings.max_tokens
        if ask.limit is not None and ask.limit > most:
            raise RequestError(
                f"max_tokens is {ask.limit:,}",
                expected=f"at most {most:,} (serve.max_tokens)",
                where="max_tokens",
                remedy="Ask for a shorter answer, or raise the limit in the project file's serve section.",
            )
        room = self.context - prompt_tokens
        wanted = ask.limit or 1
        if wanted > room:
            answer = f" and the answer may take {ask.limit:,}" if ask.limit else ""
            raise ContextError(
                f"the prompt has {prompt_tokens:,} tokens{answer}; together that is {prompt_tokens + wanted:,} at least",
                expected=f"at most {self.context:,} tokens, prompt and answer together",
                where="prompt" if ask.messages is None else "messages",
                remedy="Shorten the conversation, or ask for a shorter answer (max_tokens).",
            )
        return ask.limit or min(most, room)

    def check_bias(self, ask: Ask) -> None:
        if wrong := [one for one in ask.sampling.bias if not 0 <= one < self.layout.vocabulary]:
            raise RequestError(
                f"logit_bias names the token {wrong[0]}",
                expected=f"ids from 0 to {self.layout.vocabulary - 1:,}",
                where="logit_bias",
                remedy="Take ids of this model's tokenizer.json.",
            )


class OwnVoice:
    """The release's own graph.

    Args:
        reader: turns asks into tokens.
        graph: loaded; from now on its session is used by the engine's thread as well.
        settings: `places`, `max_queue`.
    """

    def __init__(self, reader: Reader, graph: Graph, settings: Serve) -> None:
        self.reader, self.settings, self.context = reader, settings, reader.context
        self.engine = Engine(Decoding(graph.session, reader.layout), settings.places, reader.ends, self._post)
        self.loop: asyncio.AbstractEventLoop | None = None

    def _post(self, pieces: list[tuple[Job, Piece]]) -> None:
        if pieces and self.loop is not None:
            self.loop.call_soon_threadsafe(hand_over, pieces)

    @property
    def queued(self) -> int:
        return self.engine.queued

    @property
    def busy(self) -> int:
        return self.engine.busy

    async def answer(self, ask: Ask) -> Answer:
        self.loop = asyncio.get_running_loop()
        self.reader.check_bias(ask)
        if self.engine.queued >= self.settings.max_queue:
            raise OverloadedError(self.engine.queued, self.settings.max_queue, 1.0, "prompts", ask.path)
        aside = ask.characters > ASIDE_CHARACTERS
        prompt = await asyncio.to_thread(self.reader.prompt, ask) if aside else self.reader.prompt(ask)
        came: asyncio.Queue[Piece] = asyncio.Queue()
        job = make_job(self.reader, ask, prompt, came.put_nowait)
        self.engine.submit(job)
        return Answer(len(prompt), _pieces(came), lambda: setattr(job, "left", True))

    async def close(self) -> None:
        await asyncio.to_thread(self.engine.close)


def make_job(reader: Reader, ask: Ask, prompt: list[int], deliver: Any) -> Job:
    """Raises: ContextError: see `Reader.limit`."""
    limit = reader.limit(ask, len(prompt))
    return Job(prompt, limit, Chooser(ask.sampling), Spelling(reader.tokenizer.decode, ask.stops), deliver)


async def _pieces(came: asyncio.Queue[Piece]) -> AsyncIterator[Piece]:
    """What was written while nobody looked comes as one piece: a slow reader gets fewer, larger ones."""
    while True:
        piece = await came.get()
        while not piece.last and not came.empty():
            more = came.get_nowait()
            piece = Piece(piece.text + more.text, piece.tokens + more.tokens, more.reason, more.error)
        yield piece
        if piece.last:
            return
