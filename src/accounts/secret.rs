//! What a users file keeps of one password, and whether a guess is right.
//!
//! Nothing here can be shown: no type has a `Debug`, no error holds what was looked at.

use std::hint::black_box;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// A hash may ask for at most this much memory, in KiB.
const MAX_MEMORY: u32 = 256 * 1024;

/// A hash may fill at most this much memory over all its passes, in KiB: about a second of one core.
const MAX_WORK: u64 = 1024 * 1024;

/// What stands in the place of a secret once its account is deleted.
pub(super) const DELETED: &str = "$deleted$";

/// What is kept of one password.
pub(super) enum Secret {
    /// Nothing: the account is deleted, and only its name is kept.
    Deleted,
    /// The password itself.
    Plain(Box<[u8]>),
    /// What argon2id made of it.
    Hashed(Hash),
}

/// One argon2id hash, checked when it was read.
#[derive(Clone)]
pub(super) struct Hash {
    cost: Cost,
    salt: Box<[u8]>,
    output: Box<[u8]>,
}

/// What one hash costs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// In KiB.
    pub(super) memory: u32,
    /// How often that memory is filled.
    pub(super) passes: u32,
    /// How many parts it is filled in; all of them by one thread.
    pub(super) lanes: u32,
}

/// The working memory of one hash at a time. It is kept from one to the next, because what many threads free by the
/// 19 MiB each, the allocator keeps for each of them.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Secret {
    /// Reads what stands behind the colon of a line.
    pub(super) fn parse(text: &str) -> Result<Secret, &'static str> {
        if text.is_empty() {
            Err("the password is empty")
        } else if text == DELETED {
            Ok(Secret::Deleted)
        } else if text.starts_with("$argon2") {
            // The other kinds of argon2 are refused: taken as plain, the hash itself would be the password.
            Hash::parse(text).map(Secret::Hashed)
        } else {
            Ok(Secret::Plain(text.as_bytes().into()))
        }
    }

    /// The password itself, where it is kept.
    pub(super) fn plain(&self) -> Option<&[u8]> {
        match self {
            Secret::Plain(password) => Some(password),
            Secret::Hashed(_) | Secret::Deleted => None,
        }
    }

    /// The hash, where one is kept.
    pub(super) fn hash(&self) -> Option<&Hash> {
        match self {
            Secret::Plain(_) | Secret::Deleted => None,
            Secret::Hashed(hash) => Some(hash),
        }
    }

    /// Whether only the name is left of the account.
    pub(super) fn is_deleted(&self) -> bool {
        matches!(self, Secret::Deleted)
    }
}

impl Hash {
    fn parse(text: &str) -> Result<Hash, &'static str> {
        let phc = PasswordHash::new(text).map_err(|_| "the hash is damaged")?;
        if phc.algorithm.as_str() != "argon2id" || phc.version != Some(Version::V0x13.into()) {
            return Err("the hash is not argon2id of version 19");
        }
        let params = Params::try_from(&phc).map_err(|_| "the hash has parameters that cannot be")?;
        let cost = Cost { memory: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() };
        if cost.memory > MAX_MEMORY || cost.work() > MAX_WORK {
            return Err("the hash asks for more than a login may cost (256 MiB, and 1 GiB over all passes)");
        }
        match (phc.salt, phc.hash) {
            (Some(salt), Some(output)) => {
                Ok(Hash { cost, salt: salt.as_ref().into(), output: output.as_bytes().into() })
            }
            _ => Err("the hash is cut off"),
        }
    }

    /// Whether this is the hash of `guess`; `None` when there is no memory to find out.
    pub(super) fn is_of(&self, guess: &[u8], memory: &mut Memory) -> Option<bool> {
        let argon2 = self.cost.argon2(Some(self.output.len())).ok()?;
        let mut output = vec![0; self.output.len()];
        let blocks = memory.of(argon2.params().block_count())?;
        argon2.hash_password_into_with_memory(guess, &self.salt, &mut output, blocks).ok()?;
        Some(same(&output, &self.output))
    }

    /// What verifying it costs, comparable with others.
    pub(super) fn work(&self) -> u64 {
        self.cost.work()
    }
}

impl Cost {
    /// What new passwords are hashed with: 19 MiB, filled twice.
    pub(super) const STANDARD: Cost = Cost { memory: 19 * 1024, passes: 2, lanes: 1 };

    fn work(self) -> u64 {
        u64::from(self.memory) * u64::from(self.passes)
    }

    fn argon2(self, output: Option<usize>) -> Result<Argon2<'static>, argon2::Error> {
        let params = Params::new(self.memory, self.passes, self.lanes, output)?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

impl Memory {
    fn of(&mut self, blocks: usize) -> Option<&mut [Block]> {
        let missing = blocks.saturating_sub(self.0.len());
        self.0.try_reserve_exact(missing).ok()?;
        self.0.resize(self.0.len() + missing, Block::new());
        self.0.get_mut(..blocks)
    }
}

/// Hashes a new password, with a random salt, into the text that a users file keeps.
pub(super) fn hash(password: &[u8], cost: Cost, memory: &mut Memory) -> Result<String, String> {
    let argon2 = cost.argon2(None).map_err(|e| e.to_string())?;
    let (mut salt, mut output) = ([0; Salt::RECOMMENDED_LENGTH], [0; Params::DEFAULT_OUTPUT_LEN]);
    getrandom::fill(&mut salt).map_err(|e| e.to_string())?;
    let blocks = memory.of(argon2.params().block_count()).ok_or("there is no memory for it")?;
    argon2.hash_password_into_with_memory(password, &salt, &mut output, blocks).map_err(|e| e.to_string())?;
    let text = || {
        Some(PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: argon2.params().try_into().ok()?,
            salt: Some(Salt::new(&salt).ok()?),
            hash: Some(Output::new(&output).ok()?),
        })
    };
    text().map(|hash| hash.to_string()).ok_or_else(|| "it cannot be written down".to_owned())
}

/// Whether two texts are the same, in a time that depends on nothing but the length of the guess.
pub(super) fn same(guess: &[u8], kept: &[u8]) -> bool {
    let unequal = u8::from(guess.len() != kept.len());
    guess.iter().zip(kept.iter().cycle()).fold(unequal, |sum, (a, b)| black_box(sum | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory: 16, passes: 1, lanes: 1 };

    fn refusal(text: &str) -> &'static str {
        Secret::parse(text).err().unwrap()
    }

    #[test]
    fn only_the_whole_password_is_the_same() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abcabc", b"abc") && !same(b"abc", b"abcabc"));
        assert!(!same(b"abd", b"abc") && !same(b"xbc", b"abc") && !same(b"", b"abc"));
    }

    #[test]
    fn a_hash_knows_its_password_also_in_used_memory() {
        let text = hash(b"right", Cost::STANDARD, &mut Memory::default()).unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        assert_ne!(text, hash(b"right", Cost::STANDARD, &mut Memory::default()).unwrap(), "the salt is random");
        let secret = Secret::parse(&text).unwrap();
        let mut memory = Memory::default();
        for (guess, expected) in [(&b"right"[..], true), (b"wrong", false), (b"right", true), (b"right ", false)] {
            assert_eq!(secret.hash().unwrap().is_of(guess, &mut memory), Some(expected));
        }
    }

    #[test]
    fn a_hash_of_another_implementation_is_understood() {
        // Known answers of the reference implementation.
        let one_lane = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let two_lanes = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
        let mut memory = Memory::default();
        for text in [one_lane, two_lanes] {
            let secret = Secret::parse(text).unwrap();
            assert_eq!(secret.hash().unwrap().is_of(b"password", &mut memory), Some(true));
        }
    }

    #[test]
    fn broken_and_endless_hashes_are_refused() {
        let good = hash(b"x", CHEAP, &mut Memory::default()).unwrap();
        assert!(Secret::parse(&good).is_ok());
        assert_eq!(refusal(&good[..good.rfind('$').unwrap()]), "the hash is cut off");
        assert_eq!(refusal(&good.replace("$m=16", "$m=4294967295")), refusal(&good.replace("t=1", "t=4000000000")));
        for bad in ["m=0", "m=x", "m=16,m=16,q=1", "m=7", "m=99999999999"] {
            refusal(&good.replace("m=16", bad));
        }
        refusal(&good.replace("p=1", "p=3"));
        refusal(&good.replace("argon2id", "argon2i"));
        refusal(&good.replace("v=19", "v=16"));
        refusal(&good.replace("v=19$", ""));
        refusal(&format!("{good}$more"));
        refusal(&format!("{good} "));
        refusal("$argon2id$");
        assert_eq!(refusal(""), "the password is empty");
    }

    #[test]
    fn what_is_left_of_a_deleted_account_is_no_password() {
        let secret = Secret::parse(DELETED).ok().unwrap();
        assert!(secret.is_deleted() && secret.plain().is_none() && secret.hash().is_none());
        assert_eq!(Secret::parse("$deleted$ ").ok().unwrap().plain(), Some(&b"$deleted$ "[..]));
    }
}
