-- What the ledger keeps: facts of invoices and payments, what was posted, what the books show. One row for each record, by
-- part (fact/Invoice, entry, contact, shown ...) and id; bodies are sealed.
CREATE TABLE ledger (
    practice TEXT NOT NULL,
    part     TEXT NOT NULL,
    id       TEXT NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (practice, part, id)
) WITHOUT ROWID;
