//! Every error occurs in a transcript, as a sentence or as a line of machine mode.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use parlor::model::{BadName, GroupError, GroupRole, MessageId, Name, Penalty, RenameError, Role, UserError};

use super::{step, transcripts};
use crate::documents::sources;
use crate::support::every_variant;

/// Codes that no transcript shows: why, and which test provokes each.
const ELSEWHERE: [(&str, &str, &str); 22] = [
    ("not_saved", "the store fails", "a_full_disk_is_told_and_nothing_but_messages_is_lost"),
    ("not_kept", "the store fails", "a_full_disk_is_told_and_nothing_but_messages_is_lost"),
    ("not_stored_yet", "the store fails", "a_token_revoked_without_a_store_no_longer_works"),
    ("not_readable", "the store fails", "history_is_unavailable_while_the_store_fails"),
    ("unavailable", "the store fails", "a_token_that_was_not_stored_never_appears"),
    ("lost", "the server has a fault", "a_fault_in_the_store_costs_the_one_who_met_it_and_the_others_are_told"),
    ("busy", "no code is free, or no turn in time", "a_room_takes_a_code_that_is_free_and_counts_who_is_in_it"),
    ("not_utf8", "a transcript is a text", "invalid_utf8_is_refused_without_closing"),
    ("bad_tag", "only the web door takes tags", "what_is_no_tag_is_refused"),
    ("too_many_attempts", "this machine is exempt", "wrong_old_passwords_count_like_wrong_logins"),
    ("needs_role", "the role goes right then", "a_role_lost_while_waiting_for_the_turn_counts"),
    ("not_reloaded", "a file is changed meanwhile", "the_filter_is_applied_once_per_message"),
    ("too_many_ignored", "it takes 200 users", "the_number_of_ignored_users_is_limited"),
    (
        "too_many_tokens",
        "it takes as many tokens as the setting allows",
        "tokens_are_limited_and_listed_without_secrets",
    ),
    ("too_many_kept", "it takes 50 groups", "a_user_owns_at_most_so_many_kept_groups"),
    ("too_many_bans", "it takes 1000 bans", "a_group_has_no_more_bans_and_mutes_than_it_may"),
    ("too_many_invitations", "it takes 1000 users", "a_group_has_no_more_open_invitations_than_it_may"),
    ("too_many_sanctions", "it takes 10000 bans", "no_more_penalties_hold_than_may"),
    ("still_here", "a session has to hang", "nobody_comes_in_under_his_name_from_the_first_moment_on"),
    ("not_renamed", "the store or the users file fails", "nobody_is_renamed_while_the_store_fails"),
    ("name_has_traces", "it takes an account from before", "a_refused_rename_says_why_and_changes_nothing"),
    ("too_many_reports", "it takes 1000 reports", "open_reports_are_bounded"),
];

/// A list of errors that does not compile while a variant is missing.
macro_rules! samples {
    ($Error:ident $(except $($Except:ident),+)?; $($Variant:ident $(($($value:expr),+))?,)+) => {{
        every_variant!($Error: $($Variant),+ $($(, $Except)+)?);
        vec![$($Error::$Variant $(($($value),+))?),+]
    }};
}

/// One value of each error, with `Hole` and 909 as its variable parts.
fn samples() -> Vec<UserError> {
    let (text, name): (String, Name) = ("Hole".to_owned(), "Hole".parse().unwrap());
    let soon = SystemTime::now() + Duration::from_secs(600);
    let id = MessageId(909);
    let mut all = samples![
        UserError except NotRenamed, Group;
        NoSuchUser(text.clone()),
        NotOnline(name),
        NoSuchGroup(text.clone()),
        GroupExists(name),
        AlreadyMember(name),
        NotMember(name),
        TooManyGroups(909),
        TooManyMemberships(909),
        BadGroupName(text.clone(), BadName::BadCharacter),
        BadGroupName(text.clone(), BadName::Reserved),
        Usage(vec!["Hole"]),
        UnknownCommand(text.clone(), None),
        UnknownCommand(text.clone(), Some("Hole")),
        NoConversation,
        NobodyToReply,
        CannotIgnoreSelf,
        TooManyIgnored(909),
        NotIgnored(name),
        WrongPassword,
        TooManyAttempts,
        PasswordJustChanged,
        PasswordsDiffer,
        BadPassword(text.clone()),
        NotForGuests,
        NotWithToken,
        BadTokenName(text.clone(), BadName::BadCharacter),
        TokenExists(name),
        NoSuchToken(text.clone()),
        TooManyTokens(909),
        Busy,
        Unavailable,
        LineTooLong(909, 909),
        BadTag,
        NotUtf8,
        NotSaved(text.clone()),
        Lost,
        NotReadable(text.clone()),
        NotKept(name, text.clone()),
        NotStoredYet(text.clone()),
        NoSuchMessage(id),
        NotYours(id),
        NotToYou(id),
        Muted(Some(soon), text.clone()),
        Filtered,
        NeedsRole(Role::Admin),
        Outranked(name),
        NoSuchSession(text.clone()),
        BadNet(text.clone()),
        GuestByAddress,
        NoSanction(Penalty::Ban, text.clone()),
        NoSanction(Penalty::Mute, text.clone()),
        TooManySanctions(909),
        NoSuchReport(909),
        TooManyReports(909),
        AlreadyStopping,
        NotStopping,
        NotReloaded(text.clone()),
        NoLog(text),
        GuestsHaveNone,
    ];
    all.extend(rename_samples(name).into_iter().map(UserError::NotRenamed));
    all.extend(group_samples(name).into_iter().map(UserError::Group));
    all
}

fn rename_samples(name: Name) -> Vec<RenameError> {
    samples![
        RenameError;
        Guest,
        BadName("Hole".to_owned(), BadName::BadCharacter),
        BadName("Hole".to_owned(), BadName::Reserved),
        GuestName(name),
        Same(name),
        Taken(name),
        Deleted(name),
        Traces(name),
        Yourself,
        StillHere(name),
        Failed("Hole".to_owned()),
    ]
}

fn group_samples(name: Name) -> Vec<GroupError> {
    samples![
        GroupError;
        NeedsRole(name, GroupRole::Owner),
        NeedsRole(name, GroupRole::Admin),
        Outranked(name, name, GroupRole::Admin),
        Outranked(name, name, GroupRole::Owner),
        UserNotMember(name, name),
        UserAlreadyMember(name, name),
        RoleAlready(name, name, GroupRole::Owner),
        LastOwner(name),
        Yourself,
        Full(name, 909),
        LimitTooLow(name, 909),
        Banned(name, None, None),
        Muted(name, None, None),
        UserBanned(name, name),
        NotBanned(name, name),
        NotMuted(name, name),
        AnnounceOnly(name),
        NeedsPassword(name),
        WrongPassword(name),
        NotInvited("Hole".to_owned()),
        TooManyBans(name, 909),
        TooManyInvitations(name, 909),
        TooManyKept(909),
        Ephemeral(name),
        NoHistory(name),
        NotForGuests(name),
        RoomFixed(name),
        NoSuchRoom("Hole".to_owned()),
        InNoRoom,
        WhichRoom,
    ]
}

/// The fixed pieces of a sentence, without its variable parts.
fn pieces(error: &UserError) -> Vec<String> {
    let said = error.to_string().replace(" for another 10m", "Hole").replace("909", "Hole");
    said.trim_end_matches('.').split("Hole").map(str::to_owned).collect()
}

/// How many characters of a line belong to this sentence; `None` if it is another one.
fn likeness(line: &str, pieces: &[String]) -> Option<usize> {
    let mut rest = line.strip_prefix(&pieces[0])?;
    for piece in &pieces[1..] {
        rest = &rest[rest.find(piece.as_str())? + piece.len()..];
    }
    Some(pieces.iter().map(String::len).sum())
}

/// The code of a line that a user received, if it is an error.
fn code(line: &str, samples: &[(&'static str, Vec<String>)]) -> Option<String> {
    if let Some(rest) = line.strip_prefix("error code=") {
        return rest.split(' ').next().map(str::to_owned);
    }
    let alike = samples.iter().filter_map(|(code, pieces)| Some((likeness(line, pieces)?, code)));
    alike.max().map(|(_, code)| (*code).to_owned())
}

fn patterns() -> Vec<(&'static str, Vec<String>)> {
    samples().iter().map(|error| (error.code(), pieces(error))).collect()
}

/// All codes that occur in these transcripts.
fn told(transcripts: &[String]) -> BTreeSet<String> {
    let patterns = patterns();
    let lines = transcripts.iter().flat_map(|transcript| transcript.lines());
    lines.filter_map(|line| code(step(line, '<')?.1, &patterns)).collect()
}

#[test]
fn every_error_is_in_a_transcript_or_tested_elsewhere() {
    let told = told(&transcripts());
    let elsewhere = |code: &str| ELSEWHERE.iter().any(|(other, ..)| *other == code);
    let codes = UserError::codes();
    let missing: Vec<&&str> = codes.iter().filter(|code| !told.contains(**code) && !elsewhere(code)).collect();
    assert!(missing.is_empty(), "in no transcript: {missing:?}");
    let needless: Vec<&str> = ELSEWHERE.iter().map(|(code, ..)| *code).filter(|code| told.contains(*code)).collect();
    assert!(needless.is_empty(), "in a transcript after all: {needless:?}");
    assert!(ELSEWHERE.iter().all(|(code, ..)| codes.iter().any(|other| other == code)));
}

#[test]
fn errors_outside_transcripts_name_existing_tests() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["src", "tests"].map(|folder| sources(&root.join(folder))).concat();
    let code: Vec<String> = files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    for (refusal, _, test) in ELSEWHERE {
        let named = format!("fn {test}()");
        assert!(code.iter().any(|text| text.contains(&named)), "{refusal}: there is no {named}");
    }
}

#[test]
fn an_error_is_recognised_by_its_words() {
    let patterns = patterns();
    let sampled: BTreeSet<&str> = patterns.iter().map(|(code, _)| *code).collect();
    assert_eq!(sampled, UserError::codes().into_iter().collect(), "samples() has one of each");
    for (error, (expected, _)) in samples().iter().zip(&patterns) {
        assert_eq!(code(&error.to_string(), &patterns).as_deref(), Some(*expected));
    }
    for (line, expected) in [
        ("Error: You are muted in group 'g' until {time} UTC: x", Some("muted_in_group")),
        ("Error: You are muted, so this was not sent: x", Some("muted")),
        ("error code=yourself text=Error: …", Some("yourself")),
        ("[bob]: Error: User 'x' does not exist.", None),
        ("Pong.", None),
    ] {
        assert_eq!(code(line, &patterns).as_deref(), expected, "{line}");
    }
}
