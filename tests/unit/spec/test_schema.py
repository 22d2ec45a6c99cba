"""The JSON schema says what the loader says: of the shipped projects, and of wrong ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from modelwright.base.errors import SpecError
from modelwright.spec.load import json_schema, load
from modelwright.spec.project import Project
from modelwright.spec.routes.route import Route, all_routes
from modelwright.tasks.contract import TASKS

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/modelwright.yaml"))
SCHEMA = json_schema(TASKS)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)  # jsonschema.validate would examine the schema itself each time


def _plain(**more: Any) -> dict[str, Any]:
    return {
        "project": "desk",
        "task": "text-classification",
        "data": {"source": "news.csv"},
        "routes": {"tfidf-linear": {}},
        **more,
    }


def test_the_schema_is_a_schema_and_json() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_in_chinese_it_says_the_same_and_no_setting_is_left_in_english() -> None:
    told: dict[str, str] = {}

    def compare(one: Any, other: Any) -> None:
        if isinstance(one, dict):
            assert list(one) == list(other)
            for key, value in one.items():
                if key == "description" and isinstance(value, str):
                    told[value] = other[key]
                else:
                    compare(value, other[key])
        elif isinstance(one, list):
            assert len(one) == len(other)
            for left, right in zip(one, other, strict=True):
                compare(left, right)
        else:
            assert one == other

    compare(SCHEMA, json_schema(TASKS, "zh"))
    assert len(told) > 600
    assert not [
        english for english, said in told.items() if not re.search("[一-鿿]", said) and not english.startswith("Base of all ")
    ]
    assert (
        told["role → column, like {text: body, label: topic, id: number}"]
        == "角色 → 列，如 {text: body, label: topic, id: number}"
    )


def test_there_are_examples() -> None:
    assert {path.parent.name for path in EXAMPLES} >= {"news-desk"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_shipped_projects_load_and_fit_the_schema(path: Path) -> None:
    assert load(path, TASKS).project.project == path.parent.name
    VALIDATOR.validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "tree",
    [
        _plain(),
        _plain(routes={"bilstm": None, "mine": {"route": "textcnn", "channels": 50}}),
        _plain(routes={"finetune": {"from": "hf://org/name", "method": "lora"}}),
        _plain(compress=["int8"], train={"budget": {"minutes": 3, "money": "2 USD"}}),
        _plain(compress={"methods": ["int8"], "max_loss": 0.02}),
    ],
)
def test_right_trees_are_right_for_both(tree: dict[str, Any], tmp_path: Path) -> None:
    VALIDATOR.validate(tree)
    (tmp_path / "modelwright.yaml").write_text(yaml.safe_dump(tree))
    assert load(tmp_path, TASKS).project.project == "desk"


@pytest.mark.parametrize(
    "tree",
    [
        _plain(trian={}),
        _plain(serve={"port": 99999}),
        _plain(routes={}),
        _plain(routes={"bilsm": {}}),
        _plain(routes={"bilstm": {"widht": 3}}),
        _plain(routes={"mine": {"route": "nothing"}}),
        _plain(choose={"prefer": "beauty"}),
        _plain(data={}),
    ],
)
def test_wrong_trees_are_wrong_for_both(tree: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(tree)
    (tmp_path / "modelwright.yaml").write_text(yaml.safe_dump(tree))
    with pytest.raises(SpecError):
        load(tmp_path, TASKS)


def test_every_setting_is_described_or_named_clearly() -> None:
    """A number without a description needs a name that says it all."""
    plain = {
        "seed",
        "port",
        "layers",
        "heads",
        "dropout",
        "width",
        "role",
        "value",
        "spread",
        "currency",
        "period",
        "months",
        "count",
    }
    silent = []
    for name, part in {"": SCHEMA, **SCHEMA["$defs"]}.items():
        for key, field in part.get("properties", {}).items():
            section = "$ref" in json.dumps(field)
            if "description" not in field and not section and key not in plain:
                silent.append(f"{name}.{key}")
    assert silent == []


def test_routes_are_complete() -> None:
    learned = {route for name in TASKS.names() for route in TASKS.routes(name).values()}
    for key, route in all_routes().items():
        assert route.key() == key
        assert route.name in key  # finetune, finetune-image; lstm, forecast-lstm
        assert route in learned  # some task offers what it reads and wants what it gives
        assert route.kind in ("gradient", "fit", "bought")
        assert route.reads
        assert route.architecture
        assert issubclass(route, Route)
        assert route.kind == "bought" or route()  # every setting has a default; a service must be named
    for name in TASKS.names():
        assert list(TASKS.routes(name)) == sorted(TASKS.routes(name))
    with pytest.raises(SpecError, match="no-such-task"):
        TASKS.routes("no-such-task")


def test_all_sections_are_closed_and_frozen() -> None:
    def walk(section: type) -> None:
        assert section.model_config["extra"] == "forbid", section
        assert section.model_config["frozen"], section
        for field in section.model_fields.values():
            for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
                if isinstance(part, type) and hasattr(part, "model_fields"):
                    walk(part)

    for root in (Project, *all_routes().values()):
        walk(root)
