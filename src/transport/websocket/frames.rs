//! The frames that go to a browser; their heads are made by tungstenite.

use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};

/// Each line as a message, and where each ends: among the lines, and among the frames. An empty one is none.
pub(super) fn texts(bytes: &[u8]) -> (Vec<u8>, Vec<(usize, usize)>) {
    let (mut page, mut ends, mut at) = (Vec::with_capacity(bytes.len() + 64), Vec::new(), 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        let text = line.trim_ascii_end();
        if !text.is_empty() {
            let head = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
            // Writing into a vector cannot fail.
            let _ = head.format(text.len() as u64, &mut page);
            page.extend_from_slice(text);
        }
        ends.push((at, page.len()));
    }
    (page, ends)
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
