"""Ask a release without a server: the same predictor, the same answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelwright.base.errors import RequestError
from modelwright.serve.predictor import Predictor
from modelwright.tasks.contract import Task


def ask_words(release: Path, words: Sequence[str]) -> list[dict[str, Any]]:
    """Answers to what people type: a text or the path of an image; a request in JSON (`{"features": …}`); `@file.json` with one request or a list of them.
    A release that chats answers a text, or `{"messages": …}` whose last message is not its own; `{"text": …}` is scored.

    Raises:
        ReleaseError, RequestError: as `ask`; and for a file that can't be read.
    """
    predictor = Predictor(release)
    fields = set(predictor.task.request.model_fields)
    requests: list[Any] = []
    for word in words:
        if word.startswith("@"):
            content = _file(Path(word[1:]))
            requests += content if isinstance(content, list) else [content]
        else:
            requests.append(_request(word, fields, predictor.task))
    if not predictor.speaks:
        return [prediction.as_json() for prediction in predictor.predict(requests)]
    from modelwright.serve.chat.ask import answer

    return answer(predictor, requests)


def _request(word: str, fields: set[str], task: Task) -> Any:
    """A word that is a request in JSON as that request, any other as its task takes it: a text may begin with a brace too."""
    if not word.lstrip().startswith("{"):
        return task.typed(word)
    try:
        content = json.loads(word)
    except ValueError:
        return task.typed(word)
    return content if isinstance(content, dict) and set(content) <= fields else task.typed(word)


def _file(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(
            f"the file can't be read: {getattr(error, 'strerror', None) or error}",
            expected="a JSON file with one request, or a list of them",
            where=str(path),
            remedy="Give the path of such a file after @; a run's own example is rehearse/request.json.",
        ) from error


def ask(release: Path, requests: Sequence[Any]) -> list[dict[str, Any]]:
    """Answers as JSON-ready dicts, in the order of `requests` (texts, or dicts shaped as the task's request).

    Raises:
        ReleaseError: the release is damaged or foreign.
        RequestError: a request is wrong; it names its place.
    """
    return [prediction.as_json() for prediction in Predictor(release).predict(requests)]
