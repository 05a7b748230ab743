-- Where the present group of a conversation began: messages up to there belong to earlier groups of the same name.
ALTER TABLE conversation ADD COLUMN began INTEGER NOT NULL DEFAULT 0;

-- Guests end with their sessions.
DELETE FROM group_sanction WHERE user = 'guest' OR (user LIKE 'guest-_%' AND substr(user, 7) NOT GLOB '*[^0-9]*');

CREATE INDEX stay_present ON stay (conversation) WHERE upto IS NULL;
