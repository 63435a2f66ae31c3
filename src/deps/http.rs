//! The only code that opens a socket: `GET` of a whole file, with limits.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::thread;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig};

/// More than any package needs.
const MAX_DOWNLOAD: usize = 256 << 20;

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
                Some(_) if is_stopped() => return Err(HttpError::Stopped),
                Some(pause) => thread::sleep(*pause),
                None => return Err(HttpError::Failed(problem)),
            }
        }
    }

    fn try_get(&self, url: &str, is_stopped: &dyn Fn() -> bool) -> Result<Vec<u8>, Problem> {
        let mut response = match self.agent.get(url).call() {
            Ok(response) => response,
            Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::Tls(_))) => {
                return Err(Problem::Final(HttpError::Failed(error.to_string())));
            }
            Err(error) => return Err(Problem::Passing(error.to_string())),
        };
        match response.status().as_u16() {
            200..300 => {}
            404 | 410 => return Err(Problem::Final(HttpError::NotFound)),
            status @ (429 | 500..) => {
                return Err(Problem::Passing(format!("the server says: status {status}")));
            }
            status => {
                let problem = format!("the server says: status {status}");
                return Err(Problem::Final(HttpError::Failed(problem)));
            }
        }
        let mut reader = response.body_mut().as_reader();
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            if is_stopped() {
                return Err(Problem::Final(HttpError::Stopped));
            }
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(bytes),
                Ok(n) => bytes.extend_from_slice(&buffer[..n]),
                Err(error) => return Err(Problem::Passing(error.to_string())),
            }
            if bytes.len() > MAX_DOWNLOAD {
                let problem = format!("it is larger than {} MiB", MAX_DOWNLOAD >> 20);
                return Err(Problem::Final(HttpError::Failed(problem)));
            }
        }
    }
}

enum Problem {
    Final(HttpError),
    Passing(String),
}
