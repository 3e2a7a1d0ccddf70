"""What a command must not do to files and texts that are not its to change or show."""

from pathlib import Path

import apsw
import pytest

from enrol.maintenance import MaintenanceFailed
from enrol.maintenance.backup import back_up
from enrol.maintenance.places import Place, shown
from enrol.store.protocol import StoreUnavailable
from enrol.store.sqlite.file import prepare


@pytest.mark.parametrize("part", ["", "-wal", "-shm", "-journal"])
def test_a_backup_is_never_written_over_the_database_or_its_log(tmp_path: Path, part: str) -> None:
    database = tmp_path / "enrol.db"
    prepare(str(database))
    with pytest.raises(MaintenanceFailed, match="the database itself"):
        back_up(Place(str(database)), Path(f"{database}{part}"), lambda *_: None, force=True)


def test_a_file_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    other = tmp_path / "bookmarks.db"
    connection = apsw.Connection(str(other))
    connection.execute("CREATE TABLE bookmarks (url)")
    with pytest.raises(StoreUnavailable, match="not an Enrol database"):
        prepare(str(other))
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:s3cret@h/x",
        "postgresql+asyncpg://u:s3cret@h/x",
        "postgresql://u:s3cret@h/x",
        "postgresql://u:s3cr@s3cret/x@h/x",
        "postgresql://u:s3#s3cret@h/x",
        "http://u:s3cret@h/",
    ],
)
def test_no_password_is_shown_however_it_is_written(url: str) -> None:
    assert "s3" not in shown(url)
