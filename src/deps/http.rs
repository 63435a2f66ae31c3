//! The only code that opens a socket: `GET` of a whole file, with limits.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig};

/// More than any package needs.
const MAX_DOWNLOAD: u64 = 256 << 20;

/// How often it is looked up whether the user stopped it.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Waits before another try.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// Why there is no file.
#[derive(Debug)]
pub(super) enum HttpError {
    /// The server says that there is none.
    NotFound,
    /// What else went wrong.
    Failed(String),
    /// The user stopped it.
    Stopped,
}

/// A client that looks at the environment as other programs do: `HTTPS_PROXY` and its kin, and the
/// certificates of `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE`.
pub(super) struct Http {
    agent: Agent,
}

impl Http {
    pub(super) fn new(env: &BTreeMap<String, String>) -> Result<Self, String> {
        let variables = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
        let file = variables.iter().find_map(|it| env.get(*it).filter(|path| !path.is_empty()));
        let roots = match file {
            None => RootCerts::WebPki,
            Some(path) => {
                let pem = fs::read(path).map_err(|error| format!("cannot read `{path}`: {error}"))?;
                RootCerts::from(ureq::tls::parse_pem(&pem).filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                }))
            }
        };
        let config = Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_global(Some(Duration::from_mins(10)))
            .http_status_as_error(false)
            .user_agent(concat!("tidemill/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots).build());
        Ok(Self { agent: config.build().new_agent() })
    }

    /// A file's bytes; a connection that breaks, or a server that is ill, is tried again.
    pub(super) fn get(&self, url: &str, is_stopped: &dyn Fn() -> bool) -> Result<Vec<u8>, HttpError> {
        let mut pauses = PAUSES.iter();
        loop {
            let problem = match self.try_get(url, is_stopped) {
                Ok(bytes) => return Ok(bytes),
                Err(Problem::Final(error)) => return Err(error),
                Err(Problem::Passing(problem)) => problem,
            };
            match pauses.next() {
                Some(pause) => thread::sleep(*pause),
                None => return Err(HttpError::Failed(problem)),
            }
        }
    }

    /// Waits on another thread for the server, so that Ctrl-C need not wait for it.
    fn try_get(&self, url: &str, is_stopped: &dyn Fn() -> bool) -> Result<Vec<u8>, Problem> {
        let (sender, receiver) = mpsc::channel();
        let (agent, url) = (self.agent.clone(), url.to_owned());
        thread::spawn(move || {
            // Nobody listens any more after Ctrl-C.
            let _ = sender.send(download(&agent, &url));
        });
        loop {
            match receiver.recv_timeout(LOOK_UP) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Timeout) if is_stopped() => {
                    return Err(Problem::Final(HttpError::Stopped));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Problem::Passing("the connection was lost".to_owned()));
                }
            }
        }
    }
}

fn download(agent: &Agent, url: &str) -> Result<Vec<u8>, Problem> {
    let failed = |problem: String| Problem::Final(HttpError::Failed(problem));
    let mut response = match agent.get(url).call() {
        Ok(response) => response,
        Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::Tls(_))) => {
            return Err(failed(error.to_string()));
        }
        Err(error) => return Err(Problem::Passing(error.to_string())),
    };
    match response.status().as_u16() {
        200..300 => {}
        404 | 410 => return Err(Problem::Final(HttpError::NotFound)),
        status @ (429 | 500..) => {
            return Err(Problem::Passing(format!("the server says: status {status}")));
        }
        status => return Err(failed(format!("the server says: status {status}"))),
    }
    let mut reader = response.body_mut().as_reader().take(MAX_DOWNLOAD + 1);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| Problem::Passing(error.to_string()))?;
    if bytes.len() as u64 > MAX_DOWNLOAD {
        return Err(failed(format!("it is larger than {} MiB", MAX_DOWNLOAD >> 20)));
    }
    Ok(bytes)
}

enum Problem {
    Final(HttpError),
    Passing(String),
}
