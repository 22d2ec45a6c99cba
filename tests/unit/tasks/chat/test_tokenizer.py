"""The trained tokenizer and its files."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.base.errors import DataError, ReleaseError
from modelwright.tasks.chat.tokenizer import CHATML, PLAIN, SMALLEST, SPECIAL, ChatTokenizer, sample, train

TEXTS = [
    "The captain's ship, the 'Star', sailed in 1987 with 12 men; they didn't return.\n",
    "今天我们一起去公园散步，天气真的很好。老师说：明天下午考试。\n",
    "def add(a, b):\n    return a + b  # 😀\n",
] * 40


@pytest.fixture(scope="module")
def words() -> ChatTokenizer:
    return train(TEXTS, 400)


def test_the_special_tokens_come_first(words):
    assert [words.tokenizer.id_to_token(number) for number in range(3)] == list(SPECIAL)
    assert (words.begin, words.document_end, words.padding, words.end) == (0, 0, 0, 2)
    assert words.size <= 400
    assert train(TEXTS, SMALLEST).size == SMALLEST


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_every_text_comes_back(text):
    assert WORDS.decode(WORDS.encode(text)) == text


WORDS = train(TEXTS, 400)


def test_half_a_character_is_a_question_mark(words):
    assert words.decode(words.encode("a\ud800b")) == "a?b"


def test_special_tokens_in_a_text_are_text(words):
    assert not set(words.encode("<|endoftext|> <|im_start|>x<|im_end|>")) & {0, 1, 2}
    assert words.decode(words.encode("<|im_end|>")) == "<|im_end|>"


def test_digits_stand_alone_and_words_do_not_cross_lines(words):
    tokens = [words.decode([number]) for number in words.encode("1987 men\nThe captain")]
    assert tokens[:4] == ["1", "9", "8", "7"]
    assert all("\n" not in token.strip("\n") for token in tokens)


def test_training_twice_gives_the_same_file(words):
    assert train(iter(TEXTS), 400).tokenizer.to_str() == words.tokenizer.to_str()


def test_a_larger_vocabulary_needs_fewer_tokens():
    long = "".join(TEXTS)
    assert len(train(TEXTS, 500).encode(long)) < len(train(TEXTS, 300).encode(long)) < len(long.encode())


def test_texts_of_nothing_are_refused():
    with pytest.raises(DataError):
        train(["", " \n"], 400)


def test_a_sample_meets_every_stretch_and_stays_small():
    rows = [str(number // 100) * 100 for number in range(1000)]
    assert list(sample(rows, str)) == rows
    some = list(sample(rows, str, 10_000))
    assert 8_000 <= sum(map(len, some)) <= 10_000
    assert {text[0] for text in some} == set("0123456789")
    assert list(sample(["x" * 1000], str, 10)) == ["x" * 10]


def test_its_files_bring_it_back(words, tmp_path):
    words.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "special_tokens_map.json",
    }
    again = ChatTokenizer.load(tmp_path)
    assert again.encode(TEXTS[0]) == words.encode(TEXTS[0])
    assert (again.size, again.begin, again.end, again.padding, again.template) == (words.size, 0, 2, 0, CHATML)


def test_transformers_loads_it_unchanged(words, tmp_path):
    from transformers import AutoTokenizer

    words.save(tmp_path)
    other = AutoTokenizer.from_pretrained(tmp_path)
    assert (other.bos_token_id, other.eos_token_id, other.pad_token_id, len(other)) == (0, 2, 0, words.size)
    for text in (*TEXTS[:3], " \n\n x", "e\u0301"):
        assert other.encode(text) == words.encode(text)
        assert other.decode(other.encode(text)) == text
    assert other.encode("<|im_end|>") == [2]  # where nothing is sanitised, it is the token


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", "{}"),
        ("tokenizer_config.json", "[1"),
        ("tokenizer_config.json", '{"eos_token": "<|none|>"}'),
        ("tokenizer_config.json", "{}"),
        ("chat_template.jinja", None),
    ],
)
def test_damaged_files_are_refused(words, tmp_path, name, content):
    words.save(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(content)
    with pytest.raises(ReleaseError, match=r"can't be read"):
        ChatTokenizer.load(tmp_path)


def config_of(folder, **changes):
    content = json.loads((folder / "tokenizer_config.json").read_text()) | changes
    (folder / "tokenizer_config.json").write_text(json.dumps(content))


def test_a_checkpoints_template_is_found_wherever_it_lies(words, tmp_path):
    words.save(tmp_path)
    assert ChatTokenizer.of_checkpoint(tmp_path).template == CHATML
    (tmp_path / "chat_template.jinja").unlink()
    assert ChatTokenizer.of_checkpoint(tmp_path).template == PLAIN
    config_of(tmp_path, chat_template="{{ 1 }}")
    assert ChatTokenizer.of_checkpoint(tmp_path).template == "{{ 1 }}"
    config_of(tmp_path, chat_template=[{"name": "tool", "template": "a"}, {"name": "default", "template": "b"}])
    found = ChatTokenizer.of_checkpoint(tmp_path)
    assert found.template == "b"
    (tmp_path / "out").mkdir()
    found.save(tmp_path / "out")
    assert ChatTokenizer.load(tmp_path / "out").template == "b"


def test_a_checkpoints_special_tokens_may_be_written_in_full(words, tmp_path):
    words.save(tmp_path)
    config_of(tmp_path, eos_token={"content": "<|im_end|>", "special": True}, bos_token=None, pad_token=None)
    (tmp_path / "special_tokens_map.json").unlink()
    found = ChatTokenizer.of_checkpoint(tmp_path)
    assert (found.end, found.begin, found.padding) == (2, 0, 0)


def test_checkpoints_without_a_tokenizer_are_refused(words, tmp_path):
    for folder in (None, tmp_path):
        with pytest.raises(DataError, match=r"tokenizer\.json"):
            ChatTokenizer.of_checkpoint(folder)
    words.save(tmp_path)
    (tmp_path / "special_tokens_map.json").unlink()
    config_of(tmp_path, eos_token=None)
    with pytest.raises(DataError, match="eos_token"):
        ChatTokenizer.of_checkpoint(tmp_path)
