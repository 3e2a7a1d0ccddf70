"""Holds answers against the product's own OpenAPI document."""

import json
import re
from functools import cached_property
from typing import Any

import httpx
import jsonschema_rs

# Answers of any address, which no operation lists: see `info.description`.
ELSEWHERE = {404: "NotFound", 405: "MethodNotAllowed"}


class Description:
    """The document of a server. Calling it with an answer raises when the two do not agree."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.components = document["components"]
        self.validators: dict[int, jsonschema_rs.Validator] = {}

    @cached_property
    def paths(self) -> list[tuple[re.Pattern[str], dict[str, Any]]]:
        """The path items, those without parameters first."""
        items = sorted(self.document["paths"].items(), key=lambda item: item[0].count("{"))
        return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), item) for path, item in items]

    def __call__(self, answer: httpx.Response) -> None:
        answer.read()
        sent = answer.request.url.raw_path.decode().partition("?")[0]
        path = re.sub("/{2,}", "/", sent).rstrip("/") or "/"
        found = (item for pattern, item in self.paths if pattern.fullmatch(path))
        operation = next(found, {}).get(answer.request.method.lower())
        if operation is not None:
            documented = operation["responses"].get(str(answer.status_code))
        elif answer.request.method == "OPTIONS" and answer.status_code == 204:
            return
        else:
            documented = self.components["responses"].get(ELSEWHERE.get(answer.status_code))
        where = f"{answer.request.method} {path} answered {answer.status_code}"
        assert documented is not None, f"{where}, which is not described"
        self._check_headers(documented, answer, where)
        self._check_body(documented, answer, where)

    def _check_headers(self, documented: Any, answer: httpx.Response, where: str) -> None:
        for name, header in documented["headers"].items():
            if "$ref" in header:
                header = self.components["headers"][name]
            if name in answer.headers:
                value: object = answer.headers[name]
                if header["schema"].get("type") == "integer":
                    value = int(answer.headers[name])
                self._check(header["schema"], value, f"{where}, header {name}")
            else:
                assert not header.get("required"), f"{where} without the header {name}"

    def _check_body(self, documented: Any, answer: httpx.Response, where: str) -> None:
        if "content" not in documented:
            assert answer.content == b"", f"{where} with a body"
            return
        media_type = answer.headers["content-type"].partition(";")[0]
        assert media_type in documented["content"], f"{where} as {media_type}"
        if answer.request.method == "HEAD":
            assert answer.content == b"", f"{where} with a body"
            return
        schema = documented["content"][media_type]["schema"]
        value = json.loads(answer.content) if media_type.endswith("json") else answer.text
        self._check(schema, value, where)

    def _check(self, schema: Any, value: object, where: str) -> None:
        # The document outlives the validators, so that no other schema gets its identity.
        validator = self.validators.get(id(schema))
        if validator is None:
            validator = self.validators[id(schema)] = self.validator(schema)
        faults = [
            f"{error.instance_path}: {error.message}" for error in validator.iter_errors(value)
        ]
        assert not faults, f"{where}: {faults}"

    def validator(self, schema: Any) -> jsonschema_rs.Validator:
        """A validator of one schema of the document, formats included."""
        whole = {**schema, "components": self.components}
        return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
