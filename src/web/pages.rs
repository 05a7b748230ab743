//! The web page. Its files are part of the program, so there is nothing else to install.

use super::response::Response;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Every file: its path, content type and bytes.
const FILES: &[(&str, &str, &[u8])] = &[
    ("/", HTML, include_bytes!("page/index.html")),
    ("/style.css", CSS, include_bytes!("page/style.css")),
    ("/icon.svg", "image/svg+xml", include_bytes!("page/icon.svg")),
    ("/chat.js", SCRIPT, include_bytes!("page/chat.js")),
    ("/composer.js", SCRIPT, include_bytes!("page/composer.js")),
    ("/dialogs.js", SCRIPT, include_bytes!("page/dialogs.js")),
    ("/dom.js", SCRIPT, include_bytes!("page/dom.js")),
    ("/door.js", SCRIPT, include_bytes!("page/door.js")),
    ("/events.js", SCRIPT, include_bytes!("page/events.js")),
    ("/lines.js", SCRIPT, include_bytes!("page/lines.js")),
    ("/list.js", SCRIPT, include_bytes!("page/list.js")),
    ("/main.js", SCRIPT, include_bytes!("page/main.js")),
    ("/net.js", SCRIPT, include_bytes!("page/net.js")),
    ("/operate.js", SCRIPT, include_bytes!("page/operate.js")),
    ("/rows.js", SCRIPT, include_bytes!("page/rows.js")),
    ("/view.js", SCRIPT, include_bytes!("page/view.js")),
];

/// Answers a request for a file.
pub(super) fn respond(method: &str, path: &str) -> Response {
    let file = FILES.iter().find(|(name, ..)| *name == path);
    match (method, file) {
        ("GET" | "HEAD", Some((_, content_type, bytes))) => Response::file(content_type, bytes),
        (_, Some(_)) => Response::text(405, "Use GET.").with("Allow", "GET, HEAD"),
        (_, None) => Response::text(404, "This page does not exist."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_together_are_small() {
        let bytes: usize = FILES.iter().map(|(.., bytes)| bytes.len()).sum();
        assert!(bytes < 128 * 1024, "{bytes} bytes are too many for a phone");
    }
}
