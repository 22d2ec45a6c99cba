"""What pydantic says of a value of the wrong kind, after "Input should be"."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "a valid integer": "整数",
    "a valid integer, unable to parse string as an integer": "整数；该文本不是整数",
    "a valid integer, got a number with a fractional part": "整数；给出的数带小数",
    "a valid number": "数值",
    "a valid number, unable to parse string as a number": "数值；该文本不是数值",
    "a finite number": "有限的数值",
    "a valid boolean": "true 或 false（布尔值）",
    "a valid boolean, unable to interpret input": "true 或 false（布尔值）",
    "a valid string": "文本",
    "a valid list": "列表",
    "a valid tuple": "列表（tuple）",
    "a valid dictionary": "键值对",
    "a valid dictionary or instance of {0}": "键值对（{0}）",
    "greater than {0}": "大于 {0}",
    "greater than or equal to {0}": "大于等于 {0}",
    "less than {0}": "小于 {0}",
    "less than or equal to {0}": "小于等于 {0}",
    "a multiple of {0}": "{0} 的倍数",
    "List should have at least {0} item after validation, not {1}": "至少 {0} 项的列表，而不是 {1} 项",
    "List should have at least {0} items after validation, not {1}": "至少 {0} 项的列表，而不是 {1} 项",
    "List should have at most {0} items after validation, not {1}": "至多 {0} 项的列表，而不是 {1} 项",
    "String should have at least {0} character": "至少 {0} 个字符的文本",
    "String should have at least {0} characters": "至少 {0} 个字符的文本",
    "String should have at most {0} characters": "至多 {0} 个字符的文本",
    "String should match pattern '{0}'": "符合模式 '{0}' 的文本",
}
