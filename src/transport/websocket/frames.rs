//! The frames that go to a browser; their heads are made by tungstenite.

use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};

/// What stands before a line.
const TEXT: FrameHeader =
    FrameHeader { is_final: true, rsv1: false, rsv2: false, rsv3: false, opcode: OpCode::Data(Data::Text), mask: None };

/// Appends each line as a message; an empty one is none.
pub(super) fn texts(bytes: &[u8], page: &mut Vec<u8>) {
    page.reserve(bytes.len() + SPARE);
    for (text, _) in lines(bytes) {
        // Writing into a vector cannot fail.
        let _ = TEXT.format(text.len() as u64, page);
        page.extend_from_slice(text);
    }
}

/// Room for the heads of some lines; each of them gives a byte of its own back, its end.
const SPARE: usize = 64;

/// How far the first `sent` bytes of these lines' frames reach.
pub(super) struct Reach {
    /// Where the last line ends whose frame is whole.
    pub(super) taken: usize,
    /// Where the line ends of which there is a part, and where its frame does.
    pub(super) half: Option<(usize, usize)>,
}

/// Finds out what has been written of the lines' frames, where that is not all of it.
pub(super) fn reach(bytes: &[u8], sent: usize) -> Reach {
    let (mut taken, mut done) = (0, 0);
    for (text, end) in lines(bytes) {
        let frame = done + TEXT.len(text.len() as u64) + text.len();
        if frame > sent {
            return Reach { taken, half: (sent > done).then_some((end, frame)) };
        }
        (taken, done) = (end, frame);
    }
    Reach { taken: bytes.len(), half: None }
}

/// The lines that are not empty, without their ends, and where each ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    let mut at = 0;
    let each = std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        at += length;
        Some((rest[..length].trim_ascii_end(), at))
    });
    each.filter(|(text, _)| !text.is_empty())
}

/// The last frame of all.
pub(super) fn close(code: CloseCode) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into a vector cannot fail.
    let _ = Frame::close(Some(CloseFrame { code, reason: "".into() })).format(&mut bytes);
    bytes
}

/// A frame that asks for a sign of life.
pub(super) fn ping() -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = Frame::ping(Vec::new()).format(&mut bytes);
    bytes
}
