//! The HTTP API for scripts: each request is a command, carried out for the user whose name and token it brings along.
//! The answer is the list of events with which a client is answered over a WebSocket.

use std::net::SocketAddr;

use data_encoding::BASE64;
use serde_json::Value;

use super::request::Request;
use super::response::Response;
use crate::model::{Name, RegistrationError, UserError};
use crate::session::{ApiRequest, NotAllowed, Shared, register};

/// Where it begins.
pub(super) const PATH: &str = "/api/";

/// What there is, for programs.
const OPENAPI: &[u8] = include_bytes!("api/openapi.json");

/// Whom a path is about.
const MESSAGES: &str = "/api/messages/";

/// Answers one request.
pub(super) fn answer(shared: &Shared, peer: SocketAddr, request: &Request) -> Response {
    let (method, path) = (request.method.as_str(), request.path.as_str());
    match (method, path) {
        ("GET" | "HEAD", "/api/openapi.json") => Response::file("application/json", OPENAPI),
        ("POST", "/api/register") => sign_up(shared, peer, request),
        ("GET", "/api/users") => run(shared, peer, request, 200, |_| Ok("/users".to_owned())),
        ("POST", "/api/messages") => run(shared, peer, request, 201, say),
        ("GET", _) if path.starts_with(MESSAGES) => run(shared, peer, request, 200, history),
        ("DELETE", _) if path.starts_with(MESSAGES) => {
            run(shared, peer, request, 200, |request| Ok(format!("/clear {}", conversation(request)?)))
        }
        (_, "/api/openapi.json" | "/api/users") => not_so("GET"),
        (_, "/api/register" | "/api/messages") => not_so("POST"),
        _ if path.starts_with(MESSAGES) => not_so("GET, DELETE"),
        _ => refusal(404, "no_such_path", "There is no such path; /api/openapi.json lists them."),
    }
}

/// Does for a user what the line says that a request amounts to.
fn run(
    shared: &Shared,
    peer: SocketAddr,
    request: &Request,
    status: u16,
    line: impl FnOnce(&Request) -> Result<String, Response>,
) -> Response {
    let errand = match who(shared, peer, request) {
        Ok(errand) => errand,
        Err(refusal) => return refusal,
    };
    if errand.is_too_soon() {
        return refusal(429, "too_soon", "You have sent more than you may; wait a moment.").with("Retry-After", "1");
    }
    match line(request).map(|line| errand.run(&line)) {
        Ok(Ok(events)) => Response::json(status, list(&events)),
        Ok(Err(error)) => refusal(status_of(&error), error.code(), &error.to_string()),
        Err(response) => response,
    }
}

/// The user whose name and token came as `Authorization: Basic`.
fn who<'a>(shared: &'a Shared, peer: SocketAddr, request: &Request) -> Result<ApiRequest<'a>, Response> {
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

/// `{"to":"bob","text":"hi"}`; to a group with `#` before its name, to everybody with `*`.
fn say(request: &Request) -> Result<String, Response> {
    let [to, text] = texts(request, ["to", "text"])?.map(Option::unwrap_or_default);
    // A line is one line, whatever was sent.
    let text = text.split(['\r', '\n']).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    if text.trim().is_empty() {
        return Err(refusal(422, "usage", "There is no text."));
    }
    Ok(match to.strip_prefix('#') {
        _ if to == "*" => format!("/broadcast {text}"),
        Some(group) => format!("/group_msg {} {text}", name(group)?),
        None => format!("/msg {} {text}", name(&to)?),
    })
}

fn history(request: &Request) -> Result<String, Response> {
    let mut line = format!("/history {}", conversation(request)?);
    let asked = |name: &str| request.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    for (name, word) in [("count", ""), ("before", " before")] {
        if let Some(value) = asked(name) {
            let number: u64 = value.parse().map_err(|_| refusal(422, "usage", "count and before are numbers."))?;
            line.push_str(&format!("{word} {number}"));
        }
    }
    Ok(line)
}

/// A user, or a group with `%23` before its name.
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

/// `{"name":"zoe","password":"…"}`, with `"invite"` where one is needed.
fn sign_up(shared: &Shared, peer: SocketAddr, request: &Request) -> Response {
    let [name, password, invite] = match texts(request, ["name", "password", "invite"]) {
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
            refusal(status, &why.as_str().replace(' ', "_"), "No account was made.")
        }
    }
}

/// The texts of these names in the body, which is one JSON object.
fn texts<const N: usize>(request: &Request, names: [&str; N]) -> Result<[Option<String>; N], Response> {
    let kind = request.only("content-type").unwrap_or_default();
    // Other kinds can be sent by a page of somebody else without asking first.
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(refusal(415, "not_json", "Send Content-Type: application/json."));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(fields)) => Ok(names.map(|name| fields.get(name).and_then(Value::as_str).map(str::to_owned))),
        _ => Err(refusal(400, "not_json", "The body has to be one JSON object.")),
    }
}

/// Lines of JSON as one list.
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

fn refusal(status: u16, code: &str, text: &str) -> Response {
    let [code, text] = [code, text].map(crate::model::text::quote);
    Response::json(status, format!("[{{\"event\":\"error\",\"code\":{code},\"text\":{text}}}]\n"))
}

fn not_so(allowed: &str) -> Response {
    refusal(405, "method", "This path has other methods.").with("Allow", allowed)
}
