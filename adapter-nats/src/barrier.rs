//! The barrier behind `synced`: proof that the NATS servers know what this bus subscribes to.
//!
//! A server acts on what comes over one connection in order, and it tells other servers of a subscription over the same
//! connection on which it passes messages on to them. So a message that was published after a subscription, and has got
//! somewhere, proves that every server on its way knows the subscription; it does not matter whether the servers are joined
//! by routes or as leaf nodes. A [call](Call) collects such proofs:
//!
//! * Of the own server. It says itself that nobody subscribes where this bus asks; or, if some program subscribes to
//!   everything, the [witness] hears this bus.
//! * Of each other server with buses on the prefix. One of these buses answers; which, is the caller's choice.
//!
//! Nothing is concluded from silence, except that a bus that keeps silent is not waited for again.

mod answering;
mod call;
mod witness;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_nats::{Client, Message, StatusCode, SubscribeError, Subscriber};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep_until};

use self::call::{Call, Outcome};
use self::witness::Witness;
use crate::dial::Dial;
use crate::peers::{Known, PeerId};
use crate::shared::Shared;

pub(crate) use self::answering::{Announcement, answer_calls};

/// The calling side.
pub(crate) struct Barrier {
    shared: Arc<Shared>,
    client: Client,
    dial: Arc<Dial>,
    /// Begins the subjects on which calls are answered; the rest says what is answered.
    inbox: String,
    answers: Subscriber,
    /// Opened when the server does not say by itself that it has got somewhere.
    witness: Option<Witness>,
    calls: u64,
    /// The next call also measures how long the own server takes to answer.
    measures: bool,
    /// The connection on which all buses were asked for their ids, and the server that it leads to.
    greeted: u64,
    server: Arc<str>,
}

/// Something that was heard while a call is under way, or after.
enum Heard {
    /// The own server has got as far as this call.
    OwnServer { call: u64 },
    /// A bus answers, and names others.
    Peer { call: u64, peer: Known, others: Vec<Known> },
    /// The server says that nobody subscribes where all buses do.
    NoPeers { call: u64 },
    /// The server says that this bus is not there.
    Gone { call: u64, peer: PeerId },
}

/// Kind of a question, as the last word of the subject that it is answered on.
enum Question {
    OwnServer,
    AllPeers,
    Peer(PeerId),
}

impl Barrier {
    pub(crate) async fn new(
        shared: Arc<Shared>,
        client: Client,
        dial: Arc<Dial>,
    ) -> Result<Self, SubscribeError> {
        let inbox = client.new_inbox();
        let answers = client.subscribe(format!("{inbox}.>")).await?;
        Ok(Self {
            shared,
            client,
            dial,
            inbox,
            answers,
            witness: None,
            calls: 0,
            measures: false,
            greeted: 0,
            server: "".into(),
        })
    }

    /// Tells the other buses where this one is, as each does from time to time.
    pub(crate) async fn announce(&mut self) {
        self.measures = true;
        self.shared.peers.lock().expire(Instant::now());
        // An error means that the client library is gone, and with it the bus.
        let _ = self.client.publish(self.shared.subjects.barrier(), self.announcement().into()).await;
    }

    /// Calls, and waits for the proofs. Says whether all came.
    pub(crate) async fn pass(&mut self) -> bool {
        let mut call = self.begin().await;
        let mut alarm = pin!(sleep_until(call.next_step()));
        while !self.shared.faults.is_mute() {
            self.ask_missing(&mut call).await;
            if call.is_over(&self.shared.peers.lock()) {
                return self.finish(&call);
            }
            tokio::select! {
                // What came before the time was up came in time.
                biased;
                heard = hear(&mut self.answers, &mut self.witness) => self.note(heard, &mut call),
                () = self.shared.peers_changed.notified() => {}
                () = self.shared.faults.changed() => {}
                () = &mut alarm => {
                    self.step(&mut call).await;
                    alarm.as_mut().reset(call.next_step());
                }
            }
        }
        false
    }

    async fn begin(&mut self) -> Call {
        self.calls += 1;
        let number = self.calls;
        let connection = self.client.statistics().connects.load(Ordering::Relaxed);
        let is_new = std::mem::replace(&mut self.greeted, connection) != connection;
        if is_new {
            self.server = self.client.server_info().server_id.into();
            // A node that was known may be elsewhere by now.
            self.shared.peers.lock().clear();
            self.ask(number, Question::AllPeers).await;
        }
        let silent = self.shared.peers.lock().silent_to_ask(Instant::now());
        for peer in silent {
            self.ask(number, Question::Peer(peer)).await;
        }
        let mut call = Call::new(number, self.server.clone(), is_new, Instant::now());
        let asks_others = self.ask_missing(&mut call).await || is_new;
        // Any answer proves it of the own server, too.
        if std::mem::take(&mut self.measures) || !asks_others {
            self.ask(number, Question::OwnServer).await;
        }
        call
    }

    /// Returns whether anybody was asked.
    async fn ask_missing(&self, call: &mut Call) -> bool {
        let missing = call.ask(&self.shared.peers.lock(), Instant::now());
        for peer in &missing {
            self.ask(call.number, Question::Peer(*peer)).await;
        }
        !missing.is_empty()
    }

    async fn ask(&self, call: u64, question: Question) {
        let subjects = &self.shared.subjects;
        let (subject, payload) = match &question {
            Question::OwnServer => match &self.witness {
                Some(witness) => (witness.subject.clone(), call.to_string()),
                None => (subjects.nobody(), String::new()),
            },
            Question::AllPeers => (subjects.barrier(), self.announcement()),
            Question::Peer(peer) => (subjects.barrier_of(*peer), String::new()),
        };
        let reply = format!("{}.{call}.{}", self.inbox, question.word());
        // An error means that the client library is gone, and with it the bus.
        let _ = self.client.publish_with_reply(subject, reply, payload.into()).await;
    }

    fn announcement(&self) -> String {
        let server = self.client.server_info().server_id;
        Announcement::Here(Known { id: self.shared.id, server: server.into() }).to_string()
    }

    /// The next time has come at which something is to be done about silence.
    async fn step(&mut self, call: &mut Call) {
        let now = Instant::now();
        if call.step(now) {
            if now >= call.began + self.shared.sync_timeout {
                self.shared.faults.did_not_come_back(&self.shared.subjects);
            }
            if self.witness.is_none() {
                // The message went to a program that subscribes to everything, or the server is slow.
                self.witness = Witness::open(&self.dial, &self.shared).await;
            }
            self.ask(call.number, Question::OwnServer).await;
        }
    }

    fn note(&self, heard: Heard, call: &mut Call) {
        let now = Instant::now();
        let (number, mut peers) = (heard.call(), self.shared.peers.lock());
        match heard {
            Heard::OwnServer { .. } if number == call.number => {
                self.shared.meters.round_trip_us.set(now.duration_since(call.began).as_micros() as u64);
            }
            Heard::OwnServer { .. } => {}
            Heard::Peer { peer, others, .. } => {
                others.into_iter().for_each(|other| peers.told_of(other, now));
                if number == call.number {
                    call.answered(&peer);
                }
                peers.answered(peer, now);
            }
            Heard::NoPeers { .. } => call.nobody_is_there(number),
            Heard::Gone { peer, .. } => peers.gone(peer),
        }
        if call.own_server_is_proven(number) {
            self.shared.faults.came_back();
        }
    }

    fn finish(&self, call: &Call) -> bool {
        let (now, mut peers) = (Instant::now(), self.shared.peers.lock());
        let Outcome { silent, is_complete } = call.finish(&peers, now);
        for peer in silent {
            if peers.silence(peer, now) {
                tracing::warn!(%peer, "another node does not answer: subscriptions no longer wait for it");
            }
        }
        is_complete
    }

    /// Notes answers that come after their call was over. Never ends while there is a client.
    pub(crate) async fn note_late(&mut self) {
        loop {
            if let Heard::Peer { peer, .. } = hear(&mut self.answers, &mut self.witness).await {
                self.shared.peers.lock().answered(peer, Instant::now());
            }
        }
    }
}

/// The next answer that can be read. Never ends when the client library has, which ends the bus.
async fn hear(answers: &mut Subscriber, witness: &mut Option<Witness>) -> Heard {
    loop {
        let echo = async {
            match witness {
                Some(witness) => witness.next_call().await,
                None => std::future::pending().await,
            }
        };
        let heard = tokio::select! {
            Some(message) = answers.next() => Heard::read(&message),
            call = echo => Some(Heard::OwnServer { call }),
        };
        if let Some(heard) = heard {
            return heard;
        }
    }
}

impl Question {
    fn word(&self) -> String {
        match self {
            Self::OwnServer => "own".into(),
            Self::AllPeers => "all".into(),
            Self::Peer(peer) => peer.to_string(),
        }
    }

    fn read(word: &str) -> Option<Self> {
        match word {
            "own" => Some(Self::OwnServer),
            "all" => Some(Self::AllPeers),
            peer => Some(Self::Peer(peer.parse().ok()?)),
        }
    }
}

impl Heard {
    fn read(message: &Message) -> Option<Self> {
        let mut words = message.subject.rsplitn(3, '.');
        let (question, call) = (Question::read(words.next()?)?, words.next()?.parse().ok()?);
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return Some(match question {
                Question::OwnServer => Self::OwnServer { call },
                Question::AllPeers => Self::NoPeers { call },
                Question::Peer(peer) => Self::Gone { call, peer },
            });
        }
        let mut known = Known::read_all(std::str::from_utf8(&message.payload).ok()?);
        Some(Self::Peer { call, peer: known.next()?, others: known.collect() })
    }

    fn call(&self) -> u64 {
        match self {
            Self::OwnServer { call }
            | Self::Peer { call, .. }
            | Self::NoPeers { call }
            | Self::Gone { call, .. } => *call,
        }
    }
}
