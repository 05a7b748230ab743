//! Recognises what other programs keep in place of a password: hashes in their formats, and marks of locked accounts.
//!
//! Taken as plain text, a hash would itself be the password, for everyone who has seen it. Where it is in doubt whether
//! something is a hash, it is one: an unusual password can be changed, a stolen hash cannot be taken back. Only digests
//! without any mark, such as 32 hexadecimal digits, cannot be told from a password.

use memchr::memchr;

/// Marks of a locked account in files such as `/etc/shadow`.
const LOCKED: [&str; 6] = ["!", "!!", "*", "x", "*LK*", "*NP*"];

/// How hashes of Django and Werkzeug begin, before a `$` or a `:`.
const METHODS: [&str; 16] = [
    "argon2",
    "bcrypt",
    "bcrypt_sha256",
    "crypt",
    "md5",
    "pbkdf2",
    "pbkdf2_sha1",
    "pbkdf2_sha256",
    "scram-sha-1",
    "scram-sha-256",
    "scrypt",
    "sha1",
    "sha256",
    "sha512",
    "unsalted_md5",
    "unsalted_sha1",
];

/// What a secret is, if another program made it; the caller has dealt with our own hashes.
pub(super) fn recognise(secret: &str) -> Option<&'static str> {
    // A file may have a hundred thousand passwords, nearly all of which cannot be any of these.
    let can_be = secret.bytes().next().is_some_and(|b| b"$!*{_xm".contains(&b) || !b.is_ascii_graphic());
    if !can_be && memchr(b'$', secret.as_bytes()).is_none() {
        return None;
    }
    let secret = secret.trim();
    let (first, fields) = secret.split_once(':').unwrap_or((secret, ""));
    // A whole line of /etc/shadow or /etc/passwd.
    if LOCKED.contains(&first) && fields.split(':').count() >= 5 {
        return Some("a line of another users file");
    }
    if LOCKED.contains(&secret) && secret != "x" {
        return Some("the mark of a locked account");
    }
    let hash = secret.trim_start_matches(['!', '*']);
    if is_modular(hash) || is_scheme(hash) || is_method(hash) || is_database(secret) || is_extended_des(secret) {
        return Some("a hash in a format that is not supported");
    }
    None
}

/// `$2y$10$…`, `$6$…` and whatever else has an identifier between two dollar signs.
fn is_modular(text: &str) -> bool {
    let identifier = text.strip_prefix('$').and_then(|text| text.split_once('$'));
    identifier.is_some_and(|(id, rest)| {
        let word = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        (1..=32).contains(&id.len()) && id.bytes().all(word) && !rest.is_empty()
    })
}

/// `{SSHA}…`, as in LDAP and Dovecot.
fn is_scheme(text: &str) -> bool {
    let scheme = text.strip_prefix('{').and_then(|text| text.split_once('}'));
    scheme.is_some_and(|(name, rest)| {
        let word = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(word) && !rest.is_empty()
    })
}

/// `pbkdf2_sha256$260000$…` of Django, `scrypt:32768:8:1$…` of Werkzeug, `SCRAM-SHA-256$4096:…` of PostgreSQL.
fn is_method(text: &str) -> bool {
    let method = text.split(['$', ':']).next().unwrap_or_default();
    METHODS.iter().any(|known| known.eq_ignore_ascii_case(method)) && text[method.len()..].contains('$')
}

/// `md5` and 32 digits of PostgreSQL, `*` and 40 digits of MySQL.
fn is_database(text: &str) -> bool {
    let digits = |rest: &str, count| rest.len() == count && rest.bytes().all(|b| b.is_ascii_hexdigit());
    text.strip_prefix("md5").is_some_and(|rest| digits(rest, 32))
        || text.strip_prefix('*').is_some_and(|rest| digits(rest, 40))
}

/// `_` and 19 characters of crypt's alphabet.
fn is_extended_des(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/');
    text.strip_prefix('_').is_some_and(|rest| rest.len() == 19 && rest.bytes().all(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_other_programs_are_recognised() {
        for hash in [
            "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
            "$2b$12$x",
            "$1$salt$hash",
            "$5$salt$hash",
            "$6$rounds=5000$salt$hash",
            "$y$j9T$salt$hash",
            "$7$CU..../....salt$hash",
            "$apr1$salt$hash",
            "$argon2i$v=19$m=16,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
            "$ARGON2ID$v=19$m=16,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
            " $argon2id$v=19$m=16,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
            "$scrypt$ln=16,r=8,p=1$salt$hash",
            "$pbkdf2-sha256$29000$salt$hash",
            "$a-format-of-the-future$x",
            "!$6$salt$hash",
            "{SSHA}c2FsdHNhbHQ=",
            "{ssha512}c2FsdHNhbHQ=",
            "{CRYPT}$6$salt$hash",
            "{PLAIN-MD5}1a79a4d60de6718e8e5b326e338ae533",
            "pbkdf2_sha256$260000$salt$hash",
            "pbkdf2:sha256:260000$salt$hash",
            "scrypt:32768:8:1$salt$hash",
            "SCRAM-SHA-256$4096:salt$key:key",
            "sha1$salt$hash",
            "md51a79a4d60de6718e8e5b326e338ae533",
            "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19",
            "_J9..K0AyUubAa1111aa",
            "!",
            "!!",
            "*",
            "*:19000:0:99999:7:::",
            "!:19000:0:99999:7:::",
            "x:1000:1000:Alice:/home/alice:/bin/sh",
            "$6$salt$hash:19000:0:99999:7:::",
        ] {
            assert!(recognise(hash).is_some(), "{hash}");
        }
    }

    #[test]
    fn passwords_are_not_taken_for_hashes() {
        for password in [
            "password123",
            "p@ssw0rd:2",
            "$ecret",
            "$",
            "$$",
            "$$$money$$$",
            "$1,000$ for you",
            "pa$$word$",
            "correct horse battery staple",
            "{}",
            "{x",
            "{1}x",
            "x",
            "x:y",
            "!important",
            "*star*",
            "_underscore_",
            "md5",
            "sha1",
            "scrypt:me",
            "trustno1!",
            "1a79a4d60de6718e8e5b326e338ae533",
        ] {
            assert_eq!(recognise(password), None, "{password}");
        }
    }
}
