-- The latest body of each record of the kinds that are mirrored (appointments, referrals ...), sealed. seq grows with every
-- change of a system's records and is never given twice, so that rows after a number are what changed since; rows of
-- records that are gone stay until their time is over.
CREATE TABLE mirror (
    practice  TEXT COLLATE "C" NOT NULL,
    system    TEXT COLLATE "C" NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    remote_id TEXT COLLATE "C" NOT NULL,
    seq       BIGINT           NOT NULL,
    seen      BIGINT           NOT NULL,
    gone      BIGINT           NOT NULL,
    body      BYTEA            NOT NULL,
    PRIMARY KEY (practice, system, kind, remote_id)
);

CREATE UNIQUE INDEX mirror_seq ON mirror (practice, system, seq, kind);
