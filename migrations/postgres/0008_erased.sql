-- Records of people who were erased: keyed hashes of system, kind and id. They are never taken in again.
CREATE TABLE erased (
    practice TEXT COLLATE "C" NOT NULL,
    hash     BYTEA            NOT NULL,
    at       BIGINT           NOT NULL,
    PRIMARY KEY (practice, hash)
);
