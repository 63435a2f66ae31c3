//! What the machine allows: memory, from the machine and from the control groups this process is in.
//!
//! The number of processors needs no code of ours: the standard library looks at affinity and quotas.

use std::fs;
use std::num::NonZero;
use std::thread;

/// The part of the memory that the engine may use; the rest is for results, templates and the system.
const SHARE_PERCENT: u64 = 80;

/// Bytes that the engine may use: 80 percent of what this process may use. `None` where the system does
/// not say (anything but Linux): the engine's own default applies there.
pub(super) fn memory_limit() -> Option<u64> {
    let allowed = allowed_memory(&|path| fs::read_to_string(path).ok())?;
    Some(allowed / 100 * SHARE_PERCENT)
}

/// With one or two threads DuckDB 1.5 groups in hash tables that outgrow the processor's caches: on two cores,
/// `count(distinct)` of 20 million rows takes 1.47 s with two threads, and 0.43 s with three.
const LEAST_THREADS: usize = 3;

/// Threads for the engine: the processors that this process may use, and three at least.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).max(LEAST_THREADS)
}

/// The smallest of the machine's memory and all limits of the control groups above this process.
fn allowed_memory(read: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
    let machine = read("/proc/meminfo").and_then(|it| machine_memory(&it));
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    let files = groups.lines().filter_map(limit_files).flatten();
    let limits = files.filter_map(|file| read(&file)?.trim().parse::<u64>().ok());
    limits.chain(machine).min()
}

/// `MemTotal:  16384000 kB` in bytes.
fn machine_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|it| it.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// The files with the limits of one line of `/proc/self/cgroup`: the group's own and its ancestors'.
///
/// In a container the path may be the host's, which is not visible inside; the root of the tree, which
/// is always asked too, is the container's own group then.
fn limit_files(line: &str) -> Option<Vec<String>> {
    let mut parts = line.splitn(3, ':');
    let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let (root, file) = if controllers.is_empty() {
        ("/sys/fs/cgroup", "memory.max")
    } else if controllers.split(',').any(|it| it == "memory") {
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
    } else {
        return None;
    };
    let mut files = vec![format!("{root}/{file}")];
    let mut group = root.to_owned();
    for part in path.split('/').filter(|it| !it.is_empty()) {
        group = format!("{group}/{part}");
        files.push(format!("{group}/{file}"));
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::allowed_memory;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: Option<u64>) {
        let read = |path: &str| files.iter().find(|it| it.0 == path).map(|it| it.1.to_owned());
        assert_eq!(allowed_memory(&read), expected);
    }

    const MEMINFO: (&str, &str) = ("/proc/meminfo", "MemTotal:       16000 kB\nMemFree:   1 kB\n");

    #[test]
    fn the_machine_is_the_limit_without_control_groups() {
        check(&[MEMINFO], Some(16_384_000));
    }

    #[test]
    fn the_smallest_limit_of_all_ancestors_counts() {
        check(
            &[
                MEMINFO,
                ("/proc/self/cgroup", "0::/user.slice/job\n"),
                ("/sys/fs/cgroup/user.slice/memory.max", "1000000\n"),
                ("/sys/fs/cgroup/user.slice/job/memory.max", "max\n"),
            ],
            Some(1_000_000),
        );
    }

    #[test]
    fn a_container_sees_its_limit_at_the_root() {
        check(
            &[
                MEMINFO,
                ("/proc/self/cgroup", "0::/../../docker/abc\n"),
                ("/sys/fs/cgroup/memory.max", "2000000\n"),
            ],
            Some(2_000_000),
        );
    }

    #[test]
    fn version_1_says_unlimited_as_a_huge_number() {
        check(
            &[
                MEMINFO,
                ("/proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/a\n"),
                ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "3000000\n"),
            ],
            Some(3_000_000),
        );
    }

    #[test]
    fn nothing_is_known_where_nothing_can_be_read() {
        check(&[], None);
    }
}
