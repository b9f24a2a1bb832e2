-- How the practice was doing, for charts: numbers only, by the minute for two days and by the hour for a year.
CREATE TABLE sample (
    practice TEXT   NOT NULL,
    span     TEXT   NOT NULL,
    name     TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    value    BIGINT NOT NULL,
    PRIMARY KEY (practice, span, name, at)
) WITHOUT ROWID;
