"""The doctor reports what is, measures what can be measured, and says what to do."""

from __future__ import annotations

import io
import json
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest

from modelwright.base.console import Console
from modelwright.pipeline import doctor


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return doctor.examine(Console(io.StringIO(), quiet=True))


def test_facts_are_json_and_peaks_are_measured(found: dict[str, Any]) -> None:
    assert json.loads(json.dumps(found)) == found
    assert found["cores"] >= 1
    assert 1e-3 < found["peaks"]["float32_gflops"] < 1e6
    assert 1e-3 < found["peaks"]["copy_gbytes_per_s"] < 1e5
    assert found["peaks"]["bfloat16_gflops"] is None or found["peaks"]["bfloat16_gflops"] > 0
    assert 0 < found["memory_available_bytes"] <= found["memory_bytes"]


def test_extras_are_those_of_the_package(found: dict[str, Any]) -> None:
    declared = set(metadata("modelwright").get_all("Provides-Extra") or ())
    assert {"data", "train", "serve", "report"} <= set(found["extras"]) == declared - {"all", "dev", "bench"}
    assert found["extras"]["serve"]["libraries"]["onnxruntime"]
    assert set(found["extras"]["serve"]["libraries"]) < set(found["extras"]["train"]["libraries"]), "train brings serve"


def test_the_text_holds_what_people_ask_for(found: dict[str, Any]) -> None:
    text = "\n".join(doctor.lines(found))
    for word in ("Python", "cores", "GiB", "GFLOP/s", "GB/s", "[train]", "cache"):
        assert word in text
    assert ("Nothing stands in the way" in text) == (not found["warnings"])


@pytest.mark.parametrize(
    ("change", "came", "remedy"),
    [
        ({"disk_free_bytes": 10}, "of disk are free", "Free 2 GiB"),
        ({"memory_available_bytes": 10}, "of memory are available", "batch_size"),
        ({"writable": {"here": False, "temporary": True}}, "this folder can't be written", "permissions"),
        ({"writable": {"here": True, "temporary": False}}, "temporary files can't be written", "permissions"),
        ({"cache": {"folder": "/c", "bytes": 0, "writable": False}}, "the cache /c can't be written", "MODELWRIGHT_CACHE"),
        (
            {"extras": {"train": {"installed": False, "libraries": {"torch": None}}}},
            "[train] is incomplete",
            "modelwright[train]",
        ),
        ({"extras": {}}, "not installed as a package", "pip install"),
        ({"features": ["avx2"], "gpus": []}, "no bfloat16 units", "float32"),
    ],
)
def test_what_is_in_the_way_is_told_with_what_to_do(
    found: dict[str, Any], change: dict[str, Any], came: str, remedy: str
) -> None:
    changed = {**found, **change}
    warnings = [warning for warning in doctor._warnings(changed) if came in warning["came"]]
    assert len(warnings) == 1
    assert remedy in warnings[0]["remedy"]
    assert came in "\n".join(doctor.lines({**changed, "warnings": warnings}))


def test_threads_held_back_by_the_environment(found: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert any("OMP_NUM_THREADS=1" in warning["came"] for warning in doctor._warnings({**found, "cores": 4}))
    assert not any("OMP" in warning["came"] for warning in doctor._warnings({**found, "cores": 1}))


def test_without_torch_its_figures_are_missing_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda library: None)
    assert doctor._torch([]) == {"bfloat16_gflops": None, "gpus": []}
    assert doctor._extras() == {}


def test_the_cache_is_measured_where_it_is_or_will_be(tmp_path: Path) -> None:
    assert doctor._cache(tmp_path / "not" / "yet") == {"folder": str(tmp_path / "not" / "yet"), "bytes": 0, "writable": True}
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"x" * 5000)
    assert doctor._cache(tmp_path)["bytes"] >= 5000


def test_writable_is_found_out_by_writing(tmp_path: Path) -> None:
    assert doctor._writable(tmp_path)
    assert not doctor._writable(tmp_path / "missing")
