"""Words of the data room's index. (English, Chinese)."""

from __future__ import annotations

ROOM: dict[str, tuple[str, str]] = {
    "title": ("Data room", "资料室"),
    "intro": (
        "Made from one run of {project}: every file names the artefact it comes from, and `manifest.json` holds its hash, stage, command and input. Tables are copies for reading; the JSON files beside them are what the stages wrote.",
        "由 {project} 的一次运行生成：每个文件都注明所依据的产物，`manifest.json` 记录其哈希、阶段、命令与输入。表格供阅读；旁边的 JSON 是各阶段的原始输出。",
    ),
    "run": ("Run", "运行"),
    "file": ("File", "文件"),
    "from": ("From", "来源"),
    "stage": ("Stage", "阶段"),
    "absent": ("Absent", "缺失"),
    "absent.intro": (
        "What is asked for in a data room and is not here. Nothing stands in for it.",
        "资料室通常要求、但此处没有的内容。没有任何替代。",
    ),
    "absent.run": ("the run left no {path}", "本次运行没有留下 {path}"),
    "absent.empty": ("{path} holds nothing of it: the project file does not state it", "{path} 中没有相关内容：项目文件未给出"),
    "absent.hand": ("not made by software: add it by hand", "非软件产物：请人工补充"),
    "notice": (
        "Readiness evidence, not legal, tax or investment advice.",
        "仅为就绪证据，并非法律、税务或投资建议。",
    ),
    "section.corporate": ("Corporate", "公司"),
    "section.financial": ("Financial", "财务"),
    "section.technical": ("Technical", "技术"),
    "section.data-and-ip": ("Data and IP", "数据与知识产权"),
    "section.commercial": ("Commercial", "商务"),
    "section.team": ("Team", "团队"),
    "section.security-and-regulation": ("Security and regulation", "安全与合规"),
    "section.risk": ("Risk", "风险"),
    "hand.articles": ("Articles and register of shareholders", "公司章程与股东名册"),
    "hand.board": ("Board resolutions and shareholders' agreements", "董事会决议与股东协议"),
    "hand.accounts": ("Annual accounts, tax returns, bank statements", "年度报表、纳税申报、银行流水"),
    "hand.ip": ("Assignments of inventions, trademarks, patents", "发明转让、商标、专利"),
    "hand.contracts": ("Customer contracts and sales pipeline", "客户合同与销售管道"),
    "hand.employment": ("Employment contracts and references", "劳动合同与背景材料"),
    "hand.penetration": ("Penetration test and insurance", "渗透测试与保险"),
}  # fmt: skip
