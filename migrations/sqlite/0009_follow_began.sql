-- A follow that began because its request was accepted has a kind of its own (38, `FollowBegan`). Until now it was a
-- `MemberFollowed` (13) directly behind its `FollowRequestAccepted` (31).
UPDATE events SET kind = 38 WHERE kind = 13 AND EXISTS (
    SELECT 1 FROM events a WHERE a.position = events.position - 1 AND a.kind = 31
    AND a.member_id = events.target_id AND a.target_id = events.member_id
);
