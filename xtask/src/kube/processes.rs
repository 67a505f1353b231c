//! Processes of a run: started with a log and a process id in the run directory, stopped by that id.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::binaries::same_program;
use crate::workshop::now;

/// All processes of a run, in the order in which they start.
const LIST: &str = "processes.json";
/// A process that has not ended this long after it was asked to is killed.
const ENDING_MAX: Duration = Duration::from_secs(10);
/// Pause between two looks at a condition.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(25);
/// Lines of a log that are shown when a process ended too early.
const LINES_SHOWN: usize = 12;

/// One process, so that it can be started again just as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    /// `etcd`, or that of the cluster for its API server.
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// `HOST:PORT` of an API server, whose readiness can be asked.
    pub(super) ready_at: Option<String>,
}

/// Whether a process lives on when this program and its terminal are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    Detached,
    /// Ctrl-C in the terminal reaches it too.
    Attached,
}

impl Process {
    fn pid_file(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.pid", self.name))
    }

    pub(super) fn log(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.log", self.name))
    }

    /// Its id, if it runs: an id that another program has by now does not count.
    pub(super) fn running(&self, directory: &Path) -> Option<Pid> {
        let id: i32 = fs::read_to_string(self.pid_file(directory)).ok()?.trim().parse().ok()?;
        let running = fs::read_link(format!("/proc/{id}/exe")).ok()?; // a zombie has none
        same_program(&running, &self.program).then(|| Pid::from_raw(id))
    }

    pub(super) fn start(&self, directory: &Path, tie: Tie) -> anyhow::Result<()> {
        let log = self.log(directory);
        let out = File::options().create(true).append(true).open(&log);
        let out = out.with_context(|| format!("opening {}", log.display()))?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(directory).stdin(Stdio::null());
        command.stdout(out.try_clone().context("sharing the log")?).stderr(out);
        if tie == Tie::Detached {
            command.process_group(0);
        }
        let child = command.spawn().with_context(|| format!("starting {}", self.program.display()))?;
        let file = self.pid_file(directory);
        fs::write(&file, format!("{}\n", child.id())).with_context(|| format!("writing {}", file.display()))?;
        // The child outlives this value; who asks later whether it runs reads the id from the file.
        Ok(())
    }

    /// Ends it and waits until it is gone; one that does not run is fine.
    pub(super) fn stop(&self, directory: &Path, signal: Signal) -> anyhow::Result<()> {
        if let Some(pid) = self.running(directory) {
            send(pid, signal)?;
            let begin = now();
            // Its program is gone from `/proc` before its sockets are closed.
            while !has_ended(pid) {
                if begin.elapsed() > ENDING_MAX {
                    send(pid, Signal::SIGKILL)?;
                }
                if begin.elapsed() > ENDING_MAX * 2 {
                    bail!("{} (process {pid}) does not end", self.name);
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
        drop(fs::remove_file(self.pid_file(directory)));
        Ok(())
    }

    /// The end of its log, for a message.
    pub(super) fn last_words(&self, directory: &Path) -> String {
        let text = fs::read(self.log(directory)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }
}

/// Whether nothing of it is left but, at most, what its parent may ask about.
fn has_ended(pid: Pid) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    // The name before the state is in brackets, and may hold some.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

fn send(pid: Pid, signal: Signal) -> anyhow::Result<()> {
    match kill(pid, signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("sending {signal} to process {pid}")),
    }
}

/// Processes of the run in `directory`; none where there was no run.
pub(super) fn load(directory: &Path) -> anyhow::Result<Vec<Process>> {
    let path = directory.join(LIST);
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

pub(super) fn save(directory: &Path, processes: &[Process]) -> anyhow::Result<()> {
    let path = directory.join(LIST);
    let text = serde_json::to_vec_pretty(processes).context("writing JSON")?;
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

/// Stops all, the last started first.
pub(super) fn stop_all(directory: &Path, processes: &[Process]) -> anyhow::Result<()> {
    // API servers take some time to end: all are asked before one is waited for, and etcd only when they are gone.
    let (servers, stores): (Vec<_>, Vec<_>) = processes.iter().rev().partition(|process| process.name != "etcd");
    for group in [servers, stores] {
        for process in &group {
            if let Some(pid) = process.running(directory) {
                send(pid, Signal::SIGTERM)?;
            }
        }
        for process in &group {
            process.stop(directory, Signal::SIGTERM)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(directory: &Path) -> Process {
        let program = fs::canonicalize("/bin/sleep").unwrap();
        let process = Process { name: "etcd".into(), program, arguments: vec!["60".into()], ready_at: None };
        save(directory, std::slice::from_ref(&process)).unwrap();
        process
    }

    #[test]
    fn a_process_is_started_found_again_and_stopped() {
        let directory = std::env::temp_dir().join(format!("meridian-xtask-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let process = sleeper(&directory);
        assert_eq!(process.running(&directory), None);
        process.start(&directory, Tie::Detached).unwrap();
        let loaded = load(&directory).unwrap();
        assert!(loaded[0].running(&directory).is_some());
        // The id of this very process is not that of a sleeper.
        let own = Process { program: "/bin/other".into(), ..process.clone() };
        assert_eq!(own.running(&directory), None);
        stop_all(&directory, &loaded).unwrap();
        assert_eq!(process.running(&directory), None);
        assert!(!process.pid_file(&directory).exists());
        fs::remove_dir_all(&directory).unwrap();
    }
}
