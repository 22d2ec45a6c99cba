"""What is loaded for good is no garbage."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from modelwright.base.collector import loading


@pytest.fixture
def thawed():
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.parametrize("collecting", [True, False])
def test_loading_pauses_the_collector_and_keeps_what_was_made_out_of_its_sight(thawed, collecting):
    (gc.enable if collecting else gc.disable)()
    before = gc.get_freeze_count()
    with pytest.raises(KeyError), loading():
        assert not gc.isenabled()
        made = [[number] for number in range(1000)]
        raise KeyError
    assert gc.isenabled() == collecting
    assert gc.get_freeze_count() >= before + len(made)


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["plan", "nowhere"], 3), (["no-such-verb"], 2)])
def test_the_command_ends_with_its_own_code(tmp_path, arguments, code):
    ended = subprocess.run([sys.executable, "-m", "modelwright", *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == code, ended
