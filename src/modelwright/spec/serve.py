"""`serve:` and `rehearse:` the server, and the load it is tried under."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from modelwright.spec.answer import Answering, AnsweringField
from modelwright.spec.section import Section


class Serve(Section):
    """The HTTP server."""

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 to be reached from other machines")
    port: int = Field(8000, ge=0, le=65535, description="0 takes any free port")
    max_batch: int = Field(32, ge=1, le=1024, description="rows computed together at most")
    max_wait_ms: float = Field(2.0, ge=0, le=1000, description="how long a row may wait for company when the model is busy")
    max_request_rows: int = Field(256, ge=1, description="rows in one batch request at most")
    max_characters: int = Field(100_000, ge=100, description="characters of one text at most")
    max_body_bytes: int = Field(16_000_000, ge=1_000, description="bytes of one request body at most")
    max_queue: int = Field(1024, ge=1, description="rows that may wait for the model; beyond it the answer is 503")
    threads: int = Field(0, ge=0, le=256, description="threads of the graph; 0: all cores")
    engine: str = Field(
        "own",
        pattern=r"^(own|openais?://.+/.+)$",
        description="who answers chat: own, the release's graph; openai://host:port/model (openais:// over TLS), a server such as vLLM behind this one",
    )
    places: int = Field(8, ge=1, le=256, description="chat: answers computed together at most; more wait")
    context: int = Field(
        0, ge=0, description="chat: tokens of prompt and answer together at most; 0: what the model was made for"
    )
    max_tokens: int = Field(1024, ge=1, description="chat: tokens of one answer at most, and where a request names no limit")
    answer: AnsweringField = Field(Answering(), description="how a search release answers questions (POST /v1/answer)")
    log: str = Field("", description="file to which each request is appended as a line of JSON; empty: none")


class Rehearse(Section):
    """The load test on the release: rising numbers of connections, each for some seconds."""

    connections: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        (1, 8, 64), min_length=1, description="concurrent connections, step by step"
    )
    seconds: float = Field(4.0, gt=0.2, le=3600, description="how long each step lasts")
    answer_tokens: int = Field(64, ge=1, description="chat: tokens of one answer at most")
