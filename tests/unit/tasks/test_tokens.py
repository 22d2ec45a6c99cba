"""The readers with a tokenizer.json: trained on the rows, or taken from a checkpoint."""

from __future__ import annotations

import json
import shutil

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from modelwright.base.errors import DataError, ReleaseError, SpecError
from modelwright.spec.routes.bilstm import BiLSTM
from modelwright.spec.routes.finetune import Finetune
from modelwright.tasks.text.checkpoint import Checkpoint
from modelwright.tasks.text.reader import all_readers, get_reader
from modelwright.tasks.text.words import Words

TEXTS = ["The harbour was calm.", "The captain of the harbour", "买了iPad，很好", "很好的captain", "ﬁne Ｗide words wide"]


@pytest.fixture
def words() -> Words:
    return Words.fit(TEXTS * 2, BiLSTM(vocabulary=200, max_tokens=8), None)


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    vocabulary = {token: number for number, token in enumerate(["[CLS]", "[SEP]", "[UNK]", "<fill>", "red", "sail"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 0), ("[SEP]", 1)])
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=16)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": {"content": "<fill>"}}))
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "max_position_embeddings": 64}))
    return folder


def test_words_part_characters_without_spaces_and_fold_case(words):
    assert words.tokenizer.encode("买了IPAD").tokens[:2] == ["买", "了"]
    assert words.encode("HARBOUR ｗide")["token_ids"].tolist() == words.encode("harbour wide")["token_ids"].tolist()


def test_words_are_cut_to_max_tokens_and_masked(words):
    inputs = words.encode("harbour " * 50)
    assert inputs["token_ids"].shape == inputs["mask"].shape == (8,)
    batch = words.collate([inputs, words.encode("the")])
    assert batch["mask"].sum(1).tolist() == [8, 1]
    assert (batch["token_ids"][1, 1:] == words.padding).all()


@pytest.mark.parametrize(
    "text",
    [
        "the captain of the harbour was calm " * 9,  # the opening fills the tokens
        "extraordinarily " * 9,  # it does not: the rest is read too
        "很好的" * 40,  # no space to cut at
        "的 " + "很好" * 40,
        " " * 80 + "calm " * 9,
        "calm" * 40,
        "",
    ],
)
def test_reading_no_more_than_needed_gives_the_same_tokens(words, text):
    whole = words.tokenizer.encode(text[: words.characters]).ids or [words.unknown]
    assert words.encode(text)["token_ids"].tolist() == whole
    several = [one["token_ids"].tolist() for one in words.encode_many(["calm", text, "the harbour"])]
    assert several == [words.encode("calm")["token_ids"].tolist(), whole, words.encode("the harbour")["token_ids"].tolist()]


def test_words_seen_once_teach_the_unknown_word(words):
    reader = Words.fit(["red sail", "red"], BiLSTM(), None)
    assert reader.encode("red sail")["token_ids"].tolist() == [2, reader.unknown]


def test_words_are_trained_alike_every_time():
    first, second = (Words.fit(TEXTS * 20, BiLSTM(vocabulary=120), None).tokenizer.to_str() for _ in range(2))
    assert first == second


def test_blank_and_broken_texts_give_one_token(words):
    for text in ("", "\x00\x01", " ", "\ud800"):
        assert words.encode(text)["token_ids"].tolist() == [words.unknown]


def test_one_by_one_and_many_agree(words):
    many = words.encode_many([*TEXTS, "", "half \ud800"])
    assert [one["token_ids"].tolist() for one in many] == [
        words.encode(text)["token_ids"].tolist() for text in [*TEXTS, "", "half \ud800"]
    ]


def test_the_beginning_of_a_long_text_decides(words):
    assert words.encode("harbour " * 200_000)["token_ids"].tolist() == words.encode("harbour " * 20)["token_ids"].tolist()


def test_words_load_elsewhere(words, tmp_path):
    transformers = pytest.importorskip("transformers")
    words.save(tmp_path)
    foreign = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    assert foreign("the 很好 captain")["input_ids"] == words.encode("the 很好 captain")["token_ids"].tolist()


def test_rows_without_words_are_refused():
    for texts in (["", " "], ["each word", "only once"]):
        with pytest.raises(DataError, match="no word occurs twice"):
            Words.fit(texts, BiLSTM(), None)


def test_words_travel_through_files(words, tmp_path):
    words.save(tmp_path)
    again = Words.load(tmp_path)
    assert again.encode("the harbour 很好")["token_ids"].tolist() == words.encode("the harbour 很好")["token_ids"].tolist()
    assert (again.vocabulary, again.padding, again.max_tokens) == (words.vocabulary, 0, 8)


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]"])
def test_a_damaged_tokenizer_is_refused(words, tmp_path, content):
    words.save(tmp_path)
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ReleaseError, match="can't be read"):
        Words.load(tmp_path)


def test_checkpoint_keeps_special_tokens_and_names_its_padding(checkpoint, tmp_path):
    reader = Checkpoint.fit((), Finetune(max_tokens=8), checkpoint)
    assert reader.encode("red sail")["token_ids"].tolist() == [0, 4, 5, 1]
    assert reader.encode("red " * 40)["token_ids"].tolist() == [0, 4, 4, 4, 4, 4, 4, 1]
    assert reader.padding == 3
    folder = tmp_path / "release"
    folder.mkdir()
    reader.save(folder)
    shutil.rmtree(checkpoint)
    again = Checkpoint.load(folder)
    assert again.encode("red " * 40)["token_ids"].tolist() == [0, 4, 4, 4, 4, 4, 4, 1]
    assert again.padding == 3
    again.save(folder)
    assert (folder / "tokenizer_config.json").is_file()


def test_checkpoint_refuses_more_tokens_than_it_has_positions_for(checkpoint):
    with pytest.raises(SpecError, match="64 positions"):
        Checkpoint.fit((), Finetune(max_tokens=128), checkpoint)
    (checkpoint / "config.json").write_text(
        json.dumps({"model_type": "roberta", "max_position_embeddings": 130, "pad_token_id": 1})
    )
    assert Checkpoint.fit((), Finetune(max_tokens=128), checkpoint).max_tokens == 128


def test_checkpoint_without_tokenizer_is_refused(tmp_path):
    for folder in (None, tmp_path):
        with pytest.raises(DataError, match=r"no tokenizer\.json"):
            Checkpoint.fit((), Finetune(), folder)


def test_readers_are_found_by_name():
    assert all(get_reader(name).name == name for name in all_readers())
    assert set(all_readers()) == {"checkpoint", "hashed-ngrams", "ngrams", "prompt", "words"}
    for name in ("nothing", "reader"):
        with pytest.raises(SpecError, match="hashed-ngrams"):
            get_reader(name)
