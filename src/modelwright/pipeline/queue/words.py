"""What the queue says, in English and Simplified Chinese."""

from __future__ import annotations

from typing import Any

from modelwright.pipeline.queue.settings import QueueSettings

_WORDS: dict[str, tuple[str, str]] = {
    "added": ("job {job} · {project} waits", "任务 {job} · {project} 等待中"),
    "started": ("job {job} · {project} has a slot · {log}", "任务 {job} · {project} 已获得槽位 · {log}"),
    "forecast": (
        "job {job} · {project} trains: {took}, {money} forecast · {rest} left for others",
        "任务 {job} · {project} 开始训练：预计 {took}、{money} · 预算剩余 {rest}",
    ),
    "held": (
        "job {job} · {project} is held back ({reason}): {took}, {money} forecast · {rest} left",
        "任务 {job} · {project} 暂缓（{reason}）：预计 {took}、{money} · 预算剩余 {rest}",
    ),
    "busy": ("job {job} · {project} is being run by hand; it waits", "任务 {job} · {project} 正被手动运行，稍后再试"),
    "taken-back": (
        "job {job} · its worker is gone; it goes on from where it was",
        "任务 {job} · 其工作进程已消失，将从中断处继续",
    ),
    "ended-finished": ("job {job} · {project} finished in {took}, {money}", "任务 {job} · {project} 完成，用时 {took}，{money}"),
    "ended-failed": ("job {job} · {project} failed after {took}: {why}", "任务 {job} · {project} 在 {took} 后失败：{why}"),
    "ended-cancelled": ("job {job} · {project} cancelled, {money}", "任务 {job} · {project} 已取消，{money}"),
    "ended-waiting": ("job {job} · {project} stopped; it waits and will go on", "任务 {job} · {project} 已停止，等待继续"),
    "no-budget": ("no limit", "无上限"),
    "unknown": ("cost unknown", "费用未知"),
    "not-before": ("not before its time", "未到开始时间"),
    "project-busy": ("another run of the project", "该项目另有运行"),
    "no-slot": ("no free slot", "无空闲槽位"),
    "reserved": ("slots are reserved", "槽位已预留"),
    "over-budget": ("beyond the budget", "超出预算"),
    "next": ("next", "即将开始"),
    "waiting": ("waiting", "等待"),
    "running": ("running", "运行中"),
    "finished": ("finished", "完成"),
    "failed": ("failed", "失败"),
    "cancelled": ("cancelled", "已取消"),
    "stopping": ("stopping", "正在停止"),
    "column-job": ("job", "任务"),
    "column-state": ("state", "状态"),
    "column-project": ("project", "项目"),
    "column-priority": ("priority", "优先级"),
    "column-waited": ("waited", "已等待"),
    "column-forecast": ("forecast", "预计"),
    "column-spent": ("spent", "花费"),
    "column-note": ("", ""),
    "no-jobs": ("no jobs; add one: modelwright queue add PROJECT", "暂无任务；添加：modelwright queue add PROJECT"),
    "queue": ("queue", "队列"),
    "settings": ("settings", "设置"),
    "none-yet": ("none yet", "尚无"),
    "slots": ("slots", "槽位"),
    "slots-are": ("{slots}, {busy} busy · {workers} workers", "{slots} 个，{busy} 个忙 · {workers} 个工作进程"),
    "budget": ("budget", "预算"),
    "budget-is": (
        "{budget} · spent {spent} (of it estimated {estimated}) · promised {committed} · left {left}",
        "{budget} · 已花费 {spent}（其中估算 {estimated}） · 已承诺 {committed} · 剩余 {left}",
    ),
    "reservations": ("reserved", "预留"),
    "reserved-for": ("{project}: {slots} slots, {window}{now}", "{project}：{slots} 个槽位，{window}{now}"),
    "now": (" (now)", "（当前）"),
    "utilisation": ("used", "利用率"),
    "utilisation-is": (
        "{share} of {available} slot-hours in the last {days} days",
        "最近 {days} 天 {available} 槽位小时中的 {share}",
    ),
    "no-worker": ("no worker was there in the last {days} days", "最近 {days} 天没有工作进程"),
    "waits": ("waits", "等待时间"),
    "waits-are": (
        "median {median}, longest {longest}, of {count} jobs that started · {waiting} waiting now, longest {now}",
        "已开始的 {count} 个任务：中位数 {median}，最长 {longest} · 当前等待 {waiting} 个，最长 {now}",
    ),
    "chart": ("busy", "繁忙"),
    "chart-is": ("{bars}  each bar {width}; · no worker", "{bars}  每格 {width}；· 表示无工作进程"),
}


def say(settings: QueueSettings, key: str, **values: Any) -> str:
    """The sentence `key` in the queue's language."""
    english, chinese = _WORDS[key]
    return (chinese if settings.language == "zh" else english).format(**values)
