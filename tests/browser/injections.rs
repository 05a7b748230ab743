//! Script injection attempts.

use super::operating::{promote, with_log};
use super::{at_the_door, open, say, server_with, sign_in};
use crate::promises::figure;

/// Strings that would run if they were inserted into a page unescaped.
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
fn sixty_injections_in_messages_and_topics_are_shown_as_text() {
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
    alice.sees("dialog", "Search results");
    alice.run("document.querySelector('dialog').close();");
    say(&alice, "/ping seen");
    alice.sees("#log", "Pong: seen");
    assert_eq!(alice.run("return window.hit ?? null;"), serde_json::Value::Null);
    let foreign = "return document.querySelectorAll('#log script, #log img, #log svg, #log a, #log iframe, dialog img, dialog script').length;";
    assert_eq!(alice.run(foreign), 0);
    figure("28 (scripts)", &format!("{} strings in every place of the page that shows foreign text, 0 ran", all.len()));
}

#[test]
fn sixty_injections_in_rooms_reasons_and_logs_are_shown_as_text() {
    let server = server_with(|config| config.limits.rate = 0);
    promote(&server);
    let all = injections();
    with_log(&server)(&(all.join("\n") + "\n"));
    let mut bob = server.login("bob");
    let alice = at_the_door(&server);
    sign_in(&alice, "alice");
    bob.expect("*** alice has joined the chat.");
    // As topics of rooms, in the list, the header and the menu.
    for text in &all {
        bob.send(&format!("/room create 2 {text}"));
        let said = bob.line_with("created (1/2)");
        let code = said.split(' ').nth(1).unwrap().to_owned();
        open(&alice, "*");
        say(&alice, &format!("/room join {code}"));
        alice.until(&format!("document.getElementById('title').textContent === {}", serde_json::json!(text)));
        bob.ask("/room leave", &["*** alice has joined (2/2).", &format!("You left the room {code}.")]);
    }
    alice.click("#b-conv");
    alice.sees("dialog", "Leave the room");
    alice.run("document.querySelector('dialog').close();");
    let listed =
        alice.run("return [...document.querySelectorAll('#list-groups .name')].map((one) => one.textContent);");
    assert_eq!(listed.as_array().unwrap().len(), all.len());
    // As reasons of reports and penalties, and as lines of the log.
    for (n, text) in all.iter().enumerate() {
        bob.send(&format!("/report alice {text}"));
        say(&alice, &format!("/ban addr 10.0.0.{n} {text}"));
    }
    bob.send("/ping all");
    bob.line_with("Pong: all");
    alice.click("#b-menu");
    alice.press("Administration");
    alice.sees("#operate", &format!("reports ({})", all.len()));
    alice.sees("#operate", &format!("penalties ({})", all.len()));
    alice.sees("#of-log", all.last().unwrap());
    let shown = alice.run("return document.querySelector('#of-log .tail').textContent;");
    assert_eq!(shown, all[all.len() - 50..].join("\n"));
    let reasons =
        "return [...document.querySelectorAll('#of-reports tbody tr')].map((row) => row.cells[4].textContent);";
    assert_eq!(alice.run(reasons), serde_json::json!(all));
    assert_eq!(alice.run("return window.hit ?? null;"), serde_json::Value::Null);
    let foreign = "return document.querySelectorAll('#operate :is(script, img, a, iframe), #list :is(script, img, svg, a), #title *').length;";
    assert_eq!(alice.run(foreign), 0);
}
