//! Ids of other nodes' sockets in whose rooms this node has members. The node announces them, so that emits to these
//! ids come here too, and knows which announcements the others have confirmed.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::ids::SocketId;

/// Ids that are announced one by one, some 22 bytes each in every heartbeat. A node with more of them announces only
/// their number, and gets a copy of every emit to any id.
pub const LISTED_MAX: usize = 1024;

/// Ids that a node has borrowed.
#[derive(Debug, Default)]
pub struct Borrowed {
    ids: Mutex<Ids>,
    /// The last change that all other nodes have confirmed.
    confirmed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Ids {
    /// Number of namespaces in which the room of each id has members.
    rooms: HashMap<SocketId, u32>,
    /// Counts the changes that others have to know.
    change: u64,
    /// The last change that others were asked to confirm.
    asked: u64,
}

/// Announcement of the borrowed ids to the other nodes.
#[derive(Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Number of ids.
    pub count: u64,
    /// All of them; empty if there are too many.
    pub ids: Vec<String>,
    /// The change that the others have to confirm, if they were not asked to yet.
    pub to_confirm: Option<u64>,
}

impl Borrowed {
    /// Notes the first member of a room of this name in a namespace. Returns true if the others have to be told.
    pub fn enter(&self, id: SocketId) -> bool {
        let mut ids = self.ids.lock();
        *ids.rooms.entry(id).or_default() += 1;
        let is_new = ids.rooms[&id] == 1;
        // One more than can be listed is told as such; of any further one the others need not know.
        let is_news = is_new && ids.rooms.len() <= LISTED_MAX + 1;
        ids.change += u64::from(is_news);
        is_news
    }

    /// A room of this name has lost its last member in a namespace. The others learn of it in time: until then they
    /// send messages here in vain.
    pub fn leave(&self, id: SocketId) {
        let mut ids = self.ids.lock();
        if let Some(count) = ids.rooms.get_mut(&id) {
            *count -= 1;
            if *count == 0 {
                ids.rooms.remove(&id);
            }
        }
    }

    /// Returns the announcement that is due now.
    pub fn announce(&self) -> Announcement {
        let mut ids = self.ids.lock();
        let to_confirm = (ids.change > ids.asked).then_some(ids.change);
        ids.asked = ids.change;
        let is_listed = ids.rooms.len() <= LISTED_MAX;
        Announcement {
            count: ids.rooms.len() as u64,
            ids: ids.rooms.keys().filter(|_| is_listed).map(ToString::to_string).collect(),
            to_confirm,
        }
    }

    /// Notes that all others know of this change, or have been waited for long enough.
    pub fn confirm(&self, change: u64) {
        self.confirmed.send_if_modified(|confirmed| {
            let is_later = *confirmed < change;
            *confirmed = change.max(*confirmed);
            is_later
        });
    }

    /// Releases everybody that waits for the changes so far.
    pub fn give_up(&self) {
        let change = self.ids.lock().change;
        self.confirm(change);
    }

    /// Waits until everything entered so far is confirmed.
    pub async fn confirmed(&self) {
        let change = self.ids.lock().change;
        if *self.confirmed.borrow() < change {
            // The sender lives as long as this.
            let _ = self.confirmed.subscribe().wait_for(|confirmed| *confirmed >= change).await;
        }
    }
}

#[cfg(test)]
mod tests;
