//! What goes to a browser: lines as frames, and whole frames in between.

use std::cell::RefCell;
use std::io;

use super::frames::{Reach, reach, texts};
use crate::model::limits::PAGE_KEPT;
use crate::transport::link::Link;

thread_local! {
    /// Where a thread puts the frames of what it writes.
    static PAGE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What only one writer at a time touches.
#[derive(Default)]
pub(super) struct Outgoing {
    /// What is left of a message that is half out there, and the line that it is.
    rest: Vec<u8>,
    line: Vec<u8>,
    /// Whole frames that go between messages: pongs, pings, the last one.
    pub(super) control: Vec<u8>,
    /// The last frame was sent.
    pub(super) over: bool,
}

impl Outgoing {
    /// Writes what goes before the next message.
    pub(super) fn push(&mut self, below: &dyn Link) -> io::Result<()> {
        for bytes in [&mut self.rest, &mut self.control] {
            while !bytes.is_empty() {
                let n = below.try_write(bytes)?;
                bytes.drain(..n);
            }
            bytes.shrink_to(0);
        }
        Ok(())
    }

    /// Writes lines, and returns how many bytes of them are out there as whole messages.
    pub(super) fn write(&mut self, below: &dyn Link, bytes: &[u8]) -> io::Result<usize> {
        self.push(below)?;
        // The message that was half out there is whole now; unless its writer has dropped it, it is taken.
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() && bytes.starts_with(&line) {
            return Ok(line.len());
        }
        PAGE.with_borrow_mut(|page| {
            texts(bytes, page);
            let written = self.write_frames(below, bytes, page);
            page.clear();
            page.shrink_to(PAGE_KEPT);
            written
        })
    }

    fn write_frames(&mut self, below: &dyn Link, bytes: &[u8], page: &[u8]) -> io::Result<usize> {
        let sent = if page.is_empty() { 0 } else { below.try_write(page)? };
        if sent == page.len() {
            return Ok(bytes.len());
        }
        let Reach { taken, half } = reach(bytes, sent);
        if let Some((line_end, frame_end)) = half {
            self.rest = page[sent..frame_end].to_vec();
            self.line = bytes[taken..line_end].to_vec();
        }
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }
}
