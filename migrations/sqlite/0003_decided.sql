-- Who decided about a pair of records, and when.
ALTER TABLE candidate ADD COLUMN decided_at BIGINT;
ALTER TABLE candidate ADD COLUMN decided_by TEXT;
