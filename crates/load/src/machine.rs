//! What the machine has, and who runs where on it.
//!
//! The server gets the first core and the generator the second, so that neither takes time from the
//! other. A child inherits the mask of the thread that starts it: it is set before, or the child
//! would count its workers by cores that it may not use.

use std::{
    collections::BTreeMap,
    fs, io,
    process::{Child, Command},
    time::Duration,
};

use anyhow::{Context, ensure};
use rustix::{
    param::clock_ticks_per_second,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};
use serde::Serialize;

/// Descriptors that a process needs besides its sockets: the database, the log, the poll.
const DESCRIPTORS_BESIDE: u64 = 100;

/// The machine as a report names it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    /// Cores that this process may use.
    pub(crate) cores: Vec<usize>,
    /// What the processor calls itself.
    pub(crate) processor: String,
    /// The kernel's release.
    pub(crate) kernel: String,
    /// Memory, in bytes.
    pub(crate) memory_bytes: u64,
    /// Descriptors that one process may hold.
    pub(crate) descriptors_max: u64,
}

impl Machine {
    /// Looks at the machine, and raises the limit of descriptors as far as the system allows.
    pub(crate) fn look() -> anyhow::Result<Self> {
        let descriptors_max = rlimit::increase_nofile_limit(u64::MAX)?;
        let mask = sched_getaffinity(None).context("no processor mask")?;
        let cores = (0..CpuSet::MAX_CPU)
            .filter(|core| mask.is_set(*core))
            .collect();
        let processor = fs::read_to_string("/proc/cpuinfo")
            .unwrap_or_default()
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or_else(|| "unknown".to_owned(), |(_, name)| name.to_owned());
        let kernel = rustix::system::uname().release().to_string_lossy().into();
        let memory_bytes = field_kib("/proc/meminfo", "MemTotal:").unwrap_or(0) * 1024;
        Ok(Self {
            cores,
            processor,
            kernel,
            memory_bytes,
            descriptors_max,
        })
    }

    /// Whether server and generator have a core each.
    pub(crate) fn is_shared(&self) -> bool {
        self.cores.len() < 2
    }

    /// Puts this thread, and what it starts later, on the generator's core.
    pub(crate) fn pin_generator(&self) -> io::Result<()> {
        match self.cores.get(1) {
            Some(core) => pin(*core),
            None => Ok(()),
        }
    }

    /// Starts a process on the server's core.
    pub(crate) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        if self.is_shared() {
            return command.spawn();
        }
        pin(self.cores[0])?;
        let child = command.spawn();
        self.pin_generator()?;
        child
    }

    /// Sockets that may be open beside so many.
    pub(crate) fn sockets_beside(&self, sockets: usize) -> usize {
        let taken = sockets as u64 + DESCRIPTORS_BESIDE;
        usize::try_from(self.descriptors_max.saturating_sub(taken)).unwrap_or(usize::MAX)
    }

    /// Refuses what needs more sockets in one process than the system allows.
    pub(crate) fn ensure_descriptors(&self, sockets: usize) -> anyhow::Result<()> {
        let needed = sockets as u64 + DESCRIPTORS_BESIDE;
        ensure!(
            needed <= self.descriptors_max,
            "{needed} descriptors are needed and {} allowed: raise the hard limit (ulimit -Hn)",
            self.descriptors_max
        );
        Ok(())
    }
}

fn pin(core: usize) -> io::Result<()> {
    let mut mask = CpuSet::new();
    mask.set(core);
    Ok(sched_setaffinity(None, &mask)?)
}

/// Time that this thread has had a core.
pub(crate) fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Time that a process and those it has started have had a core: all of its group, as it leads one.
pub(crate) fn group_cpu(leader: u32) -> anyhow::Result<Duration> {
    let mut ticks = 0;
    for id in group(leader)? {
        // A process that has just ended has nothing more to say.
        if let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) {
            ticks += cpu_ticks(&stat).context("an unknown form of /proc/ID/stat")?;
        }
    }
    Ok(Duration::from_secs_f64(
        ticks as f64 / clock_ticks_per_second() as f64,
    ))
}

/// Time that each thread of a process and those it has started has had a core, to the nanosecond.
pub(crate) fn group_thread_cpu(leader: u32) -> anyhow::Result<BTreeMap<String, Duration>> {
    let mut times = BTreeMap::new();
    for id in group(leader)? {
        let threads = fs::read_dir(format!("/proc/{id}/task"))
            .into_iter()
            .flatten();
        for thread in threads.flatten() {
            let path = thread.path().join("schedstat");
            let stat = fs::read_to_string(&path).unwrap_or_default();
            // The first field of proc(5)'s schedstat: nanoseconds.
            let nanos = stat.split(' ').next().and_then(|field| field.parse().ok());
            if let Some(nanos) = nanos {
                let name = path.to_string_lossy().into_owned();
                times.insert(name, Duration::from_nanos(nanos));
            }
        }
    }
    Ok(times)
}

/// Resident memory of a process and those it has started, in bytes.
pub(crate) fn group_resident_bytes(leader: u32) -> anyhow::Result<u64> {
    let ids = group(leader)?;
    let kib = ids
        .iter()
        .filter_map(|id| field_kib(&format!("/proc/{id}/status"), "VmRSS:"))
        .sum::<u64>();
    ensure!(kib > 0, "no process {leader} any more");
    Ok(kib * 1024)
}

/// The processes of a group.
fn group(leader: u32) -> anyhow::Result<Vec<u32>> {
    let ids = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    Ok(ids
        .filter(|id| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            stat_fields(&stat).nth(2) == Some(&leader.to_string())
        })
        .collect())
}

/// The fields after the program's name, which may hold spaces and brackets itself.
fn stat_fields(stat: &str) -> impl Iterator<Item = &str> {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace()
}

/// utime and stime: fields 14 and 15 of proc(5), of which the third is the first after the name.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let mut times = stat_fields(stat)
        .skip(11)
        .map(|field| field.parse::<u64>().ok());
    Some(times.next()?? + times.next()??)
}

fn field_kib(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_strange_name_has_its_times() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 1 2 3 4 120 30 5 6 20 0 1 0 99";
        assert_eq!(cpu_ticks(stat), Some(150));
        assert_eq!(stat_fields(stat).nth(2), Some("7"));
    }

    #[test]
    fn what_needs_too_many_descriptors_is_refused() {
        let machine = Machine {
            descriptors_max: 1024,
            ..Machine::look().expect("a machine")
        };
        assert!(machine.ensure_descriptors(900).is_ok());
        assert!(machine.ensure_descriptors(1000).is_err());
    }
}
