//! Who listens on a TCP port of this machine, from `/proc`.

use std::fs;
use std::net::{IpAddr, SocketAddr};

/// State code of a listening socket in `/proc/net/tcp` (`TCP_LISTEN` of the kernel).
const LISTEN: &str = "0A";

/// Names the process that listens on `address`: `process 123 (nginx -g …)`. `None` when it cannot be told, for example
/// because the process belongs to another user.
pub(crate) fn owner_of(address: SocketAddr) -> Option<String> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let inode = table.lines().skip(1).find_map(|line| listener_inode(line, address))?;
    let wanted = format!("socket:[{inode}]");
    let pid = fs::read_dir("/proc")
        .ok()?
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .find(|pid| holds(*pid, &wanted))?;
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ");
    Some(format!("process {pid} ({})", command.trim()))
}

/// Inode of the listening socket that a line of `/proc/net/tcp` shows, if it takes `address`.
fn listener_inode(line: &str, address: SocketAddr) -> Option<&str> {
    let mut fields = line.split_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let inode = fields.nth(5)?;
    let (ip, port) = local.split_once(':')?;
    // The address is the number as the (little-endian) machine holds it.
    let ip = IpAddr::from(u32::from_str_radix(ip, 16).ok()?.to_le_bytes());
    let port = u16::from_str_radix(port, 16).ok()?;
    (state == LISTEN && port == address.port() && (ip == address.ip() || ip.is_unspecified())).then_some(inode)
}

fn holds(pid: u32, socket: &str) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files
        .filter_map(Result::ok)
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|target| target.to_str() == Some(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_listener_is_found() {
        let listener = std::net::TcpListener::bind("127.10.99.1:0").unwrap();
        let owner = owner_of(listener.local_addr().unwrap()).unwrap();
        assert!(owner.starts_with(&format!("process {} (", std::process::id())), "{owner}");
    }

    #[test]
    fn a_free_port_has_no_owner() {
        let listener = std::net::TcpListener::bind("127.10.99.2:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert_eq!(owner_of(address), None);
    }
}
