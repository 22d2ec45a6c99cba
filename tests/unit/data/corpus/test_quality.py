"""Rules for texts from the web: good English and Chinese pass them all; each rule keeps out what it is for, under its name."""

from __future__ import annotations

import pytest

from modelwright.data.cleaning.shingles import tokens_of
from modelwright.data.corpus.quality import SETS, broken

ENGLISH = """The council has agreed to build a new bridge over the river, and work will begin in the spring of next year.

Residents of both banks have asked for one since the old crossing was closed to lorries. "We have had to drive for half an hour to
reach the hospital," said a nurse who lives in the eastern part of town.

Engineers expect that the bridge will cost forty million pounds, most of which comes from a national fund. Opponents fear that traffic
will be drawn into narrow streets, and that the meadow on the western side will be lost. A decision on the exact route is to be made
in the autumn, when the results of a survey are known.
"""
CHINESE = """市政府昨天宣布，将在明年春天开始修建一座横跨河流的新大桥，以改善两岸居民的出行条件。

自从旧桥禁止货车通行以来，附近的居民一直希望能有一条新的通道。一位住在城东的护士说：“我们现在去医院要绕行半个小时，非常不方便。”

工程师估计，这座桥的造价约为四亿元，其中大部分由国家基金承担。也有人担心，大量车辆会涌入狭窄的街道，西岸的草地将会消失。
具体的路线要等到秋天，在调查结果公布之后才能最后确定。专家们认为，这个项目对整个地区的经济发展有重要的意义，值得尽快完成。
"""
KEYWORDS = [
    "buy",
    "cheap",
    "english",
    "shoes",
    "online",
    "store",
    "best",
    "price",
    "today",
    "boots",
    "leather",
    "discount",
    "shipping",
    "order",
    "women",
    "men",
    "kids",
    "sale",
]


def first(text: str, sets: tuple[str, ...] = SETS) -> str:
    return broken([text], tokens_of([text]), sets).get(0, ("", ""))[0]


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_good_texts_pass(text: str) -> None:
    assert broken([text], tokens_of([text]), SETS) == {}


def repeated(text: str, times: int) -> str:
    return "\n\n".join([text.strip()] * times)


@pytest.mark.parametrize(
    ("text", "sets", "name"),
    [
        ("Too short to be of use.", ("gopher",), "gopher_words"),
        ("今天的新闻很短。", ("gopher",), "gopher_words"),
        (" ".join(["a of", "to be", "it is"] * 30), ("gopher",), "gopher_word_length"),
        (ENGLISH + "# # # # # # # # # # # # # # # #", ("gopher",), "gopher_symbols"),
        ("\n".join(f"- {line}" for line in ENGLISH.replace(". ", ".\n").split("\n") if line), ("gopher",), "gopher_bullets"),
        (ENGLISH.replace(". ", "...\n").replace(",", "...\n"), ("gopher",), "gopher_ellipses"),
        (ENGLISH + " ".join(["1234"] * 60), ("gopher",), "gopher_letters"),
        (" ".join(KEYWORDS * 4), ("gopher",), "gopher_stop_words"),
        (repeated(ENGLISH, 3), ("gopher",), "gopher_repeated_paragraphs"),
        (repeated(CHINESE, 3), ("gopher",), "gopher_repeated_paragraphs"),
        (ENGLISH.replace("\n", " ") + " of the new bridge over the river" * 30, ("gopher",), "gopher_top_ngram"),
        (CHINESE.replace("\n", "") + "欢迎点击这里购买" * 40, ("gopher",), "gopher_top_ngram"),
        (" ".join([ENGLISH.replace("\n", " ")] * 2), ("gopher",), "gopher_repeated_ngrams"),
        (CHINESE.replace("\n", "") * 2, ("gopher",), "gopher_repeated_ngrams"),
        (ENGLISH + "Lorem ipsum dolor sit amet.", ("c4",), "c4_lorem_ipsum"),
        (ENGLISH + "if (x) { return; }", ("c4",), "c4_curly_bracket"),
        ("One sentence alone of the many that there could be.", ("c4",), "c4_sentences"),
        ("只有一句话，没有别的内容。", ("c4",), "c4_sentences"),
        ("\n".join(["the price of a used car and its parts in our shop"] + [f"line {n} about cars that we have" for n in range(20)]), ("fineweb",), "fineweb_line_ends"),
        ("\n".join(f"Item {n}." for n in range(30)), ("fineweb",), "fineweb_short_lines"),
        ("\n".join(f"第{n}。" for n in range(30)), ("fineweb",), "fineweb_short_lines"),
        ("\n".join([*ENGLISH.split("\n"), *["We use cookies to make this page better for everyone."] * 4]), ("fineweb",), "fineweb_repeated_lines"),
    ],
)  # fmt: skip
def test_each_rule_has_its_name(text: str, sets: tuple[str, ...], name: str) -> None:
    assert first(text, sets) == name


def test_stop_words_are_asked_for_in_english_and_chinese_only() -> None:
    french = (
        "Le conseil municipal a décidé hier soir de construire un nouveau pont sur la rivière, et les travaux commenceront au "
        "printemps prochain. Les habitants des deux rives le demandent depuis longtemps, car il faut une demi-heure pour "
        "rejoindre l'hôpital. Les ingénieurs estiment le coût à quarante millions, dont une grande partie vient d'un fonds "
        "national. Une décision sur le tracé exact sera prise en automne, quand les résultats seront connus."
    )
    assert first(french, ("gopher",)) == ""


def test_many_texts_at_once_are_judged_as_each_alone() -> None:
    texts = [ENGLISH, repeated(ENGLISH, 3), CHINESE, CHINESE.replace("\n", "") * 2, "short", ENGLISH.replace("\n", " ") * 2]
    together = broken(texts, tokens_of(texts), SETS)
    assert {place: name for place, (name, _) in together.items()} == {
        place: name for place, text in enumerate(texts) if (name := first(text))
    }
