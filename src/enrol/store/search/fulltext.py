"""The database's own full-text index: SQLite's FTS5, PostgreSQL's tsvector under GIN.

Both are given words that Enrol has made, so that they find the same. A word is written with its
project before it: the documents of another project are never looked at.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from enrol.store.search.steps import Ask, Many

# Where FTS5 has numbers alone: the project above, the customer's number below.
ORDINAL_BITS: Final = 40

SQLITE_ADD: Final = "INSERT INTO search_words (rowid, words) VALUES ($1, $2)"
# A document without a copy of its words is deleted by saying them.
SQLITE_DROP: Final = """
INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', $1, $2)
"""
SQLITE_FIND: Final = "SELECT rowid FROM search_words WHERE search_words MATCH $1"
POSTGRES_ADD: Final = """
INSERT INTO search_words (project, ordinal, words) VALUES ($1, $2, array_to_tsvector($3))
ON CONFLICT (project, ordinal) DO UPDATE SET words = excluded.words
"""
POSTGRES_DROP: Final = "DELETE FROM search_words WHERE project = $1 AND ordinal = $2"
POSTGRES_FIND: Final = """
SELECT ordinal FROM search_words WHERE project = $1 AND words @@ CAST(CAST($2 AS text) AS tsquery)
"""


def add(dialect: str, project: int, documents: Mapping[int, Sequence[str]]) -> Many:
    """Add the words of customers, by their numbers."""
    if dialect == "sqlite":
        rows = [
            (_rowid(project, ordinal), _text(project, words))
            for ordinal, words in documents.items()
            if words
        ]
        return Many(SQLITE_ADD, rows)
    return Many(
        POSTGRES_ADD,
        [
            (project, ordinal, _words(project, words))
            for ordinal, words in documents.items()
            if words
        ],
    )


def drop(dialect: str, project: int, documents: Mapping[int, Sequence[str]]) -> Many:
    """Take customers out. SQLite has to be told the very words that were added."""
    if dialect == "sqlite":
        rows = [
            (_rowid(project, ordinal), _text(project, words))
            for ordinal, words in documents.items()
            if words
        ]
        return Many(SQLITE_DROP, rows)
    return Many(POSTGRES_DROP, [(project, ordinal) for ordinal in documents])


def find(dialect: str, project: int, word: str, *, prefix: bool) -> Ask:
    """Ask for the numbers of those with a word, or with a word that begins so."""
    if dialect == "sqlite":
        return Ask(SQLITE_FIND, (f'"{project}_{word}"' + ("*" if prefix else ""),))
    return Ask(POSTGRES_FIND, (project, f"'{project}_{word}'" + (":*" if prefix else "")))


def ordinal_of(found: int) -> int:
    """The customer's number of what `find` has found."""
    return found & ((1 << ORDINAL_BITS) - 1)


def _rowid(project: int, ordinal: int) -> int:
    return project << ORDINAL_BITS | ordinal


def _text(project: int, words: Sequence[str]) -> str:
    return " ".join(_words(project, words))


def _words(project: int, words: Sequence[str]) -> list[str]:
    return [f"{project}_{word}" for word in words]
