-- The index of the search: for each message the three-letter pieces of its words, as store/words.rs makes them. It is filled
-- in the background, from the oldest message on. A deleted message leaves a mark, and its pieces when the index is merged.
DROP TABLE message_words;
DROP TABLE unindex;
CREATE VIRTUAL TABLE message_grams USING fts5 (
    grams, conversation,
    content = '', contentless_delete = 1, detail = 'column', tokenize = 'ascii'
);
UPDATE server SET indexed = 0;

-- Whether the index has pieces of deleted messages: 1 if some have yet to be removed, plus 2 while others are.
ALTER TABLE server ADD COLUMN purge INTEGER NOT NULL DEFAULT 0;
-- When the last removal ended.
ALTER TABLE server ADD COLUMN purged INTEGER NOT NULL DEFAULT 0;

-- The time up to which deletion by age has counted; NULL before the first one.
ALTER TABLE server ADD COLUMN expired INTEGER;
