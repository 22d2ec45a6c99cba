"""From a question to an answer with citations, or to the word that nothing in the collection answers it.

What is not retrieved is never cited: a chat model's numbers are checked against the passages it was given, and an answer of its
that cites none of them gives way to the passages' own sentences.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from modelwright.base.bought.endpoint import Endpoint, close_all
from modelwright.base.bought.pace import Turns
from modelwright.serve.search import citations
from modelwright.serve.search.extract import extract, written
from modelwright.serve.search.requests import AnswerRequest, Citation
from modelwright.serve.search.vectors import Vectors
from modelwright.spec.answer import Answering
from modelwright.tasks.search.request import Found, Hit
from modelwright.tasks.sentence_similarity import SentenceSimilarity
from modelwright.tasks.text.scripts import unspaced_share

NONE = "NO ANSWER"
PER_MINUTE = 6_000.0
_LAST_TURNS = 6
_UNSPACED_FROM = 0.3

_WORDS = {
    "en": {
        "refused": "I find nothing in the documents that answers this.",
        "system": "You answer questions from numbered passages, and from nothing else. After each statement put the number of the "
        f"passage that says so in brackets, like [1]. Be brief. If no passage answers the question, write {NONE} and nothing else.",
        "asked": "Passages:\n\n{passages}\n\nQuestion: {question}",
        "uncited": "the model's answer cited none of the passages; these are sentences of theirs",
    },
    "zh": {
        "refused": "文档中没有找到能回答这个问题的内容。",
        "system": f"你只根据编号的段落回答问题，不使用其他知识。每句话后用方括号注明出处段落的编号，例如 [1]。回答要简短。"
        f"如果没有段落能回答问题，只写 {NONE}。",
        "asked": "段落：\n\n{passages}\n\n问题：{question}",
        "uncited": "模型的回答没有引用任何段落；以下是段落中的原句",
    },
}


class Answerer:
    """Writes answers from what was found.

    Args:
        task: of the release.
        vectors: of the release; None where it compares words only.
        settings: `serve.answer`.
    """

    def __init__(self, task: SentenceSimilarity, vectors: Vectors | None, settings: Answering) -> None:
        self.task, self.vectors, self.settings = task, vectors, settings
        self.endpoint: Endpoint | None = None
        if settings.endpoint:
            turns = Turns(PER_MINUTE)
            self.endpoint = Endpoint(settings.endpoint, settings.key_from, settings.timeout_seconds, settings.retries, turns)

    def close(self) -> None:
        """Let go of connections to the chat service."""
        if self.endpoint is not None:
            close_all(self.endpoint.idle)

    async def answer(self, request: AnswerRequest, found: Found) -> dict[str, Any]:
        """The parts of an `Answered` that depend on the question.

        Raises:
            BoughtError: the chat service does not answer.
        """
        words = _WORDS["zh" if unspaced_share([request.question]) >= _UNSPACED_FROM else "en"]
        hits = [hit for hit in found.hits if self.task.answers(hit)][: request.passages or self.settings.passages]
        confidence = found.hits[0].confidence if found.hits else None
        if not hits or found.answers is False:
            return _refusal(words, confidence, "model" if self.endpoint else "extract")
        if self.endpoint is not None:
            said = await asyncio.to_thread(self._asked, request, hits, words)
            if NONE in said.upper():
                return _refusal(words, confidence, "model")
            checked = citations.checked(said, len(hits))
            if checked.cited:
                return _answered(checked, hits, "model", confidence, "")
        lexical = self.task.lexical
        chosen = await asyncio.to_thread(extract, request.question, hits, self.settings.sentences, self.vectors, lexical)
        note = words["uncited"] if self.endpoint else ""
        return _answered(citations.checked(written(chosen), len(hits)), hits, "extract", confidence, note)

    def _asked(self, request: AnswerRequest, hits: Sequence[Hit], words: dict[str, str]) -> str:
        assert self.endpoint is not None
        passages = "\n\n".join(
            f"[{number}] {hit.title}\n{hit.text}" if hit.title else f"[{number}] {hit.text}" for number, hit in enumerate(hits, 1)
        )
        asked = words["asked"].format(passages=passages, question=request.question)
        before = [{"role": turn.role, "content": turn.content} for turn in request.history[-_LAST_TURNS:]]
        messages = [{"role": "system", "content": words["system"]}, *before, {"role": "user", "content": asked}]
        body = {"model": self.settings.model, "messages": messages, "max_tokens": self.settings.max_tokens, "temperature": 0}
        return self.endpoint.ask(body).text


def _refusal(words: dict[str, str], confidence: float | None, by: str) -> dict[str, Any]:
    rest: dict[str, Any] = {"citations": [], "confidence": confidence, "removed": [], "note": ""}
    return {"answer": words["refused"], "refused": True, "by": by, **rest}


def _answered(checked: citations.Checked, hits: Sequence[Hit], by: str, confidence: float | None, note: str) -> dict[str, Any]:
    cited = [
        Citation(
            number=number,
            document=hit.document,
            title=hit.title,
            passage=hit.passage,
            text=hit.text,
            confidence=hit.confidence,
            support=round(citations.support(checked.text, number, f"{hit.title}\n{hit.text}"), 4),
        ).model_dump()
        for number in checked.cited
        for hit in (hits[number - 1],)
    ]
    rest = {"confidence": confidence, "removed": list(checked.removed), "note": note}
    return {"answer": checked.text, "refused": False, "by": by, "citations": cited, **rest}
