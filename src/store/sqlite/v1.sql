-- Names are stored as they were given and compared without case. Times are microseconds since 1970, UTC.

-- One row about the whole store.
CREATE TABLE server (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    last     INTEGER NOT NULL,  -- the last id that was given, also when its message is gone
    messages INTEGER NOT NULL,  -- how many there are
    indexed  INTEGER NOT NULL,  -- up to which id the words are in message_words
    alive    INTEGER NOT NULL   -- when an empty batch was last written
);
INSERT INTO server VALUES (1, 0, 0, 0, 0);

-- Every message belongs to one. Two users: both names in lower case, in order. A group: '#name' and ''. Everybody: '*' and ''.
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
-- Every index ends with the row's id, so this one is also the order in a conversation.
CREATE INDEX message_conversation ON message (conversation);

-- What went with the account of `user` from one private conversation, up to `upto`: all messages to that user, and the user's
-- own after `got`, the last that the other user had got. The rows of `message` are deleted later; up to `done` they are.
CREATE TABLE forgotten (
    conversation INTEGER NOT NULL,
    user         TEXT NOT NULL COLLATE NOCASE,
    upto         INTEGER NOT NULL,
    got          INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    PRIMARY KEY (conversation, user, upto)
) WITHOUT ROWID;

-- The messages that exist for readers.
CREATE VIEW kept AS
    SELECT id, at, conversation, sender, peer, text, action, deleted FROM message WHERE NOT EXISTS (
        SELECT 1 FROM forgotten
        WHERE forgotten.conversation = message.conversation AND message.id <= forgotten.upto
            AND (message.peer = forgotten.user OR (message.sender = forgotten.user AND message.id > forgotten.got))
    );

-- The words of each message, indexed some time after the message is stored. The conversation is a word, too.
CREATE VIRTUAL TABLE message_words USING fts5 (
    text, conversation,
    content = 'message', content_rowid = 'id', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
);
-- A word that leaves the index is deleted, not merely marked.
INSERT INTO message_words (message_words, rank) VALUES ('secure-delete', 1);

-- The texts of deleted messages whose words must still leave message_words.
CREATE TABLE unindex (
    id           INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    text         TEXT NOT NULL
);

-- When a user was in a group: messages after `after` are visible, and none after `upto` once the user has left.
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

-- The last message that a user cleared from their view of a conversation; conversation 0 is all of them.
CREATE TABLE cleared (
    user         TEXT NOT NULL COLLATE NOCASE,
    conversation INTEGER NOT NULL,
    upto         INTEGER NOT NULL,
    PRIMARY KEY (user, conversation)
) WITHOUT ROWID;

-- The delivery position of a user's device; NULL while it is here. The device without a name is ''.
CREATE TABLE reader (
    user   TEXT NOT NULL COLLATE NOCASE,
    device TEXT NOT NULL COLLATE NOCASE,
    upto   INTEGER,
    at     INTEGER NOT NULL,
    PRIMARY KEY (user, device)
) WITHOUT ROWID;

-- Users and those they ignore.
CREATE TABLE ignored (
    user TEXT NOT NULL COLLATE NOCASE,
    whom TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (user, whom)
) WITHOUT ROWID;
CREATE INDEX ignored_whom ON ignored (whom);

-- Kept groups. Only the running server knows any other.
CREATE TABLE kept_group (
    conversation INTEGER PRIMARY KEY,
    name         TEXT NOT NULL,  -- as it was made
    capacity     INTEGER,        -- NULL for any number of members
    private      INTEGER NOT NULL,
    announce     INTEGER NOT NULL,
    topic        TEXT,
    password     TEXT            -- what argon2id made of it
);

-- The members of kept groups. Role: 0 member, 1 admin, 2 owner. Rank: smaller for members who joined earlier.
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

-- Renamings that the users file may not have yet.
CREATE TABLE renaming (
    id  INTEGER PRIMARY KEY,
    was TEXT NOT NULL,
    now TEXT NOT NULL
);

CREATE TABLE invite (
    secret  BLOB PRIMARY KEY,
    expires INTEGER NOT NULL
) WITHOUT ROWID;

-- Roles on the whole server: 1 moderator, 2 admin. A user who is missing has none.
CREATE TABLE server_role (
    user TEXT PRIMARY KEY COLLATE NOCASE,
    role INTEGER NOT NULL
) WITHOUT ROWID;

-- Sanctions on users ('@name') and networks ('10.0.0.0/8'). Those that have expired no longer hold.
CREATE TABLE sanction (
    penalty TEXT NOT NULL,  -- 'ban' or 'mute'
    subject TEXT NOT NULL COLLATE NOCASE,
    author  TEXT NOT NULL,
    reason  TEXT NOT NULL,
    made    INTEGER NOT NULL,
    expires INTEGER,
    PRIMARY KEY (penalty, subject)
) WITHOUT ROWID;

-- Open reports to the operators. A report of the word filter has no author.
CREATE TABLE report (
    number INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    author TEXT COLLATE NOCASE,
    about  TEXT NOT NULL,
    why    TEXT NOT NULL
);
