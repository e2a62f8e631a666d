"""Runs inside a transform job: gives the model's script each record, as the images of the frameworks do.

A script has ``model_fn``, and ``transform_fn`` or any of ``input_fn``, ``predict_fn`` and ``output_fn``; those it has
not are what the scikit-learn image does. Only what Python 3.8 has.

Source: https://sagemaker.readthedocs.io (Using Scikit-learn: Serving).
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Server:
    """A loaded model, and the functions that are asked."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._content_type: str = settings["content_type"]
        self._accept: str = settings["accept"] or "text/csv"
        self._module: Any = _module_at(Path(settings["script"])) if settings["script"] else None
        load = getattr(self._module, "model_fn", None) or _default_model
        self._model = load(settings["model"])

    def answer(self, content: bytes) -> bytes:
        """One request: records in, predictions out. A script gets text for a content type of text, else bytes."""
        body = content.decode() if is_text(self._content_type) else content
        transform = getattr(self._module, "transform_fn", None)
        if transform is not None:
            return _content(transform(self._model, body, self._content_type, self._accept))
        data = self._function("input_fn", _default_input)(body, self._content_type)
        prediction = self._function("predict_fn", _default_predict)(data, self._model)
        return _content(self._function("output_fn", _default_output)(prediction, self._accept))

    def _function(self, name: str, default: Any) -> Any:
        return getattr(self._module, name, None) or default


def is_text(content_type: str) -> bool:
    """Whether a body of that type is given as text: ``text/*`` and JSON, as in the images of the frameworks."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind == "application/json"


def _module_at(script: Path) -> Any:
    sys.path.insert(0, str(script.parent))
    about = importlib.util.spec_from_file_location(script.stem, script)
    assert about is not None
    assert about.loader is not None
    module = importlib.util.module_from_spec(about)
    sys.modules[script.stem] = module
    about.loader.exec_module(module)
    return module


def _default_model(folder: str) -> Any:
    """The model of built-in XGBoost; a script has to say how others are loaded."""
    saved = Path(folder, "xgboost-model")
    if not saved.is_file():
        raise NotImplementedError("the script has no model_fn, and there is no xgboost-model")
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(saved.read_bytes()))
    return booster


def _default_input(body: str, content_type: str) -> Any:
    import numpy

    if content_type.startswith("application/json"):
        return numpy.array(json.loads(body))
    if content_type.startswith("text/csv"):
        rows = [[float(cell) if cell.strip() else float("nan") for cell in row] for row in _rows(body)]
        return numpy.array(rows)
    raise ValueError(f"no input_fn for {content_type}")


def _default_predict(data: Any, model: Any) -> Any:
    if type(model).__module__.partition(".")[0] == "xgboost" and hasattr(model, "num_boosted_rounds"):
        import xgboost

        if not hasattr(model, "get_params"):
            return model.predict(xgboost.DMatrix(data), validate_features=False)
    return model.predict(data)


def _default_output(prediction: Any, accept: str) -> str:
    values = prediction.tolist() if hasattr(prediction, "tolist") else prediction
    if accept.startswith("application/json"):
        return json.dumps(values)
    if accept.startswith("text/csv"):
        return "\n".join(_row(value if isinstance(value, list) else [value]) for value in values)
    raise ValueError(f"no output_fn for {accept}")


def _content(answer: Any) -> bytes:
    """What a script gives back: text, bytes, or such with its content type."""
    if isinstance(answer, tuple):
        answer = answer[0]
    if hasattr(answer, "get_data"):
        answer = answer.get_data()
    return bytes(answer) if isinstance(answer, (bytes, bytearray)) else str(answer).encode()


def _rows(text: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text)) if row]


def _row(cells: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()


def filtered(content: bytes, wanted: str) -> bytes:
    """The same of a body, which need be no text where all of it is wanted."""
    return content if wanted == "$" else columns(content.decode(), wanted).encode()


def columns(text: str, wanted: str) -> str:
    """The columns of CSV that ``$[1:]``, ``$[0]`` or ``$[0,2]`` names."""
    if wanted == "$":
        return text
    inner = wanted[2:-1]
    if ":" in inner:
        first, last = (int(part) if part else None for part in inner.split(":"))
        return "\n".join(_row(row[first:last]) for row in _rows(text))
    chosen = [int(part) for part in inner.split(",")]
    return "\n".join(_row([row[at] for at in chosen]) for row in _rows(text))


def joined(source: str, answer: str) -> str:
    """Each record, and what the model says of it after it."""
    records, answers = source.rstrip("\n").split("\n"), answer.rstrip("\n").split("\n")
    if len(records) != len(answers):
        raise ValueError(f"JoinSource: {len(records)} records have {len(answers)} predictions")
    pairs = zip(records, answers)  # noqa: B905 # a job's Python may be older than 3.10, which brought strict
    return "\n".join(f"{record},{found}" for record, found in pairs)


def batches(content: bytes, settings: dict[str, Any]) -> Iterator[bytes]:
    """What is sent at once: the file, a line, or as many lines as fit."""
    if not settings["by_line"]:
        yield content
        return
    batch: list[bytes] = []
    size = 0
    for line in filter(None, content.split(b"\n")):
        length = len(line) + 1
        if batch and (settings["single"] or size + length > settings["max_bytes"]):
            yield b"\n".join(batch)
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield b"\n".join(batch)


def transformed(content: bytes, server: Server, settings: dict[str, Any]) -> bytes:
    """A file's results."""
    parts = []
    for batch in batches(content, settings):
        answer = server.answer(filtered(batch, settings["input_filter"]))
        if settings["join"]:
            answer = joined(batch.decode(), answer.decode()).encode()
        parts.append(filtered(answer, settings["output_filter"]))
    if settings["lines_between"]:
        return b"".join(part.rstrip(b"\n") + b"\n" for part in parts)
    return b"".join(parts)


def main(settings: dict[str, Any]) -> None:
    server = Server(settings)
    source = Path(settings["records"])
    for file in sorted(found for found in source.rglob("*") if found.is_file()):
        body = gzip.decompress(file.read_bytes()) if settings["gzip"] else file.read_bytes()
        target = Path(settings["results"]) / f"{file.relative_to(source)}.out"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(transformed(body, server, settings))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
