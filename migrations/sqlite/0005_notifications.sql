-- How far a member has read notifications: the position of the newest one read. Shared by the member's devices.
CREATE TABLE notification_markers (
    member_id INTEGER PRIMARY KEY REFERENCES members (id) ON DELETE CASCADE,
    last_read INTEGER NOT NULL
);
