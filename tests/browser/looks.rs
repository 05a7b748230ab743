//! Two themes on two sizes of a screen.

use super::operating::{go_there, promote, with_log};
use super::{open, say, server, sign_in, sized};

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
fn dialogs_and_the_operators_page_fit_a_phone() {
    let server = server();
    promote(&server);
    with_log(&server)("2026-11-20 17:03:12.402 +00:00 INFO  main listening addr=127.0.0.1:12345\n");
    let mut bob = server.login("bob");
    let phone = sized(&server, 390, 800);
    sign_in(&phone, "alice");
    bob.expect("*** alice has joined the chat.");
    let fits = |what: &str| {
        phone.picture(&format!("panther-phone-{what}"));
        let wide = "return document.documentElement.scrollWidth > innerWidth
            || [...document.querySelectorAll('dialog[open], #operate')].some((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1);";
        assert_eq!(phone.run(wide), false, "nothing stands out of {what}");
    };
    for (button, what) in [("#b-menu", "menu"), ("#b-group", "new-group"), ("#b-room", "rooms")] {
        phone.click(button);
        fits(what);
        phone.press("✕");
    }
    go_there(&phone);
    phone.sees("#of-log", "listening");
    fits("operator");
}
