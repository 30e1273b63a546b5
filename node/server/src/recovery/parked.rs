//! Sessions without a client, until it comes back or their time is up.

use std::collections::VecDeque;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::pid::Pid;

/// Sessions that wait for their clients, bounded in number and time.
#[derive(Debug)]
pub struct ParkedSessions<S> {
    sessions: FxHashMap<Pid, (u64, S)>,
    /// In the order of parking, with those that were taken since.
    order: VecDeque<(Duration, u64, Pid)>,
    tickets: u64,
    sessions_max: usize,
    age: Duration,
}

impl<S> ParkedSessions<S> {
    /// No session yet; at most `sessions_max`, each for `age`.
    pub fn new(sessions_max: usize, age: Duration) -> Self {
        Self { sessions: FxHashMap::default(), order: VecDeque::new(), tickets: 0, sessions_max, age }
    }

    /// Number of sessions.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Parks a session. Returns those that must end for it: the oldest if there are too many, or one that had the same id.
    pub fn park(&mut self, pid: Pid, session: S, now: Duration) -> Vec<S> {
        self.tickets += 1;
        let before = self.sessions.insert(pid, (self.tickets, session));
        self.order.push_back((now, self.tickets, pid));
        let mut ended: Vec<S> = before.map(|(_, session)| session).into_iter().collect();
        while self.sessions.len() > self.sessions_max
            && let Some((_, ticket, pid)) = self.order.pop_front()
        {
            ended.extend(self.remove(pid, ticket));
        }
        if self.order.len() > 2 * self.sessions.len() + 16 {
            let sessions = &self.sessions;
            self.order.retain(|(_, ticket, pid)| sessions.get(pid).is_some_and(|(own, _)| own == ticket));
        }
        ended
    }

    /// Takes a session out: nobody else will have it.
    pub fn take(&mut self, pid: Pid) -> Option<S> {
        self.sessions.remove(&pid).map(|(_, session)| session)
    }

    /// Takes out the sessions whose time is up.
    pub fn expire(&mut self, now: Duration) -> Vec<S> {
        let mut ended = Vec::new();
        while let Some(&(at, ticket, pid)) = self.order.front()
            && at + self.age <= now
        {
            self.order.pop_front();
            ended.extend(self.remove(pid, ticket));
        }
        ended
    }

    fn remove(&mut self, pid: Pid, ticket: u64) -> Option<S> {
        let is_it = self.sessions.get(&pid).is_some_and(|(own, _)| *own == ticket);
        is_it.then(|| self.take(pid)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::NodeTag;

    const AGE: Duration = Duration::from_secs(120);

    fn second(at: u64) -> Duration {
        Duration::from_secs(at)
    }

    fn pid() -> Pid {
        Pid::generate(NodeTag::random(), 0)
    }

    #[test]
    fn a_session_is_taken_once() {
        let mut parked = ParkedSessions::new(10, AGE);
        let one = pid();
        assert!(parked.park(one, "one", second(0)).is_empty());
        assert_eq!(parked.take(one), Some("one"));
        assert_eq!(parked.take(one), None);
        assert!(parked.expire(second(1_000)).is_empty());
    }

    #[test]
    fn a_session_expires_by_the_time_of_its_last_parking() {
        let mut parked = ParkedSessions::new(10, AGE);
        let (one, two) = (pid(), pid());
        parked.park(one, "one", second(0));
        parked.park(two, "two", second(1));
        parked.take(one);
        parked.park(one, "one again", second(100));
        assert_eq!(parked.expire(second(120)), Vec::<&str>::new());
        assert_eq!(parked.expire(second(121)), ["two"]);
        assert_eq!(parked.expire(second(219)), Vec::<&str>::new());
        assert_eq!(parked.expire(second(220)), ["one again"]);
        assert_eq!(parked.len(), 0);
    }

    #[test]
    fn the_oldest_make_room_and_taken_ones_leave_nothing_behind() {
        let mut parked = ParkedSessions::new(2, AGE);
        let pids: Vec<Pid> = (0..3).map(|_| pid()).collect();
        assert!(parked.park(pids[0], 0, second(0)).is_empty());
        assert!(parked.park(pids[1], 1, second(1)).is_empty());
        assert_eq!(parked.park(pids[2], 2, second(2)), [0]);
        assert_eq!(parked.park(pids[2], 20, second(3)), [2], "the same id once more");
        for again in 0..1_000 {
            parked.take(pids[1]);
            parked.park(pids[1], again, second(4));
        }
        assert!(parked.order.len() <= 20, "{}", parked.order.len());
    }
}
