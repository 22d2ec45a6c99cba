"""What errors of `report` say: English as it is written there, and Chinese."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "financing.company with legal_name, formed and country, which Open Cap Format asks for": "financing.company，含 Open Cap Format 要求的 legal_name、formed 和 country",
    "financing: {{company: {{legal_name: My Company Ltd, formed: 2026-03-01, country: US}}}}": "例如：financing: {{company: {{legal_name: My Company Ltd, formed: 2026-03-01, country: US}}}}",
    "the company is not described": "没有填写公司信息",
    'its "model", which is there when no assumption is missing': '计划中的 "model"，各项假设齐全时才会有',
    "State what is missing: {0}": "请补充缺少的内容：{0}",
    "the plan has nothing to compute": "计划中没有可计算的内容",
    "the report's index.html": "报告的 index.html",
    "Make it: modelwright run --from report": "生成报告：modelwright run --from report",
    "there is no such page": "没有这个页面",
    "one of {0} on the path": "PATH 中有以下之一：{0}",
    "Install Chromium (apt install chromium, brew install --cask chromium), or open the page and print it there.": "请安装 Chromium（apt install chromium、brew install --cask chromium），或打开该页面自行打印。",
    "no browser was found that can print without a window": "没有找到能以无窗口方式打印的浏览器",
    "a PDF": "PDF 文件",
    "Open the page in a browser and print it there; it holds its own print rules.": "请在浏览器中打开该页面并打印；页面自带打印样式。",
    "printing failed: {0}": "打印失败：{0}",
    "it took longer than {0} s": "用时超过 {0} s",
    "the browser wrote no PDF": "浏览器没有写出 PDF",
    "a folder runs/<id> written by modelwright run": "由 modelwright run 写入的文件夹 runs/<id>",
    "List the project's runs, or make one: modelwright run": "请列出项目的运行，或新建一次：modelwright run",
    "there is no such run folder": "没有这个运行文件夹",
    "the JSON that its stage wrote": "相应阶段写入的 JSON",
    "Make it again: {0}": "重新生成：{0}",
    "modelwright run --from {0}": "执行 modelwright run --from {0}",
    "modelwright run": "执行 modelwright run",
    "holds a {0}, not an object": "内容为 {0}，而不是对象",
    "can't be read: {0}": "无法读取：{0}",
    "there is no page in {0}, only in {1}": "没有 {0} 的页面，只有 {1}",
}
