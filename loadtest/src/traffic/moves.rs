//! Members that join, leave, are cut off, come back, and stop reading, while the traffic goes on.

use serde::Deserialize;

use super::Traffic;
use super::member::Membership;
use crate::client::{CloseReason, Stage};
use crate::swarm::{ClientId, Swarm};

/// Answer to CONNECT of a server that can recover sessions.
#[derive(Deserialize)]
struct Greeting {
    #[serde(default)]
    pid: String,
}

impl Traffic {
    /// Lets a client join its rooms; it is in them at once if there are none to join.
    pub(crate) fn join(&mut self, swarm: &mut Swarm, client: ClientId) {
        if !self.options.relay.has_rooms() {
            return self.enter(client);
        }
        let count = self.ask_to_move(swarm, client, "join");
        self.members[client].membership = Membership::Joining(count);
    }

    /// Lets a client leave its rooms; from now on it is owed nothing.
    pub(crate) fn leave(&mut self, swarm: &mut Swarm, client: ClientId) {
        self.depart(client);
        let count = self.ask_to_move(swarm, client, "leave");
        self.members[client].is_away = true;
        self.members[client].membership = Membership::Leaving(count);
    }

    fn ask_to_move(&mut self, swarm: &mut Swarm, client: ClientId, verb: &str) -> usize {
        let member = &self.members[client];
        for room in member.room_names() {
            self.text.clear();
            self.options.relay.write_move(verb, room, &mut self.text);
            swarm.send(client, &self.text);
        }
        member.room_names().count()
    }

    /// Notes that one join or leave was acknowledged.
    pub(super) fn moved(&mut self, swarm: &mut Swarm, client: ClientId) {
        let member = &mut self.members[client];
        match &mut member.membership {
            Membership::Joining(left) | Membership::Leaving(left) if *left > 1 => *left -= 1,
            Membership::Joining(_) => self.enter(client),
            Membership::Leaving(_) => {
                member.membership = Membership::Out;
                member.changed_ns = swarm.now_ns();
                self.left.push(client);
            }
            Membership::In | Membership::Out => {
                self.ledger.corrupt(client, b"(acknowledgement that was not asked for)")
            }
        }
    }

    /// Enters the client into the books: from now on it is owed what is sent to its rooms.
    fn enter(&mut self, client: ClientId) {
        let member = &mut self.members[client];
        member.membership = Membership::In;
        member.is_away = false;
        self.joined += usize::from(!member.is_known);
        member.is_known = true;
        for (index, sequence) in member.sequences_mut(self.channels_per_room) {
            let channel = &mut self.channels[index];
            sequence.begin(channel.sent);
            channel.members += 1;
            channel.set_needed(self.options.completion);
        }
    }

    /// Strikes the client from the books: from now on it is owed nothing, and what is under way is excused.
    fn depart(&mut self, client: ClientId) {
        self.leave_books(client, true);
    }

    fn leave_books(&mut self, client: ClientId, is_excused: bool) {
        let member = &mut self.members[client];
        if member.membership != Membership::In {
            member.membership = Membership::Out;
            return;
        }
        member.membership = Membership::Out;
        let is_slow = member.is_slow;
        for (index, sequence) in member.sequences_mut(self.channels_per_room) {
            let channel = &mut self.channels[index];
            match is_excused {
                true => self.ledger.accounts.expected -= sequence.end(channel.sent),
                false => sequence.abandon(channel.sent),
            }
            channel.members -= 1;
            channel.slow -= u32::from(is_slow);
            channel.set_needed(self.options.completion);
            if channel.publisher == client {
                channel.window.set_needed(0);
            }
        }
    }

    /// Notes that the tester is about to end this client's connection. With recovery, it stays owed what it will miss.
    pub(crate) fn send_away(&mut self, swarm: &mut Swarm, client: ClientId) {
        self.members[client].is_away = true;
        self.members[client].changed_ns = swarm.now_ns();
        let (session, offset) = (&self.members[client].session, &self.members[client].offset);
        // Before the first event there is nothing to recover from. A server that recovers nothing at all is held to it.
        let is_excused = !self.options.is_recovering || (!session.is_empty() && offset.is_empty());
        let auth = (!is_excused && !session.is_empty()).then(|| {
            let mut auth = self.options.auth.clone();
            let offset = String::from_utf8_lossy(offset);
            auth.extend([("pid".to_owned(), session.as_str().into()), ("offset".to_owned(), offset.into())]);
            serde_json::Value::from(auth).to_string().into_bytes()
        });
        swarm.set_auth(client, auth);
        if is_excused {
            self.depart(client);
        }
    }

    /// Reads the server's greeting; true if it took up the session again, so that there is nothing to join.
    pub(super) fn recognise(&mut self, client: ClientId, data: &[u8]) -> bool {
        let pid = serde_json::from_slice(data).map_or(String::new(), |greeting: Greeting| greeting.pid);
        let member = &mut self.members[client];
        if member.is_away && member.membership == Membership::In {
            if !pid.is_empty() && pid == member.session {
                member.is_away = false;
                self.recovery.recovered += 1;
                return true;
            }
            // What it missed meanwhile is lost.
            self.recovery.refused += 1;
            self.leave_books(client, false);
        }
        let member = &mut self.members[client];
        member.session = pid;
        member.offset.clear();
        false
    }

    /// Notes that a connection ended.
    pub(super) fn fell(&mut self, client: ClientId, stage: Stage, reason: &CloseReason) {
        let member = &self.members[client];
        if member.is_away {
            match stage {
                // It had left its rooms, but not the server.
                Stage::Ready => self.ledger.disconnected(client, &reason.to_string()),
                Stage::Closing => {}
                _ => self.ledger.failures += 1,
            }
            self.fallen.push(client);
        } else if member.is_slow {
            self.slow_disconnected += 1;
            self.depart(client);
        } else {
            self.ledger.disconnected(client, &reason.to_string());
            self.leave_books(client, false);
            self.wake_channels_of(client);
        }
    }

    /// Lets the windows of rooms with one member less go on without waiting for it.
    fn wake_channels_of(&mut self, client: ClientId) {
        let indexes: Vec<usize> =
            self.members[client].sequences(self.channels_per_room).map(|(index, _)| index).collect();
        for index in indexes {
            self.channels[index].window.give_up();
            self.mark_due(index as u32);
        }
    }

    /// Lets the client stop reading: no window waits for it any more, but as long as it stays connected it is owed
    /// everything.
    pub(crate) fn slow_down(&mut self, swarm: &mut Swarm, client: ClientId) {
        swarm.set_paused(client, true);
        self.members[client].is_slow = true;
        for (index, _) in self.members[client].sequences(self.channels_per_room) {
            self.channels[index].slow += 1;
            self.channels[index].set_needed(self.options.completion);
        }
        self.wake_channels_of(client);
    }

    pub(crate) fn membership(&self, client: ClientId) -> Membership {
        self.members[client].membership
    }

    /// Number of clients that the tester sent away or made leave and that are not back in their rooms.
    pub(crate) fn restless(&self) -> usize {
        self.members.iter().filter(|member| member.is_away).count()
    }

    pub(crate) fn is_away(&self, client: ClientId) -> bool {
        self.members[client].is_away
    }

    /// The clients that publish nothing.
    pub(crate) fn bystanders(&self, clients: usize) -> Vec<ClientId> {
        let mut is_publisher = vec![false; clients];
        self.channels.iter().for_each(|channel| is_publisher[channel.publisher] = true);
        (0..clients).filter(|client| !is_publisher[*client]).collect()
    }
}
