"""What errors of `evaluate` say: English as it is written there, and Chinese."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "no shares are known of {0}": "无法得知 {0} 中各部分的贡献",
    "a module that looks its tokens up in a table of embeddings": "在嵌入表中查找词元的模块",
    "Set evaluate.explain.rows: 0, and report the checkpoint that the route starts from.": "设置 evaluate.explain.rows: 0，并反馈该路线起始所用的检查点。",
    "no table of {0} is given the tokens": "{0} 中没有任何嵌入表接收词元",
    "there are no routes to choose from": "没有可供选择的路线",
    "{0} has no figure of the deciding metric on validation": "{0} 在验证集上没有决定性指标的数值",
    "no rows to score": "没有可评分的行",
    "{0} is no language model": "{0} 不是语言模型",
    "this graph can't be continued token by token": "该计算图不能逐词元续写",
    "only greedy decoding is offered: temperature 0": "只支持贪心解码：temperature 0",
    "a continuation must have tokens, and fewer than the context": "续写内容须含词元，且少于上下文长度",
    "these draws are not paired: rows, order, seed or number of resamples differ": "这些抽样不成对：行、顺序、随机种子或重抽样次数不同",
    "{0} is undefined on every resample": "{0} 在每次重抽样中都没有定义",
    "rows to measure on": "可供测量的行",
    "Raise the split's share, or bring more data.": "调大该划分的占比，或提供更多数据。",
    "the {0} split has no rows": "{0} 集没有行",
    "one of: {0}": "以下之一：{0}",
    "Name a column of the data, or leave it out.": "写上数据中的某一列，或去掉它。",
    "evaluate.slices names {0}, which no row has": "evaluate.slices 指定了 {0}，但没有任何行含有它",
}
