//! Random secrets that the server generates: login tokens, invitations and room codes. Only digests of the first two
//! are kept.
//!
//! They are too long to be guessed, so a fast digest protects them as well as a slow hash protects a password.

use std::io;

use blake2::{Blake2b256, Digest};

use super::hash::constant_time_eq;

/// Begins every token, so that one is recognised wherever it turns up.
const TOKEN_PREFIX: &str = "parlor_";

/// Bytes of randomness in a token or an invitation: 160 bits.
const RANDOM: usize = 20;

/// Crockford's base 32: no letter in it can be mistaken for another or for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// How many letters of an invitation stand between two dashes.
const GROUP: usize = 4;

/// The letters of a room code.
const CODE_LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// How many letters a room code has.
const CODE: usize = 4;

/// A new secret, to be shown once.
pub struct NewToken {
    /// For its owner.
    pub text: String,
    /// For the server to keep.
    pub digest: [u8; 32],
}

/// Generates a login token.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn new_token() -> io::Result<NewToken> {
    let text = format!("{TOKEN_PREFIX}{}", random_letters()?);
    let digest = digest(text.as_bytes());
    Ok(NewToken { text, digest })
}

/// Generates an invitation, in groups that a person can type.
///
/// # Errors
/// When the system gives no randomness.
pub fn new_invite() -> io::Result<NewToken> {
    let letters = random_letters()?;
    let groups: Vec<&str> = (0..letters.len()).step_by(GROUP).map(|at| &letters[at..at + GROUP]).collect();
    Ok(NewToken { text: groups.join("-"), digest: digest(letters.as_bytes()) })
}

/// Generates `count` random room codes of four letters or digits.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn room_codes(count: usize) -> io::Result<Vec<String>> {
    let mut words = vec![0; count * 4];
    getrandom::fill(&mut words).map_err(|e| io::Error::other(e.to_string()))?;
    let code = |word: &[u8]| {
        // 2^32 numbers modulo 36^4: the bias is one in 2,500.
        let mut number = word.iter().fold(0_usize, |sum, byte| sum * 256 + usize::from(*byte));
        let letters = (0..CODE).map(|_| {
            let letter = CODE_LETTERS[number % CODE_LETTERS.len()];
            number /= CODE_LETTERS.len();
            char::from(letter)
        });
        letters.collect()
    };
    Ok(words.chunks_exact(4).map(code).collect())
}

/// The digest of a login token; `None` when the text does not look like one.
pub fn token_digest(typed: &[u8]) -> Option<[u8; 32]> {
    typed.starts_with(TOKEN_PREFIX.as_bytes()).then(|| digest(typed))
}

/// Whether this reads like an invitation: as many letters and digits as one has, with or without dashes.
pub(crate) fn is_invite(typed: &str) -> bool {
    let letters = || typed.chars().filter(|c| *c != '-');
    letters().count() == RANDOM * 8 / 5 && letters().all(|c| c.is_ascii_alphanumeric())
}

/// The digest of an invitation as a person typed it: with or without dashes, in any case, with `o` for `0` and `i` or
/// `l` for `1`.
pub fn invite_digest(typed: &str) -> [u8; 32] {
    let letters = typed.chars().filter(|c| *c != '-').map(|c| match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    });
    digest(letters.collect::<String>().as_bytes())
}

/// Compares two digests in constant time.
pub(crate) fn same_digest(one: &[u8; 32], other: &[u8; 32]) -> bool {
    constant_time_eq(one, other)
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Blake2b256::digest(bytes).into()
}

/// Random letters of [`ALPHABET`], five bits each.
fn random_letters() -> io::Result<String> {
    let mut bytes = [0; RANDOM];
    getrandom::fill(&mut bytes).map_err(|e| io::Error::other(e.to_string()))?;
    let bit = |at: usize| (bytes[at / 8] >> (7 - at % 8)) & 1;
    let letter = |first: usize| (first..first + 5).fold(0, |sum, at| sum * 2 + usize::from(bit(at)));
    Ok((0..RANDOM * 8).step_by(5).map(|first| char::from(ALPHABET[letter(first)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_token_is_long_random_and_has_its_prefix() {
        let keys: Vec<NewToken> = (0..100).map(|_| new_token().unwrap()).collect();
        assert_eq!(keys.iter().map(|key| key.text.clone()).collect::<HashSet<_>>().len(), 100);
        for key in &keys {
            let letters = key.text.strip_prefix("parlor_").unwrap();
            assert!(letters.len() == 32 && letters.bytes().all(|b| ALPHABET.contains(&b)), "{letters}");
            assert_eq!(token_digest(key.text.as_bytes()), Some(key.digest));
            assert_ne!(token_digest(key.text.to_uppercase().as_bytes()), Some(key.digest));
        }
        let used: HashSet<char> = keys.iter().flat_map(|key| key.text[7..].chars()).collect();
        assert_eq!(used.len(), 32, "every letter comes up");
        assert_eq!(token_digest(b"password123"), None);
    }

    #[test]
    fn an_invitation_can_be_typed_as_it_is_read() {
        let key = new_invite().unwrap();
        assert!(key.text.len() == 39 && key.text.split('-').all(|group| group.len() == 4), "{}", key.text);
        let plain = key.text.replace('-', "");
        let misread = plain.replace('0', "O").replace('1', "l");
        for typed in [&key.text, &plain, &key.text.to_uppercase(), &misread] {
            assert_eq!(invite_digest(typed), key.digest, "{typed}");
        }
        let mut other = plain.clone();
        other.replace_range(0..1, if plain.starts_with('a') { "b" } else { "a" });
        assert_ne!(invite_digest(&other), key.digest);
    }

    #[test]
    fn room_codes_use_every_letter_and_digit() {
        let codes = room_codes(1_000).unwrap();
        assert!(codes.len() == 1_000 && codes.iter().all(|code| code.len() == 4));
        let used: HashSet<u8> = codes.iter().flat_map(|code| code.bytes()).collect();
        assert_eq!(used, CODE_LETTERS.iter().copied().collect());
    }

    #[test]
    fn the_digest_is_blake2b_of_256_bits() {
        // The digest of nothing, as b2sum -l 256 has it.
        let known = "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8";
        assert_eq!(digest(b"").iter().map(|byte| format!("{byte:02x}")).collect::<String>(), known);
        assert!(same_digest(&digest(b""), &digest(b"")) && !same_digest(&digest(b""), &digest(b"a")));
    }
}
