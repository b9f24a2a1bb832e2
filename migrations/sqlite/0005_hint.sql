-- What webhooks told of. `id` is a digest of the event and the record, so that a repetition is known for as
-- long as the row is kept; `taken` is 0 until the record is due for a direct read.
CREATE TABLE hint (
    practice  TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    system    TEXT   NOT NULL,
    kind      TEXT   NOT NULL,
    remote_id TEXT   NOT NULL,
    news      TEXT   NOT NULL,
    received  BIGINT NOT NULL,
    taken     BIGINT NOT NULL,
    PRIMARY KEY (practice, id)
) WITHOUT ROWID;
CREATE INDEX hint_waiting ON hint (practice, system, received, id) WHERE taken = 0;
CREATE INDEX hint_received ON hint (practice, received);
