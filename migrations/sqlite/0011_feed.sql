-- What consumers of exports are told of: one row for everything that was ever shown, with the number of its latest change.
-- `mark` tells whether it is still as it was when that number was given; rows of what is gone stay, so that removals are
-- told however late somebody asks. Numbers grow and are never given twice; those that were given together have one row more,
-- of no part, with a name of their own. Empty unless changes are asked for.
CREATE TABLE feed (
    practice TEXT   NOT NULL,
    part     TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    seq      BIGINT NOT NULL,
    mark     TEXT   NOT NULL,
    gone     BIGINT NOT NULL,
    PRIMARY KEY (practice, part, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX feed_seq ON feed (practice, part, seq);
