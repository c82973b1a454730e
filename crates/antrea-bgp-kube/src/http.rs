//! Requests with a limit on time, answers line by line.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use zeroize::Zeroize as _;

use crate::failure::Failure;

/// An object is at most about 1.5 MiB in etcd; its JSON is not much more.
const LONGEST_LINE: usize = 16 << 20;

/// A page of objects.
const LARGEST_PAGE: usize = 256 << 20;

/// More of an error than this is not read.
const LARGEST_ERROR: usize = 64 << 10;

/// A line buffer that grew beyond this is given back once it is empty.
const KEPT_BUFFER: usize = 64 << 10;

/// Sends a request, and waits for the head of the answer.
pub(crate) async fn send(
    client: &Client,
    request: Request<Vec<u8>>,
    limit: Duration,
) -> Result<Response<Body>, Failure> {
    let mut request = request.map(Body::from);
    // API servers compress a watch piece by piece, which few decoders take.
    request
        .headers_mut()
        .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let response = tokio::time::timeout(limit, client.send(request))
        .await
        .map_err(|_| no_answer(limit))?
        .map_err(|error| Failure::from_error(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = retry_after(response.headers());
    let mut body = Pieces::new(response, false);
    while body.unread().len() < LARGEST_ERROR {
        // Half an explanation is better than none.
        match body.read(limit).await {
            Ok(true) => {}
            Ok(false) | Err(_) => break,
        }
    }
    Err(Failure::from_answer(
        status.as_u16(),
        body.unread(),
        retry_after,
    ))
}

fn no_answer(limit: Duration) -> Failure {
    Failure::transport(format!("no answer within {limit:?}"))
}

/// `Retry-After` in its only form that API servers use: seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The body of an answer, as it comes in.
pub(crate) struct Pieces {
    body: Body,
    buffer: Vec<u8>,
    /// What lies before has been read.
    start: usize,
    /// What lies between `start` and here has no line end.
    searched: usize,
    /// Overwrite what was read: it may hold passwords.
    wipe: bool,
    received: u64,
}

impl Pieces {
    pub(crate) fn new(response: Response<Body>, wipe: bool) -> Self {
        Self {
            body: response.into_body(),
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            wipe,
            received: 0,
        }
    }

    /// Waits for the next piece. `false`: there is none, the body is at its end.
    pub(crate) async fn read(&mut self, idle: Duration) -> Result<bool, Failure> {
        let frame = tokio::time::timeout(idle, self.body.frame())
            .await
            .map_err(|_| Failure::Silent(format!("nothing came for {idle:?}")))?;
        match frame {
            None => Ok(false),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    self.append(&data);
                }
                Ok(true)
            }
            Some(Err(error)) => Err(Failure::from_error(&error)),
        }
    }

    fn append(&mut self, data: &Bytes) {
        self.received += data.len() as u64;
        self.compact(data.len());
        self.buffer.extend_from_slice(data);
    }

    /// Makes room at the end, without leaving copies of what may be secret behind.
    fn compact(&mut self, wanted: usize) {
        if self.start == self.buffer.len() {
            self.clear();
        }
        if self.wipe && self.buffer.capacity() - self.buffer.len() < wanted {
            let mut larger = Vec::with_capacity((self.unread().len() + wanted).next_power_of_two());
            larger.extend_from_slice(self.unread());
            self.buffer.zeroize();
            self.buffer = larger;
            self.searched -= self.start;
            self.start = 0;
        } else if self.start > self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
    }

    fn clear(&mut self) {
        if self.wipe {
            self.buffer.as_mut_slice().zeroize();
        }
        self.buffer.clear();
        if self.buffer.capacity() > KEPT_BUFFER {
            self.buffer = Vec::new();
        }
        self.start = 0;
        self.searched = 0;
    }

    /// Whether an unfinished line is longer than any can be.
    pub(crate) fn is_overlong(&self) -> bool {
        self.unread().len() > LONGEST_LINE
    }

    /// Takes the next whole line that is there, without its end.
    pub(crate) fn line(&mut self) -> Option<&[u8]> {
        let from = self.searched.max(self.start);
        let Some(length) = self.buffer[from..].iter().position(|b| *b == b'\n') else {
            self.searched = self.buffer.len();
            return None;
        };
        let line: Range<usize> = self.start..from + length;
        self.start = line.end + 1;
        self.searched = self.start;
        Some(&self.buffer[line])
    }

    /// What was received and not taken.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Octets received since this was asked last.
    pub(crate) fn take_received(&mut self) -> u64 {
        std::mem::take(&mut self.received)
    }

    /// Waits for all of it.
    pub(crate) async fn read_to_end(&mut self, idle: Duration) -> Result<(), Failure> {
        while self.read(idle).await? {
            if self.unread().len() > LARGEST_PAGE {
                return Err(Failure::garbled("a page of more than 256 MiB"));
            }
        }
        Ok(())
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        if self.wipe {
            self.buffer.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(wipe: bool) -> Pieces {
        Pieces::new(Response::new(Body::empty()), wipe)
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut_into_pieces() {
        let lines: Vec<String> = (0..300).map(|n| "x".repeat(n * 7 % 500)).collect();
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        for seed in 0..50 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut pieces = pieces(seed % 2 == 0);
            let (mut rest, mut found) = (text.as_bytes(), Vec::new());
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(random.usize(1..=rest.len().min(900)));
                pieces.append(&Bytes::copy_from_slice(piece));
                rest = after;
                // Sometimes several pieces wait.
                while random.u8(..) > 40
                    && let Some(line) = pieces.line()
                {
                    found.push(String::from_utf8_lossy(line).into_owned());
                }
            }
            while let Some(line) = pieces.line() {
                found.push(String::from_utf8_lossy(line).into_owned());
            }
            assert_eq!(found, lines, "seed {seed}");
            assert_eq!(pieces.unread(), b"");
        }
    }
}
