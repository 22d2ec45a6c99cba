"""The types of `/v1/predict`, made from the task's own `request` and `prediction`, for OpenAPI and for clients' checks."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.json_schema import models_json_schema

from modelwright.serve.multipart import KIND
from modelwright.tasks.contract import Task

_REFERENCE = "#/components/schemas/{model}"


class Problem(BaseModel):
    """An error in four parts."""

    error: str = Field(description="the error's class")
    came: str = Field(description="what was found")
    expected: str = Field(description="what would have been right")
    where: str = Field(description="the place: a row of the request, a file, a setting")
    remedy: str = Field(description="what to do next")
    exit_code: int = Field(description="the exit code a command line would give")


class Health(BaseModel):
    """Whether the server answers, and with what."""

    ready: bool
    name: str
    release: str = Field(description="hash of the release")
    version: str = Field(description="of Modelwright")


def message_types(task: Task) -> dict[str, type[BaseModel]]:
    """The four messages by role: "one" and "many" requests, and the "answer" and "answers" they get."""
    row: Any = task.request
    fields = [field for field in task.request.model_fields.values() if field.is_required()]
    if len(fields) == 1:  # a row may then be given as the plain value
        row = task.request | (fields[0].annotation or object)
    closed = ConfigDict(extra="forbid")
    common: dict[str, Any] = {
        "release": (str, Field(description="hash of the release that answered")),
        "latency_ms": (float, Field(ge=0, description="from body read to answer made, milliseconds")),
    }
    return {
        "one": task.request,
        "many": create_model("Batch", __config__=closed, inputs=(list[row], Field(min_length=1))),
        "answer": create_model("Answer", prediction=(task.prediction, ...), **common),
        "answers": create_model("Answers", predictions=(list[task.prediction], ...), **common),  # type: ignore[name-defined]
    }


def file_fields(task: Task) -> frozenset[str]:
    """The fields of a request that hold files in base64; they may be sent as files too."""
    described = task.request.model_json_schema().get("properties", {})
    return frozenset(name for name, schema in described.items() if "contentEncoding" in json.dumps(schema))


def predict_path(task: Task) -> tuple[dict[str, Any], dict[str, Any]]:
    """The OpenAPI path item of `/v1/predict`, and the component schemas it refers to."""
    types = message_types(task)
    listed = [(types["one"], "validation"), (types["many"], "validation")]
    listed += [(types["answer"], "serialization"), (types["answers"], "serialization"), (Problem, "serialization")]
    references, definitions = models_json_schema(listed, ref_template=_REFERENCE)  # type: ignore[arg-type]
    one, many, answer, answers, problem = (references[entry] for entry in listed)  # type: ignore[index]
    errors = {
        "413": "The body, a text or the number of rows is too large",
        "422": "A row is wrong; `where` names it",
        "500": "The model failed",
        "503": "The queue is full; Retry-After says when to come back",
    }
    operation = {
        "summary": "Predict one row, or many",
        "operationId": "predict",
        "requestBody": {"required": True, "content": {**_json({"anyOf": [one, many]}), **_form(task)}},
        "responses": {
            "200": {"description": "The prediction, or one per row in order", "content": _json({"anyOf": [answer, answers]})},
            **{status: {"description": text, "content": _json(problem)} for status, text in errors.items()},
        },
    }
    return {"post": operation}, definitions.get("$defs", {})


def _form(task: Task) -> dict[str, Any]:
    """The same as a form with files, for tasks that read files: one file is one row, several of the same name are several rows."""
    fields = file_fields(task)
    if len(fields) != 1:
        return {}
    file = {"type": "string", "format": "binary"}
    properties = {name: {"anyOf": [file, {"type": "array", "items": file}]} for name in fields}
    return {KIND: {"schema": {"type": "object", "properties": properties, "required": sorted(fields)}}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
