-- What keeps pages and looks quick in a large practice: counters that follow the inbox, and indexes of the few rows among many
-- that somebody asks for. Nothing here holds anything that is not in another table.

-- How many items of the inbox are alike, kept by triggers, so that no page counts them. Rows with 0 go.
CREATE TABLE inbox_count (
    practice TEXT   NOT NULL,
    topic    TEXT   NOT NULL,
    systems  TEXT   NOT NULL,
    assigned TEXT   NOT NULL,
    snoozed  BIGINT NOT NULL,
    n        BIGINT NOT NULL,
    PRIMARY KEY (practice, topic, systems, assigned, snoozed)
) WITHOUT ROWID;

INSERT INTO inbox_count (practice, topic, systems, assigned, snoozed, n)
    SELECT practice, topic, systems, assigned, snoozed, count(*) FROM inbox
    GROUP BY practice, topic, systems, assigned, snoozed;

CREATE TRIGGER inbox_filed AFTER INSERT ON inbox BEGIN
    INSERT INTO inbox_count (practice, topic, systems, assigned, snoozed, n)
        VALUES (NEW.practice, NEW.topic, NEW.systems, NEW.assigned, NEW.snoozed, 1)
        ON CONFLICT (practice, topic, systems, assigned, snoozed) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER inbox_closed AFTER DELETE ON inbox BEGIN
    UPDATE inbox_count SET n = n - 1 WHERE practice = OLD.practice AND topic = OLD.topic AND systems = OLD.systems
        AND assigned = OLD.assigned AND snoozed = OLD.snoozed;
    DELETE FROM inbox_count WHERE practice = OLD.practice AND topic = OLD.topic AND systems = OLD.systems
        AND assigned = OLD.assigned AND snoozed = OLD.snoozed AND n = 0;
END;

CREATE TRIGGER inbox_changed AFTER UPDATE OF practice, topic, systems, assigned, snoozed ON inbox
    WHEN OLD.practice <> NEW.practice OR OLD.topic <> NEW.topic OR OLD.systems <> NEW.systems
        OR OLD.assigned <> NEW.assigned OR OLD.snoozed <> NEW.snoozed
BEGIN
    UPDATE inbox_count SET n = n - 1 WHERE practice = OLD.practice AND topic = OLD.topic AND systems = OLD.systems
        AND assigned = OLD.assigned AND snoozed = OLD.snoozed;
    DELETE FROM inbox_count WHERE practice = OLD.practice AND topic = OLD.topic AND systems = OLD.systems
        AND assigned = OLD.assigned AND snoozed = OLD.snoozed AND n = 0;
    INSERT INTO inbox_count (practice, topic, systems, assigned, snoozed, n)
        VALUES (NEW.practice, NEW.topic, NEW.systems, NEW.assigned, NEW.snoozed, 1)
        ON CONFLICT (practice, topic, systems, assigned, snoozed) DO UPDATE SET n = n + 1;
END;

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
