//! The floor for one receiver: UPDATEs that were packed before, written to every receiver as fast as one thread can.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::{Context as _, Result};
use bgp_wire::{
    AsPath, AsWidth, Asn, Attribute, Capability, KEEPALIVE, MAX_MESSAGE, NextHop, Open, Origin,
    UpdatePacker, frame,
};
use rustix::event::{PollFd, PollFlags, poll};
use std::net::IpAddr;

use crate::cell::{SENDER_AS, Version};

/// A receiver, and what it has of the octets.
struct Receiver {
    stream: TcpStream,
    heard: Vec<u8>,
    /// Both OPENs are through.
    ready: bool,
    sent: usize,
}

/// Serves any number of receivers until it is killed.
pub(crate) fn run(version: Version, count: u32) -> Result<()> {
    let updates = updates(version, count)?;
    let open = open(version)?;
    let listener = TcpListener::bind(SocketAddr::new(version.sender(), 179))?;
    listener.set_nonblocking(true)?;
    let mut receivers: Vec<Receiver> = Vec::new();
    loop {
        let mut fds = vec![PollFd::new(&listener, PollFlags::IN)];
        fds.extend(receivers.iter().map(|it| {
            let writes = it.ready && it.sent < updates.len();
            let flags = if writes {
                PollFlags::OUT
            } else {
                PollFlags::IN
            };
            PollFd::new(&it.stream, flags)
        }));
        poll(&mut fds, None).context("poll")?;
        while let Ok((mut stream, _)) = listener.accept() {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            if stream.write_all(&open).is_ok() {
                receivers.push(Receiver {
                    stream,
                    heard: Vec::new(),
                    ready: false,
                    sent: 0,
                });
            }
        }
        receivers.retain_mut(|it| it.serve(&updates).unwrap_or(false));
    }
}

impl Receiver {
    /// Does what can be done. Whether the receiver is still there.
    fn serve(&mut self, updates: &[u8]) -> Result<bool> {
        // A write fails, too, once the receiver is gone.
        if !(self.ready && self.sent < updates.len()) {
            let mut octets = [0; 4096];
            match self.stream.read(&mut octets) {
                Ok(0) => return Ok(false),
                Ok(len) => self.heard.extend_from_slice(&octets[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        if !self.ready && frame(&self.heard, MAX_MESSAGE)?.is_some() {
            self.stream.write_all(&KEEPALIVE)?;
            self.ready = true;
        }
        if self.ready && self.sent < updates.len() {
            match self.stream.write(&updates[self.sent..]) {
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}

fn open(version: Version) -> Result<Vec<u8>> {
    let mut open = Open::new(Asn(SENDER_AS), 600, [10, 0, 0, 1].into());
    open.capabilities
        .push(Capability::MultiProtocol(version.family()));
    let mut octets = Vec::new();
    open.encode(&mut octets)?;
    Ok(octets)
}

fn updates(version: Version, count: u32) -> Result<Vec<u8>> {
    let attributes = [
        Attribute::Origin(Origin::Igp),
        Attribute::AsPath(AsPath::sequence([Asn(SENDER_AS)])),
    ];
    let next_hop = match version.sender() {
        IpAddr::V4(address) => NextHop::V4(address),
        IpAddr::V6(global) => NextHop::V6 {
            global,
            link_local: None,
        },
    };
    let mut packer = UpdatePacker::reach_with(
        version.family(),
        next_hop,
        &attributes,
        AsWidth::Four,
        MAX_MESSAGE,
    )?;
    let mut out = Vec::new();
    for number in 0..count {
        packer.push(&mut out, version.prefix(number));
    }
    packer.finish(&mut out);
    Ok(out)
}
