//! Byte sequences that begin as a client's and are bent at random: at every stage of both transports.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::raw::{BINARY, CONTINUES, PING, Raw, TEXT, TEXT_BEGINS, frame, header, upgrade_request};
use super::{MIB, Target};
use crate::client::{Client, Polling, head};
use crate::support::sized;

/// Random numbers that a seed repeats (xorshift64*).
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }

    /// Bends bytes in one place, or not at all.
    fn bend(&mut self, bytes: &mut Vec<u8>) {
        let at = self.roll(bytes.len() + 1);
        match self.roll(8) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, self.roll(256) as u8),
            2 => bytes.extend_from_within(at..),
            3 => drop(bytes.drain(at..(at + self.roll(16)).min(bytes.len()))),
            4 | 5 if at < bytes.len() => bytes[at] = self.roll(256) as u8,
            _ => {}
        }
    }
}

/// Engine.IO packets as text, most of them valid at some time.
const PACKETS: [&str; 18] = [
    "0",
    "1",
    "2",
    "3",
    "5",
    "6",
    "2probe",
    "40",
    "40/none,",
    "41",
    r#"42["echo",1]"#,
    r#"427["echo","é",{"a":[]}]"#,
    r#"451-["echo",{"_placeholder":true,"num":0}]"#,
    r#"42["join","room"]"#,
    r#"42["emit","room",1]"#,
    r#"42["broadcast",null]"#,
    "43999[1]",
    r#"42["echo",[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"#,
];

fn frames(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..1 + dice.roll(12) {
        let packet = dice.pick(&PACKETS).as_bytes();
        let mut next = match dice.roll(12) {
            0 => frame(BINARY, packet),
            1 => frame(PING, &packet[..packet.len().min(125)]),
            2 => [frame(TEXT_BEGINS, packet), frame(PING, b""), frame(0x80 | CONTINUES, b"")].concat(),
            3 => frame(0x88, &[0x03, 0xe8 + dice.roll(20) as u8]),
            4 => frame(TEXT, &vec![b'4'; 1 << dice.roll(17)]),
            5 => header(*dice.pick(&[TEXT, BINARY, PING, CONTINUES]), 1 << dice.roll(40)),
            _ => frame(TEXT, packet),
        };
        if dice.roll(3) == 0 {
            dice.bend(&mut next);
        }
        bytes.extend(next);
    }
    bytes
}

fn request(dice: &mut Dice, sid: &str) -> Vec<u8> {
    let path = format!("/socket.io/?EIO=4&transport=polling{sid}");
    let body = (0..dice.roll(6)).map(|_| *dice.pick(&PACKETS)).collect::<Vec<_>>().join("\u{1e}");
    let length = body.len() + dice.roll(3) * dice.roll(100);
    let mut bytes = match dice.roll(6) {
        0 => head("GET", &path, "").into_bytes(),
        1 => head("OPTIONS", &path, "origin: http://page.test\r\n").into_bytes(),
        2 => upgrade_request(sid).into_bytes(),
        3 => format!(
            "{}{:x}\r\n{body}\r\n0\r\n\r\n",
            head("POST", &path, "transfer-encoding: chunked\r\n"),
            body.len()
        )
        .into_bytes(),
        _ => format!("{}{body}", head("POST", &path, &format!("content-length: {length}\r\n"))).into_bytes(),
    };
    dice.bend(&mut bytes);
    bytes
}

/// One client: a stage that is reached as it should be, then bytes.
async fn play(url: &str, mut dice: Dice) {
    let (mut stream, bytes) = match dice.roll(6) {
        0 => (Raw::tcp(url, None).await, [request(&mut dice, ""), frames(&mut dice)].concat()),
        1 => (Raw::open(url).await.into_tcp(), frames(&mut dice)),
        2 | 3 => (Raw::join(url, None).await.into_tcp(), frames(&mut dice)),
        4 => {
            let sid = format!("&sid={}", Polling::open(url).await.sid);
            let requests = [request(&mut dice, &sid), request(&mut dice, &sid)];
            (Raw::tcp(url, None).await, requests.concat())
        }
        _ => {
            let sid = format!("&sid={}", Polling::open(url).await.sid);
            let mut socket = Raw::upgrade(url, &sid, None).await;
            if dice.roll(2) == 0 {
                socket.text("2probe").await;
            }
            (socket.into_tcp(), frames(&mut dice))
        }
    };
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at((1 + dice.roll(2000)).min(rest.len()));
        if stream.write_all(now).await.is_err() {
            return;
        }
        rest = later;
        tokio::task::yield_now().await;
    }
    // Some hang up at once, some read what comes, some wait.
    let mut chunk = [0; 4096];
    match dice.roll(3) {
        0 => {}
        1 => while let Ok(Ok(1..)) = timeout(Duration::from_millis(50), stream.read(&mut chunk)).await {},
        _ => tokio::time::sleep(Duration::from_millis(50)).await,
    }
}

/// `STORM_SEED` plays the same again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_bent_at_random_do_no_harm() {
    let seed = std::env::var("STORM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        now.as_nanos() as u64 | 1
    });
    println!("STORM_SEED={seed}");
    let target = Target::start(&[]).await;
    let deadline = Instant::now() + Duration::from_secs(sized(10, 60) as u64);
    let attack = join_all((0..16).map(|number| {
        let (url, mut dice) = (target.url().to_owned(), Dice(seed.wrapping_mul(2 * number + 1)));
        tokio::spawn(async move {
            for _ in 0..sized(50, 2_000) {
                let next = Dice((dice.roll(1 << 30) as u64) << 8 | 1);
                play(&url, next).await;
                if Instant::now() > deadline {
                    return;
                }
            }
        })
    }));
    let (ended, growth) = target.under(attack).await;
    ended.into_iter().for_each(|ended| ended.expect("the node lets clients in"));
    growth.is_at_most(64 * MIB);
    target.settles(growth).await;
    assert!(target.metric("fanfare_protocol_errors_total").await > 0, "the sequences were not bent enough");
    Client::connect(target.url()).await.ask("echo").await;
    target.end().await;
}
