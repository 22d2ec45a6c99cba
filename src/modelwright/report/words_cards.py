"""Words of the model card and the data card. (English, Chinese)."""

from __future__ import annotations

CARDS: dict[str, tuple[str, str]] = {
    "intro": (
        "A {task} model, made by Modelwright on {created}: route `{route}`, variant `{variant}`.",
        "由 Modelwright 于 {created} 制作的 {task} 模型：路线 `{route}`，变体 `{variant}`。",
    ),
    "use": ("Intended use", "预期用途"),
    "use.text": (
        "Texts like those it was trained on, where a wrong answer can be seen and put right. It is not meant for decisions about people without a person who reviews them.",
        "用于与训练数据相似的文本，且错误答案能被发现和纠正的场合。未经人工复核，不应用于对人作出决定。",
    ),
    "labels": ("It answers with one of {count} labels:", "回答为以下 {count} 个标签之一："),
    "training": ("Training data", "训练数据"),
    "rows": ("{read} rows were read and {kept} kept.", "读入 {read} 行，保留 {kept} 行。"),
    "splits": ("Split before anything was fitted: {counts}.", "在任何拟合之前划分：{counts}。"),
    "split.train": ("training", "训练集"),
    "split.validation": ("validation", "验证集"),
    "split.test": ("test", "测试集"),
    "languages": ("Languages: {list}.", "语言：{list}。"),
    "source": (
        "Source: {name} ({source}, version {version}), licence {licence}.",
        "来源：{name}（{source}，版本 {version}），许可 {licence}。",
    ),
    "evaluation": ("Evaluation", "评估"),
    "evaluation.bought": (
        "Measured on the service's own answers. Test rows were held out: none of them is an example in the prompt. Brackets are 95% "
        "bootstrap intervals. A service may change its model without notice.",
        "以服务的实际回答测得。测试集全程留出，未作为提示词示例。方括号内为 95% 自助法区间。服务方可能在不通知的情况下更换模型。",
    ),
    "evaluation.text": (
        "Measured on the exported graph that ships. Test rows were held out and took no part in training, tuning or choosing. Brackets are 95% bootstrap intervals.",
        "在所发布的导出图上测量。测试集全程留出，未参与训练、调参和选择。方括号为 95% 自助法区间。",
    ),
    "no-metrics": ("No metric was recorded for this variant.", "没有记录该变体的指标。"),
    "metric": ("Metric", "指标"),
    "decision": ("Why this route:", "为何选择该路线："),
    "limits": ("Limits", "局限"),
    "limit.domain": (
        "Quality on texts of another kind, time or place was not measured.",
        "未在其他类型、时期或来源的文本上测量质量。",
    ),
    "limit.labels": ("It always gives one of its labels, also where none fits.", "即使没有合适的标签，它也总会给出一个。"),
    "limit.people": (
        "Differences between groups of people, personal data in the texts and hostile inputs were not examined.",
        "未检查人群差异、文本中的个人信息以及恶意输入。",
    ),
    "limit.language": ("Other languages than {list} were not measured.", "未测量 {list} 以外的语言。"),
    "limit.unconfirmed": (
        "The choice of the route was not confirmed on the test rows.",
        "路线选择未得到测试集证实。",
    ),
    "limit.conditions": ("It does not meet every condition that the project set.", "它未满足项目设定的全部条件。"),
    "limit.licence": (
        "At least one licence is unconfirmed or unknown; see the list below before you ship.",
        "至少有一项许可未确认或未知；发布前请查看下表。",
    ),
    "load": ("How to load", "如何加载"),
    "load.bought": (
        "No model lies in this folder: `asker.json` names the service that answers ({model} at {url}), `prompt.json` holds what it is told "
        "before each text, with examples from the training rows. Every text that is asked is sent there. The key is read from the "
        "environment variable that `asker.json` names.",
        "本文件夹不含模型：`asker.json` 指明应答的服务（{url} 上的 {model}），`prompt.json` 是每段文本之前的提示词，其中含训练样本示例。"
        "每段被询问的文本都会发送到该服务。密钥取自 `asker.json` 所指名的环境变量。",
    ),
    "example": ("a text", "一段文本"),
    "licences": ("Licences", "许可"),
    "right": ("Of", "对象"),
    "right.data": ("data", "数据"),
    "right.checkpoint": ("checkpoint", "预训练权重"),
    "right.service": ("service", "外购服务"),
    "right.code": ("code", "代码"),
    "right.name": ("Name", "名称"),
    "right.licence": ("Licence", "许可"),
    "right.note": ("Note", "备注"),
}

DATA_CARD: dict[str, tuple[str, str]] = {
    "data.title": ("Data card", "数据卡"),
    "data.labels": ("Labels", "标签"),
    "data.label": ("Label", "标签"),
    "data.rows": ("Rows", "行数"),
    "data.share": ("Share", "占比"),
    "data.quarantine": ("Rows set aside", "隔离的行"),
    "data.reason": ("Reason", "原因"),
}

LOADING = """```python
import modelwright

model = modelwright.load("path/to/this/folder")  # needs the extra [serve]; no torch
model.predict(["{example}"])
```

```
modelwright serve path/to/this/folder
```"""

LOADED_GRAPH = (
    """`model.onnx` runs on any ONNX runtime. `task.json` and the tokenizer beside it say how a text becomes its inputs."""
)
