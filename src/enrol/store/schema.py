"""The tables as they are now, once for every database; migrations/ leads there.

Every key leads with the project, IDs are made by the application, nothing unique spans projects,
and there is no sequence: so the same tables can be spread over a distributed database. Projects
and API keys are the small exception: reference tables that every node holds. Times are Unix
milliseconds, IDs the 16 bytes of a UUIDv7, so that rows arrive in the order of their keys.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from enrol.store.columns import CLAIM_COLUMNS

metadata: Final = MetaData()


def _project() -> Column[Any]:
    return Column("project", Integer, primary_key=True, nullable=False, autoincrement=False)


def _id(name: str = "id", *, key: bool = True) -> Column[Any]:
    return Column(name, LargeBinary(16), primary_key=key, nullable=False)


def _at(name: str = "created_at") -> Column[Any]:
    return Column(name, BigInteger, nullable=False)


def _index_of_changes(name: str, *columns: str) -> Index:
    where = text("type <> 'customer.created'")
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


def _table(name: str, *parts: Any) -> Table:
    # A table that is its own primary key index writes each row once.
    return Table(name, metadata, *parts, sqlite_with_rowid=False)


meta: Final = _table(
    "meta",
    Column("name", Text, primary_key=True, nullable=False),
    Column("value", LargeBinary, nullable=False),
)

projects: Final = _table(
    "projects",
    Column("project", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("lenient", Boolean, nullable=False),
    _at(),
)

api_keys: Final = _table(
    "api_keys",
    Column("id", Text, primary_key=True, nullable=False),
    Column("project", Integer, ForeignKey("projects.project"), nullable=False),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    Column("hint", Text, nullable=False, comment="the last characters, to tell keys apart"),
    Column("name", Text),
    Column("scopes", Text, nullable=False, comment="separated by spaces"),
    _at(),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    # Calls a minute; NULL: as the setting says.
    Column("rate_limit", BigInteger),
    Index("api_keys_by_project", "project"),
)

batches: Final = _table(
    "batches",
    _project(),
    _id(),
    Column("key_id", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("items", Integer, nullable=False),
    Column("created", Integer, nullable=False),
    Column("existing", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    _at(),
    # The last time that it was undone, by which key, and how many customers that removed in all.
    Column("undone_at", BigInteger),
    Column("undone_by", Text),
    Column("removed", Integer, nullable=False, server_default="0"),
)

customers: Final = _table(
    "customers",
    _project(),
    _id(),
    _id("batch_id", key=False),
    Column("type", Text, nullable=False),
    _at(),
    *(Column(name, Text) for name in CLAIM_COLUMNS),
    # NULL: "No status", "No risk".
    Column("status", Text),
    Column("risk_score", Text),
    Column("onboarding_level", Text),
    Column("external_customer_id", Text),
    *(Column(name, Text) for name in ("phone", "twitter", "discord", "telegram")),
    # A JSON array of texts, and a JSON object as it was sent.
    Column("tags", Text),
    Column("metadata", Text),
    # Of the last change of status.
    Column("reason", Text),
    # NULL, and version 0: as it was created. Else the seq of the last event.
    Column("updated_at", BigInteger),
    Column("version", BigInteger, nullable=False, server_default="0"),
    Column("deleted_at", BigInteger),
    Column("deleted_by", Text),
    Column("merged_into", LargeBinary(16)),
    Column("erased_at", BigInteger),
    # Few are merged: a batch adds nothing here.
    Index(
        "customers_by_target",
        "project",
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
)

wallets: Final = _table(
    "wallets",
    _project(),
    _id("customer_id"),
    _id(),
    Column("namespace", Text, nullable=False),
    Column("address", Text, nullable=False, comment="as sent"),
    Column("canonical", Text, comment="NULL: the same as the address"),
    Column("verified", Boolean),
    Column("created_by", Text),
    _at(),
    Column("updated_at", BigInteger),
    Column("updated_by", Text),
)

dids: Final = _table(
    "dids",
    _project(),
    _id("customer_id"),
    _id(),
    Column("did", Text, nullable=False),
    Column("created_by", Text),
    Column("updated_by", Text),
    _at(),
    Column("updated_at", BigInteger),
)

emails: Final = _table(
    "emails",
    _project(),
    _id("customer_id"),
    _id(),
    Column("email", Text, nullable=False),
    Column("verified", Boolean),
    Column("created_by", Text),
    _at(),
    Column("updated_at", BigInteger),
    Column("updated_by", Text),
)

# What happened, numbered without a gap in the order of the commits. An event's actor, time and
# batch are those of its link.
events: Final = _table(
    "events",
    _project(),
    Column("seq", BigInteger, primary_key=True, nullable=False, autoincrement=False),
    Column("type", Text, nullable=False),
    Column("customer_id", LargeBinary(16)),
    # The names of what changed, separated by spaces.
    Column("fields", Text),
    # A JSON object, which goes with its salt when the customer is erased; SHA-256 of both stays.
    Column("data", Text),
    Column("salt", LargeBinary(16)),
    Column("digest", LargeBinary(32)),
    # Nearly all events are of customers that were created, and those are found by their batch.
    _index_of_changes("events_by_customer", "project", "customer_id", "seq"),
    # What has changed since the search index was written, among customers that arrive.
    _index_of_changes("events_of_changes", "project", "seq"),
)

# The events of one call, chained to the call before by a hash: customers/chain.py.
links: Final = _table(
    "links",
    _project(),
    Column("last", BigInteger, primary_key=True, nullable=False, autoincrement=False),
    Column("first", BigInteger, nullable=False),
    _id(key=False),
    # The API key that called.
    Column("key_id", Text, nullable=False),
    Column("batch_id", LargeBinary(16)),
    _at(),
    # Empty: from before the chain.
    Column("hash", LargeBinary(32), nullable=False),
    Index("links_by_id", "project", "id", unique=True),
)

chain_heads: Final = _table(
    "chain_heads",
    _project(),
    Column("seq", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)

findings: Final = _table(
    "findings",
    _project(),
    _id("customer_id"),
    Column("pointer", Text, primary_key=True, nullable=False),
    Column("code", Text, primary_key=True, nullable=False),
)


# What is unique in a project: wallets, DIDs and subs, as keyed hashes. SQLite takes new keys as
# runs and files them later: see sqlite/keys/identifiers.py.
identifiers: Final = _table(
    "identifiers",
    _project(),
    Column("hash", LargeBinary(16), primary_key=True, nullable=False),
    _id("customer_id", key=False),
)

identifiers_new: Final = _table(
    "identifiers_new",
    _project(),
    Column("run", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("hash", LargeBinary(16), primary_key=True, nullable=False),
    _id("customer_id", key=False),
)

idempotency: Final = _table(
    "idempotency",
    _project(),
    Column("key_hash", LargeBinary(32), primary_key=True, nullable=False),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("receipt", LargeBinary, nullable=False),
    _at(),
    Index("idempotency_by_age", "project", "created_at"),
)

# The search index: a projection of the customers (store/search/), which can be made anew from them.
# It numbers the customers of a project; how far it has come stands in its progress.
search_progress: Final = _table(
    "search_progress",
    _project(),
    # The last event it has taken in, and the number of the next customer.
    Column("seq", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    # The last customer that is numbered in the order of creation.
    Column("last_at", BigInteger, nullable=False),
    Column("last_id", LargeBinary(16), nullable=False),
)

search_numbers: Final = _table(
    "search_numbers", _project(), _id(), Column("ordinal", BigInteger, nullable=False)
)

search_entries: Final = _table(
    "search_entries",
    _project(),
    Column("ordinal", BigInteger, primary_key=True, nullable=False, autoincrement=False),
    _id(key=False),
    _at(),
    # MessagePack: the facets, and pairs of order and key.
    Column("facets", LargeBinary, nullable=False),
    Column("orders", LargeBinary, nullable=False),
    # With spaces between and around.
    Column("words", Text, nullable=False),
)

# The customers with a facet: as bits, a row for each chunk of numbers.
search_sets: Final = _table(
    "search_sets",
    _project(),
    Column("facet", LargeBinary, primary_key=True, nullable=False),
    Column("chunk", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("bits", LargeBinary, nullable=False),
)

search_chunks: Final = _table(
    "search_chunks",
    _project(),
    Column("chunk", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("first_at", BigInteger, nullable=False),
    Column("first_id", LargeBinary(16), nullable=False),
    # How many have their words in search_words.
    Column("filed", Integer, nullable=False),
)

# The order by name; and the places of those whose number does not tell them.
search_orders: Final = _table(
    "search_orders",
    _project(),
    Column("sort", SmallInteger, primary_key=True, nullable=False, autoincrement=False),
    Column("key", LargeBinary, primary_key=True, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    # A walk needs nothing beside the index.
    PrimaryKeyConstraint("project", "sort", "key", postgresql_include=["ordinal"]),
)

# On SQLite this is an FTS5 table, which revision 0006 makes.
search_words: Final = _table(
    "search_words",
    _project(),
    Column("ordinal", BigInteger, primary_key=True, nullable=False, autoincrement=False),
    Column("words", TSVECTOR, nullable=False),
    Index("search_words_by_word", "words", postgresql_using="gin"),
)

# Webhooks: store/queries/webhooks.py says what the columns mean.
webhook_endpoints: Final = _table(
    "webhook_endpoints",
    _project(),
    _id(),
    Column("url", Text, nullable=False),
    # Separated by spaces; none: the usual ones.
    Column("event_types", Text, nullable=False),
    # A JSON array. They sign, so that no hash would do.
    Column("secrets", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("description", Text),
    Column("updated_by", Text),
    Column("disabled_reason", Text),
    _at(),
    *(_at(name) for name in ("generation", "epoch", "cursor")),
    *(Column(name, BigInteger) for name in ("updated_at", "disabled_at", "delivered_at")),
)

webhook_pending: Final = _table(
    "webhook_pending",
    _project(),
    _id("endpoint_id"),
    Column("seq", BigInteger, primary_key=True, nullable=False, autoincrement=False),
    Column("type", Text, primary_key=True, nullable=False),
    _id("lane", key=False),
    Column("behind", LargeBinary(16)),
    _id("message_key", key=False),
    Column("actor", Text, nullable=False),
    *(_at(name) for name in ("at", "attempts", "next_at")),
    Column("data", Text),
    Column("first_at", BigInteger),
    Column("unreached", Boolean, nullable=False),
)

webhook_attempts: Final = _table(
    "webhook_attempts",
    _project(),
    _id("endpoint_id"),
    # A UUIDv7, so that the oldest come first.
    _id(),
    Column("message_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    *(_at(name) for name in ("number", "at", "ms")),
    Column("status", BigInteger),
    Column("error", Text),
    Index("webhook_attempts_by_message", "project", "endpoint_id", "message_id", "id"),
)

# Who delivers the webhooks of all projects: one row, of the project 0, which is none.
webhook_leases: Final = _table(
    "webhook_leases",
    _project(),
    Column("holder", Text, nullable=False),
    _at("until"),
)

# Small, read by all: on a distributed database every node holds them whole. In the order in which
# they refer to one another.
REFERENCE_TABLES: Final = ("meta", "projects", "api_keys")
SQLITE_TABLES: Final = frozenset({"identifiers_new"})
POSTGRES_TABLES: Final = frozenset({"search_words"})
SEARCH_TABLES: Final = frozenset(name for name in metadata.tables if name.startswith("search_"))


def tables(dialect: str) -> list[Table]:
    """The tables of a database, each after those it refers to."""
    return [
        table
        for table in metadata.sorted_tables
        if table.name not in (POSTGRES_TABLES if dialect == "sqlite" else SQLITE_TABLES)
    ]
