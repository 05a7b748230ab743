-- Whose name it is. What is stored under a name and lies after `began` belongs to its present holder; all before belongs to
-- earlier ones. Their private conversations are kept under the name with '#' and the number that the account had.
CREATE TABLE account (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name   TEXT NOT NULL UNIQUE COLLATE NOCASE,
    began  INTEGER NOT NULL,
    live   INTEGER NOT NULL  -- whether there is such an account
);

-- Until now a name was its own identity.
INSERT INTO account (name, began, live)
SELECT name, 0, 1 FROM (
    SELECT user AS name FROM stay UNION SELECT user FROM cleared UNION SELECT user FROM reader UNION SELECT user FROM ignored
    UNION SELECT whom FROM ignored UNION SELECT user FROM token UNION SELECT user FROM server_role UNION SELECT user FROM member
    UNION SELECT user FROM group_sanction UNION SELECT substr(subject, 2) FROM sanction WHERE subject LIKE '@%'
    UNION SELECT a FROM conversation WHERE b != '' UNION SELECT b FROM conversation WHERE b != '' UNION SELECT sender FROM message
)
WHERE NOT (name = 'guest' OR (name LIKE 'guest-_%' AND substr(name, 7) NOT GLOB '*[^0-9]*'))
GROUP BY lower(name);

-- What went with an account that was deleted lies before the next one of its name.
UPDATE account SET began = coalesce((SELECT max(upto) FROM forgotten WHERE user = name), 0);
