-- Where the present group of a conversation began: messages up to there belong to earlier groups of the same name.
ALTER TABLE conversation ADD COLUMN began INTEGER NOT NULL DEFAULT 0;

CREATE INDEX stay_present ON stay (conversation) WHERE upto IS NULL;
