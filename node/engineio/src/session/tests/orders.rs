//! Any order of events: requests, packets, probes, pauses, the clock and the end.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Event {
    Get,
    Flush { has_messages: bool },
    Post,
    PostBody,
    PostHandled,
    PostFailed,
    Packet(&'static str),
    Garbage,
    Probe,
    ProbePacket(&'static str),
    ProbeFailed,
    Pause,
    Release,
    Wait { ms: u64 },
    Deadline,
    Leave,
    Close(Farewell),
    End,
}

fn event() -> impl Strategy<Value = Event> {
    let farewells = [Farewell::Owed, Farewell::Prompt, Farewell::Refusal];
    prop_oneof![
        4 => Just(Event::Get),
        2 => any::<bool>().prop_map(|has_messages| Event::Flush { has_messages }),
        3 => Just(Event::Post),
        2 => Just(Event::PostBody),
        2 => Just(Event::PostHandled),
        1 => Just(Event::PostFailed),
        4 => proptest::sample::select(&["1", "2", "3", "4x", "5", "6", "0{}"][..]).prop_map(Event::Packet),
        1 => Just(Event::Garbage),
        2 => Just(Event::Probe),
        4 => proptest::sample::select(&["2probe", "5", "4x"][..]).prop_map(Event::ProbePacket),
        1 => Just(Event::ProbeFailed),
        1 => Just(Event::Pause),
        1 => Just(Event::Release),
        2 => (0..30_000_u64).prop_map(|ms| Event::Wait { ms }),
        3 => Just(Event::Deadline),
        1 => Just(Event::Leave),
        1 => proptest::sample::select(farewells.to_vec()).prop_map(Event::Close),
        1 => Just(Event::End),
    ]
}

/// A session with everything that its owner keeps count of.
struct Owner {
    session: Tested,
    now: Instant,
    /// GETs that were handed in and are not answered yet.
    waiting: BTreeSet<u32>,
    next: u32,
    was_open: bool,
    was_upgraded: bool,
}

impl Owner {
    fn answered(&mut self, get: u32) {
        assert!(self.waiting.remove(&get), "{get} is answered twice");
    }

    fn close(&mut self, farewell: Farewell) {
        if let Some(closing) = self.session.close(farewell, self.now + TIMEOUT)
            && let Some((get, _)) = closing.get
        {
            self.answered(get);
        }
    }

    fn clock(&mut self) {
        let due = self.session.on_deadline(self.now);
        if due.timeout.is_some() || self.session.leaves_by().is_some_and(|by| self.now >= by) {
            self.close(Farewell::Prompt);
        }
    }

    fn get(&mut self) {
        self.next += 1;
        self.waiting.insert(self.next);
        match self.session.on_get(self.next) {
            GetDecision::Waits => assert!(self.session.is_open()),
            GetDecision::Last(get) => {
                assert!(!self.session.is_open());
                self.answered(get);
            }
            GetDecision::Refused(get, _) => self.answered(get),
            GetDecision::Overlap(get) => {
                self.answered(get);
                self.close(Farewell::Prompt);
            }
        }
    }

    fn play(&mut self, event: Event) {
        match event {
            Event::Get => self.get(),
            Event::Flush { has_messages } => {
                if let Some((get, control)) = self.session.take_get(has_messages) {
                    assert!(has_messages || !control.is_empty());
                    self.answered(get);
                }
            }
            Event::Post => {
                self.next += 1;
                if self.session.on_post(self.next) == Err(PostRejection::Overlap) {
                    self.close(Farewell::Prompt);
                }
            }
            Event::PostBody => assert!(!self.session.on_post_body() || self.session.is_open()),
            Event::PostHandled => self.session.on_post_handled(),
            Event::PostFailed => assert!(!self.session.on_post_failed() || self.session.is_open()),
            Event::Packet(packet) => {
                if self.session.on_packet(Ok(&text(packet)), self.now) == Meaning::Close {
                    self.session.release_get();
                    self.play(Event::Flush { has_messages: false });
                    self.close(Farewell::Prompt);
                }
            }
            Event::Garbage => {
                self.session.on_packet(Err(&PacketError::Empty), self.now);
                self.close(Farewell::Prompt);
            }
            Event::Probe => {
                if self.session.on_probe(self.now + INTERVAL) {
                    assert!(self.session.is_open() && !self.was_upgraded);
                }
            }
            Event::ProbePacket(packet) => self.probe_packet(packet),
            Event::ProbeFailed => {
                self.session.on_probe_failed();
                assert!(!self.session.is_probing());
            }
            Event::Pause => self.session.pause_excused(self.now + 10 * MS, self.now),
            Event::Release => self.session.release_get(),
            Event::Wait { ms } => self.now += Duration::from_millis(ms),
            Event::Deadline => {
                self.now = self.session.deadline().map_or(self.now, |deadline| deadline.max(self.now));
                self.clock();
            }
            Event::Leave => drop(self.session.leave_by(self.now + INTERVAL)),
            Event::Close(farewell) => self.close(farewell),
            // Its owner ends a session only that is closed, or whose client is gone.
            Event::End => {
                self.close(Farewell::Prompt);
                self.session.end();
            }
        }
    }

    fn probe_packet(&mut self, packet: &str) {
        let was_probing = self.session.is_probing();
        match self.session.on_probe_packet(Ok(&text(packet)), self.now) {
            ProbeStep::Upgraded(upgrade) => {
                assert!(was_probing && packet == "5");
                self.was_upgraded = true;
                if let Some(get) = upgrade.get {
                    self.answered(get);
                }
            }
            ProbeStep::Answer => assert!(was_probing && packet == "2probe"),
            ProbeStep::Failed => assert!(!self.session.is_probing()),
        }
    }

    /// Checks the invariants that hold after each event.
    fn check(&mut self) {
        let waiting: Vec<u32> = self.session.get_mut().map(|get| *get).into_iter().collect();
        assert_eq!(
            waiting,
            self.waiting.iter().copied().collect::<Vec<_>>(),
            "every GET waits or was answered"
        );
        assert!(self.was_open || !self.session.is_open(), "what was closed stays so");
        self.was_open = self.session.is_open();
        assert!(!(self.session.is_open() && self.session.is_closed()));
        assert_eq!(
            self.session.deadline().is_none(),
            self.session.is_closed(),
            "who is not closed has a deadline"
        );
        if self.was_upgraded {
            assert!(self.session.get_mut().is_none() && !self.session.is_probing(), "polling is over");
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_or_answered_twice_and_an_abandoned_session_ends(
        is_polling in any::<bool>(),
        is_protocol_3 in any::<bool>(),
        events in proptest::collection::vec(event(), 0..60),
    ) {
        let transport = if is_polling { TransportKind::Polling } else { TransportKind::WebSocket };
        let (mut session, now) = session(transport);
        if is_protocol_3 {
            let heartbeat = Heartbeat::awaiting_pings(now, INTERVAL, TIMEOUT);
            session = Session::new(transport, heartbeat, now + CONNECT);
        }
        let (waiting, was_upgraded) = (BTreeSet::new(), !is_polling);
        let mut owner = Owner { session, now, waiting, next: 0, was_open: true, was_upgraded };
        for event in events {
            owner.play(event);
            owner.check();
        }
        // Left alone, it ends after few deadlines, each later than the one before or with less left to do.
        for _ in 0..1_000 {
            owner.play(Event::Deadline);
            owner.check();
        }
        prop_assert!(owner.session.is_closed(), "{:?}", owner.session);
        prop_assert!(owner.waiting.is_empty());
    }
}
