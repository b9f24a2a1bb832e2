-- What is kept about whom: from the keyed hash of a person's record to rows of the mirror (part mirror/SYSTEM/KIND) and of
-- the ledger (its own part, fact/Invoice). Written with the row it leads to.
CREATE TABLE concern (
    practice TEXT NOT NULL,
    hash     BLOB NOT NULL,
    part     TEXT NOT NULL,
    id       TEXT NOT NULL,
    PRIMARY KEY (practice, hash, part, id)
) WITHOUT ROWID;

CREATE INDEX concern_row ON concern (practice, part, id);
