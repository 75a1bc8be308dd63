-- How each client stood when the slice began: what had begun and not ended, and how far its events were numbered. With
-- the events of the slice it says how they stand now, so that no earlier slice is needed for that.
CREATE TABLE standing (
    clientid TEXT PRIMARY KEY,
    json     TEXT NOT NULL
) WITHOUT ROWID;
