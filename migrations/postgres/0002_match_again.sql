-- Records that belong to somebody without a counterpart everywhere, and that changed in what tells people apart:
-- who they are is to be decided again.
CREATE TABLE match_again (
    practice  TEXT COLLATE "C" NOT NULL,
    system    TEXT COLLATE "C" NOT NULL,
    kind      TEXT COLLATE "C" NOT NULL,
    remote_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (practice, system, kind, remote_id)
);
