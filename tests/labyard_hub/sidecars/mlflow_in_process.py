"""Prints, as JSON, what the gateway's modules that need MLflow do. It runs with the interpreter of MLflow's environment."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

PREFIX = "/services/mlflow"

os.environ.update({
    "_MLFLOW_STATIC_PREFIX": PREFIX, "MLFLOW_ENABLE_WORKSPACES": "true", "MLFLOW_DISABLE_TELEMETRY": "true",
    "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{sys.argv[1]}/mlflow.db", "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
})  # fmt: skip

from mlflow_gateway.light import imported_lightly  # noqa: E402

with imported_lightly():
    import mlflow_gateway.application  # noqa: F401
from fastapi import FastAPI  # noqa: E402
from flask import Flask, Response, request  # noqa: E402
from google.protobuf.descriptor import FieldDescriptor  # noqa: E402
from mlflow.protos import mlflow_artifacts_pb2, model_registry_pb2, service_pb2  # noqa: E402
from mlflow.server import app as mlflow_flask  # noqa: E402
from mlflow.server.fastapi_app import app as mlflow_fastapi  # noqa: E402
from mlflow.utils.proto_json_utils import message_to_json  # noqa: E402
from mlflow.utils.workspace_context import get_request_workspace  # noqa: E402
from mlflow_gateway import answers  # noqa: E402
from mlflow_gateway.short_way import ShortWay  # noqa: E402

NUMBERS = {
    FieldDescriptor.CPPTYPE_INT32: 7, FieldDescriptor.CPPTYPE_UINT32: 7, FieldDescriptor.CPPTYPE_INT64: 2**53 + 1, FieldDescriptor.CPPTYPE_UINT64: 2**60,
    FieldDescriptor.CPPTYPE_FLOAT: 0.1, FieldDescriptor.CPPTYPE_BOOL: False,
}  # fmt: skip
DOUBLES = [1.0, 0.1, float("nan"), float("inf"), float("-inf"), 1e300]


def fill(message: Any, depth: int = 0) -> Any:
    """Set every field of a message, four levels deep."""
    if message.DESCRIPTOR.full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
        message.seconds = 1_700_000_000
        return message
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            if field.message_type.GetOptions().map_entry:
                of = field.message_type.fields_by_name["value"]
                if of.cpp_type == FieldDescriptor.CPPTYPE_STRING:
                    value["a key"] = 'ä "value" <of> \u2028 a map'
            elif depth < 4:
                for one in (value.add(), value.add()) if field.is_repeated else (value,):
                    fill(one, depth + 1)
        elif field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
            value.extend(DOUBLES) if field.is_repeated else setattr(message, field.name, DOUBLES[(depth + field.number) % len(DOUBLES)])
        elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            text: Any = b"\0\xff" if field.type == FieldDescriptor.TYPE_BYTES else 'ä "text" </script> \u2028'
            value.extend([text, ""]) if hasattr(value, "extend") else setattr(message, field.name, text)
        else:
            one = field.enum_type.values[-1].number if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM else NUMBERS[field.cpp_type]
            value.extend([one, one]) if field.is_repeated else setattr(message, field.name, one)
    return message


def compare_answers() -> dict[str, Any]:
    """Return how many kinds of answers there are, how many of them we write ourselves, and which read otherwise than MLflow's."""
    kinds, ours, other = 0, 0, []
    for module in (service_pb2, model_registry_pb2, mlflow_artifacts_pb2):
        for message in vars(module).values():
            if not hasattr(message, "Response") or not hasattr(message, "DESCRIPTOR"):
                continue
            full = fill(message.Response())
            kinds += 1
            try:
                answers._fields(full)
                ours += 1
            except answers._UnknownError:
                pass
            other += [message.DESCRIPTOR.full_name for one in (full, message.Response()) if not reads_alike(one)]
    return {"kinds": kinds, "ours": ours, "other": other}


def reads_alike(message: Any) -> bool:
    """Return whether MLflow and we write the same, spaces aside."""
    return json.dumps(json.loads(answers.message_to_json(message))) == json.dumps(json.loads(message_to_json(message)))


async def call(app: Any, path: str, *, method: str = "GET", body: bytes = b"", headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Return what an application sends."""
    sent: list[dict[str, Any]] = []
    bodies = [{"type": "http.request", "body": part, "more_body": True} for part in (body[:3], body[3:])]
    bodies[-1]["more_body"] = False

    async def receive() -> Any:
        return bodies.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": b"a=b",
        "headers": pairs,
        "http_version": "1.1",
    }
    await app(scope, receive, send)
    return {"status": sent[0]["status"], "headers": [name.decode() for name, _ in sent[0]["headers"]], "messages": len(sent),
            "body": b"".join(message.get("body", b"") for message in sent[1:]).decode(), "ends": not sent[-1].get("more_body", False)}  # fmt: skip


async def take_short_way() -> dict[str, Any]:
    """Return what two small applications answer, and which of MLflow's paths go the short way."""
    flask, fastapi, closed = Flask("small"), FastAPI(), []

    @flask.route("/echo", methods=["GET", "POST"])
    def echo() -> Any:
        return {"workspace": get_request_workspace(), "query": request.args["a"], "body": request.get_data(as_text=True)}

    @flask.route("/pieces")
    def pieces() -> Any:
        def make() -> Iterator[str]:
            yield from ("one ", "two ", f"for {get_request_workspace()}")

        answer = Response(make())
        answer.call_on_close(lambda: closed.append("pieces"))
        return answer

    @flask.route("/nothing")
    def nothing() -> Any:
        return Response(status=204)

    @flask.route("/fault")
    def fault() -> Any:
        raise RuntimeError

    @flask.route("/item/<name>")
    @flask.route("/both")
    def no(name: str = "") -> Any:
        return f"flask {name}"

    @fastapi.get("/both")
    def both() -> str:
        return "fastapi"

    fastapi.mount("/", lambda *_: None)
    way, ada = ShortWay(fastapi, flask), {"x-mlflow-workspace": "ada"}
    real = ShortWay(mlflow_fastapi, mlflow_flask)
    return {
        "paths": sorted(way.paths),
        "echo": await call(way, "/echo", method="POST", body=b"a body", headers={**ada, "content-length": "6"}),
        "head": await call(way, "/echo", method="HEAD", headers=ada),
        "pieces": await call(way, "/pieces", headers=ada),
        "closed": closed,
        "nothing": await call(way, "/nothing", headers=ada),
        "fault": await call(way, "/fault", headers=ada),
        "both": await call(way, "/both", headers=ada),
        "after": get_request_workspace(),
        "mlflow": sorted(path.removeprefix(PREFIX) for path in real.paths),
    }


async def both() -> dict[str, Any]:
    """Return all of it."""
    return {"answers": compare_answers(), "way": await take_short_way()}


sys.stdout.write("FOUND " + json.dumps(asyncio.run(both())))
