-- Every row belongs to a practice. Types are the subset that PostgreSQL shares: TEXT, BIGINT, BLOB.
-- Times are microseconds since 1970 UTC. Bodies are sealed: what a query needs stands in a column beside them
-- and is never a personal value. Indexes end with the id, so that a page of them needs no sorting. Tables of
-- small rows are their own primary key (WITHOUT ROWID); with long rows such a tree is deep and slow to search.

CREATE TABLE meta (
    practice TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    value    TEXT   NOT NULL,
    PRIMARY KEY (practice, name)
) WITHOUT ROWID;

-- lane and dirty_since have a meaning only while dirty is 1.
CREATE TABLE entity (
    practice    TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    revision    BIGINT NOT NULL,
    dirty       BIGINT NOT NULL,
    dirty_since BIGINT NOT NULL,
    lane        BIGINT NOT NULL,
    candidate   BIGINT NOT NULL,
    body        BLOB   NOT NULL,
    PRIMARY KEY (practice, id)
);
CREATE INDEX entity_dirty ON entity (practice, lane, dirty_since, id) WHERE dirty = 1;

-- One row per record ever seen; rows are never deleted.
CREATE TABLE link (
    practice   TEXT   NOT NULL,
    system     TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    remote_id  TEXT   NOT NULL,
    entity     TEXT,
    generation BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    known_at   BIGINT NOT NULL,
    look       BIGINT NOT NULL,
    asked      BIGINT NOT NULL,
    held       BIGINT NOT NULL,
    body       BLOB   NOT NULL,
    PRIMARY KEY (practice, system, kind, remote_id)
);
CREATE UNIQUE INDEX link_entity ON link (practice, entity, system) WHERE entity IS NOT NULL;
CREATE INDEX link_unidentified ON link (practice, system, kind, remote_id) WHERE entity IS NULL AND state = 'live';
CREATE INDEX link_look ON link (practice, system, kind, asked, remote_id) WHERE look = 1;

CREATE TABLE write (
    practice   TEXT   NOT NULL,
    entity     TEXT   NOT NULL,
    system     TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    op         TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    lane       BIGINT NOT NULL,
    since      BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    tries      BIGINT NOT NULL,
    body       BLOB   NOT NULL,
    PRIMARY KEY (practice, entity, system)
);
CREATE INDEX write_planned ON write (practice, system, lane, since, entity) WHERE state = 'planned';
CREATE INDEX write_unsettled ON write (practice, system, at, entity) WHERE state IN ('sent', 'unknown');

CREATE TABLE conflict (
    practice TEXT   NOT NULL,
    entity   TEXT   NOT NULL,
    unit     TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    body     BLOB   NOT NULL,
    PRIMARY KEY (practice, entity, unit)
) WITHOUT ROWID;
CREATE INDEX conflict_age ON conflict (practice, since, id);
CREATE INDEX conflict_id ON conflict (practice, id);

CREATE TABLE card (
    practice TEXT   NOT NULL,
    entity   TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    system   TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    units    TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    PRIMARY KEY (practice, entity, kind, system)
) WITHOUT ROWID;
CREATE INDEX card_age ON card (practice, since, id);

CREATE TABLE candidate (
    practice TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    a_system TEXT   NOT NULL,
    a_kind   TEXT   NOT NULL,
    a_id     TEXT   NOT NULL,
    b_system TEXT   NOT NULL,
    b_kind   TEXT   NOT NULL,
    b_id     TEXT   NOT NULL,
    score    BIGINT NOT NULL,
    reasons  TEXT   NOT NULL,
    state    TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    PRIMARY KEY (practice, id)
) WITHOUT ROWID;
CREATE INDEX candidate_state ON candidate (practice, state, since, id);
CREATE INDEX candidate_a ON candidate (practice, a_system, a_kind, a_id, id);
CREATE INDEX candidate_b ON candidate (practice, b_system, b_kind, b_id, id);

-- Keyed hashes of what records are found by.
CREATE TABLE lookup (
    practice  TEXT NOT NULL,
    key_kind  TEXT NOT NULL,
    hash      BLOB NOT NULL,
    system    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    PRIMARY KEY (practice, key_kind, hash, system, kind, remote_id)
) WITHOUT ROWID;
CREATE INDEX lookup_record ON lookup (practice, system, kind, remote_id);

-- Per record: keyed hashes, eight bytes each, of the prefixes of its name parts. Searched by a scan: people
-- search a few times a day, and an index would cost ten random inserts for every new record.
CREATE TABLE name_part (
    practice  TEXT NOT NULL,
    system    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    hashes    BLOB NOT NULL,
    PRIMARY KEY (practice, system, kind, remote_id)
) WITHOUT ROWID;

CREATE TABLE cursor (
    practice TEXT   NOT NULL,
    system   TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    digest   TEXT   NOT NULL,
    position TEXT   NOT NULL,
    updated  BIGINT NOT NULL,
    PRIMARY KEY (practice, system, kind, digest)
) WITHOUT ROWID;

CREATE TABLE run (
    practice TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    kind     TEXT   NOT NULL,
    started  BIGINT NOT NULL,
    ended    BIGINT,
    counts   TEXT   NOT NULL,
    PRIMARY KEY (practice, id)
) WITHOUT ROWID;
CREATE INDEX run_started ON run (practice, started, id);

CREATE TABLE budget (
    practice TEXT   NOT NULL,
    system   TEXT   NOT NULL,
    day      TEXT   NOT NULL,
    calls    BIGINT NOT NULL,
    PRIMARY KEY (practice, system, day)
) WITHOUT ROWID;

CREATE TABLE lease (
    practice TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    holder   TEXT   NOT NULL,
    epoch    BIGINT NOT NULL,
    until    BIGINT NOT NULL,
    PRIMARY KEY (practice, name)
) WITHOUT ROWID;

-- Append only; entity and remote_id are '' where an event has none.
CREATE TABLE audit (
    practice  TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    run       TEXT,
    entity    TEXT   NOT NULL,
    system    TEXT   NOT NULL,
    remote_id TEXT   NOT NULL,
    event     TEXT   NOT NULL,
    units     TEXT   NOT NULL,
    reason    TEXT   NOT NULL,
    body      BLOB,
    PRIMARY KEY (practice, seq)
) WITHOUT ROWID;
CREATE INDEX audit_entity ON audit (practice, entity, seq) WHERE entity <> '';
CREATE INDEX audit_record ON audit (practice, system, remote_id, seq) WHERE entity = '';

CREATE TABLE loser (
    practice TEXT   NOT NULL,
    seq      BIGINT NOT NULL,
    entity   TEXT   NOT NULL,
    unit     TEXT   NOT NULL,
    system   TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    until    BIGINT NOT NULL,
    why      TEXT   NOT NULL,
    value    BLOB   NOT NULL,
    PRIMARY KEY (practice, seq)
) WITHOUT ROWID;
CREATE INDEX loser_entity ON loser (practice, entity, seq);
CREATE INDEX loser_until ON loser (practice, until, seq);
