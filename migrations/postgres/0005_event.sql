-- The public stream: one row for each change of a record that the bridge has seen, in the order it was seen. Ids and
-- names of units only. Numbers grow and are never given twice; rows go when their time is over, the newest stays.
CREATE TABLE event (
    practice  TEXT COLLATE "C" NOT NULL,
    seq       BIGINT NOT NULL,
    id        TEXT COLLATE "C" NOT NULL,
    at        BIGINT NOT NULL,
    system    TEXT COLLATE "C" NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    remote_id TEXT COLLATE "C" NOT NULL,
    happened  TEXT COLLATE "C" NOT NULL,
    units     TEXT COLLATE "C" NOT NULL,
    entity    TEXT COLLATE "C",
    ours      BIGINT NOT NULL,
    trace     TEXT COLLATE "C",
    PRIMARY KEY (practice, seq)
);

-- How far whoever is sent the stream has taken it; since, retry_at and trouble have a meaning only while failures is not 0.
CREATE TABLE subscriber (
    practice TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    since    BIGINT NOT NULL,
    retry_at BIGINT NOT NULL,
    parked   BIGINT NOT NULL,
    trouble  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (practice, name)
);
