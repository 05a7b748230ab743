//! The page in a real browser.

mod driver;

use driver::Browser;
use parlor::config::Config;
use parlor::model::{DuplicateLogin, Registration, Role};
use parlor::store::Entry;

use crate::support::{Daemon, TestServer, password};

const ENTER: &str = "\u{E007}";

/// A server with a page, on which everybody may register.
fn server() -> TestServer {
    server_with(|_| ())
}

fn server_with(change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::with(|config| {
        config.web = vec!["127.0.0.1:0".parse().unwrap()];
        (config.registration, config.guests) = (Registration::Open, true);
        config.data = Some(config.users.parent().unwrap().join("data"));
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

#[test]
fn two_browsers_and_a_netcat_are_in_one_conversation() {
    let server = server();
    let mut bob = server.login("bob");
    let (alice, eve) = (at_the_door(&server), at_the_door(&server));
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    sign_in(&eve, "eve");
    bob.expect("*** eve has joined the chat.");
    alice.press("New group");
    alice.type_into("dialog [name=name]", "lunch");
    alice.press("Create");
    alice.sees("#title", "lunch");
    eve.type_into("#filter", "lun");
    open(&eve, "#lunch");
    eve.press("Join this group");
    alice.sees("#log", "eve has joined");
    bob.ask("/join lunch", &["You joined the group lunch."]);
    say(&alice, "soup today?");
    bob.expect("[Group lunch][alice]: soup today?");
    eve.sees("#log", "soup today?");
    bob.ask("/g lunch yes & <b>no</b>", &["[Group lunch][bob]: yes & <b>no</b>"]);
    alice.sees("#log", "yes & <b>no</b>");
    eve.type_into("#filter", "\u{E003}\u{E003}\u{E003}");
    open(&eve, "@bob");
    say(&eve, "psst");
    bob.expect("[eve]: psst");
    bob.ask("/msg eve what?", &["[to eve]: what?"]);
    eve.sees("#log", "what?");
    bob.quiet();
    alice.picture("panther-desktop");
}

#[test]
fn people_register_and_a_name_is_given_once() {
    let server = server();
    let (first, second) = (at_the_door(&server), at_the_door(&server));
    for (browser, name) in [(&first, "zoe"), (&second, "ZOE")] {
        browser.press("Register");
        browser.type_into("#name", name);
        browser.type_into("#secret", "secret-1");
        browser.type_into("#again", "secret-1");
        browser.click("#enter");
        if name == "zoe" {
            browser.until("document.body.dataset.ready");
        }
    }
    second.sees("#door-note", "This name is taken.");
    second.press("Sign in");
    second.run("document.getElementById('name').value = '';");
    second.type_into("#name", "bob");
    second.type_into("#secret", &format!("wrong{ENTER}"));
    second.sees("#door-note", "Wrong name or password.");
    second.picture("panther-door");
    assert_eq!(first.text("#me"), "zoe");
    first.click("#b-menu");
    first.press("Sign out");
    first.until("!document.getElementById('door').hidden");
}

#[test]
fn history_comes_on_scrolling_up_and_goes_when_it_is_cleared() {
    let server = server_with(|config| config.limits.rate = 0);
    let [mut bob, mut before] = server.login_all(["bob", "alice"]);
    for n in 0..320 {
        bob.ask(&format!("/msg alice number {n}."), &[&format!("[to alice]: number {n}.")]);
        before.expect(&format!("[bob]: number {n}."));
    }
    before.send("/quit");
    bob.expect("*** alice has left the chat.");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    open(&alice, "@bob");
    alice.sees("#log", "number 319.");
    assert!(!alice.text("#log").contains("number 0."));
    for _ in 0..8 {
        let before = alice.run("return document.querySelectorAll('.msg').length;").as_u64().unwrap();
        if before == 320 {
            break;
        }
        alice.run("document.getElementById('log').scrollTop = 0;");
        alice.until(&format!("document.querySelectorAll('.msg').length > {before}"));
    }
    let shown = alice.run("return [...document.querySelectorAll('.msg .text')].map((one) => one.textContent);");
    let all: Vec<String> = (0..320).map(|n| format!("number {n}.")).collect();
    assert_eq!(shown, serde_json::json!(all), "each once and in order");
    alice.click("#b-conv");
    alice.press("Clear this chat…");
    alice.press("Clear");
    alice.sees("#log", "Nothing has been said here yet.");
    alice.reload();
    sign_in(&alice, "alice");
    open(&alice, "@bob");
    alice.sees("#log", "Nothing has been said here yet.");
    bob.send("/search number in alice");
    assert_eq!(bob.line_with("Found"), "Found with alice:", "bob keeps his view");
}

#[test]
fn a_room_for_two_refuses_the_third_and_a_reload_leaves_it() {
    let server = server();
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    alice.press("Room");
    alice.run("document.querySelector('dialog [name=size]').value = 2;");
    alice.press("Make a room");
    alice.sees("#subtitle", "1 of 2 here");
    let code = alice.text("#title");
    bob.ask(&format!("/room join {code}"), &[&format!("You joined the room {code} (2/2).")]);
    alice.sees("#subtitle", "2 of 2 here");
    let guest = sized(&server, 390, 800);
    guest.press("Guest");
    guest.click("#enter");
    guest.until("document.body.dataset.ready");
    bob.expect("*** guest-1 has joined the chat.");
    guest.press("Room");
    guest.type_into("dialog [name=code]", &code);
    guest.press("Join");
    open(&guest, "*");
    guest.sees("#log", "is full");
    bob.ask(&format!("/g {code} between us"), &[&format!("[Group {code}][bob]: between us")]);
    alice.sees("#log", "between us");
    alice.picture("panther-room");
    alice.reload();
    alice.until("!document.getElementById('door').hidden && document.getElementById('app').hidden");
    bob.expect("*** alice has left the chat.");
    bob.expect("*** alice has left (1/2).");
    sign_in(&alice, "alice");
    assert!(!alice.text("#list").contains(&code));
}

#[test]
fn after_a_restart_of_the_daemon_nothing_is_missing_and_nothing_is_there_twice() {
    let options = ["--data", "data", "--rate", "0"];
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let web = format!("127.0.0.1:{port}");
    let mut daemon = Daemon::start(&[&options[..], &["--web", &web]].concat());
    let mut bob = daemon.login("bob");
    let alice = Browser::start(1280, 800);
    alice.visit(&format!("http://{web}/"));
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    let mut said = Vec::new();
    let mut tell = |bob: &mut crate::support::TestClient, n: u32| {
        said.push(format!("number {n}."));
        bob.send(&format!("/msg alice number {n}."));
        bob.line_with(&format!("[to alice]: number {n}."));
    };
    (0..5).for_each(|n| tell(&mut bob, n));
    open(&alice, "@bob");
    alice.sees("#log", "number 4.");
    daemon.kill();
    alice.until("!document.getElementById('offline').hidden");
    alice.type_into("#text", "half a thought");
    // Something is said while the page cannot be there.
    daemon.restart(&options);
    let mut bob = daemon.login("bob");
    (5..40).for_each(|n| tell(&mut bob, n));
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    daemon.restart(&[&options[..], &["--web", &web]].concat());
    alice.until("document.getElementById('offline').hidden && document.body.dataset.ready === '2'");
    let mut bob = daemon.login("bob");
    (40..43).for_each(|n| tell(&mut bob, n));
    alice.sees("#log", "number 42.");
    let shown = alice.run("return [...document.querySelectorAll('.msg .text')].map((one) => one.textContent);");
    assert_eq!(shown, serde_json::json!(said), "each once and in order");
    assert_eq!(alice.run("return document.querySelectorAll('.gap').length;"), 0);
    say(&alice, " is whole now");
    bob.line_with("[alice]: half a thought is whole now");
}

#[test]
fn what_cannot_be_had_at_once_is_a_gap_that_can_be_filled() {
    let options = ["--data", "data", "--rate", "0"];
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let web = format!("127.0.0.1:{port}");
    let mut daemon = Daemon::start(&[&options[..], &["--web", &web]].concat());
    let mut bob = daemon.login("bob");
    let alice = Browser::start(1280, 800);
    alice.visit(&format!("http://{web}/"));
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    bob.ask("/broadcast first", &["[Broadcast][bob]: first"]);
    open(&alice, "*");
    alice.sees("#log", "first");
    daemon.kill();
    daemon.restart(&options);
    let mut bob = daemon.login("bob");
    for n in 0..530 {
        bob.ask(&format!("/broadcast number {n}."), &[&format!("[Broadcast][bob]: number {n}.")]);
    }
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    daemon.restart(&[&options[..], &["--web", &web]].concat());
    alice.until("document.body.dataset.ready === '2'");
    alice.sees("#log", "Something is missing here");
    alice.run("document.querySelector('.gap').scrollIntoView();");
    alice.picture("panther-gap");
    alice.press("Something is missing here: load it");
    alice.misses("#log", "Something is missing here");
    alice.until("document.querySelectorAll('.msg').length === 531");
}

/// What would run if it were put into a page as it is.
fn injections() -> Vec<String> {
    let call = "window.hit=1";
    let forms = [
        "<script>{}</script>",
        "<img src=x onerror={}>",
        "<svg onload={}>",
        "<svg/onload={}>",
        "<iframe src=javascript:{}>",
        "<a href=javascript:{}>x</a>",
        "\"><script>{}</script>",
        "'><img src=x onerror={}>",
        "</textarea><script>{}</script>",
        "</title><script>{}</script>",
        "<body onload={}>",
        "<input autofocus onfocus={}>",
        "<details open ontoggle={}>",
        "<video><source onerror={}>",
        "<math href=javascript:{}>x",
        "<object data=javascript:{}>",
        "<embed src=javascript:{}>",
        "<form action=javascript:{}><button>x",
        "<style onload={}>",
        "<link rel=stylesheet href=javascript:{}>",
        "<base href=javascript:{}//>",
        "<meta http-equiv=refresh content=0;url=javascript:{}>",
        "<template><script>{}</script>",
        "<noscript><img src=x onerror={}>",
        "<!--><script>{}</script>",
        "<![CDATA[<script>{}</script>]]>",
        "javascript:{}",
        "${{}}",
        "{{{}}}",
        "`${{}}`",
        "\\u003cscript\\u003e{}",
        "&lt;script&gt;{}&lt;/script&gt;",
        "%3Cscript%3E{}%3C/script%3E",
        "<scr<script>ipt>{}</script>",
        "<ScRiPt>{}</sCrIpT>",
        "<script/x>{}</script>",
        "<script src=data:,{}></script>",
        "<img src=`x`onerror={}>",
        "<x onclick={} autofocus tabindex=0>",
        "<marquee onstart={}>",
        "<audio src=x onerror={}>",
        "<isindex type=image src=1 onerror={}>",
        "<table background=javascript:{}>",
        "<div style=background:url(javascript:{})>",
        "<svg><animate onbegin={} attributeName=x>",
        "<svg><a xlink:href=javascript:{}><text>x",
        "<svg><script>{}</script></svg>",
        "<select autofocus onfocus={}>",
        "<keygen autofocus onfocus={}>",
        "<frameset onload={}>",
        "<bgsound src=javascript:{}>",
        "\";{};//",
        "';{};//",
        "</script><script>{}</script>",
        "*/{}/*",
        "__proto__",
        "constructor",
        "{\"event\":\"closed\"}",
        "<p slot=x onpointerenter={}>",
        "<img srcset=x onerror={}>",
        "<portal src=javascript:{}>",
        "<dialog open onclose={}>",
    ];
    forms.iter().map(|form| form.replace("{}", call)).collect()
}

#[test]
fn sixty_injections_are_shown_as_text_and_none_runs() {
    let server = server_with(|config| config.limits.rate = 0);
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    open(&alice, "@bob");
    let all = injections();
    assert!(all.len() >= 60, "{}", all.len());
    for text in &all {
        bob.ask(&format!("/msg alice {text}"), &[&format!("[to alice]: {text}")]);
    }
    alice.until(&format!("document.querySelectorAll('.msg').length === {}", all.len()));
    let shown = alice.run("return [...document.querySelectorAll('.msg .text')].map((one) => one.textContent);");
    assert_eq!(shown, serde_json::json!(all));
    for (n, text) in all.iter().enumerate() {
        bob.send(&format!("/create_group g{n} topic={text}"));
        bob.send(&format!("/away {text}"));
        bob.send(&format!("/invite alice g{n}"));
        bob.send(&format!("/kick alice g{n} {text}"));
    }
    bob.send("/ping all");
    bob.line_with("Pong: all");
    say(&alice, "/whois bob");
    say(&alice, "/search window.hit");
    alice.sees("dialog", "Found");
    alice.run("document.querySelector('dialog').close();");
    say(&alice, "/ping seen");
    alice.sees("#log", "Pong: seen");
    assert_eq!(alice.run("return window.hit ?? null;"), serde_json::Value::Null);
    let foreign = "return document.querySelectorAll('#log script, #log img, #log svg, #log a, #log iframe, dialog img, dialog script').length;";
    assert_eq!(alice.run(foreign), 0);
}

#[test]
fn an_operator_sees_who_is_here_and_acts_with_a_reason() {
    let server = server();
    let role = Entry::Role { user: "alice".parse().unwrap(), role: Role::Admin };
    server.handle.hub().record(vec![role]).unwrap();
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    bob.send("/report alice bossy");
    alice.click("#b-menu");
    alice.press("Operator’s page");
    alice.sees("#operate", "sessions (2)");
    alice.sees("#operate", "reports (1)");
    alice.sees("#operate", "bossy");
    alice.sees("#operate", "Messages a second");
    alice.picture("panther-operator");
    alice.press("Announce…");
    alice.type_into("dialog [name=text]", "soup is served");
    alice.press("Tell everybody");
    bob.line_with("Announcement: soup is served");
    let row = "[...document.querySelectorAll('#operate tr')].find((row) => row.textContent.includes('bob'))";
    alice.run(&format!("{row}.querySelectorAll('button')[1].click();"));
    alice.type_into("dialog [name=time]", "10m");
    alice.type_into("dialog [name=why]", "loud");
    alice.press("Do it");
    assert!(bob.line_with("muted you").ends_with(": loud."));
    alice.sees("#operate", "penalties (1)");
    alice.press("Lift");
    bob.line_with("You may speak again.");
    alice.press("Done");
    alice.sees("#operate", "reports (0)");
    let user = at_the_door(&server);
    sign_in(&user, "eve");
    user.click("#b-menu");
    user.sees("dialog", "Sign out");
    assert!(!user.text("dialog").contains("Operator"), "for whom it is not meant there is none");
}

#[test]
fn two_themes_on_a_desktop_and_on_a_phone() {
    let server = server();
    let mut bob = server.login("bob");
    let mut eve = server.login("eve");
    bob.expect("*** eve has joined the chat.");
    bob.ask("/create_group lunch keep topic=soup", &["Group lunch created."]);
    eve.ask("/join lunch", &["You joined the group lunch."]);
    for (width, height, size) in [(1280, 800, "desktop"), (390, 800, "phone")] {
        let browser = sized(&server, width, height);
        browser.picture(&format!("panther-{size}-door"));
        sign_in(&browser, "alice");
        browser.type_into("#filter", "lun");
        open(&browser, "#lunch");
        if size == "desktop" {
            browser.press("Join this group");
        }
        eve.send("/g lunch There is soup in the kitchen, and bread for those who come early.");
        bob.line_with("There is soup");
        bob.send("/g lunch On my way!");
        browser.sees("#log", "On my way!");
        say(&browser, "Keep a bowl for me, please.");
        browser.sees("#log", "Keep a bowl");
        if size == "phone" {
            assert_eq!(browser.run("return document.getElementById('side').checkVisibility();"), false);
            browser.picture("panther-phone");
            browser.click("#b-back");
            browser.picture("panther-phone-list");
            assert_eq!(browser.run("return document.getElementById('talk').checkVisibility();"), false);
        }
        browser.click("#b-menu");
        browser.click("input[value=midnight]");
        browser.run("document.querySelector('dialog').close();");
        if size == "phone" {
            open(&browser, "#lunch");
        }
        browser.picture(&format!("midnight-{size}"));
        let wide = "return document.documentElement.scrollWidth > innerWidth;";
        assert_eq!(browser.run(wide), false, "nothing stands out of a {size}");
        browser.reload();
        assert_eq!(browser.run("return document.documentElement.dataset.theme;"), "midnight", "it is remembered");
    }
}

#[test]
fn who_stays_signed_in_has_a_token_that_signing_out_revokes() {
    let server = server_with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let mut bob = server.login("bob");
    let browser = at_the_door(&server);
    browser.type_into("#name", "bob");
    browser.type_into("#secret", password("bob"));
    browser.click("#stay");
    browser.click("#enter");
    browser.until("localStorage.getItem('parlor.stay')");
    bob.send("/token list");
    assert_eq!(bob.line(), "Your tokens:");
    assert!(bob.line().starts_with("web-"));
    assert!(!browser.run("return JSON.stringify(localStorage);").to_string().contains(password("bob")));
    browser.reload();
    browser.until("document.body.dataset.ready");
    assert_eq!(browser.text("#me"), "bob");
    browser.click("#b-menu");
    browser.press("Sign out");
    browser.until("!document.getElementById('door').hidden");
    bob.ask("/token list", &["You have no tokens; /token new <name> makes one."]);
    assert_eq!(browser.run("return localStorage.getItem('parlor.stay');"), serde_json::Value::Null);
    browser.reload();
    assert_eq!(browser.run("return document.getElementById('door').hidden;"), false);
}

#[test]
fn receipts_typing_and_unread_counts_are_shown() {
    let server = server();
    let (alice, eve) = (at_the_door(&server), at_the_door(&server));
    sign_in(&alice, "alice");
    sign_in(&eve, "eve");
    open(&alice, "@eve");
    say(&alice, "are you there?");
    alice.until("document.querySelector('.receipt.received')");
    eve.sees("[data-key=\"@alice\"]", "1");
    assert_eq!(eve.run("return document.title;"), "(1) Parlor");
    open(&eve, "@alice");
    alice.until("document.querySelector('.receipt.read')");
    eve.type_into("#text", "y");
    alice.sees("#typing", "eve is typing…");
    eve.type_into("#text", &format!("es{ENTER}"));
    alice.sees("#log", "yes");
    alice.misses("#typing", "eve");
    say(&alice, "/nonsense");
    alice.sees("#log", "Unknown command '/nonsense'");
}
