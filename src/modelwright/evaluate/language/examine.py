"""The built-in suite on one language model, written as language.json (docs/language-evaluation.md).

Everything goes through the exported graph, as it is served. What a graph can't do is missing, with the reason: an LSTM's is scored and
not continued; a model that learned no conversations is not asked to follow instructions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.console import Console
from modelwright.base.graph import GRAPH, Graph
from modelwright.base.nouns import Row
from modelwright.base.store import write_json
from modelwright.evaluate.language import items
from modelwright.evaluate.language.likelihood import Likelihood
from modelwright.evaluate.language.memory import memorised, pieces_of
from modelwright.evaluate.language.rules import kept
from modelwright.evaluate.language.shares import share
from modelwright.evaluate.language.speech import Speech
from modelwright.tasks.chat import template
from modelwright.tasks.chat.messages import read_messages, with_system
from modelwright.tasks.contract import load_task
from modelwright.tasks.text_generation import MESSAGES, TextGeneration

LANGUAGE = "language.json"
PARTS = ("cloze", "choice")
ANSWER_TOKENS, SAMPLE_TOKENS = 48, 64
SAMPLES, SAMPLE_PROMPT = 4, 16
NO_SPEECH = "the graph is scored and can't be continued token by token"
NO_CHAT = "no conversations were learned"
TOO_SHORT = "no training document is long enough"


def examine(
    source: Path, training: Sequence[Row], held_out: Sequence[Row], out: Path, console: Console, seed: int, chats: bool
) -> dict[str, Any]:
    """Examine the graph in `source` and write language.json into `out`.

    Args:
        source: a train folder: model.onnx and the task's files.
        training, held_out: rows for the memorisation check and the samples.
        seed: of which documents are asked, and of the sampled continuations.
        chats: whether conversations were learned.

    Raises:
        ReleaseError: the graph or the task's files are missing or damaged.
    """
    task = load_task(source)
    assert isinstance(task, TextGeneration)
    graph = Graph(source / GRAPH)
    speech = Speech(source, graph) if Speech.possible(source) else None
    with console.progress("language", total=5) as progress:
        found: dict[str, Any] = {"format": 1, "missing": {}}
        likelihood = Likelihood(task, graph)
        for done, part in enumerate(PARTS, start=1):
            found[part] = {language: _chosen(likelihood, part, language) for language in items.LANGUAGES}
            progress.update(done, note=part)
        found["instructions"] = _followed(task, speech, found["missing"]) if chats else None
        progress.update(3, note="instructions")
        found["memorisation"] = None if speech is None else memorised(task, speech, training, held_out, seed)
        progress.update(4, note="memorisation")
        found["samples"] = [] if speech is None else _samples(task, speech, held_out, seed)
    _say_what_is_missing(found, speech is not None, chats)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / LANGUAGE, found)
    return found


def _say_what_is_missing(found: dict[str, Any], speaks: bool, chats: bool) -> None:
    missing = found["missing"]
    if not speaks:
        missing |= dict.fromkeys(("instructions", "memorisation", "samples"), NO_SPEECH)
    elif found["memorisation"] is None:
        missing["memorisation"] = TOO_SHORT
    if not chats:
        missing["instructions"] = NO_CHAT


def _chosen(likelihood: Likelihood, part: str, language: str) -> dict[str, Any]:
    """How often the right option is the likeliest. Items that the context can't hold are left out, and counted."""
    asked = items.choices(part, language)
    words, most = likelihood.task.words, likelihood.task.context
    fitting = [item for item in asked if max(len(words.encode(option)) for option in item.options) < most // 2]
    right = likelihood.right(fitting)
    chance = sum(1 / len(item.options) for item in fitting) / max(1, len(fitting))
    return {"items": len(fitting), "left_out": len(asked) - len(fitting), **share(sum(right), len(right)), "chance": chance}


def _followed(task: TextGeneration, speech: Speech | None, missing: dict[str, str]) -> dict[str, Any] | None:
    """How often the rule of an instruction is kept, by language, with each answer."""
    if speech is None:
        return None
    found = {}
    for language in items.LANGUAGES:
        asked = items.instructions(language)
        prompts = [_prompt(task, [{"role": "user", "content": one.text}]) for one in asked]
        most = min(ANSWER_TOKENS, task.context - max(map(len, prompts)))
        if most < 1:
            missing[f"instructions-{language}"] = "the context is shorter than an instruction"
            continue
        said = [task.words.decode(ids) for ids in speech.say(prompts, most, ends_of(task))]
        marks = [kept(one.rule, one.value, answer) for one, answer in zip(asked, said, strict=True)]
        answers = [
            {"instruction": one.text, "rule": one.rule, "answer": answer, "kept": fine}
            for one, answer, fine in zip(asked, said, marks, strict=True)
        ]
        found[language] = {"items": len(asked), **share(sum(marks), len(marks)), "answers": answers}
    return found


def ends_of(task: TextGeneration) -> set[int]:
    """Tokens that end an answer."""
    ends = task.sizes["end"]
    return set(ends) if isinstance(ends, list) else {ends}


def _prompt(task: TextGeneration, messages: list[dict[str, str]]) -> list[int]:
    return template.render(task.words, with_system(messages, task.system), True)[0]


def _samples(task: TextGeneration, speech: Speech, rows: Sequence[Row], seed: int) -> list[dict[str, str]]:
    """Continuations of held-out texts, and answers to held-out questions: the likeliest, and one drawn."""
    shown: list[tuple[str, list[int]]] = []
    for row in [row for row in rows if row.values.get(MESSAGES) is not None][:SAMPLES]:
        messages = read_messages(row.values[MESSAGES], f"row {row.id}")
        turns = [place for place, one in enumerate(messages) if one["role"] == "user"]
        if turns:
            shown.append((messages[turns[0]]["content"], _prompt(task, messages[: turns[0] + 1])))
    documents = [row for row in rows if row.values.get(MESSAGES) is None]
    for piece in pieces_of(task, documents, min(SAMPLE_PROMPT, (task.context - 1) // 2), seed, SAMPLES):
        shown.append((task.words.decode(piece.prompt[1:]), piece.prompt))
    shown = [(text, ids) for text, ids in shown if len(ids) < task.context]
    if not shown:
        return []
    most = min(SAMPLE_TOKENS, task.context - max(len(ids) for _, ids in shown))
    prompts = [ids for _, ids in shown]
    likeliest = speech.say(prompts, most, ends_of(task))
    drawn = speech.say(prompts, most, ends_of(task), np.random.default_rng(seed))
    return [
        {"prompt": text, "likeliest": task.words.decode(one), "drawn": task.words.decode(other)}
        for (text, _), one, other in zip(shown, likeliest, drawn, strict=True)
    ]
