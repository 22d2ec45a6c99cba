"""What the pipeline says on the console, in English and Simplified Chinese."""

from __future__ import annotations

from typing import Any

from modelwright.pipeline.context import Context

_WORDS: dict[str, tuple[str, str]] = {
    "data": (
        "{read:,} rows → {kept:,} kept · quarantined: {quarantined}",
        "{read:,} 行 → 保留 {kept:,} 行 · 隔离：{quarantined}",
    ),
    "data-series": (
        "series: {series}, steps: {steps:,} ({frequency}), of them missing: {gaps:,}",
        "序列 {series} 个，共 {steps:,} 步（{frequency}），其中缺失 {gaps:,} 步",
    ),
    "data-labels": ("{labels} labels, largest {largest:.0%}", "{labels} 个类别，最大占 {largest:.0%}"),
    "none": ("none", "无"),
    "unknown": ("unknown", "未知"),
    "forecast": ("{route} {took}, {memory}, {money}", "{route} {took}，{memory}，{money}"),
    "train": (
        "{route}: validation {metric} {score} · {steps:,} steps in {took} · {precision} · {stopped}",
        "{route}：验证集 {metric} {score} · {steps:,} 步，用时 {took} · {precision} · {stopped}",
    ),
    "fused": (
        "{route}: validation {metric} {score} · {shares} · in {took}",
        "{route}：验证集 {metric} {score} · {shares} · 用时 {took}",
    ),
    "forecast-bought": (
        "{route} {requests:,} requests to evaluate it, {tokens:,.0f} tokens, {money}, at least {took}; nothing is trained",
        "{route} 评估需 {requests:,} 次请求、{tokens:,.0f} 个词元、{money}，至少 {took}；无需训练",
    ),
    "bought": (
        "{route}: asks {model}, {examples} examples in the prompt · in {took}",
        "{route}：调用 {model}，提示词含 {examples} 个示例 · 用时 {took}",
    ),
    "stopped-epochs": ("all epochs done", "已完成全部轮次"),
    "stopped-patience": ("no better any more", "不再提升，提前停止"),
    "stopped-seconds": ("the time was spent", "时间预算用完"),
    "stopped-money": ("the money was spent", "费用预算用完"),
    "stopped-loss": ("the wanted loss was reached", "已达到目标损失"),
    "stopped-steps": ("the steps were spent", "步数预算用完"),
    "stopped-judge": ("others were better", "其他试验更好，提前停止"),
    "stopped-fitted": ("fitted", "拟合完成"),
    "stopped-untrained": ("taken as it is", "直接使用，未训练"),
    "evaluate": (
        "{route}: test {metric} {value} [{low}–{high}] · p95 {latency} ms a request",
        "{route}：测试集 {metric} {value} [{low}–{high}] · 单次请求 p95 {latency} 毫秒",
    ),
    "release": (
        "{route} ({variant}), {size:.1f} MB with its model card, hashes and licences",
        "{route}（{variant}），{size:.1f} MB，含模型卡、哈希与许可",
    ),
    "rehearse": (
        "{throughput:,.0f} requests/s · p95 {p95} ms at {connections} connections · {memory:.0f} MB · {cost} a request on this machine",
        "{throughput:,.0f} 次请求/秒 · {connections} 个连接时 p95 {p95} 毫秒 · {memory:.0f} MB · 本机每次请求 {cost}",
    ),
    "plan": (
        "gross margin {margin} · break-even month {even} · cash lasts {runway} months · ruin before {months} months {ruin}",
        "毛利率 {margin} · 第 {even} 个月盈亏平衡 · 现金可用 {runway} 个月 · {months} 个月内破产概率 {ruin}",
    ),
    "plan-missing": ("not computed; missing: {missing}", "未计算；缺少：{missing}"),
    "exact_duplicate": ("exact duplicates", "完全重复"),
    "near_duplicate": ("near duplicates", "近似重复"),
    "contradiction": ("contradictions", "标签矛盾"),
    "missing_text": ("without text", "缺少文本"),
    "missing_label": ("without label", "缺少标签"),
    "missing_split_column": ("without group or time", "缺少分组或时间"),
    "wrong_type": ("of the wrong type", "类型错误"),
    "unreadable": ("unreadable", "无法读取"),
    "rare_label": ("rare labels", "样本过少的类别"),
    "language": ("in other languages", "其他语言"),
    "contaminated": ("with examination texts", "含评测文本"),
    "unusable": ("of no use to the task", "任务无法使用"),
}


def say(context: Context, key: str, **values: Any) -> str:
    """The sentence `key` in the project's language; an unknown key (a reason of quarantine) is said as it is."""
    english, chinese = _WORDS.get(key, (key, key))
    return (chinese if context.project.language == "zh" else english).format(**values)
