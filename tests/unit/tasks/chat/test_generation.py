"""The task: what is read, what counts, and what it is worth."""

import itertools
import json
import math

import numpy as np
import pytest

from modelwright.base.errors import DataError, RequestError, SpecError
from modelwright.base.nouns import Row
from modelwright.spec.data import Data
from modelwright.spec.routes.lm_finetune import LmFinetune
from modelwright.spec.routes.rnn_lm import RecurrentLanguage
from modelwright.tasks.chat.packing import IGNORED
from modelwright.tasks.text_generation import GenerationSettings, Scored, TextGeneration

STORY = "The captain told the story of the island. "
CHAT = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On the island 岛."}]


def chat(*messages) -> str:
    return json.dumps(messages, ensure_ascii=False)


def fitted(**learn) -> TextGeneration:
    rows = [Row(f"r{number}", {"text": STORY * 3}) for number in range(20)] + [Row("c", {"messages": chat(*CHAT)})]
    return TextGeneration.fit(rows, RecurrentLanguage(), None, GenerationSettings(**({"vocabulary": 400, "context": 16} | learn)))


@pytest.fixture(scope="module")
def task() -> TextGeneration:
    return fitted()


def told(task: TextGeneration, rows: list[Row], nats: float) -> list[Scored]:
    """Predictions that give each token but the first of a window the same surprise."""
    batch = task.collate(task.encode_many(rows))
    numbers = batch.inputs["attention_mask"]
    first = np.diff(numbers, prepend=0, axis=1) != 0
    return task.decode({"surprise": np.where((numbers > 0) & ~first, nats, 0).astype(np.float32)}, [row.id for row in rows])


def test_a_document_is_read_in_windows_that_share_a_token(task):
    row = Row("r", {"text": STORY * 4})
    ids = [task.words.begin, *task.words.encode(STORY * 4)]
    assert len(ids) > 2 * task.context
    example = task.encode(row)
    kept, numbers = example.inputs["input_ids"], example.inputs["attention_mask"]
    parts = [kept[numbers == number].tolist() for number in range(1, numbers.max() + 1)]
    assert all(len(part) <= task.context for part in parts)
    assert all(left[-1] == right[0] for left, right in itertools.pairwise(parts))
    assert parts[0] + [token for part in parts[1:] for token in part[1:]] == ids
    assert example.target[example.target != IGNORED].tolist() == ids[1:]  # every token counts once


def test_figures_count_every_byte_once(task):
    rows = [Row("long", {"text": STORY * 4}), Row("short", {"text": "汉"}), Row("chat", {"messages": chat(*CHAT)})]
    aligned = task.align(told(task, rows, 2.0), rows)
    answer = len(task.words.encode(CHAT[1]["content"])) + 1  # and the token that ends it
    tokens = [len(task.words.encode(STORY * 4)), len(task.words.encode("汉")), answer]
    assert aligned["tokens"].tolist() == tokens
    assert aligned["bytes"].tolist() == [len(STORY) * 4, 3, len(CHAT[1]["content"].encode())]
    np.testing.assert_allclose(aligned["nats"], 2.0 * np.array(tokens))
    figures = task.score(aligned)
    whole = sum(tokens)
    assert figures["loss"] == pytest.approx(2.0)
    assert figures["perplexity"] == pytest.approx(math.exp(2.0))
    assert figures["bits-per-byte"] == pytest.approx(2.0 * whole / math.log(2) / aligned["bytes"].sum())
    assert figures["bytes-per-token"] == pytest.approx(aligned["bytes"].sum() / whole)
    assert task.score({name: array[:0] for name, array in aligned.items()}) == {}


def test_all_routes_are_scored_on_the_same_text(task):
    long = Row("r", {"text": STORY * 200})
    assert task.align(told(task, [long], 1.0), [long])["bytes"].tolist() == [16 * task.context]
    messages = Row("c", {"messages": chat(CHAT[0], {"role": "assistant", "content": "岛" * 1000}, CHAT[0], CHAT[1])})
    left = 16 * task.context - len(CHAT[0]["content"])
    assert task.align(told(task, [messages], 1.0), [messages])["bytes"].tolist() == [3 * left]


def test_chance_is_the_entropy_of_the_tokens(task):
    rows = [Row("r", {"text": "aaaabb"})]
    ids = task.words.encode("aaaabb")
    shares = np.unique(ids, return_counts=True)[1] / len(ids)
    assert task.chance(rows) == pytest.approx(-(shares * np.log2(shares)).sum() * len(ids) / 6)


def test_lessons_of_documents_end_them(task):
    lessons = task.lessons([Row("a", {"text": "The island."}), Row("b", {"text": STORY})])
    ids = np.concatenate([example.inputs["input_ids"] for example in lessons])
    end = task.words.document_end
    assert len(ids) % task.context == 0
    wanted = [end, *task.words.encode("The island."), end, end, *task.words.encode(STORY), end]
    assert ids[: len(wanted)].tolist() == wanted[:-1]  # the last token alone would be a window that teaches nothing
    batch = task.collate(lessons[:2])
    assert set(batch.inputs) == {"input_ids", "attention_mask", "labels"}
    first = np.diff(batch.inputs["attention_mask"], prepend=0, axis=1) != 0
    assert task.counted(batch) == (~first & (batch.inputs["attention_mask"] > 0)).sum()


def test_lessons_of_conversations_teach_the_answers_and_fit(task):
    long = [
        turn
        for number in range(9)
        for turn in ({"role": "user", "content": f"q{number}"}, {"role": "assistant", "content": f"a{number}"})
    ]
    mute = [{"role": "user", "content": "nobody answers"}]
    wide = fitted(context=40)
    rows = [
        Row("long", {"messages": chat(*long)}),
        Row("mute", {"messages": chat(*mute)}),
        Row("chat", {"messages": chat(*CHAT)}),
    ]
    lessons = wide.lessons(rows)
    learned = "".join(
        wide.words.tokenizer.decode(one.inputs["labels"][one.inputs["labels"] >= 0].tolist(), skip_special_tokens=False)
        for one in lessons
    )
    assert "a8<|im_end|>" in learned  # the newest stay
    assert "a0<|im_end|>" not in learned
    assert CHAT[1]["content"] + "<|im_end|>" in learned
    assert "q" not in learned
    with pytest.raises(DataError, match="to be learned"):
        wide.lessons(rows[1:2])


def test_rows_that_are_read_piece_by_piece_give_the_same_lessons(task):
    rows = [Row(f"r{number}", {"text": STORY}) for number in range(5)] + [Row("c", {"messages": chat(*CHAT)})]

    class Lazy:
        def __len__(self):
            return len(rows)

        def __iter__(self):
            return iter(rows)

    for left, right in zip(task.lessons(Lazy()), task.lessons(rows), strict=True):
        np.testing.assert_equal(left.inputs, right.inputs)


def test_the_projects_system_message_is_added_once(task):
    own = fitted(system="Be brief.")
    assert "Be brief." in own.words.decode(own.encode(Row("c", {"messages": chat(*CHAT)})).inputs["input_ids"].tolist())
    brought = chat({"role": "system", "content": "Be long."}, *CHAT)
    text = own.words.decode(own.encode(Row("c", {"messages": brought})).inputs["input_ids"].tolist())
    assert "Be long." in text
    assert "Be brief." not in text


def test_requests_beyond_the_context_are_counted(task):
    text = STORY * 3
    came = len(task.words.encode(text)) + 1
    with pytest.raises(RequestError, match=f"{came} tokens") as caught:
        task.read_request(text, "request-1")
    assert caught.value.expected == "at most 16 tokens"
    with pytest.raises(RequestError, match=r"1,000,000|tokens"):
        task.read_request("x" * 1_000_000, "request-1")


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": [CHAT[0]]},
        {"messages": [{"role": "robot", "content": "a"}]},
        {"messages": [], "text": "a"},
        {"text": "\ud800"},
        {"messages": [{**CHAT[0], "content": "\udcff"}, CHAT[1]]},
        {},
    ],
)
def test_malformed_requests_are_refused_in_our_words(task, request_):
    with pytest.raises(RequestError) as caught:
        fitted(context=64).read_request(request_, "request-1")
    assert caught.value.where == "request-1"
    assert "input_value" not in str(caught.value)


def test_requests_become_the_rows_they_came_from(task):
    wide = fitted(context=64)
    for row in (Row("a", {"text": "The island.", "messages": None}), Row("b", {"messages": chat(*CHAT), "text": None})):
        again = wide.read_request(TextGeneration.request_of(row), row.id)
        np.testing.assert_equal(wide.encode(again).inputs, wide.encode(row).inputs)


def test_further_sources_are_conversations_and_pairs():
    source = Data(source="talks.jsonl")
    assert TextGeneration.more(GenerationSettings()) == {}
    more = TextGeneration.more(GenerationSettings(dialogues=source, preferences=source))
    assert {name: [column.role for column in one.columns] for name, one in more.items()} == {
        "dialogues": ["messages"],
        "preferences": ["messages", "chosen", "rejected"],
    }


def test_rows_of_neither_kind_are_of_no_use():
    rows = [Row("a", {"text": "x"}), Row("b", {"messages": chat(*CHAT)}), Row("c", {"text": None, "messages": None})]
    assert list(TextGeneration.unusable(rows, GenerationSettings())) == [2]


def test_a_checkpoint_is_not_asked_for_more_positions_than_it_has(task, tmp_path):
    task.words.save(tmp_path)
    (tmp_path / "config.json").write_text('{"max_position_embeddings": 64}')
    rows = [Row("a", {"text": STORY})]
    assert TextGeneration.fit(rows, LmFinetune(), tmp_path, GenerationSettings(context=64)).words.size == task.words.size
    with pytest.raises(SpecError, match="64 positions"):
        TextGeneration.fit(rows, LmFinetune(), tmp_path, GenerationSettings(context=65))
    (tmp_path / "config.json").unlink()
    with pytest.raises(DataError, match=r"config\.json"):
        TextGeneration.fit(rows, LmFinetune(), tmp_path, GenerationSettings(context=64))
