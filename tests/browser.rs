//! The page in a real browser.

mod cable;
mod coming_back;
mod driver;
mod injections;
mod kept;
mod keyboard;
mod looks;
mod operating;
mod refusals;
mod rooms;
mod rows;
mod talking;

use std::net::SocketAddr;

use driver::Browser;
use parlor::config::Config;
use parlor::model::{Registration, StoreAddress};
use serde_json::json;

use crate::support::{TestServer, password};

const ENTER: &str = "\u{E007}";

/// A server with a page, on which everybody may register.
fn server() -> TestServer {
    server_with(|_| ())
}

fn server_with(change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::with(|config| {
        config.web = vec!["127.0.0.1:0".parse().unwrap()];
        (config.registration, config.guests) = (Registration::Open, true);
        config.data = StoreAddress::Folder(config.users.with_file_name("data"));
        change(config);
    })
}

/// A browser at the door of a server.
fn at_the_door(server: &TestServer) -> Browser {
    sized(server, 1280, 800)
}

/// Lets a page not hear the messages that match `deaf`, and say nothing while `mute` is set.
const WIRE: &str = "window.WebSocket = class extends WebSocket {
    send(text) { if (!window.mute) super.send(text); }
    set onmessage(hear) { super.onmessage = (event) => window.deaf?.test(event.data) || hear(event); }
};";

/// A browser at this address, whose wire can be tampered with.
fn on_a_wire(addr: SocketAddr) -> Browser {
    let browser = Browser::start(1280, 800);
    browser.before_each_page(WIRE);
    browser.visit(&format!("http://{addr}/"));
    browser
}

fn sized(server: &TestServer, width: u32, height: u32) -> Browser {
    let browser = Browser::start(width, height);
    browser.visit(&format!("http://{}/", server.web[0]));
    browser
}

fn sign_in(browser: &Browser, name: &str) {
    browser.type_into("#name", name);
    browser.type_into("#secret", password(name));
    browser.click("#enter");
    browser.until("document.body.dataset.ready");
}

/// What the box in which one writes holds.
fn in_the_box(browser: &Browser) -> String {
    browser.run("return document.getElementById('text').value;").as_str().unwrap().to_owned()
}

/// Puts a text in a field at once, as pasting does.
fn write_into(browser: &Browser, css: &str, text: &str) {
    browser.clear(css);
    let (css, text) = (json!(css), json!(text));
    browser.run(&format!("document.querySelector({css}).focus(); document.execCommand('insertText', false, {text});"));
}

/// What an operator orders from the console.
fn operate(server: &TestServer, line: &str) {
    let accounts = parlor::accounts::Accounts::load(&server.dir.path().join("users.txt")).unwrap();
    let command = parlor::command::console(line).unwrap();
    server.handle.admin().execute(command, &parlor::admin::Actor::Console, &accounts).unwrap();
}

fn open(browser: &Browser, key: &str) {
    browser.click(&format!("[data-key=\"{key}\"]"));
}

fn say(browser: &Browser, text: &str) {
    browser.type_into("#text", &format!("{text}{ENTER}"));
}
