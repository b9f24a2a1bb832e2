-- Secrets that change while the bridge runs (refresh tokens that rotate), sealed like everything else.
CREATE TABLE secret (
    practice TEXT NOT NULL,
    name     TEXT NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (practice, name)
) WITHOUT ROWID;
