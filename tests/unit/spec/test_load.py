"""The project file: what is wrong is named with its line, what is right is frozen and shown in full."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright import cli
from modelwright.base.errors import SpecError
from modelwright.spec.load import Loaded, load, spoken
from modelwright.tasks.contract import TASKS

PLAIN = """\
project: desk
task: text-classification
data:
  source: news.csv
routes:
  tfidf-linear: {}
  bilstm:
    width: 64
"""

Read = Callable[..., Loaded]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def act(text: str = PLAIN, overrides: Sequence[str] = ()) -> Loaded:
        (tmp_path / "modelwright.yaml").write_text(text, encoding="utf-8")
        return load(tmp_path, TASKS, overrides)

    return act


def refused(read: Read, text: str = PLAIN, overrides: Sequence[str] = ()) -> SpecError:
    with pytest.raises(SpecError) as caught:
        read(text, overrides)
    error = caught.value
    assert error.exit_code == 2
    assert all((error.came, error.expected, error.where, error.remedy)), "all four parts are told"
    return error


def test_defaults_are_filled_in_and_shown(read: Read, tmp_path: Path) -> None:
    loaded = read()
    assert loaded.folder == tmp_path.resolve()
    assert loaded.project.data.split.test == 0.2
    assert loaded.resolved["data"]["split"] == {
        "test": 0.2,
        "validation": 0.1,
        "seed": 7,
        "train": None,
        "by": None,
        "column": None,
    }
    assert loaded.resolved["routes"]["bilstm"]["route"] == "bilstm"
    assert loaded.resolved["routes"]["bilstm"]["width"] == 64
    assert loaded.resolved["routes"]["bilstm"]["dropout"] == 0.3


def test_the_file_itself_can_be_named(read: Read, tmp_path: Path) -> None:
    read()
    assert load(tmp_path / "modelwright.yaml", TASKS).project.project == "desk"


def test_settings_are_frozen(read: Read) -> None:
    project = read().project
    for section, field in ((project, "project"), (project.data.split, "seed"), (project.routes["bilstm"], "width")):
        with pytest.raises(pydantic.ValidationError, match="frozen"):
            setattr(section, field, 1)


@pytest.mark.parametrize(
    ("text", "line", "came", "nearest"),
    [
        (PLAIN + "trian: {}\n", 9, "trian is not a setting", "train"),
        (PLAIN.replace("source:", "sorce:"), 4, "data.sorce is not a setting", "source"),
        (PLAIN + "data2: 1\n", 9, "data2 is not a setting", "data"),
        (PLAIN.replace("width", "widht"), 8, "routes.bilstm.widht is not a setting", "width"),
        (PLAIN.replace("bilstm:", "bilsm:"), 7, "routes.bilsm is not a route of text-classification", "bilstm"),
        (PLAIN + "train: {budget: {minuts: 3}}\n", 9, "train.budget.minuts is not a setting", "minutes"),
        (PLAIN.replace("text-classification", "text-clasification"), 2, "text-clasification", "text-classification"),
        (PLAIN.replace("  bilstm:\n", "  mine:\n    route: textcn\n"), 8, "routes.mine: 'textcn' is not a route", "textcnn"),
        (PLAIN.replace("  tfidf-linear: {}", "  finetune: {fro: hf://x/y}"), 6, "routes.finetune.fro", "from"),
    ],
)
def test_an_unknown_word_gets_its_line_and_the_nearest_real_one(
    read: Read, text: str, line: int, came: str, nearest: str
) -> None:
    error = refused(read, text)
    assert error.where == f"modelwright.yaml:{line}"
    assert came in error.came
    assert f"Did you mean {nearest}?" in error.remedy
    assert nearest in error.expected


def test_a_word_like_nothing_gets_the_list_without_a_guess(read: Read) -> None:
    error = refused(read, PLAIN + "zzqx: 1\n")
    assert "Did you mean" not in error.remedy
    assert "routes" in error.expected


@pytest.mark.parametrize(
    ("text", "line", "came"),
    [
        (PLAIN + "project: again\n", 9, "'project' appears twice"),
        (PLAIN + "train: {seed: 1, seed: 2}\n", 9, "'seed' appears twice"),
        (PLAIN + "serve: {port: 99999}\n", 9, "serve.port is set to 99999"),
        (PLAIN + "serve:\n  host: x\n  port: many\n", 11, "serve.port is set to 'many'"),
        (PLAIN + "serve: [\n", 10, "expected"),
        (PLAIN + "\tx: 1\n", 9, "cannot start any token"),
        ("- a\n- b\n", 1, "holds a list"),
        ("hello", 1, "holds a str"),
        ("", 1, "project is missing"),
        (PLAIN.replace("project: desk\n", ""), 1, "project is missing"),
        (PLAIN.replace("  source: news.csv", "  limit: 5"), 3, "data.source is missing"),
        (PLAIN.replace("project: desk", "project: ../x"), 1, "project is set to '../x'"),
        (PLAIN.replace("project: desk", "project: 2026-13-45"), 1, "can't be read"),
        (PLAIN.replace("project: desk", "project: !!python/object:os.system x"), 1, "could not determine a constructor"),
        (PLAIN.replace("  bilstm:\n    width: 64", "  bilstm: 3"), 7, "the settings of routes.bilstm are 3"),
        (PLAIN.replace("  bilstm:\n", "  ../bilstm:\n    route: bilstm\n"), 7, "can't be a route's name"),
        (PLAIN.replace("  bilstm:\n", "  mine:\n    route: [a]\n"), 8, "is not a route"),
        (PLAIN + "? [a, b]\n: 1\n", 9, "a key is not a plain word"),
        (PLAIN + "x: &a [*a]\n", 1, "alias holds itself"),
        (PLAIN + "x: " + "[" * 3000 + "\n", 1, "nested too deeply"),
        (PLAIN + "x: \x07\n", 9, "unacceptable character"),
        (PLAIN + "data.x: &a\n---\n", 10, "but found another document"),
        (PLAIN + "rehearse: {connections: [0]}\n", 9, "rehearse.connections.0 is set to 0"),
        (PLAIN + "choose: {at_least: .inf}\n", 9, "choose.at_least is set to inf"),
        (PLAIN + "choose: {at_least: .nan}\n", 9, "choose.at_least is set to nan"),
        (PLAIN + "train: {budget: {money: 1e999}}\n", 9, "train.budget.money"),
        (PLAIN + "train: {budget: {money: 3 bananas}}\n", 9, "train.budget.money is set to '3 bananas'"),
    ],
)
def test_bad_files_are_told_with_their_line(read: Read, text: str, line: int, came: str) -> None:
    error = refused(read, text)
    assert came in error.came
    assert error.where == f"modelwright.yaml:{line}"


def test_aliases_that_stand_for_gigabytes_are_refused(read: Read) -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9))
    assert "more than 100,000 settings" in refused(read, f"l0: &l0 [x]\n{levels}\n").came


def test_anchors_are_understood(read: Read) -> None:
    text = PLAIN.replace("  tfidf-linear: {}", "  first: &shared {route: bilstm, width: 32}\n  second: *shared")
    routes = read(text).project.routes
    assert routes["first"] == routes["second"]
    assert routes["first"].name == "bilstm"


def test_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "modelwright.yaml").write_bytes(b"\xef\xbb\xbf" + PLAIN.encode())
    assert load(tmp_path, TASKS).project.project == "desk"


@pytest.mark.parametrize("content", [None, PLAIN.encode("utf-16"), b"\xff\xfe\x00", "项目: 新闻".encode("gb18030")])
def test_an_unreadable_file_is_told(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "modelwright.yaml").write_bytes(content)
    with pytest.raises(SpecError) as caught:
        load(tmp_path, TASKS)
    assert "can't be read" in caught.value.came
    assert caught.value.where == str(tmp_path / "modelwright.yaml")
    assert "modelwright new" in caught.value.remedy


def test_a_route_may_run_twice_under_names_of_ones_own(read: Read) -> None:
    loaded = read(PLAIN.replace("  bilstm:\n", "  narrow: {route: bilstm, width: 32}\n  bilstm:\n"))
    assert [route.name for route in loaded.project.routes.values()] == ["tfidf-linear", "bilstm", "bilstm"]
    assert loaded.resolved["routes"]["narrow"]["route"] == "bilstm"


@pytest.mark.parametrize(
    "settings", ["test: 0.6, validation: 0.5", "by: group", "by: stratified, column: source", "column: source"]
)
def test_splits_that_can_not_be_made_are_refused(read: Read, settings: str) -> None:
    error = refused(read, PLAIN.replace("  source: news.csv", f"  source: news.csv\n  split: {{{settings}}}"))
    assert error.where == "modelwright.yaml:5"
    assert "data.split" in error.came


def test_heads_must_divide_the_width(read: Read) -> None:
    error = refused(read, PLAIN.replace("  tfidf-linear: {}", "  encoder: {width: 100, heads: 3}"))
    assert "a multiple of heads (3)" in error.expected


class TestOverrides:
    def test_they_win_over_the_file_and_may_set_what_it_leaves_out(self, read: Read) -> None:
        loaded = read(overrides=["routes.bilstm.width=32", "train.budget.minutes=0.5", "routes.textcnn={}", "serve.port=0"])
        assert loaded.resolved["routes"]["bilstm"]["width"] == 32
        assert loaded.project.train.budget.minutes == 0.5
        assert "textcnn" in loaded.project.routes
        assert loaded.hash != read().hash

    def test_the_last_one_counts(self, read: Read) -> None:
        assert read(overrides=["train.seed=1", "train.seed=2"]).project.train.seed == 2

    def test_yaml_values(self, read: Read) -> None:
        loaded = read(overrides=["evaluate.slices=[source, day]", "venture=", "choose.prefer=cost", "data.source=a=b.csv"])
        assert loaded.project.evaluate.slices == ("source", "day")
        assert loaded.project.venture is None
        assert loaded.project.data.source == "a=b.csv"

    def test_routes_that_are_empty_in_the_file(self, read: Read) -> None:
        text = PLAIN.replace("tfidf-linear: {}", "tfidf-linear:")
        assert read(text, ["routes.tfidf-linear.words=1"]).resolved["routes"]["tfidf-linear"]["words"] == 1

    @pytest.mark.parametrize("override", ["train.seed", "=3", "train..seed=3", ".=1", ""])
    def test_what_is_no_setting(self, read: Read, override: str) -> None:
        error = refused(read, overrides=[override])
        assert error.where == "command line"
        assert "train.seed=3" in error.remedy

    @pytest.mark.parametrize(
        ("override", "came"),
        [
            ("train.sed=3", "train.sed is not a setting"),
            ("serve.port=x", "serve.port is set to 'x'"),
            ("train.seed=[", "not valid YAML"),
            ("train.seed=2026-13-45", "not valid YAML"),
            ("project.name=x", "project is 'desk', which has no keys"),
        ],
    )
    def test_errors_name_the_override(self, read: Read, override: str, came: str) -> None:
        error = refused(read, overrides=[override])
        assert error.where == f"override {override}"
        assert came in error.came

    def test_a_key_inside_a_short_form_is_not_set_by_throwing_the_rest_away(self, read: Read) -> None:
        error = refused(read, PLAIN + "compress: [int8]\n", ["compress.max_loss=0.02"])
        assert "compress is ['int8']" in error.came
        assert read(PLAIN + "compress: {methods: [int8]}\n", ["compress.max_loss=0.02"]).project.compress.methods == ("int8",)


class TestReferences:
    def test_to_other_settings_keep_their_type(self, read: Read) -> None:
        loaded = read(PLAIN + "train: {seed: '${data.split.seed}'}\n", ["data.split.seed=11"])
        assert loaded.project.train.seed == 11

    def test_inside_a_text_and_through_each_other(self, read: Read) -> None:
        text = PLAIN.replace("news.csv", "${project}-${train.seed}.csv") + "train: {seed: '${serve.port}'}\nserve: {port: 81}\n"
        assert read(text).project.data.source == "desk-81.csv"

    @pytest.mark.parametrize(
        ("value", "came"),
        [
            ("${data.source}", "leads back to itself"),
            ("${nothing.here}", "names nothing"),
            ("${project.x}", "names nothing"),
            ("${env.MW_TEST_NOT_SET}", "MW_TEST_NOT_SET is not set"),
        ],
    )
    def test_that_lead_nowhere(self, read: Read, value: str, came: str) -> None:
        error = refused(read, PLAIN.replace("news.csv", value))
        assert came in error.came
        assert error.where == "modelwright.yaml:4"

    def test_a_circle_of_two(self, read: Read) -> None:
        text = PLAIN.replace("news.csv", "${data.query}").replace("routes:", "  query: ${data.source}\nroutes:")
        assert "leads back to itself" in refused(read, text).came

    def test_defaults(self, read: Read) -> None:
        assert read(PLAIN.replace("news.csv", "${env.MW_TEST_NOT_SET:-other.csv}")).project.data.source == "other.csv"

    @pytest.mark.parametrize("form", ["${env.MW_TEST_SECRET}", "postgresql://me:${env.MW_TEST_SECRET}@host/db"])
    def test_secrets_stay_out_of_the_resolved_file(self, read: Read, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
        monkeypatch.setenv("MW_TEST_SECRET", "hunter2")
        loaded = read(PLAIN.replace("news.csv", form))
        assert "hunter2" in loaded.project.data.source
        assert loaded.resolved["data"]["source"] == form
        assert "hunter2" not in str(loaded.resolved)
        monkeypatch.setenv("MW_TEST_SECRET", "hunter3")
        assert read(PLAIN.replace("news.csv", form)).hash != loaded.hash, "another value is another project"

    def test_secrets_stay_out_of_what_refers_to_them(self, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MW_TEST_SECRET", "hunter2")
        text = PLAIN.replace("news.csv", "${env.MW_TEST_SECRET}").replace("routes:", "  query: see ${data.source}\nroutes:")
        loaded = read(text)
        assert loaded.project.data.query == "see hunter2"
        assert loaded.resolved["data"]["query"] == "see ${data.source}"

    def test_secrets_stay_out_of_errors(self, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MW_TEST_SECRET", "hunter2")
        assert "hunter2" not in str(refused(read, PLAIN + "serve: {port: '${env.MW_TEST_SECRET}'}\n"))
        assert "hunter2" not in str(refused(read, PLAIN + "serve: ['${env.MW_TEST_SECRET}']\n"))


class TestHash:
    def test_it_follows_settings_not_their_spelling(self, read: Read) -> None:
        first = read().hash
        assert read("# a comment\n" + PLAIN.replace("width: 64", "width:   64")).hash == first
        assert read(PLAIN + "train: {seed: 0}\n").hash == first, "a default written out changes nothing"
        assert read(PLAIN.replace("64", "65")).hash != first


@given(st.text(alphabet="abc: \n-{}[]&*!|>'\"%@`#,?0.$", max_size=60))
def test_whatever_is_in_the_file_it_loads_or_is_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load(file, TASKS)
    assert caught.value.where.startswith("fuzz.yaml")


class TestTheLanguageOfMessages:
    @pytest.mark.parametrize(
        ("text", "language"),
        [
            ("language: zh\n", "zh"),
            ("project: x\nlanguage: 'en'  # said\n", "en"),
            ("project: [\nlanguage: zh\nsorce: 3\n", "zh"),
            ("\ufefflanguage: zh\nproject: x\n", "zh"),
            ("# language: zh\nproject: x\n", "en"),
            ("name:\n  language: zh\n", "en"),
        ],
    )
    def test_is_the_files_even_where_the_file_is_wrong(self, tmp_path: Path, monkeypatch, text: str, language: str) -> None:
        monkeypatch.setenv("LC_ALL", "C.UTF-8")
        (tmp_path / "modelwright.yaml").write_text(text, encoding="utf-8")
        assert spoken(tmp_path) == spoken(tmp_path / "modelwright.yaml") == language

    @pytest.mark.parametrize(
        ("variables", "language"),
        [
            ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
            ({"LANG": "zh_TW.UTF-8"}, "zh"),
            ({"LC_MESSAGES": "en_GB.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
            ({"LC_ALL": "", "LANG": "zh_CN.UTF-8"}, "zh"),
            ({}, "en"),
        ],
    )
    def test_is_the_environments_without_one(self, tmp_path: Path, monkeypatch, variables: dict[str, str], language: str) -> None:
        for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert spoken(tmp_path) == language

    def test_the_command_line_speaks_it(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "modelwright.yaml").write_text(PLAIN.replace("width", "widht") + "language: zh\n", encoding="utf-8")
        assert cli.main(["run", str(tmp_path)]) == 2
        head, expected, remedy = capsys.readouterr().err.splitlines()
        assert head.startswith("✗ ")
        assert "modelwright.yaml:8" in head
        assert "widht 不是" in head
        assert expected.startswith("  应为：")
        assert "width" in remedy
        assert not {"setting.", "one", "mean"} & set(f"{head} {expected} {remedy}".split())
        assert cli.main(["run", str(tmp_path), "--json"]) == 2
        assert json.loads(capsys.readouterr().out)["came"].endswith("is not a setting.")
