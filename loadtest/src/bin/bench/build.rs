//! A build of `fanfare`: the program, and how a node of it is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::free_port;

/// A program that was found to be a `fanfare`.
#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) program: PathBuf,
    /// The answer to `--version`.
    pub(crate) version: String,
}

impl Build {
    /// The build at this path, a file or the folder it is in, given with `option`. Fails unless it runs and says that
    /// it is a `fanfare`.
    pub(crate) fn find(option: &str, path: &Path) -> Result<Self, String> {
        let fault = |reason: &str| format!("{option} {}: {reason}", path.display());
        let program = match path.is_dir() {
            false => path.to_owned(),
            true => ["fanfare", "release/fanfare"]
                .into_iter()
                .map(|name| path.join(name))
                .find(|program| program.is_file())
                .ok_or_else(|| fault("there is no `fanfare` in this folder"))?,
        };
        // A name without a slash would be searched for among the programs of the system.
        let program = fs::canonicalize(program).map_err(|error| fault(&error.to_string()))?;
        let output = Command::new(&program)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| fault(&format!("it cannot be run: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.lines().next().unwrap_or_default();
        if !output.status.success() || !version.starts_with("fanfare") {
            return Err(fault("it is not a build of fanfare: it does not answer --version with its name"));
        }
        Ok(Self { program, version: version.to_owned() })
    }

    /// Whether both are the same bytes, so that only noise can be measured.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let read = |build: &Self| fs::read(&build.program).ok();
        read(self).is_some_and(|bytes| read(other) == Some(bytes))
    }
}

/// The command of a node of `program`. Only options that older builds have too.
pub(crate) fn node(
    program: &Path,
    port: u16,
    reactors: Option<&str>,
    broker: Option<&str>,
) -> Result<Command, String> {
    let mut command = Command::new(program);
    command.arg("serve").arg("--listen").arg(format!("127.0.0.1:{port}"));
    command.arg("--ops-listen").arg(format!("127.0.0.1:{}", free_port()?));
    command.args(reactors.iter().flat_map(|reactors| ["--reactors", reactors]));
    command.args(broker.iter().flat_map(|url| ["--nats", url]));
    Ok(command)
}
