//! A browser without a window, driven through WebDriver by the few commands that are needed here.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long the browser itself may take to start, and for one command.
const START: Duration = Duration::from_secs(90);

/// How long a page may take to show something: other browsers and tests have the processors as well.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a command says about an element that is just being drawn, and is there a moment later.
const LATER: [&str; 3] = ["stale element reference", "element not interactable", "element click intercepted"];

/// A driver and one browser window of its own; both end when dropped.
pub struct Browser {
    driver: Child,
    addr: SocketAddr,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one with a window of this size, in CSS pixels.
    pub fn start(width: u32, height: u32) -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("TMPDIR", profile.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is missing: `make tools` installs it");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.unwrap();
            line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
        });
        // Its output must be read, or it would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let addr = SocketAddr::from(([127, 0, 0, 1], port.expect("chromedriver names its port")));
        let mut browser = Browser { driver, addr, session: String::new(), _profile: profile };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-timer-throttling",
            "--disable-renderer-backgrounding",
            "--force-device-scale-factor=1",
            &format!("--window-size={width},{height}"),
        ];
        let options = json!({"args": arguments, "mobileEmulation": {"deviceMetrics": {"width": width, "height": height, "pixelRatio": 1, "touch": width < 700}}});
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let session = browser.command("POST", "/session", Some(&wanted));
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    fn command(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.attempt(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The value a command returns, or its error.
    fn attempt(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(START)).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let value: Value = serde_json::from_slice(&body_of(&mut stream)).unwrap();
        let value = value["value"].clone();
        if value.get("error").is_some() { Err(value) } else { Ok(value) }
    }

    fn on_page(&self, method: &str, path: &str, body: &Value) -> Value {
        self.command(method, &format!("{}{path}", self.session), (method == "POST").then_some(body))
    }

    /// Goes to an address.
    pub fn visit(&self, url: &str) {
        self.on_page("POST", "/url", &json!({ "url": url }));
    }

    /// Loads the page anew.
    pub fn reload(&self) {
        self.on_page("POST", "/refresh", &json!({}));
    }

    /// Closes the tab, as a person does; there is no other one.
    pub fn close_tab(&self) {
        self.on_page("DELETE", "/window", &Value::Null);
    }

    /// Runs a script and returns its value.
    pub fn run(&self, script: &str) -> Value {
        self.on_page("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until an expression of the page is true.
    pub fn until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.run(&format!("return Boolean({expression});")) != json!(true) {
            assert!(Instant::now() < deadline, "never true: {expression}; the page says:\n{}", self.text("body"));
        }
    }

    /// Waits for the element that an expression gives, and returns how the driver calls it.
    fn find(&self, expression: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.run(&format!("return {expression};"));
            if let Some(name) = found.as_object().and_then(|found| found.values().next()) {
                return name.as_str().unwrap().to_owned();
            }
            assert!(Instant::now() < deadline, "never there: {expression}; the page says:\n{}", self.text("body"));
        }
    }

    /// Does something with an element; again, if that is just being drawn.
    fn on_element(&self, expression: &str, action: &str, body: &Value) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.find(expression);
            let path = format!("{}/element/{found}/{action}", self.session);
            match self.attempt("POST", &path, Some(body)) {
                Ok(_) => return,
                Err(why) => {
                    let later = LATER.iter().any(|error| why["error"] == *error);
                    assert!(later && Instant::now() < deadline, "{expression}: {why}");
                }
            }
        }
    }

    /// Clicks like a person: on an element that is visible and not covered.
    pub fn click(&self, css: &str) {
        self.on_element(&selector(css), "click", &json!({}));
    }

    /// Types as a person does; `\u{E007}` is Enter.
    pub fn type_into(&self, css: &str, text: &str) {
        self.on_element(&selector(css), "value", &json!({ "text": text }));
    }

    /// Empties a field, as a person does who selects all of it.
    pub fn clear(&self, css: &str) {
        self.on_element(&selector(css), "clear", &json!({}));
    }

    /// Clicks the button that says this; while a dialog is open, in there.
    pub fn press(&self, label: &str) {
        let button = format!(
            "[...(document.querySelector('dialog[open]') ?? document).querySelectorAll('button, summary')].find((one) => one.checkVisibility() && one.textContent.trim() === {})",
            json!(label)
        );
        self.on_element(&button, "click", &json!({}));
    }

    /// Presses keys, whatever has the focus: all of them together, as `\u{E009}k` for Ctrl-K.
    pub fn keys(&self, keys: &str) {
        let down = keys.chars().map(|key| json!({"type": "keyDown", "value": key}));
        let up = keys.chars().rev().map(|key| json!({"type": "keyUp", "value": key}));
        let actions: Vec<Value> = down.chain(up).collect();
        let all = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.on_page("POST", "/actions", &all);
    }

    /// A command of Chromium's own protocol.
    fn devtools(&self, command: &str, params: &Value) -> Value {
        self.on_page("POST", "/goog/cdp/execute", &json!({"cmd": command, "params": params}))
    }

    /// Runs a script in each page before any of its own.
    pub fn before_each_page(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": script }));
    }

    /// The time, in milliseconds, that the page's thread has had a processor since it was first asked. Unlike the time that
    /// passes, it does not depend on what else the machine has to do.
    pub fn processor_time(&self) -> f64 {
        self.devtools("Performance.enable", &json!({"timeDomain": "threadTicks"}));
        let metrics = self.devtools("Performance.getMetrics", &json!({}));
        let all = metrics["metrics"].as_array().unwrap();
        let tasks = all.iter().find(|metric| metric["name"] == "TaskDuration").unwrap();
        tasks["value"].as_f64().unwrap() * 1000.0
    }

    /// The text that an element shows.
    pub fn text(&self, css: &str) -> String {
        let shown = self.run(&format!("return document.querySelector({})?.innerText ?? '';", json!(css)));
        shown.as_str().unwrap().to_owned()
    }

    /// Waits until an element shows this.
    pub fn sees(&self, css: &str, part: &str) {
        self.until(&format!("(document.querySelector({})?.innerText ?? '').includes({})", json!(css), json!(part)));
    }

    /// Waits until an element shows this no more.
    pub fn misses(&self, css: &str, part: &str) {
        self.until(&format!("!(document.querySelector({})?.innerText ?? '').includes({})", json!(css), json!(part)));
    }

    /// Keeps a picture of the page where `SCREENSHOTS` says, if it does.
    pub fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("SCREENSHOTS") else { return };
        // Fading animations have ended by then.
        self.run("document.getAnimations().forEach((one) => one.finish());");
        let picture = self.on_page("GET", "/screenshot", &Value::Null);
        let bytes = decode(picture.as_str().unwrap());
        fs::create_dir_all(&folder).unwrap();
        fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }
}

/// The element that a CSS selector finds, as an expression.
fn selector(css: &str) -> String {
    format!("document.querySelector({})", json!(css))
}

/// The body of an answer; the driver does not close behind it.
fn body_of(stream: &mut TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.to_ascii_lowercase().split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().unwrap(),
            _ if line.trim().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}

/// Base64, as the driver gives pictures.
fn decode(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'=').map(value).collect();
    let four = |four: &[u8]| {
        let bits = four.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(four).collect()
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Also of a test that fails, which must not fail twice; without it the browser would outlive its driver.
        if let Ok(mut stream) = TcpStream::connect(self.addr) {
            let _ = stream.set_read_timeout(Some(START));
            let request = format!("DELETE {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", self.session);
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.read(&mut [0; 512]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[test]
fn pictures_are_decoded() {
    assert_eq!(decode("aGVsbG8="), b"hello");
    assert_eq!(decode("aGVsbG8h"), b"hello!");
    assert_eq!(decode("aGk="), b"hi");
}
