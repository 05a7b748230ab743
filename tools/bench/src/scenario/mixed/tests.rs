//! Players without a server: answers are given by hand.

use super::letters::Letters;
use super::player::{Heard, Player, World};
use crate::fleet::News;
use crate::payload::Payload;
use crate::protocol::{Parlor, Protocol, Said};
use crate::verify::Faults;

/// What a server without faults answers to a line of `u0`.
fn answer(line: &str) -> Option<String> {
    let (verb, rest) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
    let (target, text) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(match verb {
        "/msg" => format!("[to {target}]: {text}\n"),
        "/group_msg" => format!("[Group {target}][u0]: {text}\n"),
        "/broadcast" => format!("[Broadcast][u0]: {rest}\n"),
        "/users" => "Online users:\n".to_owned(),
        "/groups_users" => "Groups and their members:\n".to_owned(),
        "/create_group" => format!("Group {target} created.\n"),
        "/join_group" => format!("You joined the group {target}.\n"),
        "/leave_group" => format!("You left the group {target}.\n"),
        "/ping" => "Pong: bench\n".to_owned(),
        "/quit" => return None,
        other => panic!("{other} is no command"),
    })
}

fn hear(player: &mut Player<'_>, line: &str, faults: &mut Faults) -> Heard {
    let (_, said) = Parlor.next(line.as_bytes()).unwrap();
    player.hear(&News::Said(said), faults)
}

#[test]
fn a_player_does_everything_and_is_content_with_right_answers() {
    let names = ["u0", "u1", "u2"].map(str::to_owned);
    let groups = ["g0", "g1"].map(str::to_owned);
    let world = World { names: &names, groups: &groups, seed: 7 };
    let (mut player, mut letters) = (Player::new(0, &world), Letters::new(Payload::new(40), 1));
    let mut faults = Faults::default();
    let mut verbs = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        let line = String::from_utf8(player.next(&mut letters)).unwrap();
        verbs.insert(line.split([' ', '\n']).next().unwrap().to_owned());
        // What is not his answer leaves him waiting.
        assert_eq!(hear(&mut player, "*** u2 has left the chat.\n", &mut faults), Heard::Nothing);
        assert!(!player.rests());
        match answer(&line) {
            Some(answer) => assert_eq!(hear(&mut player, &answer, &mut faults), Heard::Done, "{line}"),
            None => {
                assert_eq!(player.hear(&News::Ended("end"), &mut faults), Heard::Nothing);
                assert!(player.is_gone());
                player.come();
                assert_eq!(player.hear(&News::Said(Said::Done), &mut faults), Heard::Done);
            }
        }
        assert!(player.rests());
    }
    assert!(faults.none(), "{faults:?}");
    assert_eq!(verbs.len(), 10, "{verbs:?}");
}

#[test]
fn a_refusal_an_end_and_silence_are_failures() {
    let names = ["u0", "u1"].map(str::to_owned);
    let groups = ["g0".to_owned()];
    let world = World { names: &names, groups: &groups, seed: 1 };
    let (mut player, mut letters) = (Player::new(0, &world), Letters::new(Payload::new(40), 1));
    let mut faults = Faults::default();
    player.next(&mut letters);
    assert_eq!(hear(&mut player, "Error: no.\n", &mut faults), Heard::Failed);
    assert!(player.rests());
    player.next(&mut letters);
    player.give_up(&mut faults);
    assert!(player.is_gone());
    player.come();
    assert_eq!(player.hear(&News::Ended("reset"), &mut faults), Heard::Failed);
    assert!(player.is_gone() && faults.count == 3, "{faults:?}");
}
