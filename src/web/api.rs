//! The HTTP API for scripts. Each request is a command, run for the user whose name and token come with it. The
//! response is the list of events that a WebSocket client would receive as the answer.

use std::net::SocketAddr;
use std::sync::LazyLock;

use data_encoding::BASE64;
use serde_json::Value;

use super::request::{Request, percent_decoded};
use super::response::Response;
use crate::model::line::{Line, clean_name, clean_secret};
use crate::model::{Name, Registration, RegistrationError, UserError};
use crate::session::{ApiRequest, NotAllowed, Shared, register};

/// The prefix of its paths.
pub(super) const PATH: &str = "/api/";

/// The description of the API for programs.
const OPENAPI: &[u8] = include_bytes!("api/openapi.json");

/// The prefix of the paths of conversations.
const MESSAGES: &str = "/api/messages/";

/// A call of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Describe,
    Register,
    Server,
    Users,
    Send,
    History,
    Clear,
}

/// Every call: its method, its path as in the description, and what it is. A test compares the table with the description,
/// from which everything else about a call is taken: its parameters, the fields of its body, and their limits.
const CALLS: &[(&str, &str, Call)] = &[
    ("GET", "/api/openapi.json", Call::Describe),
    ("POST", "/api/register", Call::Register),
    ("GET", "/api/server", Call::Server),
    ("GET", "/api/users", Call::Users),
    ("POST", "/api/messages", Call::Send),
    ("GET", "/api/messages/{conversation}", Call::History),
    ("DELETE", "/api/messages/{conversation}", Call::Clear),
];

/// Answers one request.
pub(super) fn respond(shared: &Shared, peer: SocketAddr, request: &Request) -> Response {
    // Whatever can be read can be asked for its head alone (RFC 9110, 9.3.2).
    let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
    let at_path = || CALLS.iter().filter(|(_, path, _)| is_at(path, &request.path));
    let Some((_, path, call)) = at_path().find(|(allowed, ..)| *allowed == method) else {
        let mut allowed: Vec<&str> = at_path().map(|(method, ..)| *method).collect();
        if allowed.is_empty() {
            return refusal(404, "no_such_path", "This path does not exist; /api/openapi.json lists all paths.");
        }
        if allowed.contains(&"GET") {
            allowed.insert(1, "HEAD");
        }
        return method_not_allowed(&allowed.join(", "));
    };
    let call_schema = &description()["paths"][*path][method.to_ascii_lowercase()];
    match call {
        Call::Describe => Response::file("application/json", OPENAPI),
        Call::Register => register_user(shared, peer, request, call_schema),
        Call::Server => describe(shared),
        Call::Users => run(shared, peer, request, 200, |_| Ok("/users".to_owned())),
        Call::Send => run(shared, peer, request, 201, |request| send_line(request, call_schema)),
        Call::History => run(shared, peer, request, 200, |request| history_line(request, call_schema)),
        Call::Clear => run(shared, peer, request, 200, |request| Ok(format!("/clear {}", conversation(request)?))),
    }
}

/// Whether a path is this one of the table.
fn is_at(described: &str, path: &str) -> bool {
    match described.split_once('{') {
        None => path == described,
        Some((start, _)) => path.strip_prefix(start).is_some_and(|rest| !rest.contains('/')),
    }
}

/// The description, parsed once.
fn description() -> &'static Value {
    static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| serde_json::from_slice(OPENAPI).unwrap_or_default());
    &DESCRIPTION
}

/// Checks a value against its schema; says what is wrong with it.
fn check(name: &str, value: &Value, schema: &Value) -> Result<(), String> {
    let limit = |key: &str| schema[key].as_u64();
    match (schema["type"].as_str(), value) {
        (Some("string"), Value::String(text)) => {
            let length = text.chars().count() as u64;
            if limit("minLength").is_some_and(|least| length < least) {
                return Err(format!("'{name}' is empty."));
            }
            match limit("maxLength").filter(|most| length > *most) {
                Some(most) => Err(format!("'{name}' has more than {most} characters.")),
                None => Ok(()),
            }
        }
        (Some("integer"), Value::Number(number)) if number.is_u64() => {
            let (least, most) = (limit("minimum").unwrap_or(0), limit("maximum").unwrap_or(u64::MAX));
            match number.as_u64().is_some_and(|number| (least..=most).contains(&number)) {
                true => Ok(()),
                false if most == u64::MAX => Err(format!("'{name}' must be at least {least}.")),
                false => Err(format!("'{name}' must be from {least} to {most}.")),
            }
        }
        (Some(kind), _) => Err(format!("'{name}' must be of the type {kind}.")),
        (None, _) => Ok(()),
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
    let wrong = || {
        let response = refusal(401, "wrong_name_or_token", "Send name and token as Authorization: Basic.");
        response.with("WWW-Authenticate", "Basic realm=\"parlor\", charset=\"UTF-8\"")
    };
    let (scheme, given) = request.only("authorization").and_then(|value| value.split_once(' ')).ok_or_else(wrong)?;
    let given = BASE64.decode(given.trim().as_bytes()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"));
    let given = given.ok_or_else(wrong)?;
    let colon = given.iter().position(|byte| *byte == b':').ok_or_else(wrong)?;
    let (name, token) = (clean_name(&given[..colon]), clean_secret(&given[colon + 1..]));
    ApiRequest::of(shared, peer, &name, &token).map_err(|why| match why {
        NotAllowed::Wrong => wrong(),
        NotAllowed::TooMany => refusal(429, "too_many_attempts", "Too many wrong tokens came from your address."),
        NotAllowed::Banned => refusal(403, "banned", "You are banned from this server."),
        NotAllowed::Unavailable => refusal(503, "unavailable", "Tokens cannot be checked now; try again later."),
    })
}

/// From `{"to":"bob","text":"hi"}`; `#g` is a group, `*` is everybody.
fn send_line(request: &Request, call: &Value) -> Result<String, Response> {
    let [to, text] = strings(request, call, ["to", "text"])?.map(Option::unwrap_or_default);
    // Line ends would start another command.
    let text = text.split(['\r', '\n']).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    if Line::of(&text) == Line::Nothing {
        return Err(refusal(422, "usage", "The text is empty."));
    }
    let to = String::from_utf8_lossy(&clean_name(to.as_bytes())).into_owned();
    Ok(match to.strip_prefix('#') {
        _ if to == "*" => format!("/broadcast {text}"),
        Some(group) => format!("/group_msg {} {text}", name(group)?),
        None => format!("/msg {} {text}", name(&to)?),
    })
}

fn history_line(request: &Request, call: &Value) -> Result<String, Response> {
    let mut line = format!("/history {}", conversation(request)?);
    let bad = |why: &str| refusal(422, "usage", why);
    for parameter in call["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        let given = request.query.split('&').filter_map(|pair| pair.split_once('=').or(Some((pair, ""))));
        let mut given = given.filter(|(key, _)| percent_decoded(key).as_deref() == Some(name));
        let Some((_, value)) = given.next() else { continue };
        if given.next().is_some() {
            return Err(bad(&format!("'{name}' is given twice.")));
        }
        let digits = percent_decoded(value).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let number: Option<u64> = digits.and_then(|digits| digits.parse().ok());
        check(name, &number.map_or(Value::Null, Value::from), &parameter["schema"]).map_err(|why| bad(&why))?;
        // The count comes before the id, as in the description.
        let word = if name == "count" { "" } else { " before" };
        line.push_str(&format!("{word} {}", number.unwrap_or_default()));
    }
    Ok(line)
}

/// The user or group that the path names; a group has `%23` before its name, which is a `#` by now.
fn conversation(request: &Request) -> Result<String, Response> {
    let typed = request.path.strip_prefix(MESSAGES).unwrap_or_default();
    match typed.strip_prefix('#') {
        Some(group) => Ok(format!("#{}", name(group)?)),
        None => Ok(format!("@{}", name(typed)?)),
    }
}

fn name(typed: &str) -> Result<Name, Response> {
    let typed = String::from_utf8_lossy(&clean_name(typed.as_bytes())).into_owned();
    let error = || UserError::NoSuchUser(typed.clone());
    typed.parse().map_err(|_| refusal(404, error().code(), &error().to_string()))
}

/// Registers a user from `{"name":"zoe","password":"…"}`, with `"invite"` where one is needed.
fn register_user(shared: &Shared, peer: SocketAddr, request: &Request, call: &Value) -> Response {
    let [name, password, invite] = match strings(request, call, ["name", "password", "invite"]) {
        Ok(given) => given,
        Err(response) => return response,
    };
    let ([name, password], invite) =
        ([name, password].map(Option::unwrap_or_default), invite.filter(|text| !text.is_empty()));
    // Of a name that others will see nothing is cut off but what no person has typed.
    let [name, password] = [&name, &password].map(|text| clean_secret(text.as_bytes()));
    let invite = invite.as_deref().map(|invite| clean_secret(invite.as_bytes()));
    let invite = invite.as_deref().map(String::from_utf8_lossy);
    match register(shared, peer, &String::from_utf8_lossy(&name), invite.as_deref(), &password) {
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
fn strings<const N: usize>(request: &Request, call: &Value, names: [&str; N]) -> Result<[Option<String>; N], Response> {
    let content_type = request.only("content-type").unwrap_or_default();
    // Other types can be sent by another site's page without a preflight request.
    if !content_type.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/json")) {
        return Err(refusal(415, "not_json", "Send Content-Type: application/json."));
    }
    // Some programs put a byte order mark before a text, and NULs behind it.
    match serde_json::from_slice(&clean_secret(&request.body)) {
        Ok(Value::Object(fields)) => {
            let schema = &call["requestBody"]["content"]["application/json"]["schema"];
            let required =
                |name: &str| schema["required"].as_array().is_some_and(|all| all.contains(&Value::from(name)));
            for name in names {
                let wrong = match fields.get(name) {
                    Some(value) => check(name, value, &schema["properties"][name]).err(),
                    None if required(name) => Some(format!("'{name}' is missing.")),
                    None => None,
                };
                if let Some(why) = wrong {
                    let code = if name == "password" { "bad_password" } else { "usage" };
                    return Err(refusal(422, code, &why));
                }
            }
            Ok(names.map(|name| fields.get(name).and_then(Value::as_str).map(str::to_owned)))
        }
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
        | UserError::BadTime(_)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_description_have_the_same_calls() {
        let mut described: Vec<(String, String)> = Vec::new();
        for (path, methods) in description()["paths"].as_object().unwrap() {
            let methods = methods.as_object().unwrap().keys().filter(|key| *key != "parameters");
            described.extend(methods.map(|method| (method.to_ascii_uppercase(), path.clone())));
        }
        let mut table: Vec<(String, String)> = CALLS
            .iter()
            .filter(|(.., call)| *call != Call::Describe)
            .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
            .collect();
        described.sort();
        table.sort();
        assert_eq!(table, described);
    }

    #[test]
    fn a_value_is_checked_against_its_schema() {
        let text = serde_json::json!({"type": "string", "minLength": 1, "maxLength": 3});
        let number = serde_json::json!({"type": "integer", "minimum": 1, "maximum": 500});
        for (value, schema, fits) in [
            (Value::from("abc"), &text, true),
            (Value::from("äöü"), &text, true),
            (Value::from(""), &text, false),
            (Value::from("abcd"), &text, false),
            (Value::from(3), &text, false),
            (Value::Null, &text, false),
            (Value::from(1), &number, true),
            (Value::from(500), &number, true),
            (Value::from(0), &number, false),
            (Value::from(501), &number, false),
            (Value::from(-1), &number, false),
            (Value::from("1"), &number, false),
        ] {
            assert_eq!(check("x", &value, schema).is_ok(), fits, "{value} {schema}");
        }
    }
}
