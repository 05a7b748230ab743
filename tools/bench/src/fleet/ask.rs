//! What many clients do in turn, some of them at a time: log in, enter groups, wait until all has arrived.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::fleet::{Fleet, News};
use crate::protocol::Said;

/// How long a turn waits at the most.
const TURN: Duration = Duration::from_millis(100);

/// Something that a client asks for, and that the server answers once.
#[derive(Clone, Copy)]
pub(crate) enum Request<'a> {
    /// To be let in.
    LogIn,
    /// To be a member of a group, as the first one or not.
    Enter(&'a str, bool),
    /// To be told when all has arrived.
    Ping,
}

impl Request<'_> {
    /// What is asked for, in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Request::LogIn => "the login",
            Request::Enter(..) => "entering the group",
            Request::Ping => "an answer to a ping",
        }
    }
}

impl Fleet<'_> {
    /// Sends a request of one client.
    ///
    /// # Errors
    /// The system refuses a connection.
    pub(crate) fn ask(&mut self, n: usize, request: Request<'_>) -> Result<(), BenchError> {
        match request {
            Request::LogIn => self.connect(n),
            Request::Enter(group, first) => self.send(n, |protocol, out| protocol.enter(group, first, out)),
            Request::Ping => self.send(n, |protocol, out| protocol.ping(out)),
        }
    }

    /// Each of these clients makes the request, and all are waited for.
    ///
    /// # Errors
    /// A refusal, a connection that ended, or no answer in time.
    pub(crate) fn each_asks(&mut self, who: Range<usize>, request: Request<'_>) -> Result<(), BenchError> {
        let (mut asked, mut answered) = (who.start, 0);
        let what = request.words();
        let mut last = Instant::now();
        while answered < who.len() {
            while asked < who.end && asked - who.start - answered < self.goal.at_once {
                self.ask(asked, request)?;
                asked += 1;
            }
            let mut failed = None;
            let users = self.users;
            let before = answered;
            self.turn(TURN, &mut |n, news| match news {
                News::Said(Said::Done) if who.contains(&n) => answered += 1,
                News::Said(Said::Refused(answer)) => {
                    let answer = String::from_utf8_lossy(answer).into_owned();
                    failed.get_or_insert(BenchError::Refused { user: users[n].name.clone(), what, answer });
                }
                News::Ended(why) => {
                    let (user, why) = (users[n].name.clone(), why.to_owned());
                    failed.get_or_insert(BenchError::Closed { user, what, why });
                }
                News::Said(_) => {}
            })?;
            if let Some(failed) = failed {
                return Err(failed);
            }
            if answered > before {
                last = Instant::now();
            }
            if last.elapsed() > self.goal.patience {
                let seconds = self.goal.patience.as_secs();
                return Err(BenchError::Late { what, done: answered, of: who.len(), seconds });
            }
        }
        Ok(())
    }

    /// Waits until everything that was said to these clients has arrived.
    ///
    /// # Errors
    /// As [`Fleet::each_asks`].
    pub(crate) fn catch_up(&mut self, who: Range<usize>) -> Result<(), BenchError> {
        self.each_asks(who, Request::Ping)
    }
}
