//! A look at the site in a browser: its files over HTTP, for this machine alone.
//!
//! Files are given from memory by their names, so no request can reach anything else. Only `GET` and `HEAD`
//! are answered, and only under names of this machine: a page elsewhere cannot read the site by having its
//! own name resolved to this address. No server crate: this is one loop over requests without bodies.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::page::SiteFile;

/// Longer requests come from no browser.
const MAX_REQUEST: u64 = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that is bound to its port.
pub struct Server {
    listener: TcpListener,
    files: Arc<Vec<SiteFile>>,
}

impl Server {
    /// Binds to a port of this machine; 0 takes any that is free.
    pub fn bind(port: u16, files: Vec<SiteFile>) -> io::Result<Self> {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Ok(Self { listener: TcpListener::bind(address)?, files: Arc::new(files) })
    }

    /// The port.
    pub fn port(&self) -> io::Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Answers requests until the process ends.
    pub fn run(self) -> io::Result<()> {
        for stream in self.listener.incoming() {
            // A connection that breaks is no matter for the others.
            let Ok(stream) = stream else { continue };
            let files = Arc::clone(&self.files);
            std::thread::spawn(move || {
                let _ = answer(stream, &files);
            });
        }
        Ok(())
    }
}

fn answer(mut stream: TcpStream, files: &[SiteFile]) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new((&stream).take(MAX_REQUEST)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut host = String::new();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("host")
        {
            value.trim().clone_into(&mut host);
        }
    }
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let name = path.split(['?', '#']).next().unwrap_or_default().trim_start_matches('/');
    let name = if name.is_empty() { "index.html" } else { name };
    let file = files.iter().find(|it| it.name == name);
    let is_here = ["localhost", "127.0.0.1"].contains(&host.split(':').next().unwrap_or_default());
    let (status, kind, body): (&str, &str, &[u8]) = match (method, is_here, file) {
        (_, false, _) => ("403 Forbidden", "text/plain", b"this server answers to localhost only\n"),
        ("GET" | "HEAD", true, Some(file)) => ("200 OK", kind(&file.name), &file.bytes),
        ("GET" | "HEAD", true, None) => ("404 Not Found", "text/plain", b"there is no such file\n"),
        _ => ("405 Method Not Allowed", "text/plain", b"this server only gives files\n"),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if method != "HEAD" {
        stream.write_all(body)?;
    }
    stream.flush()
}

fn kind(name: &str) -> &'static str {
    let is_page = std::path::Path::new(name).extension().is_some_and(|it| it.eq_ignore_ascii_case("html"));
    if is_page { "text/html; charset=utf-8" } else { "application/octet-stream" }
}
