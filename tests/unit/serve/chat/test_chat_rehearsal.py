from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.serve.chat.release import TEXTS

from modelwright.base.console import Console
from modelwright.base.errors import ReleaseError
from modelwright.serve.ask import ask_words
from modelwright.serve.chat.rehearsal import prompts
from modelwright.serve.rehearse import rehearse
from modelwright.spec.serve import Rehearse, Serve

TALK = [{"role": "user", "content": "tide?"}, {"role": "assistant", "content": "潮水"}]
ROWS = [{"text": text} for text in TEXTS] + [{"messages": json.dumps(TALK)}, {"messages": TALK}]


def test_a_rehearsal_of_chat_counts_tokens_and_times_the_first(chat_release: Path) -> None:
    settings = Rehearse(connections=(1, 4), seconds=1.0, answer_tokens=24)
    found = rehearse(chat_release, Serve(threads=1), settings, ROWS, Console(quiet=True))
    for level in found["levels"]:
        assert (level["errors"], level["requests"] > 3) == (0, True)
        assert 0 < level["ttft_p50_ms"] <= level["ttft_p95_ms"] <= level["p95_ms"] * 1.5
        assert 0 < level["tokens_per_request"]["answer"] <= 24
        finished = level["tokens_per_request"]["answer"] * level["throughput"]
        assert finished * 0.98 <= level["tokens_per_second"] <= finished * 1.5 + 24 * 4
    best = found["best"]
    assert found["tokens_per_second"] == best["tokens_per_second"] == max(level["tokens_per_second"] for level in found["levels"])
    assert (found["ttft_p95_ms"], found["tokens_per_request"]) == (best["ttft_p95_ms"], best["tokens_per_request"])
    assert 0.1 < found["cold_start_s"] < 60


def test_prompts_are_real_rows_that_leave_room(chat_release: Path) -> None:
    long = {"messages": [{"role": "user", "content": "tide 潮水 " * 300}]}
    found = prompts(chat_release, Serve(), [*ROWS, long], 20)
    assert [path.rpartition("/")[2] for path, _ in found] == ["completions"] * 5
    assert found[0][1]["prompt"] == TEXTS[0][: len(found[0][1]["prompt"])] != TEXTS[0]
    assert found[3][1]["messages"] == found[4][1]["messages"] == TALK[:1]
    with pytest.raises(ReleaseError, match="leaves room"):
        prompts(chat_release, Serve(), [long], 20)


def test_a_chat_release_is_asked_from_the_command_line(chat_release: Path) -> None:
    first, again, scored, asked = ask_words(
        chat_release, ["tide?", "tide?", '{"text": "The tide"}', json.dumps({"messages": TALK[:1]})]
    )
    assert first == again == asked
    assert set(first) == {"text", "finish_reason", "prompt_tokens", "completion_tokens"}
    assert scored["nats"] > 0
