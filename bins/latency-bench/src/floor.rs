//! What loopback itself takes: the octets of one change, written to sockets whose readers wait.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::receiver::connect;
use crate::{BOUND, PAUSE, SPEAKER, receiver_address};

/// An UPDATE that withdraws one IPv4 /32.
const OCTETS: usize = 28;

/// From a write to every one of `receivers` sockets to when the last reader has it, in order of length.
pub(crate) fn measure(receivers: u8, writes: u32) -> Result<Vec<Duration>> {
    let listener = TcpListener::bind((SPEAKER, 0))?;
    let (heard, all_heard) = mpsc::channel();
    let mut sockets = Vec::new();
    for number in 0..receivers {
        let mut stream = connect(receiver_address(number), listener.local_addr()?)?;
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
        let heard = heard.clone();
        // Ends when its socket does.
        thread::spawn(move || {
            let mut octets = [0; OCTETS];
            while stream.read_exact(&mut octets).is_ok() && heard.send(Instant::now()).is_ok() {}
        });
    }
    let mut latencies = Vec::new();
    for _ in 0..writes {
        thread::sleep(PAUSE);
        let begin = Instant::now();
        for socket in &mut sockets {
            socket.write_all(&[0; OCTETS])?;
        }
        let mut last = begin;
        for _ in &sockets {
            last = last.max(all_heard.recv_timeout(BOUND)?);
        }
        latencies.push(last - begin);
    }
    ensure!(!latencies.is_empty(), "no writes");
    latencies.sort_unstable();
    Ok(latencies)
}
