//! Random sequences of verbs, run on the hub and on the naive model of it.

use super::operators::{Command, assert_same_sanctions, commands, execute, is_banned};
use super::*;
use crate::hub::state::GroupState;
use crate::model::{GroupPassword, GroupSanction, GroupSetting, GroupSettings, Penalty, SanctionTerms};

/// One step; numbers choose among the sessions, names and groups.
#[derive(Debug, Clone)]
enum Step {
    Come(usize),
    Go(usize),
    PrivateMessage(usize, usize),
    Broadcast(usize),
    Create(usize, usize, GroupSettings),
    Join(usize, usize, Entrance),
    Leave(usize, usize),
    Post(usize, usize),
    Act(usize, usize, usize, Act),
    Set(usize, usize, GroupSetting),
    Bans(usize, usize),
    /// An operator's command.
    Operate(Command),
    /// This many seconds pass.
    Tick(u64),
}

/// Something that one member does to another.
#[derive(Debug, Clone)]
enum Act {
    Promote,
    Demote,
    Transfer,
    Kick,
    Sanction(Penalty, Option<u64>),
    Lift(Penalty),
    Invite,
}

#[derive(Debug, Clone)]
enum Entrance {
    Open,
    Invitation,
    Password(usize),
}

fn password(at: usize) -> GroupPassword {
    GroupPassword::hashed(["one", "two"][at])
}

fn change() -> impl Strategy<Value = GroupSetting> {
    prop_oneof![
        prop::option::of(1..4usize).prop_map(GroupSetting::Limit),
        any::<bool>().prop_map(GroupSetting::Private),
        any::<bool>().prop_map(GroupSetting::Announce),
        any::<bool>().prop_map(GroupSetting::Keep),
        any::<bool>().prop_map(|some| GroupSetting::Topic(some.then(|| "tea".into()))),
        prop::option::of(0..2usize).prop_map(|at| GroupSetting::Password(at.map(password))),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let what = || prop::sample::select(vec![Penalty::Ban, Penalty::Mute]);
    prop_oneof![
        3 => Just(Act::Promote),
        1 => Just(Act::Demote),
        1 => Just(Act::Transfer),
        1 => Just(Act::Kick),
        3 => (what(), prop::option::of(1..60u64)).prop_map(|(penalty, span)| Act::Sanction(penalty, span)),
        1 => what().prop_map(Act::Lift),
        2 => Just(Act::Invite),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let (who, user, group) = (|| 0..6usize, || 0..NAMES.len(), || 0..GROUPS.len());
    let settings = prop::collection::vec(change(), 0..3).prop_map(|changes| GroupSettings::with(&changes));
    let door = prop_oneof![3 => Just(Entrance::Open), 1 => Just(Entrance::Invitation), 1 => (0..2usize).prop_map(Entrance::Password)];
    prop_oneof![
        4 => user().prop_map(Step::Come),
        1 => who().prop_map(Step::Go),
        1 => (who(), user()).prop_map(|(a, b)| Step::PrivateMessage(a, b)),
        1 => who().prop_map(Step::Broadcast),
        2 => (who(), group(), settings).prop_map(|(a, b, settings)| Step::Create(a, b, settings)),
        4 => (who(), group(), door).prop_map(|(a, b, door)| Step::Join(a, b, door)),
        1 => (who(), group()).prop_map(|(a, b)| Step::Leave(a, b)),
        3 => (who(), group()).prop_map(|(a, b)| Step::Post(a, b)),
        6 => (who(), user(), group(), act()).prop_map(|(a, b, c, act)| Step::Act(a, b, c, act)),
        3 => (who(), group(), change()).prop_map(|(a, b, change)| Step::Set(a, b, change)),
        1 => (who(), group()).prop_map(|(a, b)| Step::Bans(a, b)),
        4 => commands().prop_map(Step::Operate),
        1 => prop_oneof![5 => 1..90u64, 1 => Just(7 * 86_400)].prop_map(Step::Tick),
    ]
}

/// Half of the sequences begin with everybody in one group with roles, so that there is something to run.
fn opening() -> Vec<Step> {
    let mut steps: Vec<Step> = (0..NAMES.len()).map(Step::Come).collect();
    steps.push(Step::Create(0, 0, GroupSettings::default()));
    steps.extend((1..NAMES.len()).map(|who| Step::Join(who, 0, Entrance::Open)));
    steps.extend([1, 2].map(|user| Step::Act(0, user, 0, Act::Promote)));
    steps
}

fn story() -> impl Strategy<Value = Vec<Step>> {
    let steps = || prop::collection::vec(step(), 1..100);
    prop_oneof![steps(), steps().prop_map(|steps| [opening(), steps].concat())]
}

/// Does one step in both, which have to give the same answer.
fn both(hub: &Hub, model: &mut Model, sessions: &mut Vec<Presence>, number: u64, step: &Step) {
    let me = |at: &usize| sessions.get(*at).map(|presence| Arc::clone(presence.client()));
    match step {
        Step::Come(user) if is_banned(hub, model, name(NAMES[*user])) => {}
        Step::Come(user) => {
            let presence = come(hub, number, NAMES[*user], DuplicateLogin::Allow).ok().unwrap();
            assert_eq!(catch_up(hub, presence.client()), model.come(number, name(NAMES[*user])));
            sessions.push(presence);
        }
        Step::Go(at) if *at < sessions.len() => {
            sessions.remove(*at).leave(QuitReason::Quit);
            model.go(*at);
        }
        Step::Go(_) => {}
        Step::Operate(command) => execute(hub, model, sessions, command),
        Step::Tick(seconds) => model.now += Duration::from_secs(*seconds),
        Step::PrivateMessage(at, _)
        | Step::Broadcast(at)
        | Step::Create(at, ..)
        | Step::Join(at, ..)
        | Step::Leave(at, _)
        | Step::Post(at, _)
        | Step::Act(at, ..)
        | Step::Set(at, ..)
        | Step::Bans(at, _) => {
            if let Some(me) = me(at) {
                let (real, expected) = answers(hub, model, &me, &format!("text {number}"), step);
                assert_eq!(real, expected, "{step:?} of {}", me.name);
            }
        }
    }
}

type Answer = Result<(), UserError>;

/// The conversation in which a step says something, if it does.
fn scope(step: &Step) -> Option<Scope> {
    match step {
        Step::PrivateMessage(_, to) => Some(Scope::User(name(NAMES[*to]))),
        Step::Broadcast(_) => Some(Scope::Everybody),
        Step::Post(_, group) => Some(Scope::Group(name(GROUPS[*group]))),
        _ => None,
    }
}

/// The answers of hub and model to a user who is online.
fn answers(hub: &Hub, model: &mut Model, me: &Client, text: &str, step: &Step) -> (Answer, Answer) {
    let (mut flush_list, now) = (FlushList::default(), model.now);
    let flush_list = &mut flush_list;
    let group = |at: &usize| name(GROUPS[*at]);
    let speak = |scope| say_at(hub, me, scope, text, now);
    if let (Some(scope), Some(muted)) = (scope(step), model.silenced(me.name)) {
        return (speak(scope), Err(muted));
    }
    match step {
        Step::PrivateMessage(_, to) => {
            let to = name(NAMES[*to]);
            (speak(Scope::User(to)), model.whisper(me.name, to, text.to_owned()))
        }
        Step::Broadcast(_) => {
            model.tell(&EventKind::Broadcast { from: me.name, text: text.into() }, |_| true);
            (speak(Scope::Everybody), Ok(()))
        }
        Step::Post(_, g) => (speak(Scope::Group(group(g))), model.post(me.name, group(g), text.to_owned())),
        Step::Create(_, g, settings) => {
            let real = hub.create(me, group(g), settings.clone(), flush_list);
            (real, model.create(me.name, group(g), settings.clone()))
        }
        Step::Join(_, g, door) => {
            let proof = if let Entrance::Password(at) = door { password(*at) } else { password(0) };
            let via = match door {
                Entrance::Open => JoinVia::Open,
                Entrance::Invitation => JoinVia::Invitation,
                Entrance::Password(_) => JoinVia::Password(&proof),
            };
            (hub.join(me, &group(g), via, now, flush_list), model.join(me.name, group(g), via))
        }
        Step::Leave(_, g) => (hub.leave(me, &group(g), now, flush_list), model.leave(me.name, group(g))),
        Step::Set(_, g, change) => {
            let real = hub.change_settings(me, &group(g), std::slice::from_ref(change), now, flush_list);
            (real, model.set(me.name, group(g), change))
        }
        Step::Bans(_, g) => {
            let all = hub.group_sanctions(me, &group(g), now).map(|(_, all)| all);
            let real = all.map(|all| all.iter().map(|one| (one.user, one.penalty)).collect::<Vec<_>>());
            assert_eq!(real, model.sanctions(me.name, group(g)));
            (Ok(()), Ok(()))
        }
        Step::Act(_, user, g, act) => acts(hub, model, me, name(NAMES[*user]), group(g), act),
        Step::Come(_) | Step::Go(_) | Step::Operate(_) | Step::Tick(_) => (Ok(()), Ok(())),
    }
}

fn acts(hub: &Hub, model: &mut Model, me: &Client, user: Name, group: Name, act: &Act) -> (Answer, Answer) {
    let (mut flush_list, now) = (FlushList::default(), model.now);
    let flush_list = &mut flush_list;
    match act {
        Act::Promote | Act::Demote => {
            let up = matches!(act, Act::Promote);
            (hub.move_role(me, &group, user, up, now, flush_list), model.move_role(me.name, user, group, up))
        }
        Act::Transfer => (hub.transfer(me, &group, user, now, flush_list), model.transfer(me.name, user, group)),
        Act::Kick => (hub.kick(me, &group, user, None, now, flush_list), model.kick(me.name, user, group)),
        Act::Sanction(penalty, span) => {
            let until = span.map(|span| now + Duration::from_secs(span));
            let terms = SanctionTerms { by: me.name, reason: Some("why".into()), until };
            let one = GroupSanction { user, penalty: *penalty, terms };
            (hub.sanction_member(me, &group, one.clone(), now, flush_list), model.sanction_member(me.name, group, one))
        }
        Act::Lift(penalty) => {
            let real = hub.lift_from_member(me, &group, user, *penalty, now, flush_list);
            (real, model.lift_from_member(me.name, user, group, *penalty))
        }
        Act::Invite => (hub.invite(me, &group, user, now, flush_list), model.invite(me.name, user, group)),
    }
}

/// The hub has to have told every session what the model did.
fn assert_same_told(model: &mut Model, sessions: &[Presence], step: &Step) {
    for presence in sessions {
        let client = presence.client();
        assert_eq!(told(client), model.told.remove(&client.id.0).unwrap_or_default(), "{} after {step:?}", client.id);
    }
}

/// The groups, as they have to be the same after a restart.
pub(super) fn kept(hub: &Hub) -> Vec<String> {
    let shown = |(name, group): (&Name, &GroupState)| {
        let members: Vec<_> = group.members.iter().map(|(user, member)| (*user, member.role, member.rank)).collect();
        format!("{name} {:?} {:?} {members:?} {:?}", group.settings, group.settings.password, group.sanctions)
    };
    hub.locked(|state| state.groups.iter().map(shown).collect())
}

proptest! {
    #[test]
    fn any_sequence_of_verbs_matches_the_naive_model(steps in story()) {
        let store = Arc::new(MemoryStore::default());
        let hub = Hub::new(Limits::default(), Arc::clone(&store) as Arc<dyn Store>).unwrap();
        let (mut model, mut sessions) = (Model::new(), Vec::new());
        for (number, step) in (1..).zip(&steps) {
            both(&hub, &mut model, &mut sessions, number, step);
            assert_same_told(&mut model, &sessions, step);
            hub.check_invariants().unwrap();
            assert_same_sanctions(&hub, &model);
            for user in NAMES.map(name) {
                let names: Vec<Name> = hub.groups(&user, model.now).into_iter().map(|(name, _)| name).collect();
                prop_assert_eq!(names, model.listed(user));
            }
        }
        while !sessions.is_empty() {
            both(&hub, &mut model, &mut sessions, 0, &Step::Go(0));
        }
        prop_assert!(hub.session_count() == 0 && hub.online_users().is_empty());
        prop_assert_eq!(hub.group_count(), model.groups.len());
        prop_assert!(model.groups.values().all(|group| group.settings.keep));
        prop_assert_eq!(store.groups().unwrap().len(), hub.group_count());
        // Another hub over the same store is the server after a restart.
        let again = Hub::new(Limits::default(), store).unwrap();
        again.check_invariants().unwrap();
        assert_same_sanctions(&again, &model);
        prop_assert_eq!(kept(&again), kept(&hub));
        for user in NAMES.map(name) {
            let presence = come(&again, 1, user.as_str(), DuplicateLogin::Refuse).ok().unwrap();
            prop_assert_eq!(catch_up(&again, presence.client()), model.come(1, user));
            for group in GROUPS.map(name) {
                let past = again.store().history(&user, Some(Scope::Group(group)), None, usize::MAX).unwrap();
                let texts: Vec<String> = past.into_iter().map(|message| message.said.text.to_string()).collect();
                prop_assert_eq!(texts, model.heard.remove(&(user, group)).unwrap_or_default());
            }
        }
    }
}
