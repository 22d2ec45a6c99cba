"""Words and runs: what counts as a word, in which scripts."""

from __future__ import annotations

import pytest

from modelwright.tasks.text.scripts import fold, pieces, unspaced_share, valid, words_and_runs


def test_fold_unites_width_case_and_composed_letters():
    assert fold("Ｃａｆｅ\u0301 ﬁn") == "café fin"


@pytest.mark.parametrize(
    ("text", "words", "runs"),
    [
        ("don't stop 2,026", ["don", "t", "stop", "2", "026"], []),
        ("新iPhone很好", ["iphone"], ["新", "很好"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"], []),
        ("한국어 문장", ["한국어", "문장"], []),
        ("สวัสดีครับ", [], ["สวัสดีครับ"]),
        ("東京タワー!", [], ["東京タワー"]),
        ("𠀀𠀁", [], ["𠀀𠀁"]),
        ("😀 !?", [], []),
    ],
)
def test_words_and_runs(text, words, runs):
    assert words_and_runs(fold(text)) == (words, runs)


def test_pieces_keep_the_order_and_part_characters_without_spaces():
    assert pieces(fold("买了iPad 2很Good")) == ["买", "了", "ipad", "2", "很", "good"]


def test_unspaced_share_counts_letters_only():
    assert unspaced_share(["ab汉字!!"]) == 0.5
    assert unspaced_share(["!!", ""]) == 0.0


def test_half_a_character_becomes_writable():
    assert valid("a\ud800b") == "a?b"
    assert valid("汉😀") == "汉😀"
