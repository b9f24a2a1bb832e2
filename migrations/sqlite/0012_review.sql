-- What people are searched by: one row for each prefix of two to eight letters of each part of a record's names, as a
-- keyed hash. name_part keeps the prefixes of a record, so that a change costs only the rows that differ.
CREATE TABLE name_prefix (
    practice  TEXT NOT NULL,
    hash      BLOB NOT NULL,
    system    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    PRIMARY KEY (practice, hash, system, kind, remote_id)
) WITHOUT ROWID;

-- What waits for a person, of every sort in one list: conflicts, cards, pairs of records, holds, and what other parts file.
-- Rows follow what they stand for in the same transaction. topic says sort and subject ("conflict/mobile"), systems are
-- between commas (",crm,halaxy,"); entity is '' where none is meant; assigned is '' for nobody.
CREATE TABLE inbox (
    practice TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    topic    TEXT   NOT NULL,
    systems  TEXT   NOT NULL,
    entity   TEXT   NOT NULL,
    since    BIGINT NOT NULL,
    assigned TEXT   NOT NULL,
    snoozed  BIGINT NOT NULL,
    PRIMARY KEY (practice, id)
) WITHOUT ROWID;
CREATE INDEX inbox_age ON inbox (practice, since, id, topic, systems, assigned, snoozed, entity);
CREATE INDEX inbox_cube ON inbox (practice, topic, systems, assigned, snoozed);
CREATE INDEX inbox_entity ON inbox (practice, entity, id) WHERE entity <> '';

INSERT INTO inbox (practice, id, topic, systems, entity, since, assigned, snoozed)
    SELECT practice, id, 'conflict/' || unit, '', entity, since, '', 0 FROM conflict;
INSERT INTO inbox (practice, id, topic, systems, entity, since, assigned, snoozed)
    SELECT practice, id, 'card/' || kind, ',' || system || ',', entity, since, '', 0 FROM card;
INSERT INTO inbox (practice, id, topic, systems, entity, since, assigned, snoozed)
    SELECT practice, id, CASE WHEN state = 'twice' THEN 'match/twice' ELSE 'match/pair' END,
        CASE WHEN a_system = b_system THEN ',' || a_system || ',' ELSE ',' || a_system || ',' || b_system || ',' END,
        '', since, '', 0
    FROM candidate WHERE state IN ('open', 'twice');

-- What people decided, said and took back, newest last. body is sealed; grp is what was decided at once, undone is when
-- it was taken back, or 0.
CREATE TABLE decision (
    practice TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    who      TEXT   NOT NULL,
    sort     TEXT   NOT NULL,
    entity   TEXT   NOT NULL,
    unit     TEXT   NOT NULL,
    item     TEXT   NOT NULL,
    grp      TEXT   NOT NULL,
    undone   BIGINT NOT NULL,
    body     BLOB   NOT NULL,
    PRIMARY KEY (practice, id)
) WITHOUT ROWID;
CREATE INDEX decision_at ON decision (practice, at, id);
CREATE INDEX decision_entity ON decision (practice, entity, at, id) WHERE entity <> '';
CREATE INDEX decision_grp ON decision (practice, grp, at, id) WHERE grp <> '';
