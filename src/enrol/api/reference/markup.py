"""HTML by functions: whatever is not markup already is escaped."""

import re
from html import escape
from typing import Final

_CODE: Final = re.compile("`([^`]+)`")
_LINK: Final = re.compile(r"\[([^\]]+)\]\((/[^)\s]*|#[^)\s]*)\)")
EMPTY_ELEMENTS: Final = frozenset({"br", "meta"})


class Html(str):
    """Text that is HTML."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str) -> Html:
    """One element. A trailing underscore keeps an attribute's name off Python's own words."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    if name in EMPTY_ELEMENTS:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: str) -> Html:
    """Markup one after another."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def link(target: str, *children: str) -> Html:
    """A link."""
    return element("a", *children, href=target)


def code(text: str) -> Html:
    """Text of a program."""
    return element("code", text)


def inline(text: str) -> Html:
    """A line of the Markdown that the document uses: code, and links within this server."""
    marked = _CODE.sub(r"<code>\1</code>", escape(text, quote=False))
    return Html(_LINK.sub(r'<a href="\2">\1</a>', marked))


def prose(text: str) -> Html:
    """Paragraphs and lists of that Markdown."""
    blocks = []
    for block in text.strip().split("\n\n"):
        lines = block.split("\n")
        if all(line.startswith("- ") for line in lines):
            items = [element("li", inline(line[2:])) for line in lines]
            blocks.append(element("ul", *items))
        else:
            blocks.append(element("p", inline(" ".join(lines))))
    return join(*blocks)


def table(caption: str, head: list[str], rows: list[tuple[str, list[str]]]) -> Html:
    """A table that scrolls by itself; each row has an ID ("" for none) and its cells."""
    columns = element("tr", *(element("th", name, scope="col") for name in head))
    body = []
    for row_id, (first, *rest) in rows:
        cells = [element("th", first, scope="row")]
        # On a narrow screen each cell says by itself what it is.
        cells += [
            element("td", element("div", cell), data_head=name)
            for name, cell in zip(head[1:], rest, strict=True)
        ]
        body.append(element("tr", *cells, **({"id": row_id} if row_id else {})))
    whole = element("table", element("thead", columns), element("tbody", *body))
    return element("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)
