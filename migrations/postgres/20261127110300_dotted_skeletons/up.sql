-- A dot above an i or a j makes no difference that could be seen: skeletons have none any more. Of accounts whose
-- skeletons would become equal, the oldest gets the new one, and all others keep theirs.
UPDATE accounts SET username_skeleton = renewed.skeleton
FROM (
    SELECT DISTINCT ON (skeleton) id, skeleton FROM (
        SELECT id, replace(replace(replace(replace(username_skeleton, 'i' || chr(775), 'i'), 'i' || chr(775), 'i'),
            'j' || chr(775), 'j'), 'j' || chr(775), 'j') AS skeleton
        FROM accounts
        WHERE username_skeleton LIKE '%' || chr(775) || '%'
    ) AS dotted
    ORDER BY skeleton, id
) AS renewed
WHERE accounts.id = renewed.id
    AND NOT EXISTS (SELECT 1 FROM accounts AS other WHERE other.username_skeleton = renewed.skeleton);
