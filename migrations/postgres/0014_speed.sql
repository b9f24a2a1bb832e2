-- What keeps pages and looks quick in a large practice: counters that follow the inbox, and indexes of the few rows among many
-- that somebody asks for. Nothing here holds anything that is not in another table.

-- How many items of the inbox are alike, kept by triggers, so that no page counts them. Rows with 0 go.
CREATE TABLE inbox_count (
    practice TEXT COLLATE "C"   NOT NULL,
    topic    TEXT COLLATE "C"   NOT NULL,
    systems  TEXT COLLATE "C"   NOT NULL,
    assigned TEXT COLLATE "C"   NOT NULL,
    snoozed  BIGINT NOT NULL,
    n        BIGINT NOT NULL,
    PRIMARY KEY (practice, topic, systems, assigned, snoozed)
);

INSERT INTO inbox_count (practice, topic, systems, assigned, snoozed, n)
    SELECT practice, topic, systems, assigned, snoozed, count(*) FROM inbox
    GROUP BY practice, topic, systems, assigned, snoozed;

-- By statement: one row that thousands of rows change is changed once.
CREATE FUNCTION inbox_filed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO inbox_count AS c (practice, topic, systems, assigned, snoozed, n)
        SELECT practice, topic, systems, assigned, snoozed, count(*) FROM filed
        GROUP BY practice, topic, systems, assigned, snoozed
        ON CONFLICT (practice, topic, systems, assigned, snoozed) DO UPDATE SET n = c.n + excluded.n;
    RETURN NULL;
END $$;

CREATE FUNCTION inbox_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE inbox_count c SET n = c.n - o.n
        FROM (SELECT practice, topic, systems, assigned, snoozed, count(*) AS n FROM closed
            GROUP BY practice, topic, systems, assigned, snoozed) o
        WHERE c.practice = o.practice AND c.topic = o.topic AND c.systems = o.systems AND c.assigned = o.assigned
            AND c.snoozed = o.snoozed;
    DELETE FROM inbox_count WHERE n = 0 AND practice IN (SELECT practice FROM closed);
    RETURN NULL;
END $$;

CREATE TRIGGER inbox_filed AFTER INSERT ON inbox
    REFERENCING NEW TABLE AS filed FOR EACH STATEMENT EXECUTE FUNCTION inbox_filed();
CREATE TRIGGER inbox_closed AFTER DELETE ON inbox
    REFERENCING OLD TABLE AS closed FOR EACH STATEMENT EXECUTE FUNCTION inbox_closed();
-- In order of their names: what a change adds is there before what it takes away.
CREATE TRIGGER inbox_turned_1 AFTER UPDATE ON inbox
    REFERENCING NEW TABLE AS filed FOR EACH STATEMENT EXECUTE FUNCTION inbox_filed();
CREATE TRIGGER inbox_turned_2 AFTER UPDATE ON inbox
    REFERENCING OLD TABLE AS closed FOR EACH STATEMENT EXECUTE FUNCTION inbox_closed();

-- Items that are alike, longest waiting first: a filter that fits few is answered by them alone.
CREATE INDEX inbox_alike ON inbox (practice, topic, systems, assigned, since, id, snoozed, entity);
DROP INDEX inbox_cube;
CREATE INDEX inbox_asleep ON inbox (practice, since, id, topic, systems, assigned, snoozed, entity) WHERE snoozed > 0;

-- Writes that may go out, by what they do: those of a group that is kept back are not read.
CREATE INDEX write_due ON write (practice, system, op, lane, since, entity) WHERE state = 'planned';
DROP INDEX write_planned;
CREATE INDEX write_stuck ON write (practice, state, entity) WHERE state IN ('doubtful', 'refused');

CREATE INDEX link_held ON link (practice, entity, state) WHERE held = 1;
CREATE INDEX link_gone ON link (practice, system) WHERE state <> 'live';

-- What people did with the app and what was shown to them, among everything else of the history.
CREATE INDEX audit_access ON audit (practice, seq) WHERE event IN ('access', 'viewed');
