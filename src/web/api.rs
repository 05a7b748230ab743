//! The HTTP API for scripts. Each request is a command, run for the user whose name and token come with it. The
//! response is the list of events that a WebSocket client would receive as the answer.

use std::net::SocketAddr;

use data_encoding::BASE64;
use serde_json::Value;

use super::request::Request;
use super::response::Response;
use crate::model::{Name, Registration, RegistrationError, UserError};
use crate::session::{ApiRequest, NotAllowed, Shared, register};

/// The prefix of its paths.
pub(super) const PATH: &str = "/api/";

/// The description of the API for programs.
const OPENAPI: &[u8] = include_bytes!("api/openapi.json");

/// The prefix of the paths of conversations.
const MESSAGES: &str = "/api/messages/";

/// Answers one request.
pub(super) fn respond(shared: &Shared, peer: SocketAddr, request: &Request) -> Response {
    let (method, path) = (request.method.as_str(), request.path.as_str());
    match (method, path) {
        ("GET" | "HEAD", "/api/openapi.json") => Response::file("application/json", OPENAPI),
        ("POST", "/api/register") => register_user(shared, peer, request),
        ("GET" | "HEAD", "/api/server") => describe(shared),
        ("GET", "/api/users") => run(shared, peer, request, 200, |_| Ok("/users".to_owned())),
        ("POST", "/api/messages") => run(shared, peer, request, 201, send_line),
        ("GET", _) if path.starts_with(MESSAGES) => run(shared, peer, request, 200, history_line),
        ("DELETE", _) if path.starts_with(MESSAGES) => {
            run(shared, peer, request, 200, |request| Ok(format!("/clear {}", conversation(request)?)))
        }
        (_, "/api/openapi.json" | "/api/server" | "/api/users") => method_not_allowed("GET"),
        (_, "/api/register" | "/api/messages") => method_not_allowed("POST"),
        _ if path.starts_with(MESSAGES) => method_not_allowed("GET, DELETE"),
        _ => refusal(404, "no_such_path", "This path does not exist; /api/openapi.json lists all paths."),
    }
}

/// The choices that a login page may offer, and the line limit.
fn describe(shared: &Shared) -> Response {
    let registration = match shared.registration {
        Registration::Closed => "closed",
        Registration::Open => "open",
        Registration::Invite => "invite",
    };
    let (guests, line_limit) = (shared.guests, shared.hub.limits().line_limit);
    let fields = format!("\"registration\":\"{registration}\",\"guests\":{guests},\"line_limit\":{line_limit}");
    Response::json(200, format!("[{{\"event\":\"server\",{fields}}}]\n"))
}

/// Runs for a user the command that `line` makes of the request. `status` is that of a success.
fn run(
    shared: &Shared,
    peer: SocketAddr,
    request: &Request,
    status: u16,
    line: impl FnOnce(&Request) -> Result<String, Response>,
) -> Response {
    let api_request = match authenticate(shared, peer, request) {
        Ok(api_request) => api_request,
        Err(response) => return response,
    };
    if api_request.is_too_soon() {
        return refusal(429, "too_soon", "You are sending too fast; wait a moment.").with("Retry-After", "1");
    }
    match line(request).map(|line| api_request.run(&line)) {
        Ok(Ok(events)) => Response::json(status, list(&events)),
        Ok(Err(error)) => refusal(status_of(&error), error.code(), &error.to_string()),
        Err(response) => response,
    }
}

/// Authenticates by the name and token in `Authorization: Basic`.
fn authenticate<'a>(shared: &'a Shared, peer: SocketAddr, request: &Request) -> Result<ApiRequest<'a>, Response> {
    let wrong = || refusal(401, "wrong_name_or_token", "Send name and token as Authorization: Basic.");
    let (scheme, given) = request.only("authorization").and_then(|value| value.split_once(' ')).ok_or_else(wrong)?;
    let given = BASE64.decode(given.trim().as_bytes()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"));
    let given = given.ok_or_else(wrong)?;
    let colon = given.iter().position(|byte| *byte == b':').ok_or_else(wrong)?;
    ApiRequest::of(shared, peer, &given[..colon], &given[colon + 1..]).map_err(|why| match why {
        NotAllowed::Wrong => wrong(),
        NotAllowed::TooMany => refusal(429, "too_many_attempts", "Too many wrong tokens came from your address."),
        NotAllowed::Banned => refusal(403, "banned", "You are banned from this server."),
        NotAllowed::Unavailable => refusal(503, "unavailable", "Tokens cannot be checked now; try again later."),
    })
}

/// From `{"to":"bob","text":"hi"}`; `#g` is a group, `*` is everybody.
fn send_line(request: &Request) -> Result<String, Response> {
    let [to, text] = strings(request, ["to", "text"])?.map(Option::unwrap_or_default);
    // Line ends would start another command.
    let text = text.split(['\r', '\n']).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    if text.trim().is_empty() {
        return Err(refusal(422, "usage", "The text is empty."));
    }
    Ok(match to.strip_prefix('#') {
        _ if to == "*" => format!("/broadcast {text}"),
        Some(group) => format!("/group_msg {} {text}", name(group)?),
        None => format!("/msg {} {text}", name(&to)?),
    })
}

fn history_line(request: &Request) -> Result<String, Response> {
    let mut line = format!("/history {}", conversation(request)?);
    let asked = |name: &str| request.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    for (name, word) in [("count", ""), ("before", " before")] {
        if let Some(value) = asked(name) {
            let number: u64 = value.parse().map_err(|_| refusal(422, "usage", "count and before must be numbers."))?;
            line.push_str(&format!("{word} {number}"));
        }
    }
    Ok(line)
}

/// The user or group that the path names; a group has `%23` before its name.
fn conversation(request: &Request) -> Result<String, Response> {
    let typed = request.path.strip_prefix(MESSAGES).unwrap_or_default();
    match typed.strip_prefix("%23") {
        Some(group) => Ok(format!("#{}", name(group)?)),
        None => Ok(name(typed)?.to_string()),
    }
}

fn name(typed: &str) -> Result<Name, Response> {
    let error = || UserError::NoSuchUser(typed.to_owned());
    typed.parse().map_err(|_| refusal(404, error().code(), &error().to_string()))
}

/// Registers a user from `{"name":"zoe","password":"…"}`, with `"invite"` where one is needed.
fn register_user(shared: &Shared, peer: SocketAddr, request: &Request) -> Response {
    let [name, password, invite] = match strings(request, ["name", "password", "invite"]) {
        Ok(given) => given,
        Err(response) => return response,
    };
    let ([name, password], invite) =
        ([name, password].map(Option::unwrap_or_default), invite.filter(|text| !text.is_empty()));
    match register(shared, peer, &name, invite.as_deref(), password.as_bytes()) {
        Ok(events) => Response::json(201, list(&events)),
        Err(why) => {
            let status = match why {
                RegistrationError::Closed | RegistrationError::NeedsInvite | RegistrationError::BadInvite => 403,
                RegistrationError::Taken => 409,
                RegistrationError::TooMany | RegistrationError::TooManyAttempts => 429,
                RegistrationError::Busy | RegistrationError::Unavailable | RegistrationError::Full => 503,
                RegistrationError::Usage
                | RegistrationError::BadName(_)
                | RegistrationError::GuestName
                | RegistrationError::PasswordsDiffer
                | RegistrationError::BadPassword(_) => 422,
            };
            refusal(status, &why.as_str().replace(' ', "_"), "No account was created.")
        }
    }
}

/// The strings under these names in the body, which must be one JSON object.
fn strings<const N: usize>(request: &Request, names: [&str; N]) -> Result<[Option<String>; N], Response> {
    let content_type = request.only("content-type").unwrap_or_default();
    // Other types can be sent by another site's page without a preflight request.
    if !content_type.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json")) {
        return Err(refusal(415, "not_json", "Send Content-Type: application/json."));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(fields)) => Ok(names.map(|name| fields.get(name).and_then(Value::as_str).map(str::to_owned))),
        _ => Err(refusal(400, "not_json", "The body must be one JSON object.")),
    }
}

/// Joins JSON lines into one array.
fn list(lines: &[u8]) -> String {
    let lines = String::from_utf8_lossy(lines);
    format!("[{}]\n", lines.lines().collect::<Vec<_>>().join(","))
}

fn status_of(error: &UserError) -> u16 {
    match error {
        UserError::NoSuchUser(_) | UserError::NoSuchGroup(_) => 404,
        UserError::NotMember(_) | UserError::Muted(..) | UserError::GuestsHaveNone | UserError::Group(_) => 403,
        UserError::NotSaved(_) | UserError::NotReadable(_) | UserError::NotStoredYet(_) | UserError::Lost => 503,
        UserError::NotOnline(_)
        | UserError::GroupExists(_)
        | UserError::AlreadyMember(_)
        | UserError::TooManyGroups(_)
        | UserError::TooManyMemberships(_)
        | UserError::BadGroupName(..)
        | UserError::Usage(_)
        | UserError::UnknownCommand(..)
        | UserError::NoConversation
        | UserError::NobodyToReply
        | UserError::CannotIgnoreSelf
        | UserError::TooManyIgnored(_)
        | UserError::NotIgnored(_)
        | UserError::WrongPassword
        | UserError::TooManyAttempts
        | UserError::PasswordJustChanged
        | UserError::PasswordsDiffer
        | UserError::BadPassword(_)
        | UserError::NotForGuests
        | UserError::NotWithToken
        | UserError::BadTokenName(..)
        | UserError::TokenExists(_)
        | UserError::NoSuchToken(_)
        | UserError::TooManyTokens(_)
        | UserError::Busy
        | UserError::Unavailable
        | UserError::LineTooLong(..)
        | UserError::BadTag
        | UserError::NotUtf8
        | UserError::NotKept(..)
        | UserError::NoSuchMessage(_)
        | UserError::NotYours(_)
        | UserError::NotToYou(_)
        | UserError::Filtered
        | UserError::NeedsRole(_)
        | UserError::Outranked(_)
        | UserError::NoSuchSession(_)
        | UserError::BadNet(_)
        | UserError::GuestByAddress
        | UserError::NoSanction(..)
        | UserError::TooManySanctions(_)
        | UserError::NoSuchReport(_)
        | UserError::TooManyReports(_)
        | UserError::AlreadyStopping
        | UserError::NotStopping
        | UserError::NotReloaded(_)
        | UserError::NoLog(_)
        | UserError::NotRenamed(_) => 422,
    }
}

/// A response with one error event.
fn refusal(status: u16, code: &str, text: &str) -> Response {
    let [code, text] = [code, text].map(crate::model::text::quote);
    Response::json(status, format!("[{{\"event\":\"error\",\"code\":{code},\"text\":{text}}}]\n"))
}

fn method_not_allowed(allowed: &str) -> Response {
    refusal(405, "method", "This path does not support this method.").with("Allow", allowed)
}
