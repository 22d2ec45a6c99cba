"""Stage 10, report: can we show it to a partner, an investor, a regulator?"""

from __future__ import annotations

from modelwright.pipeline.context import Context


def work(context: Context) -> str:
    from modelwright.report.page import write
    from modelwright.report.room import write_room

    language = context.project.language
    write(context.run, context.out, language)
    write_room(context.run, context.out / "data-room", language)
    return str((context.run / "report" / "index.html").relative_to(context.loaded.folder))
