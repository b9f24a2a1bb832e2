-- Records that belong to somebody without a counterpart everywhere, and that changed in what tells people apart:
-- who they are is to be decided again.
CREATE TABLE match_again (
    practice  TEXT NOT NULL,
    system    TEXT NOT NULL,
    kind      TEXT NOT NULL,
    remote_id TEXT NOT NULL,
    PRIMARY KEY (practice, system, kind, remote_id)
) WITHOUT ROWID;
