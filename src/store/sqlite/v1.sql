-- Names are kept as they were given and compared without case. Times are microseconds since 1970, UTC.

-- One row: what is true of the whole store.
CREATE TABLE server (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    last     INTEGER NOT NULL,  -- the last id that was given, also when its message is gone
    messages INTEGER NOT NULL,  -- how many there are
    indexed  INTEGER NOT NULL,  -- up to which id the words are in message_words
    alive    INTEGER NOT NULL   -- when an empty batch was last written
);
INSERT INTO server VALUES (1, 0, 0, 0, 0);

-- Every message belongs to one. Two users: both names in lower case, in order. A group: '#name' and ''. All: '*' and ''.
CREATE TABLE conversation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    a  TEXT NOT NULL,
    b  TEXT NOT NULL,
    UNIQUE (a, b)
);
CREATE INDEX conversation_b ON conversation (b) WHERE b != '';
INSERT INTO conversation (id, a, b) VALUES (1, '*', '');

CREATE TABLE message (
    id           INTEGER PRIMARY KEY,
    at           INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    sender       TEXT NOT NULL COLLATE NOCASE,
    peer         TEXT COLLATE NOCASE,  -- a user, a group as '#name', or NULL for everybody
    text         TEXT NOT NULL,
    action       INTEGER NOT NULL,      -- whether it is told in the third person (/me)
    deleted      INTEGER NOT NULL DEFAULT 0
);
-- Every index ends with the row's id, so this one is also the order within a conversation.
CREATE INDEX message_conversation ON message (conversation);

-- What is gone with the account of `user`, of one private conversation and up to `upto`: all that was said to it, and what
-- it said after `got`, up to where the other one had got it. The rows of `message` go later; up to `done` they have.
CREATE TABLE forgotten (
    conversation INTEGER NOT NULL,
    user         TEXT NOT NULL COLLATE NOCASE,
    upto         INTEGER NOT NULL,
    got          INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    PRIMARY KEY (conversation, user, upto)
) WITHOUT ROWID;

-- The messages that are there for readers.
CREATE VIEW kept AS
    SELECT id, at, conversation, sender, peer, text, action, deleted FROM message WHERE NOT EXISTS (
        SELECT 1 FROM forgotten
        WHERE forgotten.conversation = message.conversation AND message.id <= forgotten.upto
            AND (message.peer = forgotten.user OR (message.sender = forgotten.user AND message.id > forgotten.got))
    );

-- Which words stand in which message; filled later than the message is stored. The conversation is a word, too.
CREATE VIRTUAL TABLE message_words USING fts5 (
    text, conversation,
    content = 'message', content_rowid = 'id', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
);
-- A word that is taken out shall be gone, not merely marked.
INSERT INTO message_words (message_words, rank) VALUES ('secure-delete', 1);

-- What has still to be taken out of message_words; the message is gone already.
CREATE TABLE unindex (
    id           INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    text         TEXT NOT NULL
);

-- When a user was in a group: he sees what came after `after`, up to `upto` once he has left.
CREATE TABLE stay (
    id           INTEGER PRIMARY KEY,
    user         TEXT NOT NULL COLLATE NOCASE,
    conversation INTEGER NOT NULL,
    after        INTEGER NOT NULL,
    upto         INTEGER
);
CREATE INDEX stay_user ON stay (user, conversation);
CREATE INDEX stay_open ON stay (user, conversation) WHERE upto IS NULL;
CREATE INDEX stay_upto ON stay (upto) WHERE upto IS NOT NULL;

-- Up to where a user wants to see no more of a conversation; 0 for all of them.
CREATE TABLE cleared (
    user         TEXT NOT NULL COLLATE NOCASE,
    conversation INTEGER NOT NULL,
    upto         INTEGER NOT NULL,
    PRIMARY KEY (user, conversation)
) WITHOUT ROWID;

-- Up to where a user's device has got what is for it; NULL while it is here. The device without a name is ''.
CREATE TABLE reader (
    user   TEXT NOT NULL COLLATE NOCASE,
    device TEXT NOT NULL COLLATE NOCASE,
    upto   INTEGER,
    at     INTEGER NOT NULL,
    PRIMARY KEY (user, device)
) WITHOUT ROWID;

-- Who hears nothing of whom.
CREATE TABLE ignored (
    user TEXT NOT NULL COLLATE NOCASE,
    whom TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (user, whom)
) WITHOUT ROWID;
CREATE INDEX ignored_whom ON ignored (whom);

-- A group that is there while nobody is; any other is known to nobody but the server that runs.
CREATE TABLE kept_group (
    conversation INTEGER PRIMARY KEY,
    name         TEXT NOT NULL,  -- as it was made
    capacity     INTEGER,        -- NULL for any number of members
    private      INTEGER NOT NULL,
    announce     INTEGER NOT NULL,
    topic        TEXT,
    password     TEXT            -- what argon2id made of it
);

-- Who is in a kept group. Role: 0 member, 1 admin, 2 owner. Rank: smaller for who has been in it for longer.
CREATE TABLE member (
    conversation INTEGER NOT NULL,
    user         TEXT NOT NULL COLLATE NOCASE,
    role         INTEGER NOT NULL,
    rank         INTEGER NOT NULL,
    PRIMARY KEY (conversation, user)
) WITHOUT ROWID;

-- Bans and mutes in kept groups. Penalty: 0 ban, 1 mute. Until: NULL for ever.
CREATE TABLE group_sanction (
    conversation INTEGER NOT NULL,
    user         TEXT NOT NULL COLLATE NOCASE,
    penalty      INTEGER NOT NULL,
    author       TEXT NOT NULL,
    reason       TEXT,
    until        INTEGER,
    PRIMARY KEY (conversation, user, penalty)
) WITHOUT ROWID;

CREATE TABLE token (
    user    TEXT NOT NULL COLLATE NOCASE,
    name    TEXT NOT NULL COLLATE NOCASE,
    secret  BLOB NOT NULL,
    made    INTEGER NOT NULL,
    expires INTEGER,
    PRIMARY KEY (user, name)
) WITHOUT ROWID;

-- Who is called otherwise, as long as the users file may not say so.
CREATE TABLE renaming (
    id  INTEGER PRIMARY KEY,
    was TEXT NOT NULL,
    now TEXT NOT NULL
);

CREATE TABLE invite (
    secret  BLOB PRIMARY KEY,
    expires INTEGER NOT NULL
) WITHOUT ROWID;

-- What somebody may do on the whole server: 1 moderator, 2 admin. Who is not here is a user.
CREATE TABLE server_role (
    user TEXT PRIMARY KEY COLLATE NOCASE,
    role INTEGER NOT NULL
) WITHOUT ROWID;

-- What operators have laid upon users ('@name') and networks ('10.0.0.0/8'). What has expired holds no more.
CREATE TABLE sanction (
    penalty TEXT NOT NULL,  -- 'ban' or 'mute'
    subject TEXT NOT NULL COLLATE NOCASE,
    author  TEXT NOT NULL,
    reason  TEXT NOT NULL,
    made    INTEGER NOT NULL,
    expires INTEGER,
    PRIMARY KEY (penalty, subject)
) WITHOUT ROWID;

-- What users told the operators, until one of these has dealt with it. The word filter has no name.
CREATE TABLE report (
    number INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    author TEXT COLLATE NOCASE,
    about  TEXT NOT NULL,
    why    TEXT NOT NULL
);
