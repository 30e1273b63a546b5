//! The move of a parked session from one place to another: claim, seat, fence, cut, fence, take over.

use super::clients::Frame;
use super::world::{Item, Message, Place, Resident, World};
use crate::recovery::{HandOver, Memberships, Position, Session};

pub(super) struct Move {
    session: usize,
    from: Place,
    to: Place,
    /// The connection that waits for the session, and the offset of its client.
    client: Option<(usize, Option<Position>)>,
    /// Nodes that have not answered the question under way.
    awaited: usize,
    hand_over: Option<HandOver<Frame>>,
    is_cut: bool,
    /// The old place has the session back.
    is_released: bool,
}

/// A node passes its lanes one after the other: whatever it began to emit before is in all mailboxes, and published.
pub(super) struct Fence {
    node: usize,
    lane: usize,
    of: usize,
}

impl World {
    /// A session without a client moves for another reason: its node drains.
    pub(super) fn move_a_parked_session(&mut self) {
        let session = self.rng.below(self.clients.len());
        let (node, shard) = self.clients[session].place;
        let to = self.some_place();
        let resident = self.nodes[node].shards[shard].residents.get(&session);
        let is_parked = resident.is_some_and(|resident| resident.session.is_parked());
        if is_parked && !self.clients[session].is_claimed && to != (node, shard) {
            self.clients[session].is_claimed = true;
            self.begin_move(session, to, None);
        }
    }

    pub(super) fn begin_move(
        &mut self,
        session: usize,
        to: Place,
        client: Option<(usize, Option<Position>)>,
    ) {
        let from = self.clients[session].place;
        let number = self.moves.len();
        self.moves.push(Move {
            session,
            from,
            to,
            client,
            awaited: 0,
            hand_over: None,
            is_cut: false,
            is_released: false,
        });
        self.send(to.0, from, Item::Claim(number));
    }

    /// At the old place: the client is cut off if it is connected, and the rooms do not change any more.
    pub(super) fn claim(&mut self, number: usize) {
        let Move { session, from, to, client, .. } = self.moves[number];
        let shard = &mut self.nodes[from.0].shards[from.1];
        let Some(resident) = shard.residents.get_mut(&session) else {
            return self.fail(|| "the directory is wrong".to_owned());
        };
        let last = shard.logs.last();
        resident.connection = None;
        resident.session.park(last);
        if let Some((_, Some(offset))) = client {
            resident.session.acknowledge(offset, last);
        }
        self.send(from.0, to, Item::Seat(number));
    }

    /// At the new place: from now on the log takes what concerns the session.
    pub(super) fn seat(&mut self, number: usize) {
        let Move { session, to, .. } = self.moves[number];
        let rooms = self.clients[session].rooms.clone();
        if !self.rules.seat_before_fence {
            self.ask_for_fences(number);
        }
        let shard = &mut self.nodes[to.0].shards[to.1];
        let last = if self.rules.seats_have_positions { shard.logs.advance() } else { shard.logs.last() };
        let mut seated = Session::new(Memberships::new(last, rooms.iter().cloned()));
        seated.park(last);
        let seated_for = Some(number);
        shard.residents.insert(session, Resident { session: seated, connection: None, seated_for });
        for key in rooms.into_iter().map(Some).chain([None]) {
            self.enter(to, key);
        }
        if self.rules.seat_before_fence {
            self.ask_for_fences(number);
        }
    }

    /// Asks the own node, and all nodes if the session comes from another one. The question follows the subscriptions of the
    /// seat, so whoever answers sends the new place everything from then on.
    fn ask_for_fences(&mut self, number: usize) {
        let Move { from, to, is_cut, .. } = self.moves[number];
        let is_spared =
            if is_cut { !self.rules.fence_before_take_over } else { !self.rules.fence_before_cut };
        self.moves[number].awaited = if from.0 == to.0 { 1 } else { self.nodes.len() };
        if is_spared {
            self.moves[number].awaited = 1;
            return self.answer_fence(to.0, number);
        }
        self.fence(to.0, number);
        if from.0 != to.0 {
            self.tell_all(to.0, || Message::FenceAsk(number));
        }
    }

    /// A node was asked for a fence.
    pub(super) fn fence(&mut self, node: usize, number: usize) {
        self.fences.push(Fence { node, lane: 0, of: number });
    }

    pub(super) fn advance_a_fence(&mut self) {
        if self.fences.is_empty() {
            return;
        }
        let at = self.rng.below(self.fences.len());
        let Fence { node, lane, of } = &mut self.fences[at];
        if *lane < self.nodes[*node].lanes.len() {
            // The lock is free, or the fence waits for it. Without locks there is nothing to wait for.
            if self.nodes[*node].lanes[*lane].dispatches.is_empty() || !self.rules.lanes_are_locked {
                *lane += 1;
            }
            return;
        }
        let (node, number) = (*node, *of);
        self.fences.swap_remove(at);
        self.answer_fence(node, number);
    }

    /// Answers the old place before the cut, and the new place after it: behind everything that was emitted before.
    fn answer_fence(&mut self, node: usize, number: usize) {
        let Move { from, to, is_cut, .. } = self.moves[number];
        let to = if is_cut { to.0 } else { from.0 };
        if node == to {
            self.fenced(number);
        } else {
            self.tell(node, to, Message::FenceAnswer(number));
        }
    }

    pub(super) fn fenced(&mut self, number: usize) {
        let moved = &mut self.moves[number];
        moved.awaited -= 1;
        if moved.awaited > 0 || moved.is_released {
            return;
        }
        let (place, item) = match moved.is_cut {
            false => (moved.from, Item::Cut(number)),
            true => (moved.to, Item::TakeOver(number)),
        };
        self.send(place.0, place, item);
    }

    /// The session leaves the old place.
    pub(super) fn cut(&mut self, number: usize) {
        let Move { session, from, to, is_released, .. } = self.moves[number];
        if is_released {
            return;
        }
        let shard = &mut self.nodes[from.0].shards[from.1];
        let Some(resident) = shard.residents.remove(&session) else {
            return self.fail(|| "cut twice".to_owned());
        };
        let hand_over = resident.session.hand_over(&shard.logs, shard.marks.clone());
        self.moves[number].is_cut = true;
        for key in self.clients[session].rooms.clone().into_iter().map(Some).chain([None]) {
            self.leave(from, key);
        }
        if from.0 == to.0 {
            self.handed_over(number, hand_over);
        } else {
            self.tell(from.0, to.0, Message::HandOver(number, Box::new(hand_over)));
        }
    }

    /// The new place has waited for too long. Only the old place can say whether it is too late.
    pub(super) fn give_up_a_move(&mut self) {
        if !self.moves.is_empty() {
            let number = self.rng.below(self.moves.len());
            let Move { from, to, .. } = self.moves[number];
            self.send(to.0, from, Item::Release(number));
        }
    }

    /// At the old place: the session stays, unless it has left. Who has claimed it may do so again.
    pub(super) fn release(&mut self, number: usize) {
        let Move { session, from, to, client, is_cut, is_released, .. } = self.moves[number];
        if is_cut || is_released {
            return;
        }
        self.moves[number].is_released = true;
        self.clients[session].is_claimed = false;
        if let Some((connection, _)) = client {
            self.try_again(session, connection, to);
        }
        self.send(from.0, to, Item::Unseat(number));
        self.played.released += 1;
    }

    /// At the new place, which will not have the session.
    pub(super) fn unseat(&mut self, number: usize) {
        let Move { session, to, .. } = self.moves[number];
        let residents = &mut self.nodes[to.0].shards[to.1].residents;
        // It may be there for a later move by now, from another place.
        if residents.get(&session).is_some_and(|resident| resident.seated_for == Some(number)) {
            residents.remove(&session);
        }
        for key in self.clients[session].rooms.clone().into_iter().map(Some).chain([None]) {
            self.leave(to, key);
        }
    }

    /// The node of the new place has got everything.
    pub(super) fn handed_over(&mut self, number: usize, mut hand_over: HandOver<Frame>) {
        if !self.rules.marks_filter {
            hand_over.marks = Default::default();
        }
        self.moves[number].hand_over = Some(hand_over);
        self.ask_for_fences(number);
    }

    /// The session is at the new place.
    pub(super) fn take_over(&mut self, number: usize) {
        let Move { session, to, client, .. } = self.moves[number];
        let hand_over = self.moves[number].hand_over.take();
        let shard = &mut self.nodes[to.0].shards[to.1];
        let (Some(hand_over), Some(resident)) = (hand_over, shard.residents.get_mut(&session)) else {
            return self.fail(|| "nothing to take over".to_owned());
        };
        let mut own = shard.marks.clone();
        resident.session.take_over(hand_over, &shard.logs, &mut own);
        if self.rules.marks_are_inherited {
            shard.marks = own;
        }
        self.clients[session].place = to;
        self.played.moves += 1;
        match client {
            Some((connection, offset)) => self.resume(to, session, connection, offset),
            None => self.clients[session].is_claimed = false,
        }
    }
}
