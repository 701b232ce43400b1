-- A dot above an i or a j makes no difference that could be seen: skeletons have none any more. Of accounts whose
-- skeletons would become equal, the oldest gets the new one, and all others keep theirs.
UPDATE accounts SET username_skeleton = renewed.skeleton
FROM (
    SELECT min(id) AS id, skeleton FROM (
        SELECT id, replace(replace(replace(replace(username_skeleton, 'i' || char(775), 'i'), 'i' || char(775), 'i'),
            'j' || char(775), 'j'), 'j' || char(775), 'j') AS skeleton
        FROM accounts
        WHERE username_skeleton LIKE '%' || char(775) || '%'
    )
    GROUP BY skeleton
) AS renewed
WHERE accounts.id = renewed.id
    AND NOT EXISTS (SELECT 1 FROM accounts AS other WHERE other.username_skeleton = renewed.skeleton);
