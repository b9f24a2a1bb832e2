-- Secrets that change while the bridge runs (refresh tokens that rotate), sealed like everything else.
CREATE TABLE secret (
    practice TEXT NOT NULL,
    name     TEXT NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (practice, name)
) WITHOUT ROWID;

-- Applied writes in the order they were applied: products that keep a history are asked about them later.
CREATE INDEX audit_applied ON audit (practice, system, seq) WHERE event = 'applied';
