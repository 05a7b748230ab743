//! `mixed`: everyday stress. Users do random things, one after another, and each has to be answered right and in time;
//! beside that, every private message has to come exactly once, also to who was away meanwhile.

mod letters;
mod player;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::cli::Mixed;
use crate::error::BenchError;
use crate::fleet::{Fleet, News, Request};
use crate::report::{Figure, Latencies, Run, Timeline, Unit};
use crate::scenario::Stage;
use crate::verify::Faults;
use letters::Letters;
use player::{Heard, Player, World};

/// How long a turn waits at the most.
const TURN: Duration = Duration::from_millis(20);

/// How long an answer may take before what was done counts as failed.
const ANSWER: Duration = Duration::from_secs(5);

/// The groups that are always there: somebody who does nothing else is a member of each.
const GROUPS: usize = 5;

/// How many users it needs: those who play, and one who keeps the groups alive.
pub(super) fn users(options: &Mixed) -> Result<usize, BenchError> {
    if options.clients < 2 {
        return Err(BenchError::Usage("--clients is at least 2: they talk to each other".to_owned()));
    }
    Ok(options.clients + 1)
}

/// The whole evening.
pub(super) fn run(options: &Mixed, stage: &mut Stage<'_>) -> Result<Vec<Run>, BenchError> {
    let count = users(options)?;
    stage.gather(count)?;
    let anchor = count - 1;
    let process = std::process::id();
    let groups: Vec<String> = (0..GROUPS).map(|n| format!("m{process}-{n}")).collect();
    for group in &groups {
        stage.fleet.each_asks(anchor..count, Request::Enter(group, true))?;
    }
    let names: Vec<String> = stage.fleet.users.iter().map(|user| user.name.clone()).collect();
    let world = World { names: &names[..anchor], groups: &groups, seed: options.seed };
    let mut evening = Evening::new(&world, Duration::from_millis(options.pause), stage)?;
    evening.play(stage)?;
    Ok(vec![evening.report()])
}

/// What goes on.
struct Evening<'w> {
    players: Vec<Player<'w>>,
    /// When each did what he waits for, or may do the next thing.
    since: Vec<Instant>,
    pause: Duration,
    letters: Letters,
    start: Instant,
    took: Duration,
    done: u64,
    failed: u64,
    latencies: Latencies,
    timeline: Timeline,
    faults: Faults,
}

impl<'w> Evening<'w> {
    fn new(world: &'w World<'w>, pause: Duration, stage: &mut Stage<'_>) -> Result<Evening<'w>, BenchError> {
        let players = world.names.len();
        let start = Instant::now();
        Ok(Evening {
            players: (0..players).map(|n| Player::new(n, world)).collect(),
            since: vec![start; players],
            pause,
            letters: Letters::new(stage.payload.clone(), stage.next_run()),
            start,
            took: Duration::ZERO,
            done: 0,
            failed: 0,
            latencies: Latencies::new()?,
            timeline: Timeline::default(),
            faults: Faults::default(),
        })
    }

    fn play(&mut self, stage: &mut Stage<'_>) -> Result<(), BenchError> {
        loop {
            let over = self.start.elapsed() >= stage.time;
            self.act(&mut stage.fleet, over)?;
            if over && self.players.iter().all(Player::rests) {
                break;
            }
            stage.fleet.turn(TURN.min(self.pause.max(Duration::from_millis(1))), &mut |n, news| self.hear(n, &news))?;
            self.give_up(&mut stage.fleet);
            let seconds = self.start.elapsed().as_secs_f64();
            stage.progress.show(|| format!("{} things done, {} failed, {seconds:.1} s", self.done, self.failed));
        }
        self.took = self.start.elapsed();
        self.settle(stage)
    }

    /// Everybody who rests does the next thing, unless the evening is over.
    fn act(&mut self, fleet: &mut Fleet<'_>, over: bool) -> Result<(), BenchError> {
        for (n, player) in self.players.iter_mut().enumerate() {
            if player.is_gone() {
                // He left a moment ago, and now comes back; that he does belongs to the same thing.
                player.come();
                fleet.ask(n, Request::LogIn)?;
            } else if player.rests() && !over && self.since[n].elapsed() >= self.pause {
                self.since[n] = Instant::now();
                let line = player.next(&mut self.letters);
                fleet.send(n, |_, out| out.extend_from_slice(&line))?;
            }
        }
        Ok(())
    }

    fn hear(&mut self, n: usize, news: &News<'_>) {
        // The one who keeps the groups alive hears all, and does nothing.
        let Some(player) = self.players.get_mut(n) else { return };
        if let News::Said(said) = news {
            self.letters.take(n, said, &mut self.faults);
        }
        match player.hear(news, &mut self.faults) {
            Heard::Nothing => {}
            Heard::Done => {
                self.done += 1;
                self.latencies.record(self.since[n].elapsed());
                self.timeline.record(self.start.elapsed());
                self.since[n] = Instant::now();
            }
            Heard::Failed => {
                self.failed += 1;
                self.since[n] = Instant::now();
            }
        }
    }

    /// Whoever has waited too long for an answer begins anew.
    fn give_up(&mut self, fleet: &mut Fleet<'_>) {
        for (n, player) in self.players.iter_mut().enumerate() {
            if !player.rests() && self.since[n].elapsed() > ANSWER {
                self.failed += 1;
                self.since[n] = Instant::now();
                player.give_up(&mut self.faults);
                fleet.hang_up(n);
            }
        }
    }

    /// Waits until all that was said has arrived, and looks whether it has.
    fn settle(&mut self, stage: &mut Stage<'_>) -> Result<(), BenchError> {
        let deadline = Instant::now() + stage.fleet.goal.patience;
        while self.letters.owed() > 0 && Instant::now() < deadline {
            stage.fleet.turn(TURN, &mut |n, news| self.hear(n, &news))?;
        }
        self.letters.finish(&mut self.faults);
        Ok(())
    }

    fn report(self) -> Run {
        let all = self.done + self.failed;
        let figures = vec![
            Figure::count("operations", all),
            Figure::new("operations_per_s", all as f64 / self.took.as_secs_f64(), Unit::PerSecond),
            Figure::new("success_percent", 100.0 * self.done as f64 / all.max(1) as f64, Unit::Percent),
            Figure::count("private_messages", self.letters.sent()),
        ];
        Run {
            name: format!("{} users, random things", self.players.len()),
            figures,
            latencies: Some(self.latencies),
            timeline: Some(self.timeline),
            faults: self.faults,
        }
    }
}
