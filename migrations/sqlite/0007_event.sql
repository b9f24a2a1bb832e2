-- The public stream: one row for each change of a record that the bridge has seen, in the order it was seen. Ids and
-- names of units only. Numbers grow and are never given twice; rows go when their time is over, the newest stays.
CREATE TABLE event (
    practice  TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    id        TEXT   NOT NULL,
    at        BIGINT NOT NULL,
    system    TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    remote_id TEXT   NOT NULL,
    happened  TEXT   NOT NULL,
    units     TEXT   NOT NULL,
    entity    TEXT,
    ours      BIGINT NOT NULL,
    trace     TEXT,
    PRIMARY KEY (practice, seq)
) WITHOUT ROWID;

-- How far whoever is sent the stream has taken it; since, retry_at and trouble have a meaning only while failures is not 0.
CREATE TABLE subscriber (
    practice TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    position BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    since    BIGINT NOT NULL,
    retry_at BIGINT NOT NULL,
    parked   BIGINT NOT NULL,
    trouble  TEXT   NOT NULL,
    PRIMARY KEY (practice, name)
) WITHOUT ROWID;
