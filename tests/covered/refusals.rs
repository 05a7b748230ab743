//! Every error occurs in a transcript, as a sentence or as a line of machine mode.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use parlor::model::{BadName, GroupError, GroupRole, MessageId, Name, Penalty, RenameError, Role, UserError};

use super::{step, transcripts};
use crate::documents::sources;

/// Codes that no transcript shows: why, and which test provokes each.
const ELSEWHERE: [(&str, &str, &str); 21] = [
    ("not_saved", "the store fails", "a_full_disk_is_told_and_nothing_but_messages_is_lost"),
    ("not_kept", "the store fails", "a_full_disk_is_told_and_nothing_but_messages_is_lost"),
    ("not_stored_yet", "the store fails", "a_token_whose_end_cannot_be_stored_opens_nothing"),
    ("not_readable", "the store fails", "history_is_unavailable_while_the_store_fails"),
    ("unavailable", "the store fails", "a_token_that_could_not_be_stored_does_not_come_later"),
    ("lost", "the server has a fault", "a_fault_in_the_store_costs_the_one_who_met_it_and_the_others_are_told"),
    ("busy", "no code is free, or no turn in time", "a_room_takes_a_code_that_is_free_and_counts_who_is_in_it"),
    ("not_utf8", "a transcript is a text", "invalid_utf8_is_refused_without_closing"),
    ("too_many_attempts", "this machine is exempt", "wrong_old_passwords_are_counted_with_those_of_the_login"),
    ("needs_role", "the role goes right then", "a_role_lost_while_waiting_for_the_turn_counts"),
    ("not_reloaded", "a file is changed meanwhile", "the_filter_is_applied_once_per_message"),
    ("too_many_ignored", "it takes 200 users", "the_number_of_ignored_users_is_limited"),
    (
        "too_many_tokens",
        "it takes as many tokens as the setting allows",
        "tokens_are_listed_without_their_secrets_and_bounded",
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

/// One value of each error, with `Hole` and 909 as its variable parts.
fn samples() -> Vec<UserError> {
    let (text, name): (String, Name) = ("Hole".to_owned(), "Hole".parse().unwrap());
    let soon = SystemTime::now() + Duration::from_secs(600);
    let id = MessageId(909);
    let mut all = vec![
        UserError::NoSuchUser(text.clone()),
        UserError::NotOnline(name),
        UserError::NoSuchGroup(text.clone()),
        UserError::GroupExists(name),
        UserError::AlreadyMember(name),
        UserError::NotMember(name),
        UserError::TooManyGroups(909),
        UserError::TooManyMemberships(909),
        UserError::BadGroupName(text.clone(), BadName::BadCharacter),
        UserError::BadGroupName(text.clone(), BadName::Reserved),
        UserError::Usage(vec!["Hole"]),
        UserError::UnknownCommand(text.clone(), None),
        UserError::UnknownCommand(text.clone(), Some("Hole")),
        UserError::NoConversation,
        UserError::NobodyToReply,
        UserError::CannotIgnoreSelf,
        UserError::TooManyIgnored(909),
        UserError::NotIgnored(name),
        UserError::WrongPassword,
        UserError::TooManyAttempts,
        UserError::PasswordsDiffer,
        UserError::BadPassword(text.clone()),
        UserError::NotForGuests,
        UserError::NotWithToken,
        UserError::BadTokenName(text.clone(), BadName::BadCharacter),
        UserError::TokenExists(name),
        UserError::NoSuchToken(text.clone()),
        UserError::TooManyTokens(909),
        UserError::Busy,
        UserError::Unavailable,
        UserError::LineTooLong(909, 909),
        UserError::NotUtf8,
        UserError::NotSaved(text.clone()),
        UserError::Lost,
        UserError::NotReadable(text.clone()),
        UserError::NotKept(name, text.clone()),
        UserError::NotStoredYet(text.clone()),
        UserError::NoSuchMessage(id),
        UserError::NotYours(id),
        UserError::NotToYou(id),
        UserError::Muted(Some(soon), text.clone()),
        UserError::Filtered,
        UserError::NeedsRole(Role::Admin),
        UserError::Outranked(name),
        UserError::NoSuchSession(text.clone()),
        UserError::BadNet(text.clone()),
        UserError::GuestByAddress,
        UserError::NoSanction(Penalty::Ban, text.clone()),
        UserError::NoSanction(Penalty::Mute, text.clone()),
        UserError::TooManySanctions(909),
        UserError::NoSuchReport(909),
        UserError::TooManyReports(909),
        UserError::AlreadyStopping,
        UserError::NotStopping,
        UserError::NotReloaded(text.clone()),
        UserError::NoLog(text),
        UserError::GuestsHaveNone,
    ];
    all.extend(rename_samples(name).into_iter().map(UserError::NotRenamed));
    all.extend(group_samples(name).into_iter().map(UserError::Group));
    all
}

fn rename_samples(name: Name) -> Vec<RenameError> {
    vec![
        RenameError::Guest,
        RenameError::BadName("Hole".to_owned(), BadName::BadCharacter),
        RenameError::BadName("Hole".to_owned(), BadName::Reserved),
        RenameError::GuestName(name),
        RenameError::Same(name),
        RenameError::Taken(name),
        RenameError::Deleted(name),
        RenameError::Traces(name),
        RenameError::Yourself,
        RenameError::StillHere(name),
        RenameError::Failed("Hole".to_owned()),
    ]
}

fn group_samples(name: Name) -> Vec<GroupError> {
    vec![
        GroupError::NeedsRole(name, GroupRole::Owner),
        GroupError::NeedsRole(name, GroupRole::Admin),
        GroupError::Outranked(name, name, GroupRole::Admin),
        GroupError::Outranked(name, name, GroupRole::Owner),
        GroupError::UserNotMember(name, name),
        GroupError::UserAlreadyMember(name, name),
        GroupError::RoleAlready(name, name, GroupRole::Owner),
        GroupError::LastOwner(name),
        GroupError::Yourself,
        GroupError::Full(name, 909),
        GroupError::LimitTooLow(name, 909),
        GroupError::Banned(name, None, None),
        GroupError::Muted(name, None, None),
        GroupError::UserBanned(name, name),
        GroupError::NotBanned(name, name),
        GroupError::NotMuted(name, name),
        GroupError::AnnounceOnly(name),
        GroupError::NeedsPassword(name),
        GroupError::WrongPassword(name),
        GroupError::NotInvited("Hole".to_owned()),
        GroupError::TooManyBans(name, 909),
        GroupError::TooManyInvitations(name, 909),
        GroupError::TooManyKept(909),
        GroupError::Ephemeral(name),
        GroupError::NoHistory(name),
        GroupError::NotForGuests(name),
        GroupError::RoomFixed(name),
        GroupError::NoSuchRoom("Hole".to_owned()),
        GroupError::InNoRoom,
        GroupError::WhichRoom,
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
