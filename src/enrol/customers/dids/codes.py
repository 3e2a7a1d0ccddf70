"""The fault codes that do not belong to one method; that of a method is ``did.`` and its name."""

from typing import Final

SYNTAX: Final = "did.syntax"
SECRET: Final = "did.secret"
