-- The schema of migrations/sqlite as it is after its 0003, for PostgreSQL 13 and newer. Text compares by its
-- bytes (COLLATE "C"), as in SQLite: pages of ids and keys come in the same order in both.
--
-- Every row belongs to a practice. Times are microseconds since 1970 UTC. Bodies are sealed: what a query needs
-- stands in a column beside them and is never a personal value.
--
-- Rows that change often leave room on their pages (fillfactor), so that a change which touches no index writes none.
--
-- Migrations expand first: one only adds (tables, indexes, columns that may be null or have a default), and what
-- it replaces is removed a release later, so that workers of the release before go on beside it.

CREATE TABLE meta (
    practice TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    value    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (practice, name)
);

-- lane and dirty_since have a meaning only while dirty is 1.
CREATE TABLE entity (
    practice    TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    revision    BIGINT NOT NULL,
    dirty       BIGINT NOT NULL,
    dirty_since BIGINT NOT NULL,
    lane        BIGINT NOT NULL,
    candidate   BIGINT NOT NULL,
    body        BYTEA NOT NULL,
    PRIMARY KEY (practice, id)
) WITH (fillfactor = 80);
CREATE INDEX entity_dirty ON entity (practice, lane, dirty_since, id) WHERE dirty = 1;

-- One row per record ever seen; rows are never deleted.
CREATE TABLE link (
    practice   TEXT COLLATE "C" NOT NULL,
    system     TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    remote_id  TEXT COLLATE "C" NOT NULL,
    entity     TEXT COLLATE "C",
    generation BIGINT NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    known_at   BIGINT NOT NULL,
    look       BIGINT NOT NULL,
    asked      BIGINT NOT NULL,
    held       BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (practice, system, kind, remote_id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX link_entity ON link (practice, entity, system) WHERE entity IS NOT NULL;
CREATE INDEX link_unidentified ON link (practice, system, kind, remote_id) WHERE entity IS NULL AND state = 'live';
CREATE INDEX link_look ON link (practice, system, kind, asked, remote_id) WHERE look = 1;

CREATE TABLE write (
    practice   TEXT COLLATE "C" NOT NULL,
    entity     TEXT COLLATE "C" NOT NULL,
    system     TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    op         TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    lane       BIGINT NOT NULL,
    since      BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    tries      BIGINT NOT NULL,
    body       BYTEA NOT NULL,
    PRIMARY KEY (practice, entity, system)
) WITH (fillfactor = 80);
CREATE INDEX write_planned ON write (practice, system, lane, since, entity) WHERE state = 'planned';
CREATE INDEX write_unsettled ON write (practice, system, at, entity) WHERE state IN ('sent', 'unknown');

CREATE TABLE conflict (
    practice TEXT COLLATE "C" NOT NULL,
    entity   TEXT COLLATE "C" NOT NULL,
    unit     TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    since    BIGINT NOT NULL,
    body     BYTEA NOT NULL,
    PRIMARY KEY (practice, entity, unit)
);
CREATE INDEX conflict_age ON conflict (practice, since, id);
CREATE INDEX conflict_id ON conflict (practice, id);

CREATE TABLE card (
    practice TEXT COLLATE "C" NOT NULL,
    entity   TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    system   TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    units    TEXT COLLATE "C" NOT NULL,
    since    BIGINT NOT NULL,
    PRIMARY KEY (practice, entity, kind, system)
);
CREATE INDEX card_age ON card (practice, since, id);

CREATE TABLE candidate (
    practice   TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    a_system   TEXT COLLATE "C" NOT NULL,
    a_kind     TEXT COLLATE "C" NOT NULL,
    a_id       TEXT COLLATE "C" NOT NULL,
    b_system   TEXT COLLATE "C" NOT NULL,
    b_kind     TEXT COLLATE "C" NOT NULL,
    b_id       TEXT COLLATE "C" NOT NULL,
    score      BIGINT NOT NULL,
    reasons    TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    since      BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT COLLATE "C",
    PRIMARY KEY (practice, id)
);
CREATE INDEX candidate_state ON candidate (practice, state, since, id);
CREATE INDEX candidate_a ON candidate (practice, a_system, a_kind, a_id, id);
CREATE INDEX candidate_b ON candidate (practice, b_system, b_kind, b_id, id);

-- Keyed hashes of what records are found by.
CREATE TABLE lookup (
    practice  TEXT COLLATE "C" NOT NULL,
    key_kind  TEXT COLLATE "C" NOT NULL,
    hash      BYTEA NOT NULL,
    system    TEXT COLLATE "C" NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    remote_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (practice, key_kind, hash, system, kind, remote_id)
);
CREATE INDEX lookup_record ON lookup (practice, system, kind, remote_id);

-- Per record: keyed hashes, eight bytes each, of the prefixes of its name parts. Searched by a scan: people
-- search a few times a day, and an index would cost ten random inserts for every new record.
CREATE TABLE name_part (
    practice  TEXT COLLATE "C" NOT NULL,
    system    TEXT COLLATE "C" NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    remote_id TEXT COLLATE "C" NOT NULL,
    hashes    BYTEA NOT NULL,
    PRIMARY KEY (practice, system, kind, remote_id)
);

CREATE TABLE cursor (
    practice TEXT COLLATE "C" NOT NULL,
    system   TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    digest   TEXT COLLATE "C" NOT NULL,
    position TEXT COLLATE "C" NOT NULL,
    updated  BIGINT NOT NULL,
    PRIMARY KEY (practice, system, kind, digest)
);

CREATE TABLE run (
    practice TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    started  BIGINT NOT NULL,
    ended    BIGINT,
    counts   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (practice, id)
);
CREATE INDEX run_started ON run (practice, started, id);

CREATE TABLE budget (
    practice TEXT COLLATE "C" NOT NULL,
    system   TEXT COLLATE "C" NOT NULL,
    day      TEXT COLLATE "C" NOT NULL,
    calls    BIGINT NOT NULL,
    PRIMARY KEY (practice, system, day)
);

CREATE TABLE lease (
    practice TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    holder   TEXT COLLATE "C" NOT NULL,
    epoch    BIGINT NOT NULL,
    until    BIGINT NOT NULL,
    PRIMARY KEY (practice, name)
);

-- Append only; entity and remote_id are '' where an event has none.
CREATE TABLE audit (
    practice  TEXT COLLATE "C" NOT NULL,
    seq       BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    run       TEXT COLLATE "C",
    entity    TEXT COLLATE "C" NOT NULL,
    system    TEXT COLLATE "C" NOT NULL,
    remote_id TEXT COLLATE "C" NOT NULL,
    event     TEXT COLLATE "C" NOT NULL,
    units     TEXT COLLATE "C" NOT NULL,
    reason    TEXT COLLATE "C" NOT NULL,
    body      BYTEA,
    PRIMARY KEY (practice, seq)
);
CREATE INDEX audit_entity ON audit (practice, entity, seq) WHERE entity <> '';
CREATE INDEX audit_record ON audit (practice, system, remote_id, seq) WHERE entity = '';

CREATE TABLE loser (
    practice TEXT COLLATE "C" NOT NULL,
    seq      BIGINT NOT NULL,
    entity   TEXT COLLATE "C" NOT NULL,
    unit     TEXT COLLATE "C" NOT NULL,
    system   TEXT COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL,
    until    BIGINT NOT NULL,
    why      TEXT COLLATE "C" NOT NULL,
    value    BYTEA NOT NULL,
    PRIMARY KEY (practice, seq)
);
CREATE INDEX loser_entity ON loser (practice, entity, seq);
CREATE INDEX loser_until ON loser (practice, until, seq);

-- Secrets that change while the bridge runs (refresh tokens that rotate), sealed like everything else.
CREATE TABLE secret (
    practice TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    body     BYTEA NOT NULL,
    PRIMARY KEY (practice, name)
);

-- Applied writes in the order they were applied: products that keep a history are asked about them later.
CREATE INDEX audit_applied ON audit (practice, system, seq) WHERE event = 'applied';

-- Sealed bytes do not get smaller by compression.
ALTER TABLE entity ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE link ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE write ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE conflict ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE audit ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE loser ALTER COLUMN value SET STORAGE EXTERNAL;
ALTER TABLE secret ALTER COLUMN body SET STORAGE EXTERNAL;
