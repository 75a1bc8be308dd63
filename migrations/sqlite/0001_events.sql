-- One slice of the event history: a file below `data/history`, written once, sealed, and unlinked when it is too old.
-- Every new slice gets this; `PRAGMA user_version` says how far a slice has come.

-- What is known of the slice as a whole: `sealed`, `clean`, `alive_ms`, and once it is sealed `rows`, `first_ms`,
-- `last_ms`, `last_seq`.
CREATE TABLE slice (
    key   TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

-- Client identifiers, once each: a number in every row is shorter, and its index is a tenth of the work.
-- Client 0 is everybody: gap records bear it, so that they stand in the time line of every client.
CREATE TABLE clients (
    client   INTEGER PRIMARY KEY,
    clientid TEXT NOT NULL UNIQUE
);

CREATE TABLE events (
    row       INTEGER PRIMARY KEY, -- the order in which things happened
    event_id  TEXT,                -- a ULID; NULL for a gap
    seq       INTEGER,             -- the number of a lifecycle event; for a gap the last number that is missing
    timestamp INTEGER NOT NULL,    -- ms since 1970-01-01 UTC
    event     TEXT NOT NULL,       -- `client.connack`, ...; `gap`
    client    INTEGER,
    reason    TEXT,                -- `reason_code`, `reason` or `cause`, where the event has one
    json      TEXT NOT NULL        -- every field of the event
);
