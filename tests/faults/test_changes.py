"""Changes of customers under kill -9: each is whole or not there, once, and chained."""

import re
import shutil
import time
from pathlib import Path

import pytest

from enrol.store.sqlite.file import connect
from tests.faults.changes import Changes
from tests.faults.checker import check_all
from tests.faults.conftest import ON_A_FILE
from tests.faults.load import Batch, body_of, note, post
from tests.faults.processes import Serving

KILLS = 3
ENOUGH = 20


def enrolled(serving: Serving, key: str) -> Batch:
    batch = Batch("changed", 6, None)
    assert note(batch, post(serving, key, body_of(batch.people)))
    return batch


def test_changes_that_are_killed_are_whole_or_not_there(
    tmp_path: Path, serving: Serving, database: str, key: str
) -> None:
    batch = enrolled(serving, key)
    changes = Changes(tmp_path)
    for number in range(KILLS):
        with changes.changing(database) as process:
            time.sleep(0.1 * number)
            if not number:
                process.wait_for(ENOUGH)
    told = changes.told().values()
    assert sum(one.answer == "applied" for one in told) >= ENOUGH + KILLS - 1
    assert {one.answer for one in told} >= {"applied", "stale"}
    assert check_all(database, [batch], changes) == 6


# What a broken promise would leave, each by itself.
@ON_A_FILE
def test_the_checker_sees_what_is_wrong(
    tmp_path: Path, serving: Serving, database: str, key: str
) -> None:
    batch = enrolled(serving, key)
    changes = Changes(tmp_path)
    with changes.changing(database) as process:
        process.wait_for(ENOUGH)
    assert serving.stop() == 0
    assert check_all(database, [batch], changes) == 6
    newest = "(SELECT max(seq) FROM events)"
    for statement in (
        f"UPDATE events SET fields = 'name' WHERE seq = {newest}",
        "UPDATE links SET created_at = created_at + 1 WHERE last = 6",
        "UPDATE links SET hash = zeroblob(32) WHERE last = 7",
        f"DELETE FROM events WHERE seq = {newest}",
        f"DELETE FROM links WHERE last = {newest}",
        "UPDATE chain_heads SET seq = seq - 1",
        "UPDATE customers SET version = version + 1 WHERE version > 0",
        'UPDATE customers SET metadata = \'{"token": "another"}\' WHERE version > 0',
        "UPDATE customers SET updated_at = NULL",
        "DELETE FROM emails WHERE id = (SELECT max(id) FROM emails)",
        "INSERT INTO emails (project, customer_id, id, email, created_at)"
        " SELECT project, customer_id, randomblob(16), email, 1 FROM emails LIMIT 1",
        "DELETE FROM identifiers_new WHERE hash = (SELECT max(hash) FROM identifiers_new)",
        "INSERT INTO identifiers_new (project, run, hash, customer_id)"
        " SELECT project, run, randomblob(16), customer_id FROM identifiers_new LIMIT 1",
    ):
        broken = shutil.copy(database, tmp_path / "broken.db")
        connection = connect(str(broken))
        connection.execute(statement)
        connection.close()
        with pytest.raises(AssertionError):
            check_all(str(broken), [batch], changes)
    # An answer that was not true.
    text = changes.files[0].read_text()
    first = re.search(r"^applied (\S+) \d+$", text, re.MULTILINE)
    assert first
    for wrong in (
        text + "sent c0.absent 00\napplied c0.absent 7\n",
        text.replace(first[0], f"applied {first[1]} 3", 1),
        text.replace(first[0], f"stale {first[1]}", 1),
    ):
        changes.files[0].write_text(wrong)
        with pytest.raises(AssertionError):
            check_all(database, [batch], changes)
