"""Stage 10, report: can we show it to a partner, an investor, a regulator?"""

from __future__ import annotations

from modelwright.pipeline.context import Context


def work(context: Context) -> str:
    from modelwright.report.page import write

    write(context.run, context.out, context.project.language)
    return str((context.run / "report" / "index.html").relative_to(context.loaded.folder))
