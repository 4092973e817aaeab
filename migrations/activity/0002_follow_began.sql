-- The same as in the log since its migration 0009: a follow directly behind the acceptance of its request (kind 31) is
-- a `FollowBegan` (38) and no `MemberFollowed` (13). Dead letters first: an acceptance is in one of the two tables.
UPDATE dead_letters SET
    kind = 38,
    message_key = replace(message_key, ':MEMBER_FOLLOW###', ':MEMBER_FOLLOW_BEGIN###'),
    payload = replace(replace(payload, ':MEMBER_FOLLOW###', ':MEMBER_FOLLOW_BEGIN###'),
        '"dailyfeed.member.followed"', '"dailyfeed.member.follow.began"')
WHERE kind = 13 AND EXISTS (
    SELECT 1 FROM activities a WHERE a.id = dead_letters.id - 1 AND a.kind = 31
    AND a.member_id = dead_letters.target_id AND a.target_id = dead_letters.member_id
    UNION ALL SELECT 1 FROM dead_letters d WHERE d.id = dead_letters.id - 1 AND d.kind = 31
    AND d.member_id = dead_letters.target_id AND d.target_id = dead_letters.member_id
);
UPDATE activities SET
    kind = 38,
    message_key = replace(message_key, ':MEMBER_FOLLOW###', ':MEMBER_FOLLOW_BEGIN###')
WHERE kind = 13 AND EXISTS (
    SELECT 1 FROM activities a WHERE a.id = activities.id - 1 AND a.kind = 31
    AND a.member_id = activities.target_id AND a.target_id = activities.member_id
    UNION ALL SELECT 1 FROM dead_letters d WHERE d.id = activities.id - 1 AND d.kind = 31
    AND d.member_id = activities.target_id AND d.target_id = activities.member_id
);
