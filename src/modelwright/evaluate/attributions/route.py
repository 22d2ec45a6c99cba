"""What a route's answers were made of: some of them read aloud, and the words that count most for each label.

Routes over texts and over images are explained; of a fusion only the one that is a single model (averaged weights). Tables have
explanations of their own; into a bought model nobody sees.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from modelwright.base.nouns import Row
from modelwright.base.store import write_json
from modelwright.evaluate.attributions.images import Images
from modelwright.evaluate.attributions.picked import Line, by_turns, direction, telling, told
from modelwright.evaluate.attributions.text import Explainer, Gradients, Linear, Told
from modelwright.evaluate.files import read_predictions
from modelwright.models import registry
from modelwright.models.names import CONFIG
from modelwright.models.tfidf_linear import Fitted
from modelwright.spec.evaluate import Explain
from modelwright.spec.routes.route import Route
from modelwright.tasks.answers.labels import LabelTask
from modelwright.tasks.contract import load_task
from modelwright.tasks.image_classification import ImageClassification
from modelwright.tasks.text.scripts import valid
from modelwright.tasks.text_classification import TextClassification

ATTRIBUTIONS = "attributions.json"
CHECKPOINT = "checkpoint"
EXCERPT = 900
"""Characters of a text that are shown; its strongest words are listed from all that was read."""
ROWS_EXACT, ROWS_GRADIENTS = 200, 40
"""Validation rows behind the means over words."""
WORK = 5e11
"""Multiplications that those means may take, about ten seconds of two cores: a large encoder looks at fewer rows."""
WORDS_PER_LABEL, LABELS = 8, 24
_FOR, _AGAINST = 6, 4
_FAINT = 0.04  # of a text's strongest word: what is weaker is not marked


def attribute_route(
    source: Path, route: Route, rows: Mapping[str, Sequence[Row]], out: Path, settings: Explain
) -> dict[str, Any] | None:
    """Explain some of a route's answers, and write attributions.json into `out`.

    Args:
        source: the route's train folder.
        rows: "validation" and "test", as they were evaluated.
        out: the folder with the predictions of both.

    Returns:
        What was written; None, and nothing is, if it is switched off or the route is of a kind that is not explained here.

    Raises:
        ReleaseError: the train folder is damaged.
        TrainError: see `text.Gradients`.
    """
    began, task = time.perf_counter(), load_task(source)
    if not settings.rows or hasattr(task, "members") or route.kind == "bought":
        return None
    if isinstance(task, TextClassification):
        found = _Texts(task, _explainer(task, route, source / CHECKPOINT), rows, out).found(settings.rows)
    elif isinstance(task, ImageClassification):
        found = _images(task, Images(task, registry.load(source / CHECKPOINT)), rows["test"], out, settings.rows)
    else:
        return None
    found["seconds"] = round(time.perf_counter() - began, 3)
    write_json(out / ATTRIBUTIONS, found)
    return found


def _explainer(task: TextClassification, route: Route, checkpoint: Path) -> Explainer:
    if (checkpoint / CONFIG).is_file():
        return Gradients(task, registry.load(checkpoint))
    fitted = registry.load_fitted(route, checkpoint)
    if not isinstance(fitted, Fitted):
        raise ValueError(f"no shares are known of {type(fitted).__module__}")
    return Linear(task, fitted)


class _Texts:
    """Rows and words of a text route.

    Args:
        explainer: shares answers out.
        rows: by split.
        out: the folder with their predictions.
    """

    def __init__(self, task: TextClassification, explainer: Explainer, rows: Mapping[str, Sequence[Row]], out: Path) -> None:
        self.task, self.explainer, self.rows, self.out = task, explainer, rows, out

    def found(self, most: int) -> dict[str, Any]:
        texts = {row.id: row for row in self.rows["test"]}
        picked = telling(read_predictions(self.out, "test"), most)
        explained = [(line, self._tell(texts[line["row_id"]], line)) for line in picked]
        return {
            "kind": "text",
            "method": self.explainer.method,
            "gap": max((shown.shares.gap for _, shown in explained), default=None),
            "rows": [{**told(line), **_spoken(shown)} for line, shown in explained],
            "words": self._words(),
        }

    def _tell(self, row: Row, line: Line, quick: bool = False) -> Told:
        return self.explainer.tell(row, _direction(self.task, line), quick)

    @cached_property
    def _behind(self) -> list[tuple[Row, Line]]:
        """Validation rows behind the means, in turn of the answered labels, as many as the work allows."""
        held = {row.id: row for row in self.rows["validation"]}
        most = ROWS_EXACT if isinstance(self.explainer, Linear) else ROWS_GRADIENTS
        found: list[tuple[Row, Line]] = []
        work = 0.0
        for line in by_turns(read_predictions(self.out, "validation"), most):
            row = held[line["row_id"]]
            work += self.explainer.cost(row)
            if found and work > WORK:
                break
            found.append((row, line))
        return found

    def _words(self) -> dict[str, Any]:
        """For each answered label, the terms whose mean share over its rows is largest."""
        rows: Counter[str] = Counter()
        parts: dict[str, Counter[str]] = {}
        seen: dict[str, Counter[str]] = {}
        for row, line in self._behind:
            label, terms = line["label"], self._tell(row, line, quick=True).terms()
            rows[label] += 1
            parts.setdefault(label, Counter()).update(terms)
            seen.setdefault(label, Counter()).update(terms.keys())
        labels = [
            {
                "label": label,
                "rows": count,
                "words": [
                    {"word": word, "part": part / count, "rows": seen[label][word]}
                    for word, part in sorted(parts[label].items(), key=lambda item: (-item[1], item[0]))[:WORDS_PER_LABEL]
                    if part > 0
                ],
            }
            for label, count in sorted(rows.items(), key=lambda item: (-item[1], item[0]))[:LABELS]
        ]
        return {"split": "validation", "rows": len(self._behind), "labels": labels}


def _spoken(shown: Told) -> dict[str, Any]:
    """A text for people: its beginning with a share for each word that counts, and the strongest terms of all of it."""
    words = shown.words()
    strongest = max((abs(part) for _, _, part in words), default=0.0)
    ranked = sorted(shown.terms().items(), key=lambda item: (-item[1], item[0]))
    return {
        "text": valid(shown.text[:EXCERPT]),
        "cut": len(shown.text) > EXCERPT,
        "spans": [
            [start, end, round(part / strongest, 4)]
            for start, end, part in words
            if end <= EXCERPT and strongest > 0 and abs(part) >= _FAINT * strongest
        ],
        "for": [[valid(word), part] for word, part in ranked[:_FOR] if part > 0],
        "against": [[valid(word), part] for word, part in reversed(ranked[-_AGAINST:]) if part < 0],
        "value": shown.shares.value,
        "start": shown.shares.start,
        "gap": shown.shares.gap,
    }


def _images(task: ImageClassification, explainer: Images, rows: Sequence[Row], out: Path, most: int) -> dict[str, Any]:
    held = {row.id: row for row in rows}
    picked = telling(read_predictions(out, "test"), most)
    shown = []
    for line in picked:
        seen = explainer.tell(held[line["row_id"]], _direction(task, line))
        place = seen.place()
        shown.append(
            {
                **told(line),
                **seen.pictures(),
                "place": None if place is None else list(place[:2]),
                "share": None if place is None else place[2],
                "gap": seen.gap,
            }
        )
    gaps = [one["gap"] for one in shown if one["gap"] is not None]
    method = explainer.method(held[picked[0]["row_id"]]) if picked else None
    return {"kind": "image", "method": method, "gap": max(gaps, default=None), "rows": shown}


def _direction(task: LabelTask, line: Line) -> Any:
    return direction(task.index[line["label"]], len(task.labels), task.several)
