"""Windows of documents and of whole conversations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.tasks.chat.packing import IGNORED, Conversations, Lessons, Windows, _placed, shortened, stored

CONTEXT = 16


def windows(documents, on_disk=False):
    return Lessons([Windows(stored(iter(documents), 1000, on_disk).pack(CONTEXT))], CONTEXT)


def talks(conversations, on_disk=False):
    doubled = [2 * np.array(ids) + np.array(learned) for ids, learned in conversations]
    return Lessons([Conversations(stored(iter(doubled), 2000, on_disk), CONTEXT, 7)], CONTEXT)


documents = st.lists(st.integers(1, 40).map(lambda length: list(range(1, length + 1))), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(documents)
def test_documents_fill_windows_in_order_and_lose_nothing(made):
    lessons = windows(made)
    ids = np.concatenate([example.inputs["input_ids"] for example in lessons] or [np.zeros(0, int)])
    numbers = np.concatenate([example.inputs["attention_mask"] for example in lessons] or [np.zeros(0, int)])
    flat = np.concatenate(made)
    assert len(flat) - (numbers > 0).sum() in (0, 1)  # a last window of one token is left out
    np.testing.assert_array_equal(ids[numbers > 0], flat[: (numbers > 0).sum()])
    for example in lessons:
        assert example.length == CONTEXT == len(example.inputs["labels"])
        kept, number, labels = (example.inputs[name] for name in ("input_ids", "attention_mask", "labels"))
        first = np.diff(number, prepend=0) != 0
        np.testing.assert_array_equal(labels, np.where((number > 0) & ~first, kept, IGNORED))
        assert (np.flatnonzero((kept == 1) & (number > 0)) == np.flatnonzero((kept == 1) & first & (number > 0))).all()


lengths = st.lists(st.integers(1, CONTEXT), min_size=1, max_size=300)


@settings(max_examples=60, deadline=None)
@given(lengths)
def test_conversations_stay_whole(made):
    generator = np.random.default_rng(0)
    conversations = [([number + 1] * length, generator.random(length) < 0.5) for number, length in enumerate(made)]
    lessons = talks(conversations)
    seen = []
    for example in lessons:
        ids, number, labels = (example.inputs[name] for name in ("input_ids", "attention_mask", "labels"))
        assert (ids[number == 0] == 7).all()
        assert (labels[number == 0] == IGNORED).all()
        for one in range(1, number.max() + 1):
            where = np.flatnonzero(number == one)
            assert (np.diff(where) == 1).all()
            conversation = int(ids[where[0]]) - 1
            seen.append(conversation)
            np.testing.assert_array_equal(ids[where], conversations[conversation][0])
            np.testing.assert_array_equal(labels[where] != IGNORED, conversations[conversation][1])
    assert sorted(seen) == list(range(len(made)))


def test_conversations_leave_little_room():
    made = np.random.default_rng(0).integers(1, 100, 3000)
    places, begins = _placed(made, 128)
    assert sorted(places.tolist()) == list(range(3000))
    assert made.sum() / ((len(begins) - 1) * 128) > 0.97


def test_documents_and_conversations_follow_each_other():
    both = Lessons([*windows([list(range(1, 33))]).parts, *talks([([3, 4], [0, 1])]).parts], CONTEXT)
    assert len(both) == 3 == len(both.lengths)
    assert both[-1].inputs["labels"].tolist()[:2] == [IGNORED, 4]
    assert [example.row_id for example in both[1:]] == ["window 1", "window 2"]
    with pytest.raises(IndexError):
        both[3]


def test_files_give_what_memory_gives_and_go_with_their_reader():
    made = [list(range(1, length)) for length in (5, 90, 3, 40)]
    lessons = windows(made, on_disk=True)
    for left, right in zip(lessons, windows(made), strict=True):
        np.testing.assert_equal(left.inputs, right.inputs)
    folder = lessons.parts[0].packed.shards.folder
    assert (folder / "tokens.bin").exists()
    del lessons, left
    assert not folder.exists()


def test_nothing_makes_no_window():
    assert stored(iter([]), 10, False) is None
    assert stored(iter([[], []]), 10, True) is None
    assert len(Lessons([], CONTEXT)) == 0


def test_long_conversations_lose_their_oldest_exchanges():
    said = [{"role": role, "content": str(number)} for number, role in enumerate(["system", *["user", "assistant"] * 4])]
    kept = shortened(said, len, 5)
    assert [one["content"] for one in kept] == ["0", "5", "6", "7", "8"]
    assert [one["content"] for one in shortened(said, len, 1)] == ["0", "7", "8"]  # the last exchange is never dropped
