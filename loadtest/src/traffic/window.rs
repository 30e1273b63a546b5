//! A closed loop's window: at most W messages of one publisher in flight, sliding in order. Pure.

/// One publisher's messages in flight. Message `n` uses slot `n % W`; it may be sent when message `n - W` is complete.
#[derive(Debug)]
pub(crate) struct Window {
    slots: Vec<Slot>,
    /// Number of messages sent: also the next sequence number.
    sent: u64,
    /// Number of receipts that complete a message.
    needed: u32,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    sequence: u64,
    /// Receipts still to come; 0 when the slot is free.
    awaited: u32,
}

impl Window {
    /// A window of `width` messages, each complete after `needed` receipts.
    pub(crate) fn new(width: u32, needed: u32) -> Self {
        Self { slots: vec![Slot::default(); width as usize], sent: 0, needed }
    }

    /// Takes the next sequence number if the window has room for a message and a receiver is left.
    pub(crate) fn send(&mut self) -> Option<u64> {
        let sequence = self.sent;
        let needed = self.needed;
        let slot = self.slot(sequence);
        if slot.awaited > 0 || needed == 0 {
            return None;
        }
        *slot = Slot { sequence, awaited: needed };
        self.sent += 1;
        Some(sequence)
    }

    /// Notes one receipt of a message; true if that completed it. Receipts of a message given up count for nothing.
    pub(crate) fn received(&mut self, sequence: u64) -> bool {
        let slot = self.slot(sequence);
        if slot.sequence != sequence || slot.awaited == 0 {
            return false;
        }
        slot.awaited -= 1;
        slot.awaited == 0
    }

    /// Whether anything is in flight.
    pub(crate) fn is_waiting(&self) -> bool {
        self.slots.iter().any(|slot| slot.awaited > 0)
    }

    /// Stops waiting for what is in flight, because it will not come.
    pub(crate) fn give_up(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.awaited = 0);
    }

    /// Messages from now on need this many receipts; after 0 nothing is sent any more.
    pub(crate) fn set_needed(&mut self, needed: u32) {
        self.needed = needed;
    }

    fn slot(&mut self, sequence: u64) -> &mut Slot {
        let index = sequence % self.slots.len() as u64;
        &mut self.slots[index as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_width_is_ever_in_flight() {
        let mut window = Window::new(2, 1);
        assert_eq!((window.send(), window.send(), window.send()), (Some(0), Some(1), None));
        assert!(window.received(1));
        assert_eq!(window.send(), None, "the window slides in order: message 2 waits for message 0");
        assert!(window.received(0));
        assert_eq!((window.send(), window.send(), window.send()), (Some(2), Some(3), None));
    }

    #[test]
    fn a_message_is_complete_when_every_receiver_has_it() {
        let mut window = Window::new(1, 3);
        window.send();
        assert!(!window.received(0) && !window.received(0) && window.is_waiting());
        assert!(window.received(0) && !window.is_waiting());
    }

    #[test]
    fn receipts_of_a_message_given_up_do_not_count_for_its_successor() {
        let mut window = Window::new(1, 2);
        window.send();
        window.give_up();
        assert_eq!(window.send(), Some(1));
        assert!(!window.received(0) && !window.received(1));
        assert!(window.received(1));
    }
}
