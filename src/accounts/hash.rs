//! One password: what the users file keeps of it, how it is hashed and compared, and how many hashes run at once.
//!
//! Nothing here can be shown: no type has a `Debug`, and no error contains what was looked at.

use std::hint::black_box;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Instant;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::foreign;
use crate::lock::Mutex;
use crate::semaphore::{Permit, Semaphore};

/// The most memory a hash may ask for, in KiB.
const MAX_MEMORY: u32 = 256 * 1024;

/// The most memory a hash may fill over all its passes, in KiB: about a second of one core.
const MAX_WORK: u64 = 1024 * 1024;

/// Stands in the place of the secret once an account is deleted.
pub(super) const DELETED: &str = "$deleted$";

/// How the hashes that are supported begin.
const HASHED: &str = "$argon2id$";

/// The part of a line behind the colon.
pub(super) enum Secret {
    /// The account is deleted; only its name is kept.
    Deleted,
    /// The password as plain text.
    Plain(Box<[u8]>),
    /// The password's argon2id hash.
    Hashed(Hash),
}

/// One argon2id hash, checked when it was parsed.
#[derive(Clone)]
pub(super) struct Hash {
    cost: Cost,
    salt: Box<[u8]>,
    output: Box<[u8]>,
}

/// The parameters of argon2id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Cost {
    /// In KiB.
    pub(super) memory: u32,
    /// How often the memory is filled.
    pub(super) passes: u32,
    /// How many parts it is filled in, all by one thread.
    pub(super) lanes: u32,
}

/// The working memory of one hash at a time. It is reused: of the 19 MiB that each of many threads would free, the
/// allocator keeps a share for each thread.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Secret {
    /// Parses the part of a line behind the colon.
    ///
    /// # Errors
    /// A phrase that says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Secret, String> {
        if text.is_empty() {
            Err("the password is empty".to_owned())
        } else if text == DELETED {
            Ok(Secret::Deleted)
        } else if text.trim().eq_ignore_ascii_case(DELETED) {
            Err(format!("the mark of a deleted account is {DELETED}, in these letters and without spaces"))
        } else if text.starts_with(HASHED) {
            Hash::parse(text).map(Secret::Hashed).map_err(str::to_owned)
        } else if let Some(what) = foreign::recognise(text) {
            Err(format!("the password looks like {what}: write a new one as plain text, then run `parlord user hash`"))
        } else {
            Ok(Secret::Plain(text.as_bytes().into()))
        }
    }

    /// The password, where it is kept as plain text.
    pub(super) fn plain(&self) -> Option<&[u8]> {
        match self {
            Secret::Plain(password) => Some(password),
            Secret::Hashed(_) | Secret::Deleted => None,
        }
    }

    /// The hash, where one is kept.
    pub(super) fn hash(&self) -> Option<&Hash> {
        match self {
            Secret::Hashed(hash) => Some(hash),
            Secret::Plain(_) | Secret::Deleted => None,
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
        let params = Params::try_from(&phc).map_err(|_| "the hash has invalid parameters")?;
        let cost = Cost { memory: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() };
        if cost.memory > MAX_MEMORY || cost.work() > MAX_WORK {
            return Err("the hash costs more than a login may (256 MiB, and 1 GiB over all passes)");
        }
        match (phc.salt, phc.hash) {
            (Some(salt), Some(output)) => {
                Ok(Hash { cost, salt: salt.as_ref().into(), output: output.as_bytes().into() })
            }
            _ => Err("the hash is incomplete"),
        }
    }

    /// Whether this is the hash of `guess`; `None` when there is no memory to compute it.
    pub(super) fn matches(&self, guess: &[u8], memory: &mut Memory) -> Option<bool> {
        let argon2 = self.cost.argon2(Some(self.output.len())).ok()?;
        let mut output = vec![0; self.output.len()];
        let blocks = memory.blocks(argon2.params().block_count())?;
        argon2.hash_password_into_with_memory(guess, &self.salt, &mut output, blocks).ok()?;
        Some(constant_time_eq(&output, &self.output))
    }

    /// What verifying it costs.
    pub(super) fn cost(&self) -> Cost {
        self.cost
    }

    /// Whether two hashes are the same one, with the same salt.
    pub(super) fn is_same(&self, other: &Hash) -> bool {
        self.cost == other.cost && self.salt == other.salt && self.output == other.output
    }
}

impl Cost {
    /// For new passwords: 19 MiB, filled twice (OWASP's recommendation for argon2id).
    pub(super) const STANDARD: Cost = Cost { memory: 19 * 1024, passes: 2, lanes: 1 };

    /// The memory that it fills over all passes, in KiB.
    pub(super) fn work(self) -> u64 {
        u64::from(self.memory) * u64::from(self.passes)
    }

    fn argon2(self, output: Option<usize>) -> Result<Argon2<'static>, argon2::Error> {
        let params = Params::new(self.memory, self.passes, self.lanes, output)?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

impl Memory {
    fn blocks(&mut self, count: usize) -> Option<&mut [Block]> {
        let missing = count.saturating_sub(self.0.len());
        self.0.try_reserve_exact(missing).ok()?;
        self.0.resize(self.0.len() + missing, Block::new());
        self.0.get_mut(..count)
    }
}

/// Hashes a new password with a random salt, into the text that a users file keeps.
///
/// # Errors
/// Why it cannot be hashed: no randomness or no memory.
pub(super) fn hash(password: &[u8], cost: Cost, memory: &mut Memory) -> Result<String, String> {
    let argon2 = cost.argon2(None).map_err(|e| e.to_string())?;
    let (mut salt, mut output) = ([0; Salt::RECOMMENDED_LENGTH], [0; Params::DEFAULT_OUTPUT_LEN]);
    getrandom::fill(&mut salt).map_err(|e| e.to_string())?;
    let blocks = memory.blocks(argon2.params().block_count()).ok_or("there is not enough memory")?;
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
    text().map(|hash| hash.to_string()).ok_or_else(|| "the hash cannot be encoded".to_owned())
}

/// Compares in constant time: it takes as long as the guess has bytes, wherever the two differ.
pub(super) fn constant_time_eq(guess: &[u8], kept: &[u8]) -> bool {
    let unequal = u8::from(guess.len() != kept.len());
    guess.iter().zip(kept.iter().cycle()).fold(unequal, |sum, (a, b)| black_box(sum | (a ^ b))) == 0
}

/// How many passwords are hashed at once. A slot comes with a piece of working memory, so any number of wrong logins
/// uses as many pieces as there are slots.
pub(super) struct HashSlots {
    slots: Semaphore,
    // lock tier 9: a leaf.
    spare: Mutex<Vec<Memory>, 9>,
}

/// The right to compute one hash; given back when dropped.
pub(super) struct HashSlot<'a> {
    pub(super) memory: Memory,
    spare: &'a Mutex<Vec<Memory>, 9>,
    /// Released after the memory is back.
    _permit: Permit<'a>,
}

impl HashSlots {
    /// One for each core but one, which is left to the chat, and at least one.
    pub(super) fn for_this_machine() -> HashSlots {
        HashSlots::new(available_parallelism().map_or(1, NonZero::get).saturating_sub(1).max(1))
    }

    pub(super) fn new(count: usize) -> HashSlots {
        HashSlots { slots: Semaphore::new(count), spare: Mutex::default() }
    }

    /// Waits for a slot until `deadline`. Its memory is the piece used last, so that few pieces are ever touched.
    pub(super) fn take(&self, deadline: Instant) -> Option<HashSlot<'_>> {
        let permit = self.slots.acquire_until(deadline)?;
        let memory = self.spare.lock().pop().unwrap_or_default();
        Some(HashSlot { memory, spare: &self.spare, _permit: permit })
    }

    /// Gives out no more slots, and wakes everyone who waits for one.
    pub(super) fn close(&self) {
        self.slots.close();
    }
}

impl Drop for HashSlot<'_> {
    fn drop(&mut self) {
        self.spare.lock().push(std::mem::take(&mut self.memory));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CHEAP: Cost = Cost { memory: 16, passes: 1, lanes: 1 };

    fn refusal(text: &str) -> String {
        Secret::parse(text).err().unwrap()
    }

    #[test]
    fn only_the_whole_password_is_the_same() {
        assert!(constant_time_eq(b"abc", b"abc"));
        assert!(!constant_time_eq(b"abcabc", b"abc") && !constant_time_eq(b"abc", b"abcabc"));
        assert!(
            !constant_time_eq(b"abd", b"abc") && !constant_time_eq(b"xbc", b"abc") && !constant_time_eq(b"", b"abc")
        );
    }

    #[test]
    fn a_hash_matches_its_password_in_reused_memory() {
        let text = hash(b"right", Cost::STANDARD, &mut Memory::default()).unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        assert_ne!(text, hash(b"right", Cost::STANDARD, &mut Memory::default()).unwrap(), "the salt is random");
        let secret = Secret::parse(&text).unwrap();
        let mut memory = Memory::default();
        for (guess, expected) in [(&b"right"[..], true), (b"wrong", false), (b"right", true), (b"right ", false)] {
            assert_eq!(secret.hash().unwrap().matches(guess, &mut memory), Some(expected));
        }
    }

    #[test]
    fn a_hash_of_another_implementation_is_accepted() {
        // Known answers of the reference implementation.
        let one_lane = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let two_lanes = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
        let mut memory = Memory::default();
        for text in [one_lane, two_lanes] {
            let secret = Secret::parse(text).unwrap();
            assert_eq!(secret.hash().unwrap().matches(b"password", &mut memory), Some(true));
        }
    }

    #[test]
    fn damaged_and_too_costly_hashes_are_refused() {
        let good = hash(b"x", CHEAP, &mut Memory::default()).unwrap();
        assert!(Secret::parse(&good).is_ok());
        assert_eq!(refusal(&good[..good.rfind('$').unwrap()]), "the hash is incomplete");
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
    fn a_deleted_account_has_no_password() {
        let secret = Secret::parse(DELETED).ok().unwrap();
        assert!(secret.is_deleted() && secret.plain().is_none() && secret.hash().is_none());
        assert!(["$deleted$ ", " $deleted$", "$Deleted$"].iter().all(|text| Secret::parse(text).is_err()));
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn hashes_one_after_another_use_the_same_memory() {
        let slots = HashSlots::new(3);
        (0..10).for_each(|_| drop(slots.take(soon()).unwrap()));
        assert_eq!(slots.spare.lock().len(), 1);
        let together: Vec<_> = (0..3).map(|_| slots.take(soon()).unwrap()).collect();
        assert!(slots.take(Instant::now()).is_none(), "there are three slots");
        drop(together);
        assert_eq!(slots.spare.lock().len(), 3);
    }

    #[test]
    fn closed_slots_are_given_to_nobody() {
        let slots = HashSlots::new(1);
        slots.close();
        assert!(slots.take(soon()).is_none());
    }
}
