//! Which lines of the log are written: `tracing` directives, read more strictly than `tracing-subscriber` reads them.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The client library of NATS. It logs each event at INFO and each failure at ERROR, again and again.
const NATS_CLIENT: &str = "async_nats";

/// The filter for directives such as `info` or `info,fanfare=debug`. A word alone must be a level: `tracing-subscriber`
/// takes any other for the name of a module, of which it then writes everything, and of all others nothing.
pub fn filter(directives: &str) -> Result<EnvFilter, String> {
    let directives: Vec<&str> = directives.split(',').map(str::trim).collect();
    let is_word = |directive: &&&str| !directive.contains(['=', '[']);
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    if let Some(word) = directives.iter().filter(is_word).find(|word| !is_level(word)) {
        return Err(format!(
            "{word:?} is not a level: write error, warn, info, debug, trace or off, and for single modules directives \
             such as info,fanfare=debug"
        ));
    }
    let mut directives = directives.join(",");
    if !directives.contains(NATS_CLIENT) {
        directives += &format!(",{NATS_CLIENT}=off");
    }
    EnvFilter::try_new(&directives).map_err(|error| format!("{directives:?} cannot be read: {error}"))
}
