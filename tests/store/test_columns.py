"""The columns that are said outside of schema.py are its own."""

from enrol.store.columns import PART_COLUMNS
from enrol.store.group import TABLES
from enrol.store.schema import metadata


def test_the_parts_of_a_customer_have_the_columns_of_the_schema() -> None:
    for name, columns in PART_COLUMNS.items():
        assert columns == tuple(column.name for column in metadata.tables[name].columns)


def test_a_batch_fills_columns_that_there_are() -> None:
    for table in TABLES:
        assert set(table.columns) <= {column.name for column in metadata.tables[table.name].columns}
