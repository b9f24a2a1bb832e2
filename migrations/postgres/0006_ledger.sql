-- What the ledger keeps: facts of invoices and payments, what was posted, what the books show. One row for each record, by
-- part (fact/Invoice, entry, contact, shown ...) and id; bodies are sealed.
CREATE TABLE ledger (
    practice TEXT COLLATE "C" NOT NULL,
    part     TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    body     BYTEA NOT NULL,
    PRIMARY KEY (practice, part, id)
);
