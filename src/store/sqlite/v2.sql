-- The tag that its author's client gave a message, so that it knows the message again.
ALTER TABLE message ADD COLUMN tag TEXT;

DROP VIEW kept;
-- The messages that exist for readers.
CREATE VIEW kept AS
    SELECT id, at, conversation, sender, peer, text, action, deleted, tag FROM message WHERE NOT EXISTS (
        SELECT 1 FROM forgotten
        WHERE forgotten.conversation = message.conversation AND message.id <= forgotten.upto
            AND (message.peer = forgotten.user OR (message.sender = forgotten.user AND message.id > forgotten.got))
    );
