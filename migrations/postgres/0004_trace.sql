-- The trace that a change is followed in, while it is on its way: from the observation to the last write. `subject`
-- is an entity, or SYSTEM/KIND/ID of a record that belongs to none yet; `context` is W3C trace context. A row is there only for
-- changes that are traced, and losing it costs a gap in a trace.
CREATE TABLE trace (
    practice TEXT COLLATE "C" NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    context  TEXT COLLATE "C" NOT NULL,
    since    BIGINT NOT NULL,
    PRIMARY KEY (practice, subject)
);
