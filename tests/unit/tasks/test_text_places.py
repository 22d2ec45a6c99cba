"""Readers know where in a text each of their inputs was read: what explanations are shown with."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from modelwright.tasks.text import exam
from modelwright.tasks.text.reader import all_readers
from modelwright.tasks.text.scripts import fold, fold_places, piece_places, pieces, word_and_run_places, words_and_runs

SETTINGS = SimpleNamespace(
    name="exam", words=2, characters=3, min_count=1, max_features=10_000, ngrams=2, buckets=5_000, max_tokens=40, vocabulary=2_000
)
TEXTS = [row.values["text"] for kind in exam.KINDS for row in exam.rows(0, kind)]
ODD = [
    "",
    "   ",
    "Ｃａｆé ﬁne — e\u0301te\u0301 İstanbul ΟΔΟΣ Straße",
    "한국어 \u1112\u1161\u11ab 各 ก็ดี น้ำ हिन्दी",
    "\u0301\u0301 starts with a mark",
    "half \udfff a character \ud800",
    "喜欢 this 书，iPad真的精彩",
    "😀🎉👩‍👩‍👧‍👦 \x00 \u202eback\u202c",
    "word " * 400,
    "Z" * 3_000,
]


@pytest.fixture(
    scope="module", params=sorted({*all_readers()} - {"checkpoint", "prompt"})
)  # one needs a checkpoint, one reads no places
def reader(request):
    return all_readers()[request.param].fit([*TEXTS, *ODD[2:5]], SETTINGS, None)


@pytest.mark.parametrize("text", [*TEXTS[::20], *ODD])
def test_there_is_a_place_for_every_entry(reader, text):
    entries, places = reader.encode(text), reader.places(text)
    assert len(places) == len(next(iter(entries.values())))
    for ranges in places:
        for start, end in ranges:
            assert 0 <= start < end <= len(text)


def test_the_letters_at_a_place_are_those_that_were_read(reader):
    text = "The  Violin, and the chorus. THE 喜欢"
    said = [{fold(text[start:end]) for start, end in ranges} for ranges in reader.places(text)]
    assert {"violin"} in said and {"欢"} in said
    if reader.name == "ngrams":
        known = dict(enumerate(reader.known, start=1))
        for number, words in zip(reader.encode(text)["feature_ids"].tolist(), said, strict=True):
            assert {" ".join(word.split()).translate({44: None, 46: None}) for word in words} == {known[number].removeprefix("#")}
        counts = dict(zip(reader.encode(text)["feature_ids"].tolist(), map(len, reader.places(text)), strict=True))
        assert counts == dict(zip(*(reader.encode(text)[name].tolist() for name in ("feature_ids", "counts")), strict=True))


@pytest.mark.parametrize("text", ODD)
def test_places_of_words_are_those_of_the_text(text):
    folded, (starts, ends) = fold(text), fold_places(text)
    assert len(starts) == len(ends) == len(folded)
    assert starts == sorted(starts) and ends == sorted(ends)
    assert [folded[start:end] for start, end in piece_places(folded)] == pieces(folded)
    words, runs = word_and_run_places(folded)
    assert ([folded[slice(*word)] for word in words], [folded[slice(*run)] for run in runs]) == words_and_runs(folded)


def test_a_word_keeps_its_marks_and_its_width():
    text = "ﬁ e\u0301te\u0301 Ａb"
    starts, ends = fold_places(text)
    word = fold(text).index("été")
    assert text[starts[word] : ends[word + 2]] == "e\u0301te\u0301"
    assert text[starts[0] : ends[1]] == "ﬁ"
