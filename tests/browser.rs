//! The page in a real browser.

mod cable;
mod coming_back;
mod driver;
mod injections;
mod looks;
mod operating;
mod rooms;
mod talking;

use driver::Browser;
use parlor::config::Config;
use parlor::model::{Registration, StoreAddress};

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

fn open(browser: &Browser, key: &str) {
    browser.click(&format!("[data-key=\"{key}\"]"));
}

fn say(browser: &Browser, text: &str) {
    browser.type_into("#text", &format!("{text}{ENTER}"));
}
