"""What spoke for some answers of the route shown: marked words, warm images, the words that count most for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from modelwright.report.figures import Figures
from modelwright.report.headline import shown_route
from modelwright.report.read import Run

_DEGREES = 4  # of marks; the strongest word of a text has the last
_PICTURE = "data:image/png;base64,"


def attributions(run: Run, figures: Figures) -> dict[str, Any] | None:
    """None where the route shown has no explanations."""
    name = shown_route(run)
    found = run.attributions.get(name) if name is not None else None
    if found is None or not found["rows"]:
        return None
    words, gap = figures.words, found.get("gap")
    table = found.get("words") or {"rows": 0, "labels": []}
    one = _text if found["kind"] == "text" else _image
    return {
        "kind": found["kind"],
        "sentence": words(f"reasons.{found['kind']}.{found['method']}"),
        "gap": None if gap is None or found["method"] == "exact" else words("reasons.gap", gap=_gap(gap, figures)),
        "rows": [one(item, figures) for item in found["rows"]],
        "caption": words("reasons.words", rows=figures.numbers.plain(table["rows"])),
        "columns": [words("reasons.label"), words("reasons.rows"), words("reasons.strongest")],
        "words": [
            (item["label"], figures.numbers.plain(item["rows"]), _listed([entry["word"] for entry in item["words"]], figures))
            for item in table["labels"]
            if item["words"]
        ],
        "path": f"evaluate/{name}/attributions.json",
    }


def _gap(gap: float, figures: Figures) -> str:
    return "0.1%" if gap < 0.001 else figures.numbers.percent(gap)


def _said(item: Mapping[str, Any], figures: Figures) -> dict[str, Any]:
    said = {key: _labels(item[key], figures) for key in ("predicted", "truth")}
    sure = figures.numbers.percent(item["probability"])
    words = figures.words
    sentence = words("reasons.right", predicted=said["predicted"], probability=sure)
    if not item["right"]:
        sentence = words("reasons.wrong", probability=sure, **said)
    return {"row_id": item["row_id"], "sentence": sentence, "right": item["right"]}


def _text(item: Mapping[str, Any], figures: Figures) -> dict[str, Any]:
    words, strongest = figures.words, []
    if item["for"]:
        listed = _listed([word for word, _ in item["for"]], figures)
        strongest.append(words("reasons.for", label=item["label"], words=listed))
    if item["against"]:
        strongest.append(words("reasons.against", words=_listed([word for word, _ in item["against"]], figures)))
    return {**_said(item, figures), "marked": _marked(item), "cut": item["cut"], "strongest": strongest}


def _marked(item: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The text in pieces with the class of each: "" for what is not marked, else "for-1" to "for-4" or "against-1" …"""
    text, at, pieces = item["text"], 0, []
    for start, end, share in item["spans"]:
        if text[at:start]:
            pieces.append((text[at:start], ""))
        degree = min(_DEGREES, 1 + int(abs(share) * _DEGREES))
        pieces.append((text[start:end], f"{'for' if share > 0 else 'against'}-{degree}"))
        at = end
    return [*pieces, (text[at:], "")]


def _image(item: Mapping[str, Any], figures: Figures) -> dict[str, Any]:
    words, place = figures.words, words_of_place(item, figures)
    pictures = [item[key] if item[key].startswith(_PICTURE) else "data:," for key in ("image", "heat")]
    return {
        **_said(item, figures),
        "pictures": [(pictures[0], words("reasons.seen")), (pictures[1], words("reasons.heat", place=place))],
        "place": place,
    }


def words_of_place(item: Mapping[str, Any], figures: Figures) -> Markup:
    if item["place"] is None:
        return figures.words("reasons.nowhere")
    row, column = item["place"]
    share = figures.numbers.percent(item["share"])
    return figures.words("reasons.place", share=share, place=figures.words(f"reasons.place.{row}-{column}"))


def _listed(names: Sequence[str], figures: Figures) -> str:
    return (", " if figures.words.language == "en" else "、").join(names)


def _labels(value: Any, figures: Figures) -> str:
    """One label, or several of a row that may have several."""
    return value if isinstance(value, str) else ", ".join(value) or figures.words.plain("quality.nothing")
