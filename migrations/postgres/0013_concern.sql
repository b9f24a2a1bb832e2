-- What is kept about whom: from the keyed hash of a person's record to rows of the mirror (part mirror/SYSTEM/KIND) and of
-- the ledger (its own part, fact/Invoice). Written with the row it leads to.
CREATE TABLE concern (
    practice TEXT COLLATE "C" NOT NULL,
    hash     BYTEA NOT NULL,
    part     TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (practice, hash, part, id)
);

CREATE INDEX concern_row ON concern (practice, part, id);
