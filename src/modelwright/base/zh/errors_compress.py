"""What errors of `compress` say: English as it is written there, and Chinese."""

from __future__ import annotations

PHRASES: dict[str, str] = {
    "at most {0}": "至多 {0}",
    "The architecture uses something that ONNX expresses differently. Report it with the route's settings.": "该架构中有 ONNX 表达方式不同的部分。请附上该路线的设置报告此问题。",
    "graph and module disagree by {0} on {1}, in a batch of {2} rows": "在一批 {2} 行数据上，计算图与模块的 {1} 相差 {0}",
    "precision {0}": "精度 {0}",
    "the settings of a causal language model, as transformers writes them": "因果语言模型的设置，格式与 transformers 写入的一致",
    "Train the route again: modelwright run --from train": "重新训练该路线：modelwright run --from train",
    "config.json can't be read: {0}": "无法读取 config.json：{0}",
    "a multiple of {0}, as the runtime's attention wants it": "{0} 的倍数，这是运行时的注意力算子所要求的",
    "Set head_width of the route to such a number, or choose heads so that width / heads is one.": "请将该路线的 head_width 设为这样的数，或选择 heads 使 width / heads 为这样的数。",
    "the heads are {0} wide": "注意力头的宽度为 {0}",
    "config.json, model.safetensors and tokenizer.json of a causal language model": "因果语言模型的 config.json、model.safetensors 和 tokenizer.json",
    "the checkpoint can't be read: {0}": "无法读取检查点：{0}",
    "a causal language model of a family that ONNX Runtime GenAI exports (Llama, Qwen, Mistral, Gemma, Phi, SmolLM, …)": "属于 ONNX Runtime GenAI 可导出的系列（Llama、Qwen、Mistral、Gemma、Phi、SmolLM 等）的因果语言模型",
    "Start from a checkpoint of such a family, or train the decoder route from scratch.": "请以这类系列的检查点为起点，或从零训练 decoder 路线。",
    "the architecture is not one that can be exported: {0}": "该架构无法导出：{0}",
    "the export failed: {0}: {1}": "导出失败：{0}：{1}",
}
