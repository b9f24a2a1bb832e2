-- Where people belong, for those who may see the people of some locations only. Ids and no values.
-- visited: at which location a record's appointments are, by the practitioner role that holds them; location is '' while
-- the role's is not known.
CREATE TABLE visited (
    practice    TEXT NOT NULL,
    system      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    remote_id   TEXT NOT NULL,
    appointment TEXT NOT NULL,
    role        TEXT NOT NULL,
    location    TEXT NOT NULL,
    PRIMARY KEY (practice, system, kind, remote_id, appointment, role)
) WITHOUT ROWID;
CREATE INDEX visited_appointment ON visited (practice, system, appointment);
CREATE INDEX visited_role ON visited (practice, system, role);

-- What follows of it, and of what is agreed of a person: 'visit', 'unit', or 'group' for a whole practice group.
CREATE TABLE located (
    practice TEXT NOT NULL,
    entity   TEXT NOT NULL,
    location TEXT NOT NULL,
    sort     TEXT NOT NULL,
    PRIMARY KEY (practice, entity, location, sort)
) WITHOUT ROWID;
