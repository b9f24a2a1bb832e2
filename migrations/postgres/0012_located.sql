-- Where people belong, for those who may see the people of some locations only. Ids and no values.
-- visited: at which location a record's appointments are, by the practitioner role that holds them; location is '' while
-- the role's is not known.
CREATE TABLE visited (
    practice    TEXT COLLATE "C" NOT NULL,
    system      TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    remote_id   TEXT COLLATE "C" NOT NULL,
    appointment TEXT COLLATE "C" NOT NULL,
    role        TEXT COLLATE "C" NOT NULL,
    location    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (practice, system, kind, remote_id, appointment, role)
);
CREATE INDEX visited_appointment ON visited (practice, system, appointment);
CREATE INDEX visited_role ON visited (practice, system, role);

-- What follows of it, and of what is agreed of a person: 'visit', 'unit', or 'group' for a whole practice group.
CREATE TABLE located (
    practice TEXT COLLATE "C" NOT NULL,
    entity   TEXT COLLATE "C" NOT NULL,
    location TEXT COLLATE "C" NOT NULL,
    sort     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (practice, entity, location, sort)
);
