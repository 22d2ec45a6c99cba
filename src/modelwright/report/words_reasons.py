"""What spoke for answers: words and places in images."""

from __future__ import annotations

REASONS: dict[str, tuple[str, str]] = {
    "reasons.title": ("What spoke for the answers", "答案的依据"),
    "reasons.text.exact": (
        "Each word is marked by its exact share of the answer: weight times value of every n-gram it stands in.",
        "每个词按其对答案的精确贡献标注：它所在的每个 n 元组的权重乘以取值。",
    ),
    "reasons.text.integrated-gradients": (
        "Each word is marked by its share of the answer, counted from a text of average words (integrated gradients, "
        "Sundararajan et al., 2017).",
        "每个词按其对答案的贡献标注，以全由平均词组成的文本为起点（积分梯度，Sundararajan 等，2017）。",
    ),
    "reasons.image.grad-cam": (
        "Warm colours lie where the network found what speaks for its answer (Grad-CAM, Selvaraju et al., 2017).",
        "暖色表示网络在何处找到支持其答案的依据（Grad-CAM，Selvaraju 等，2017）。",
    ),
    "reasons.image.integrated-gradients": (
        "Warm colours lie where pixels speak for the answer, counted from an even image of the mean colour (integrated gradients, "
        "Sundararajan et al., 2017).",
        "暖色表示哪些像素支持该答案，以平均颜色的纯色图像为起点（积分梯度，Sundararajan 等，2017）。",
    ),
    "reasons.legend.for": ("speaks for the answer given", "支持所给答案"),
    "reasons.legend.against": ("speaks against it", "反对该答案"),
    "reasons.gap": (
        "The shares of a row miss at most {gap} of what was shared out.",
        "每行的贡献之和与应分摊总量最多相差 {gap}。",
    ),
    "reasons.right": ("Right: {predicted}, {probability} sure.", "正确：{predicted}，把握 {probability}。"),
    "reasons.wrong": (
        "Wrong: {predicted}, {probability} sure; it is {truth}.",
        "错误：{predicted}，把握 {probability}；实为 {truth}。",
    ),
    "reasons.for": ("For {label}: {words}.", "支持 {label}：{words}。"),
    "reasons.against": ("Against: {words}.", "反对：{words}。"),
    "reasons.words": (
        "Words that count most for each label, by their mean share over {rows} validation rows",
        "对每个标签最重要的词（按 {rows} 行验证数据的平均贡献）",
    ),
    "reasons.label": ("Label given", "所给标签"),
    "reasons.rows": ("Rows", "行数"),
    "reasons.strongest": ("Words, the strongest first", "词（由强到弱）"),
    "reasons.seen": ("The image as the model saw it", "模型所见的图像"),
    "reasons.heat": ("The same image with its heat. {place}", "同一图像及其热度。{place}"),
    "reasons.place": ("{share} of the heat lies at the {place}.", "{share} 的热度位于{place}。"),
    "reasons.nowhere": ("Nothing in the image spoke for it.", "图像中没有支持该答案的依据。"),
    "reasons.place.0-0": ("top left", "左上"),
    "reasons.place.0-1": ("top", "上方"),
    "reasons.place.0-2": ("top right", "右上"),
    "reasons.place.1-0": ("left", "左侧"),
    "reasons.place.1-1": ("middle", "中央"),
    "reasons.place.1-2": ("right", "右侧"),
    "reasons.place.2-0": ("bottom left", "左下"),
    "reasons.place.2-1": ("bottom", "下方"),
    "reasons.place.2-2": ("bottom right", "右下"),
}
