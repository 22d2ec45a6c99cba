"""What docs/project-file.md and docs/project-file.zh.md say, from the JSON schema; English descriptions are keys of their Chinese."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelwright.base.zh import described
from modelwright.spec.load import json_schema
from modelwright.spec.routes.route import GradientRoute, Route, all_routes
from modelwright.tasks.contract import TASKS, all_tasks

Part = dict[str, Any]

_EN = {
    "title": "The project file",
    "other": "中文：[project-file.zh.md](project-file.zh.md)",
    "intro": "`modelwright.yaml` holds everything a run needs. Only `project`, `task`, `data.source` and one route have no default. An "
    "unknown key is an error with its line and the nearest real key. `modelwright run --dry-run` prints the resolved file.",
    "habits": "* **References.** `${data.split.seed}` stands for another setting, `${env.NAME}` or `${env.NAME:-default}` for an "
    "environment variable. What comes from the environment may be a secret: the resolved file and errors show the reference, "
    "not the value.\n"
    "* **Overrides.** `modelwright run train.seed=3 'routes.bilstm={width: 64}'`: any key by its path; the value is YAML.\n"
    "* **Quantities.** `2 USD`, `19 per month`, `12% ± 6% per month`. The spread is half the width of an 80 % range: "
    "four times out of five the truth lies inside. Currencies: USD, CNY, EUR.\n"
    "* **Several routes of one kind.** A name of your own needs `route:`; "
    "`routes: {narrow: {route: bilstm, width: 32}, wide: {route: bilstm, width: 256}}`.\n"
    "* **Editors.** Completion and checks while typing: put "
    "`# yaml-language-server: $schema=<path>` on the first line, with the path of what `modelwright schema > schema.json` "
    "wrote (in this repository: docs/modelwright.schema.json).",
    "whole": "The whole file",
    "learn": "Each task's own settings.",
    "routes": "Each route is one technical way to solve the task; see also `modelwright tasks TASK`.",
    "every": "Settings of every route",
    "gradient": "Settings of every route that is trained by gradient descent",
    "own": "A route's own default, where it differs, stands in its own table. Formulas and sources: [training.md](training.md).",
    "learns": "Learns: {tasks}. Kind: {kind}.",
    "inside": "In: {routes}.",
    "heads": "| key | value | default | meaning |",
    "required": "**required**",
    "section": "section",
    "list": "list of {items}",
    "values": "values",
    "or": " or ",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "",
    "object": "keys",
}
_ZH = {
    "title": "项目文件",
    "other": "English: [project-file.md](project-file.md)",
    "intro": "`modelwright.yaml` 保存一次运行所需的全部设置。只有 `project`、`task`、`data.source` 和至少一条路线没有默认值。未知的键会报错，并给出"
    "所在行和最接近的真实键名。`modelwright run --dry-run` 会打印解析后的文件。",
    "habits": "* **引用。** `${data.split.seed}` 代表另一个设置，`${env.NAME}` 或 `${env.NAME:-default}` 代表环境变量。来自环境的值可能是密钥：解析后的文件和"
    "报错只显示引用，不显示值。\n"
    "* **覆盖。** `modelwright run train.seed=3 'routes.bilstm={width: 64}'`：用路径指定任意键；值按 YAML 书写。\n"
    "* **数量。** `2 USD`、`19 per month`、`12% ± 6% per month`。± 后面是 80 % 区间宽度的一半：五次中有四次，真值落在区间内。货币：USD、CNY、EUR。\n"
    "* **同一种路线用多次。** 自己起的名字需要写 `route:`；"
    "`routes: {narrow: {route: bilstm, width: 32}, wide: {route: bilstm, width: 256}}`。\n"
    "* **编辑器。** 输入时自动补全和检查：在第一行写上 `# yaml-language-server: $schema=<path>`，路径指向 `modelwright schema --language zh > schema.json` 写出的文件"
    "（英文版在本仓库中为 docs/modelwright.schema.json）。",
    "whole": "整个文件",
    "learn": "各任务自己的设置。",
    "routes": "每条路线是解决该任务的一种技术方案；另见 `modelwright tasks TASK`。",
    "every": "所有路线共有的设置",
    "gradient": "所有用梯度下降训练的路线共有的设置",
    "own": "某条路线自己的默认值若有不同，写在该路线的表中。公式与出处：[training.md](training.md)。",
    "learns": "可学习的任务：{tasks}。类型：{kind}。",
    "inside": "用于：{routes}。",
    "heads": "| 键 | 取值 | 默认值 | 含义 |",
    "required": "**必填**",
    "section": "小节",
    "list": "{items}（列表）",
    "values": "值",
    "or": " 或 ",
    "string": "文本",
    "integer": "整数",
    "number": "数值",
    "boolean": "true 或 false",
    "null": "",
    "object": "键值对",
}


@dataclass
class ProjectPage:
    """The page in one language.

    Args:
        language: "en" or "zh".
        note: the comment that says who writes the file.
    """

    language: str
    note: str

    def __post_init__(self) -> None:
        self.words: Mapping[str, str] = _ZH if self.language == "zh" else _EN
        self.schema = json_schema(TASKS)

    def text(self) -> str:
        words, schema = self.words, self.schema
        parts = [f"# {words['title']}\n", self.note, f"{words['other']}\n", f"{words['intro']}\n", f"{words['habits']}\n"]
        parts += self._section(words["whole"], "", schema)
        parts.append(f"## `learn`\n\n{words['learn']}\n")
        for name, task in all_tasks().items():
            if task.settings.model_fields:
                parts.append(
                    f"### `{name}`\n\n{self._told(task.settings.__doc__)}\n\n" + self._table(schema["$defs"][f"learn-{name}"])
                )
        parts.append(f"## `routes`\n\n{words['routes']}\n")
        shared = {"Route": set(Route.model_fields), "GradientRoute": set(GradientRoute.model_fields) - set(Route.model_fields)}
        parts.append(f"### {words['every']}\n\n" + self._table(schema["$defs"]["route-tfidf-linear"], shared["Route"]))
        general = self._table(GradientRoute.model_json_schema(by_alias=True), shared["GradientRoute"])
        parts.append(f"### {words['gradient']}\n\n{words['own']}\n\n" + general)
        for name, route in all_routes().items():
            learns = ", ".join(f"`{task.name}`" for task in all_tasks().values() if route in TASKS.routes(task.name).values())
            title = f"### `{route.name}`\n\n{self._told(route.__doc__)}\n\n{words['learns'].format(tasks=learns, kind=route.kind)}\n\n"
            parts.append(title + self._table(schema["$defs"][f"route-{name}"], _own(route)))
        parts += self._of_routes()
        return "\n".join(parts)

    def _told(self, description: str | None) -> str:
        said = " ".join((description or "").split())
        return described(said) if self.language == "zh" else said

    def _section(self, title: str, path: str, part: Part) -> Iterator[str]:
        yield f"## {title}\n\n{self._told(part.get('description'))}\n\n" + self._table(part)
        for key, value in part["properties"].items():
            for deeper, inner in self._inner(value) if key not in ("routes", "learn") else ():
                yield from self._section(f"`{path}{key}{deeper}`", f"{path}{key}{deeper}.", inner)

    def _inner(self, value: Part) -> list[tuple[str, Part]]:
        """The sections that a field holds: itself, as a list's items, or by names of the user's own (".NAME")."""
        found: list[tuple[str, Part]] = []
        if "$ref" in value:
            target = self.schema["$defs"][value["$ref"].rpartition("/")[2]]
            found += [("", target)] if "properties" in target else []
        for part in (*value.get("anyOf", ()), *value.get("allOf", ())):
            found += self._inner(part)
        if isinstance(value.get("items"), dict):
            found += self._inner(value["items"])
        if isinstance(value.get("additionalProperties"), dict):
            found += [(f".NAME{deeper}", inner) for deeper, inner in self._inner(value["additionalProperties"])]
        return found

    def _of_routes(self) -> Iterator[str]:
        """The sections inside routes, each once, with the routes that have it."""
        holders: dict[str, list[str]] = {}
        sections: dict[str, Part] = {}
        for name, route in all_routes().items():
            for key, value in self.schema["$defs"][f"route-{name}"]["properties"].items():
                for deeper, inner in self._inner(value) if key not in Route.model_fields else ():
                    title = f"{key}{deeper}"
                    assert sections.setdefault(title, inner) == inner, f"two sections of routes are called {title}"
                    holders.setdefault(title, []).append(f"`{route.name}`")
        for title, inner in sections.items():
            where = self.words["inside"].format(routes=", ".join(dict.fromkeys(holders[title])))
            yield f"### `routes.NAME.{title}`\n\n{self._told(inner.get('description'))}\n\n{where}\n\n" + self._table(inner)

    def _table(self, part: Part, only: set[str] | None = None) -> str:
        required = set(part.get("required", ()))
        lines = [self.words["heads"], "|---|---|---|---|"]
        for key, value in part["properties"].items():
            if only is not None and key not in only:
                continue
            default = self.words["required"] if key in required else _default(value)
            cells = (f"`{key}`", self._kind(value), default, cell(self._told(value.get("description"))))
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"

    def _kind(self, value: Part) -> str:
        if "const" in value:
            return f"`{value['const']}`"
        if "enum" in value:
            return cell(" · ".join(f"`{item}`" for item in value["enum"]))
        if "$ref" in value:
            target = self.schema["$defs"][value["$ref"].rpartition("/")[2]]
            return self.words["section"] if "properties" in target else self._kind(target)
        if "anyOf" in value or "allOf" in value:
            kinds = [self._kind(item) for item in (*value.get("anyOf", ()), *value.get("allOf", ()))]
            return self.words["or"].join(dict.fromkeys(kind for kind in kinds if kind))
        if value.get("type") == "array":
            return self.words["list"].format(items=self._kind(value.get("items", {})) or self.words["values"])
        return self.words.get(str(value.get("type", "")), "") + _range(value)


def cell(text: str) -> str:
    """A table's cell."""
    return " ".join(text.split()).replace("|", r"\|")


def _own(route: type[Route]) -> set[str]:
    """The settings of a route that others have not, or have with another default."""
    common = {**Route.model_fields, **GradientRoute.model_fields}
    return {
        item.alias or key
        for key, item in route.model_fields.items()
        if key not in common or key in route.__annotations__ or item.default != common[key].default
    }


def _default(value: Part) -> str:
    """A plain default. A section's own defaults stand in its own table."""
    found = value.get("default")
    if found in (None, "", []) or isinstance(found, dict):
        return ""
    return cell(f"`{json.dumps(found, ensure_ascii=False)}`".replace('"', ""))


def _range(value: Part) -> str:
    signs = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
    said = [
        f"{sign} {value[key]:g}" if isinstance(value[key], float) else f"{sign} {value[key]}"
        for key, sign in signs
        if key in value
    ]
    return f" {', '.join(said)}" if said else ""
