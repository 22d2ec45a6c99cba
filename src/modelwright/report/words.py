"""Every sentence of the page, English and Chinese side by side. The tables lie in the `words_*.py` beside this.

`{name}` is filled in when the sentence is used; what is filled in is escaped, the sentences themselves hold no markup.
"""

from __future__ import annotations

from markupsafe import Markup, escape

from modelwright.report.words_charts import CHARTS
from modelwright.report.words_checks import CHECKS
from modelwright.report.words_language import LANGUAGE
from modelwright.report.words_market import MARKET
from modelwright.report.words_page import PAGE
from modelwright.report.words_questions import QUESTIONS
from modelwright.report.words_reasons import REASONS
from modelwright.report.words_series import SERIES
from modelwright.report.words_tables import TABLES

LANGUAGES = ("en", "zh")
TABLE: dict[str, tuple[str, str]] = {**PAGE, **CHARTS, **MARKET, **CHECKS, **QUESTIONS, **TABLES, **SERIES, **REASONS, **LANGUAGE}


class Words:
    """The table in one language.

    Raises:
        ValueError: no such language.
    """

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"there is no page in {language!r}, only in {', '.join(LANGUAGES)}")
        self.language = language
        self._column = LANGUAGES.index(language)

    def __call__(self, key: str, **values: object) -> Markup:
        """The sentence of `key` as HTML text; values that are no Markup are escaped.

        Raises:
            KeyError: there is no such sentence.
        """
        return Markup(escape(TABLE[key][self._column])).format(**values)

    def plain(self, key: str, **values: object) -> str:
        """As calling, but plain text, for chart titles and attributes that are escaped later."""
        return TABLE[key][self._column].format(**values)

    def get(self, key: str, otherwise: str) -> str:
        """The plain sentence, or `otherwise` for words that others invent (reasons, metric names)."""
        return TABLE[key][self._column] if key in TABLE else otherwise
