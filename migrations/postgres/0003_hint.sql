-- What webhooks told of. `id` is a digest of the event and the record, so that a repetition is known for as
-- long as the row is kept; `taken` is 0 until the record is due for a direct read.
CREATE TABLE hint (
    practice  TEXT COLLATE "C" NOT NULL,
    id        TEXT COLLATE "C" NOT NULL,
    system    TEXT COLLATE "C" NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    remote_id TEXT COLLATE "C" NOT NULL,
    news      TEXT COLLATE "C" NOT NULL,
    received  BIGINT NOT NULL,
    taken     BIGINT NOT NULL,
    PRIMARY KEY (practice, id)
);
CREATE INDEX hint_waiting ON hint (practice, system, received, id) WHERE taken = 0;
CREATE INDEX hint_received ON hint (practice, received);
