"""Every error tells four parts, and has an exit code of its own family."""

from __future__ import annotations

import pytest

from modelwright.base import errors
from modelwright.base.errors import MissingExtraError, ModelwrightError, SpecError
from modelwright.base.optional import require

FAMILY = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, ModelwrightError)]


def test_an_error_reads_as_four_parts() -> None:
    error = SpecError(
        "train.sed is not a setting.", expected="one of: seed.", where="modelwright.yaml:4", remedy="Did you mean seed?"
    )
    assert str(error).splitlines() == [
        "modelwright.yaml:4  train.sed is not a setting.",
        "  Expected one of: seed.",
        "  Did you mean seed?",
    ]
    assert error.as_json() == {
        "error": "SpecError",
        "where": "modelwright.yaml:4",
        "came": "train.sed is not a setting.",
        "expected": "one of: seed.",
        "remedy": "Did you mean seed?",
        "exit_code": 2,
    }


def test_an_error_without_a_place_starts_with_what_came() -> None:
    assert str(ModelwrightError("it broke", expected="peace", where="", remedy="Rest.")).startswith("it broke\n")


@pytest.mark.parametrize("member", FAMILY)
def test_exit_codes_are_failures_and_differ_between_branches(member: type[ModelwrightError]) -> None:
    assert 0 < member.exit_code < 64
    branches = [item.exit_code for item in FAMILY if ModelwrightError in (item, *item.__bases__)]
    assert len(set(branches)) == len(branches)
    assert str(member.exit_code) in (errors.__doc__ or "") or member is MissingExtraError


def test_a_missing_library_names_its_extra() -> None:
    with pytest.raises(MissingExtraError) as caught:
        require("a_library_that_nobody_wrote", "train")
    assert "modelwright[train]" in caught.value.remedy
    assert caught.value.exit_code == 4


def test_a_present_library_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert require("json.decoder", "serve").__name__ == "json.decoder"


def test_a_broken_library_is_another_problem(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("import a_part_that_is_gone")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_part_that_is_gone"):
        require("broken_library", "train")
