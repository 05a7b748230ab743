//! Scripted clients without a server: the tests give the answers.

use super::private_ledger::PrivateLedger;
use super::scripted_client::{Script, ScriptedClient, Step};
use crate::connections::Event;
use crate::payload::Payload;
use crate::protocol::{Frame, Parlor, Protocol};
use crate::verify::Faults;

/// The right answer to a line of `u0`.
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

fn answer_with(client: &mut ScriptedClient<'_>, line: &str, faults: &mut Faults) -> Step {
    let (_, frame) = Parlor.decode(line.as_bytes()).unwrap();
    client.on_event(&Event::Frame(frame), faults)
}

#[test]
fn every_command_succeeds_with_the_right_answer() {
    let names = ["u0", "u1", "u2"].map(str::to_owned);
    let groups = ["g0", "g1"].map(str::to_owned);
    let script = Script { names: &names, groups: &groups, seed: 7 };
    let (mut client, mut private) = (ScriptedClient::new(0, &script), PrivateLedger::new(Payload::new(40), 1));
    let mut faults = Faults::default();
    let mut verbs = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        let line = String::from_utf8(client.next_command(&mut private)).unwrap();
        verbs.insert(line.split([' ', '\n']).next().unwrap().to_owned());
        // Any other line leaves it waiting.
        assert_eq!(answer_with(&mut client, "*** u2 has left the chat.\n", &mut faults), Step::Pending);
        assert!(!client.is_ready());
        match answer(&line) {
            Some(answer) => assert_eq!(answer_with(&mut client, &answer, &mut faults), Step::Succeeded, "{line}"),
            None => {
                assert_eq!(client.on_event(&Event::Closed("end"), &mut faults), Step::Pending);
                assert!(client.is_away());
                client.log_in();
                assert_eq!(client.on_event(&Event::Frame(Frame::Done), &mut faults), Step::Succeeded);
            }
        }
        assert!(client.is_ready());
    }
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(verbs.len(), 10, "{verbs:?}");
}

#[test]
fn refusal_disconnection_and_silence_are_failures() {
    let names = ["u0", "u1"].map(str::to_owned);
    let groups = ["g0".to_owned()];
    let script = Script { names: &names, groups: &groups, seed: 1 };
    let (mut client, mut private) = (ScriptedClient::new(0, &script), PrivateLedger::new(Payload::new(40), 1));
    let mut faults = Faults::default();
    client.next_command(&mut private);
    assert_eq!(answer_with(&mut client, "Error: no.\n", &mut faults), Step::Failed);
    assert!(client.is_ready());
    client.next_command(&mut private);
    client.time_out(&mut faults);
    assert!(client.is_away());
    client.log_in();
    assert_eq!(client.on_event(&Event::Closed("reset"), &mut faults), Step::Failed);
    assert!(client.is_away() && faults.count == 3, "{faults:?}");
}
