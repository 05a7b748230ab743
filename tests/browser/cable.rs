//! A cable between a browser and a server, which can be pulled and put back.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The browser's end, and the connections through it.
pub struct Cable {
    pub addr: SocketAddr,
    listener: Option<TcpListener>,
    plugged: Arc<Mutex<Plugged>>,
}

#[derive(Default)]
struct Plugged {
    /// `None` while it is pulled.
    to: Option<SocketAddr>,
    ends: Vec<TcpStream>,
    over: bool,
}

impl Cable {
    /// One that leads nowhere yet, but has its address already.
    pub fn new() -> Cable {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        Cable { addr, listener: Some(listener), plugged: Arc::default() }
    }

    /// Lets it lead to a server.
    pub fn plug(&mut self, to: SocketAddr) {
        self.plugged.lock().unwrap().to = Some(to);
        let Some(listener) = self.listener.take() else { return };
        let plugged = Arc::clone(&self.plugged);
        std::thread::spawn(move || {
            for near in listener.incoming().map(Result::unwrap) {
                let mut now = plugged.lock().unwrap();
                if now.over {
                    return;
                }
                let Some(far) = now.to.and_then(|to| TcpStream::connect(to).ok()) else { continue };
                for (from, into) in [(&near, &far), (&far, &near)] {
                    let (mut from, mut into) = (from.try_clone().unwrap(), into.try_clone().unwrap());
                    std::thread::spawn(move || {
                        let _ = io::copy(&mut from, &mut into);
                        let _ = into.shutdown(Shutdown::Write);
                    });
                }
                now.ends.extend([near, far]);
            }
        });
    }

    /// Everything that goes through it breaks, and nothing new does.
    pub fn pull(&self) {
        let mut now = self.plugged.lock().unwrap();
        now.to = None;
        now.ends.drain(..).for_each(|end| drop(end.shutdown(Shutdown::Both)));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.pull();
        self.plugged.lock().unwrap().over = true;
        // Only this wakes the accepting thread.
        let _ = TcpStream::connect(self.addr);
    }
}
