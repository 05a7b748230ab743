//! The upgrade from HTTP to a WebSocket. tungstenite checks the handshake and writes its answer.

use tungstenite::handshake::server::{create_response, write_response};
use tungstenite::http::{HeaderValue, Version};

use super::request::Request;
use super::response::Response;

/// The path of the WebSocket.
pub(super) const PATH: &str = "/ws";

/// The subprotocol. A client may ask for it by name, which leaves room for later versions.
pub(super) const PROTOCOL: &str = "parlor.v1";

const VERSION_HEADER: &str = "Sec-WebSocket-Version";
const VERSION: &str = "13";
const PROTOCOL_HEADER: &str = "sec-websocket-protocol";

/// The answer that turns the connection into a WebSocket.
///
/// # Errors
/// The response when the request is not a valid handshake.
pub(super) fn accept(request: &Request) -> Result<Vec<u8>, Response> {
    if request.all("upgrade").next().is_none() {
        let response = Response::text(426, "Here is a WebSocket.").with("Upgrade", "websocket");
        return Err(response.with(VERSION_HEADER, VERSION));
    }
    // Every refusal names the version that would do (RFC 6455, 4.4).
    let bad = |sentence| Response::text(400, sentence).with(VERSION_HEADER, VERSION);
    let mut wanted = request.all(PROTOCOL_HEADER).flat_map(|list| list.split(',')).map(str::trim).peekable();
    let by_name = wanted.peek().is_some();
    if by_name && !wanted.any(|name| name == PROTOCOL) {
        return Err(bad("The subprotocol of this WebSocket is parlor.v1."));
    }
    let version = if request.version == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    let asked = tungstenite::http::Request::builder().method(request.method.as_str()).uri(PATH).version(version);
    let asked = request.headers.iter().fold(asked, |asked, (name, value)| asked.header(name, value));
    let answer = asked.body(()).ok().and_then(|asked| create_response(&asked).ok());
    let mut answer = answer.ok_or_else(|| bad("The WebSocket handshake is invalid."))?;
    if by_name {
        answer.headers_mut().insert(PROTOCOL_HEADER, HeaderValue::from_static(PROTOCOL));
    }
    let mut bytes = Vec::new();
    write_response(&mut bytes, &answer).map_err(|_| bad("The WebSocket handshake is invalid."))?;
    Ok(bytes)
}
