-- How each client stood when the slice began: what had begun and not ended, and how far its events were numbered. With
-- the events of the slice it says how they stand now, so that no earlier slice is needed for that.
CREATE TABLE standing (
    place    INTEGER PRIMARY KEY, -- the client that was told of longest ago first
    clientid TEXT NOT NULL,
    json     TEXT NOT NULL
);
