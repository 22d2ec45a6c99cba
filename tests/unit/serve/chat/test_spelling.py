from __future__ import annotations

import random

import pytest
from tests.unit.serve.chat.release import TEXTS

from modelwright.serve.chat.spelling import Spelling
from modelwright.serve.predictor import Predictor


def spelled(chatty: Predictor, ids: list[int], stops: tuple[str, ...] = ()) -> tuple[list[str], bool]:
    spelling, pieces = Spelling(chatty.task.words.decode, stops), []
    for token in ids:
        text, stopped = spelling.add(token)
        pieces.append(text)
        if stopped:
            return pieces, True
    return [*pieces, spelling.end()], False


def test_characters_of_several_tokens_come_whole(chatty: Predictor) -> None:
    for text in (*TEXTS, "🇨🇭👩‍👩‍👧 漢字\n\tend", "龘靐齉"):
        ids = chatty.task.words.encode(text)
        pieces, _ = spelled(chatty, ids)
        assert "".join(pieces) == text
        assert not any("\ufffd" in piece for piece in pieces)
        assert sum(map(bool, pieces)) > 1  # it did come piece by piece


def test_any_tokens_spell_what_they_decode_to(chatty: Predictor) -> None:
    chance = random.Random(5)
    for _ in range(30):
        ids = [chance.randrange(3, 400) for _ in range(40)]
        pieces, _ = spelled(chatty, ids)
        found, whole = "".join(pieces), chatty.task.words.decode(ids)
        # broken bytes may be grouped into another number of replacement characters; everything else is equal
        assert found.replace("\ufffd", "") == whole.replace("\ufffd", "")


@pytest.mark.parametrize(
    ("stops", "expected", "stopped"),
    [
        (("harbour",), "The tide comes in twice a day, and the boats in the ", True),
        (("comes in", "tide comes"), "The ", True),
        (("boats!",), TEXTS[0], False),
        (("it.\n",), TEXTS[0], False),
    ],
)
def test_stop_strings_end_the_text_before_them(chatty: Predictor, stops: tuple[str, ...], expected: str, stopped: bool) -> None:
    pieces, found = spelled(chatty, chatty.task.words.encode(TEXTS[0]), stops)
    assert ("".join(pieces), found) == (expected, stopped)
    seen = ""
    for piece in pieces:  # nothing that was shown was ever taken back
        seen += piece
        assert expected.startswith(seen)
