//! Ports that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below what systems take for outgoing connections and for listeners that name no port: while a
/// server is down, nobody gets its port by chance.
const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port of the loopback address that was free just now, another one each time.
pub(crate) fn free() -> Option<u16> {
    (0..COUNT).find_map(|_| {
        // Processes that start one after the other begin far apart.
        let place = process::id()
            .wrapping_mul(97)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + place % COUNT).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some(port)
    })
}
