-- The schema as the first release wrote it, with user_version 1 and no alembic_version.
CREATE TABLE batches (
  project INTEGER NOT NULL,
  id BLOB NOT NULL,
  key_id TEXT NOT NULL,
  mode TEXT NOT NULL,
  items INTEGER NOT NULL,
  created INTEGER NOT NULL,
  existing INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (project, id)
) WITHOUT ROWID;
CREATE TABLE customers (
  project INTEGER NOT NULL,
  id BLOB NOT NULL,
  batch_id BLOB NOT NULL,
  type TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  sub TEXT,
  name TEXT,
  given_name TEXT,
  family_name TEXT,
  middle_name TEXT,
  nickname TEXT,
  preferred_username TEXT,
  profile TEXT,
  picture TEXT,
  picture_base64 TEXT,
  website TEXT,
  gender TEXT,
  birthdate TEXT,
  zoneinfo TEXT,
  locale TEXT,
  country_of_residence TEXT,
  nationality TEXT,
  claims_created_by TEXT,
  address TEXT,
  PRIMARY KEY (project, id)
) WITHOUT ROWID;
CREATE TABLE dids (
  project INTEGER NOT NULL,
  customer_id BLOB NOT NULL,
  id BLOB NOT NULL,
  did TEXT NOT NULL,
  created_by TEXT,
  updated_by TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (project, customer_id, id)
) WITHOUT ROWID;
CREATE TABLE events (
  project INTEGER NOT NULL,
  id BLOB NOT NULL,
  type TEXT NOT NULL,
  customer_id BLOB NOT NULL,
  batch_id BLOB NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (project, id)
) WITHOUT ROWID;
CREATE TABLE findings (
  project INTEGER NOT NULL,
  customer_id BLOB NOT NULL,
  pointer TEXT NOT NULL,
  code TEXT NOT NULL,
  PRIMARY KEY (project, customer_id, pointer, code)
) WITHOUT ROWID;
CREATE TABLE idempotency (
  project INTEGER NOT NULL,
  key_hash BLOB NOT NULL,
  fingerprint BLOB NOT NULL,
  receipt BLOB NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (project, key_hash)
) WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at);
CREATE TABLE identifiers (
  project INTEGER NOT NULL,
  hash BLOB NOT NULL,
  customer_id BLOB NOT NULL,
  PRIMARY KEY (project, hash)
) WITHOUT ROWID;
CREATE TABLE identifiers_new (
  project INTEGER NOT NULL,
  hash BLOB NOT NULL,
  customer_id BLOB NOT NULL,
  PRIMARY KEY (project, hash)
) WITHOUT ROWID;
CREATE TABLE meta (
  name TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (name)
) WITHOUT ROWID;
CREATE TABLE projects (
  project INTEGER NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  lenient BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (project),
  UNIQUE (id)
) WITHOUT ROWID;
CREATE TABLE wallets (
  project INTEGER NOT NULL,
  customer_id BLOB NOT NULL,
  id BLOB NOT NULL,
  namespace TEXT NOT NULL,
  address TEXT NOT NULL,
  canonical TEXT,
  verified BOOLEAN,
  created_by TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (project, customer_id, id)
) WITHOUT ROWID;
CREATE TABLE api_keys (
  id TEXT NOT NULL,
  project INTEGER NOT NULL,
  hash BLOB NOT NULL,
  hint TEXT NOT NULL,
  name TEXT,
  scopes TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  PRIMARY KEY (id),
  FOREIGN KEY(project) REFERENCES projects (project),
  UNIQUE (hash)
) WITHOUT ROWID;
