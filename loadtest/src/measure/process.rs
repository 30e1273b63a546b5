//! Processes as Linux reports them: processor time, resident memory, and how busy the whole machine was.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

/// The processor time a process used up to one moment, read in two ways.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuReading {
    /// Sum of `schedstat` over the threads alive: nanoseconds, but a thread that ends takes its time with it.
    alive_ns: Option<u64>,
    /// `utime + stime` of the process, in clock ticks (10 ms): coarse, but includes threads that ended.
    ticks: u64,
}

impl CpuReading {
    /// Reads process `pid` now.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Ok(Self { alive_ns: alive_ns(pid), ticks: ticks(&stat).ok_or(io::ErrorKind::InvalidData)? })
    }

    /// The processor time used since an `earlier` reading: the precise figure, unless the coarse one contradicts it.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let tick_ns = 1_000_000_000 / rustix::param::clock_ticks_per_second();
        let coarse = (self.ticks - earlier.ticks) * tick_ns;
        let precise = self.alive_ns.zip(earlier.alive_ns).and_then(|(now, then)| now.checked_sub(then));
        let is_credible = |precise: &u64| precise.abs_diff(coarse) <= 3 * tick_ns + coarse / 100;
        Duration::from_nanos(precise.filter(is_credible).unwrap_or(coarse))
    }
}

/// The resident memory of process `pid` in KiB. `smaps_rollup` is exact; `status`, for processes of another user, may
/// lag by some pages per core.
pub(crate) fn resident_kib(pid: u32) -> io::Result<u64> {
    let exact =
        fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok().and_then(|text| field(&text, "Rss:"));
    match exact {
        Some(kib) => Ok(kib),
        None => {
            let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
            field(&status, "VmRSS:").ok_or_else(|| io::ErrorKind::InvalidData.into())
        }
    }
}

/// The processor time all processes together used since the machine started.
pub(crate) fn machine_busy() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    // cpu user nice system idle iowait irq softirq steal …
    let ticks: Vec<u64> =
        stat.lines().next().unwrap_or("").split_whitespace().skip(1).flat_map(str::parse).collect();
    let busy: u64 =
        ticks.iter().enumerate().filter(|(index, _)| matches!(index, 0..=2 | 5..=7)).map(|(_, t)| t).sum();
    Ok(Duration::from_nanos(busy * (1_000_000_000 / rustix::param::clock_ticks_per_second())))
}

fn alive_ns(pid: u32) -> Option<u64> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    threads.flatten().map(|thread| thread_ns(&thread.path())).sum()
}

fn thread_ns(thread: &Path) -> Option<u64> {
    fs::read_to_string(thread.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
}

fn ticks(stat: &str) -> Option<u64> {
    // The second field is the program's name in brackets and may itself contain blanks and brackets.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let (user, system): (u64, u64) = (fields.get(11)?.parse().ok()?, fields.get(12)?.parse().ok()?);
    Some(user + system)
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use super::*;

    fn burn(time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            black_box(0);
        }
    }

    #[test]
    fn the_time_of_threads_that_ended_is_counted() {
        let before = CpuReading::of(std::process::id()).expect("own process");
        let (start, mut used) = (Instant::now(), Duration::ZERO);
        // Each burns less than it has time for if the machine is busy, but never nothing.
        while used < Duration::from_millis(50) {
            assert!(start.elapsed() < Duration::from_secs(60), "{used:?}");
            std::thread::spawn(|| burn(Duration::from_millis(100))).join().expect("burns");
            used = CpuReading::of(std::process::id()).expect("own process").since(&before);
        }
    }

    #[test]
    fn a_program_name_with_brackets_does_not_confuse() {
        assert_eq!(ticks("1 (a) b)) S 1 1 1 0 -1 0 0 0 0 0 70 30 0 0"), Some(100));
    }

    #[test]
    fn memory_and_machine_can_be_read() {
        assert!(resident_kib(std::process::id()).expect("own process") > 100);
        assert!(machine_busy().expect("Linux") > Duration::ZERO);
    }
}
