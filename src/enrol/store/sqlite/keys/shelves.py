"""The unique keys of all projects that a writer holds in memory, within one bound."""

from typing import Final

import apsw

from enrol.store.sqlite.keys.identifiers import Shelf

# Of about 100 bytes each.
MOST_KEYS_KNOWN: Final = 1_200_000


class Shelves:
    """The shelves of the projects written to last."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        # The one used last stands last.
        self.by_project: dict[int, Shelf] = {}

    def of(self, project: int) -> Shelf:
        """The shelf of a project, read from the file if it is not known."""
        shelf = self.by_project.pop(project, None) or Shelf(self.connection, project)
        self.by_project[project] = shelf
        return shelf

    def clear(self) -> None:
        """Forget all: after a transaction that was rolled back."""
        self.by_project.clear()

    def file_slice(self, shelf: Shelf) -> None:
        """Do the share of filing that is due after keys were added."""
        if shelf.is_due:
            # Where several projects are written to, each is filed sooner, so that all fit.
            others = self._keys_known() - len(shelf.new)
            shelf.file_slice(self.connection, (MOST_KEYS_KNOWN - others) * 2 // 3)

    def forget_some(self) -> None:
        """Forget the projects used longest ago, until the bound holds."""
        while self._keys_known() > MOST_KEYS_KNOWN:
            shelf = self.by_project.pop(next(iter(self.by_project)))
            # Else a project that is forgotten after every call would never be filed.
            shelf.file_slice(self.connection, 0)

    def _keys_known(self) -> int:
        return sum(len(shelf.new) for shelf in self.by_project.values())
