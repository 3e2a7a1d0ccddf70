"""JSON Schemas as a reader's words: a type in a few, and a table for each object."""

from collections.abc import Iterator
from typing import Final

from enrol.api.reference.markup import Html, code, element, inline, join, link, table
from enrol.api.reference.schemas import Json

MOST_LISTED: Final = 20


def type_of(schema: Json) -> Html:
    """What a value may be."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return link(f"#schema-{name}", name)
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return _listed([type_of(one) for one in several])
    if "allOf" in schema:
        return type_of(schema["allOf"][0])
    if "const" in schema:
        return code(str(schema["const"]))
    if "enum" in schema:
        values = schema["enum"]
        if len(values) > MOST_LISTED:
            return join(f"one of {len(values)} values")
        return _listed([code(str(value)) for value in values])
    if schema.get("type") == "array":
        return join("array of ", type_of(schema["items"]), _bounds(schema, "Items"))
    return join(
        str(schema.get("format", schema["type"])), _bounds(schema, "Length"), _range(schema)
    )


def schema_sections(schemas: Json) -> Iterator[Html]:
    """Every component, in a section of its own."""
    for name, schema in schemas.items():
        yield element(
            "section",
            element("h3", link(f"#schema-{name}", name)),
            element("p", inline(schema["description"])),
            _body(name, schema),
            id=f"schema-{name}",
        )


def _body(name: str, schema: Json) -> Html:
    if "properties" in schema:
        rows = [(f"schema-{name}.{field}", _field(schema, field)) for field in schema["properties"]]
        return table(name, ["Field", "Value", "Meaning"], rows)
    if len(schema.get("enum", ())) > MOST_LISTED:
        values = join(*(join(code(value), " ") for value in schema["enum"]))
        summary = element("summary", f"All {len(schema['enum'])} values")
        return element("details", summary, element("p", values))
    return element("p", type_of(schema))


def _field(schema: Json, name: str) -> list[str]:
    field = schema["properties"][name]
    required = name in schema.get("required", ())
    words = [inline(field.get("description", ""))]
    if examples := field.get("examples"):
        words.append(join(" Example: ", code(_text(examples[0])), "."))
    label = join(code(name), element("i", " required") if required else "")
    return [label, type_of(field), join(*words)]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(parts: list[Html]) -> Html:
    if len(parts) == 1:
        return parts[0]
    first = [join(part, ", ") for part in parts[:-2]]
    return join(*first, parts[-2], " or ", parts[-1])


def _bounds(schema: Json, kind: str) -> str:
    least, most = schema.get(f"min{kind}"), schema.get(f"max{kind}")
    unit = "" if kind == "Items" else " characters"
    if least and most:
        return f", {least:,} to {most:,}{unit}"
    if most:
        return f", at most {most:,}{unit}"
    if least == 1:
        return ", not empty"
    return f", at least {least:,}{unit}" if least else ""


def _range(schema: Json) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f", {schema['minimum']:,} to {schema['maximum']:,}"
    return f", at least {schema['minimum']}" if "minimum" in schema else ""
