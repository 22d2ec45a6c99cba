"""What a cell of each kind may hold, and how it is kept. One reader a kind: the value as kept, or a TypeError that says what it is
instead (it goes to quarantine with that reason)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from modelwright.base.nouns import Kind
from modelwright.data import splits
from modelwright.data.cleaning.messages import messages_text
from modelwright.data.images import image_cell


def is_missing(value: Any) -> bool:
    """None, NaN, a text of spaces, an empty list."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value)) or (isinstance(value, list | tuple) and not value)


def label_text(value: Any) -> str | TypeError:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return str(int(value))
    return TypeError(f"{type(value).__name__} {value!r:.40}, not a label")


def _text(value: Any) -> str | TypeError:
    return value if isinstance(value, str) else TypeError(f"{type(value).__name__}, not text")


def _name(value: Any) -> str | TypeError:
    return label_text(value)


def _number(value: Any) -> float | TypeError:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return TypeError(f"{value!r:.40}, not a number")
    return number if math.isfinite(number) else TypeError(f"{value!r:.40}, not a finite number")


def _time(value: Any) -> float | TypeError:
    moment = splits.moment(value)
    return TypeError(f"{value!r:.40}, no date or number") if moment is None else moment


def _image(value: Any) -> Any:
    return image_cell(value, None)


KINDS: Mapping[Kind, Callable[[Any], Any]] = {
    "text": _text,
    "label": label_text,
    "number": _number,
    "time": _time,
    "name": _name,
    "image": _image,
    "messages": messages_text,
}
