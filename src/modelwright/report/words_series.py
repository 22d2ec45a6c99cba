"""Words of the charts of forecasts, and the names of their figures. (English, Chinese)."""

from __future__ import annotations

SERIES: dict[str, tuple[str, str]] = {
    "chart.ahead": ("{series} Forecast from {start}", "{series} 自 {start} 起的预测"),
    "chart.ahead.caption": (
        "What was forecast for {start} and after, from what lay before, and what came: {held} of {steps} values lie inside the 80% interval.",
        "仅依据此前的数据对 {start} 及之后的预测，以及实际结果：{steps} 个值中有 {held} 个落在 80% 区间内。",
    ),
    "chart.ahead.axis": ("steps from the forecast's beginning, {first} to {last}", "距预测起点的步数，{first} 至 {last}"),
    "chart.ahead.history": ("before", "历史"),
    "chart.ahead.truth": ("what came", "实际值"),
    "chart.ahead.median": ("forecast", "预测"),
    "chart.ahead.interval": ("80% interval", "80% 区间"),
    "chart.ahead.time": ("Time", "时间"),
    "chart.ahead.low": ("10% below", "10% 分位"),
    "chart.ahead.high": ("90% below", "90% 分位"),
    "chart.steps": ("Errors by step of the horizon", "各预测步的误差"),
    "chart.steps.caption": (
        "MASE of the forecast and of the seasonal naive forecast on the test split; 1 is what the latter missed by, one season ahead, in training.",
        "测试集上本预测与季节性朴素预测的 MASE；1 表示后者在训练期提前一个季节的平均误差。",
    ),
    "chart.steps.coverage": (
        "The 80% intervals hold {low} to {high} of the values, step by step.",
        "各步的 80% 区间覆盖了 {low} 至 {high} 的实际值。",
    ),
    "chart.steps.axis": ("step", "步"),
    "chart.steps.mase": ("forecast", "本预测"),
    "chart.steps.naive": ("seasonal naive", "季节性朴素预测"),
    "chart.steps.held": ("Inside the 80% interval", "落在 80% 区间内"),
    "name.mase": ("MASE", "平均绝对标度误差（MASE）"),
    "name.smape": ("sMAPE", "对称平均绝对百分比误差（sMAPE）"),
    "name.pinball": ("scaled pinball loss", "缩放分位数损失"),
    "name.coverage-80": ("coverage of the 80% interval", "80% 区间覆盖率"),
    "name.width-80": ("width of the 80% interval", "80% 区间宽度"),
}
