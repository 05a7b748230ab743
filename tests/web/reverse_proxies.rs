//! The manual's lines for nginx and Caddy, as they are there, with real proxies where those are installed.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use parlor::model::WebOrigin;

use super::{Socket, ask, server_with, status};
use crate::support::{eventually, password};

const NAME: &str = "chat.example.org";

/// A running proxy, ended when dropped.
struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The block of the manual in this language.
fn example(language: &str) -> String {
    let manual = include_str!("../../docs/manual.md");
    let (_, rest) = manual.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// Whether a program is installed; says so if it is not.
fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("{program} is not installed: its lines in the manual were not tried");
    }
    found
}

/// Tries the page, the API and a chat through a proxy that `start` starts for this port and this page of ours.
fn chat_through(start: impl FnOnce(&Path, u16, SocketAddr) -> Command) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = server_with(|config| {
        config.web_origin = vec![WebOrigin::parse(&format!("http://{NAME}:{port}")).unwrap()];
        config.trusted_proxy = vec!["127.0.0.1".parse().unwrap()];
    });
    let dir = tempfile::tempdir().unwrap();
    let mut command = start(dir.path(), port, server.web[0]);
    let _proxy = Proxy(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    eventually("the proxy listens", || TcpStream::connect(addr).is_ok());
    let get =
        |path: &str| ask(addr, &format!("GET {path} HTTP/1.1\r\nHost: {NAME}:{port}\r\nConnection: close\r\n\r\n"));
    let page = get("/");
    assert!(status(&page) == 200 && page.contains("<!doctype html>"), "{page}");
    assert_eq!(status(&get("/api/server")), 200);
    assert_eq!(status(&get("/nowhere")), 404);
    let headers = [("Host", format!("{NAME}:{port}")), ("Origin", format!("http://{NAME}:{port}"))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut alice = Socket::over(TcpStream::connect(addr).unwrap(), addr, &headers).unwrap();
    alice.send(&format!("alice\n{}", password("alice")));
    alice.expect(&["ask", "ask", "welcome"]);
    let mut bob = server.login("bob");
    alice.expect(&["joined"]);
    bob.send("/msg alice through a proxy");
    bob.expect("[to alice]: through a proxy");
    assert_eq!(alice.next(), r#"{"event":"private","from":"bob","text":"through a proxy"}"#);
    alice.quiet();
}

#[test]
fn the_manuals_nginx_lines_work_where_it_is_installed() {
    if is_installed("nginx") {
        chat_through(|dir, port, page| {
            let server = example("nginx")
                .replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};"))
                .replace("127.0.0.1:8080", &page.to_string());
            let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let folders: String = folders.iter().map(|name| format!("{name}_temp_path {name};\n")).collect();
            let all = format!(
                "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{folders}{server}}}\n"
            );
            fs::write(dir.join("nginx.conf"), all).unwrap();
            let mut command = Command::new("nginx");
            command.arg("-p").arg(dir).args(["-e", "stderr", "-c", "nginx.conf"]);
            command
        });
    }
}

#[test]
fn the_manuals_caddy_lines_work_where_it_is_installed() {
    if is_installed("caddy") {
        chat_through(|dir, port, page| {
            let site = example("caddyfile")
                .replace(NAME, &format!("http://{NAME}:{port}"))
                .replace("127.0.0.1:8080", &page.to_string());
            fs::write(dir.join("Caddyfile"), format!("{{\n    admin off\n}}\n{site}")).unwrap();
            let mut command = Command::new("caddy");
            command.arg("run").arg("--config").arg(dir.join("Caddyfile")).args(["--adapter", "caddyfile"]);
            command.env("HOME", dir);
            command
        });
    }
}
