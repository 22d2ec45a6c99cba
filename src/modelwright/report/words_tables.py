"""Words of the charts of tables, and the names of their figures. (English, Chinese)."""

from __future__ import annotations

TABLES: dict[str, tuple[str, str]] = {
    "chart.columns": ("Which columns the answer hangs on", "答案取决于哪些列"),
    "chart.columns.caption": (
        "Without {first}, {metric} falls by {drop} on {rows} validation rows. A column's cells are dealt out anew among the rows {shuffles} times; the bar is the mean loss, the line its range. Columns that say the same stand in for each other.",
        "没有 {first} 时，{metric} 在 {rows} 行验证数据上下降 {drop}。把一列的值在各行间重新打乱 {shuffles} 次；条形为平均损失，横线为其范围。含义相同的列会互相替代。",
    ),
    "chart.columns.reasons": (
        "The last column of the table is the mean size of the reasons that the model gives: exact for linear models, SHAP values for trees.",
        "表格最后一列是模型给出的理由的平均大小：线性模型为精确值，树模型为 SHAP 值。",
    ),
    "chart.columns.left-out": ("Not seen by the model: {names}.", "模型未使用：{names}。"),
    "left-out.constant": ("the same in every row", "每行相同"),
    "left-out.empty": ("empty", "为空"),
    "left-out.row number": ("a row number", "行号"),
    "left-out.identifier": ("another name in nearly every row", "几乎每行都不同的标识"),
    "left-out.excluded": ("excluded by the project", "项目已排除"),
    "left-out.ignored": ("set to ignore", "设为忽略"),
    "chart.columns.axis": ("loss of {metric} without the column", "缺少该列时 {metric} 的损失"),
    "chart.columns.drop": ("Loss of {metric}", "{metric} 损失"),
    "chart.columns.contribution": ("Mean size of its reasons", "理由的平均大小"),
    "chart.column": ("Column", "列"),
    "chart.residuals": ("Predicted and true numbers", "预测值与真实值"),
    "chart.residuals.caption": (
        "Half of the predictions are above the truth by more than {p50}; nine in ten miss by {p5} to {p95}. On the dashed line both are equal.",
        "一半的预测比真实值高出 {p50} 以上；十分之九的误差在 {p5} 到 {p95} 之间。虚线上两者相等。",
    ),
    "chart.residuals.predicted": ("predicted", "预测"),
    "chart.residuals.true": ("true", "真实"),
    "chart.residuals.error": ("mean error", "平均误差"),
    "chart.coverage": ("If unsure answers are left to people", "把没把握的回答交给人"),
    "chart.coverage.caption": (
        "Answers below {floor} are left to people: {share} of the rows are then answered, and {accuracy} of these are right, against {all} of all rows.",
        "概率低于 {floor} 的回答交给人：此时回答 {share} 的行，其中 {accuracy} 正确；若全部回答则为 {all}。",
    ),
    "chart.coverage.share": ("share of the rows answered, surest first", "已回答的行占比（最有把握者优先）"),
    "chart.coverage.probability": ("least probability", "最低概率"),
    "name.average-precision": ("average precision", "平均精确率"),
    "name.brier": ("Brier score", "Brier 分数"),
    "name.sensitivity-at-specificity": ("sensitivity at the set specificity", "设定特异度下的灵敏度"),
    "name.r2": ("R²", "决定系数 R²"),
    "name.rmse": ("root mean squared error", "均方根误差"),
    "name.mae": ("mean absolute error", "平均绝对误差"),
    "name.median-absolute-error": ("median absolute error", "绝对误差中位数"),
    "name.mape": ("mean absolute percentage error", "平均绝对百分比误差"),
    "name.coverage": ("coverage of the intervals", "区间覆盖率"),
    "name.interval-width": ("mean width of the intervals", "区间平均宽度"),
}
