//! Addresses of a host: from the name alone where it decides, else from the system's resolver.
//!
//! The resolver blocks its thread, often for many seconds, and cannot be interrupted. So few lookups take place at once, each on a thread
//! that nothing waits for: neither the runtime's pool of threads nor the end of the program.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::thread;

use tokio::sync::{Semaphore, oneshot};

/// Maximum number of lookups at once. Further ones wait, for as long as their callers do.
pub(in crate::edge) const LOOKUPS: usize = 8;

/// Maximum length of a name (RFC 1035, 2.3.4).
const NAME_LENGTH: usize = 253;

/// Maximum length of a part of a name (RFC 1035, 2.3.4).
const LABEL_LENGTH: usize = 63;

/// The resolver of the system.
static SYSTEM: Resolver =
    Resolver { lookups: Semaphore::const_new(LOOKUPS), ask: |host| (host, 0).to_socket_addrs().map(Vec::from_iter) };

/// A resolver that is asked for few names at once.
struct Resolver {
    lookups: Semaphore,
    /// Finds the addresses of a name, with any port. Blocks.
    ask: fn(&str) -> io::Result<Vec<SocketAddr>>,
}

/// A host name, as far as it can be judged without a resolver.
#[derive(Debug, PartialEq, Eq)]
enum HostName {
    /// The name decides; an impossible name has no address.
    Known(Vec<IpAddr>),
    /// A resolver knows.
    Unknown,
}

/// Returns the addresses of a host.
pub(super) async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    SYSTEM.addresses(host, port).await
}

impl Resolver {
    async fn addresses(&'static self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let found = match judge(host) {
            HostName::Known(addresses) => addresses,
            HostName::Unknown => self.look_up(host.to_owned()).await?,
        };
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    /// Looks a name up. The place among the lookups is free again when the resolver has answered, not when the caller gives up.
    async fn look_up(&'static self, host: String) -> io::Result<Vec<IpAddr>> {
        let place = self.lookups.acquire().await.map_err(io::Error::other)?;
        let (answer, answered) = oneshot::channel();
        let ask = self.ask;
        let thread = thread::Builder::new().name("resolver".to_owned());
        drop(thread.spawn(move || {
            let found = ask(&host).map(|found| found.into_iter().map(|address| address.ip()).collect());
            drop(place);
            // The caller may have given up.
            let _ = answer.send(found);
        })?);
        answered.await.map_err(io::Error::other)?
    }
}

/// Judges a host: addresses, the names of this machine (RFC 6761, 6.3), and names that no resolver has. The latter are those that break
/// the rules for names, those that end in a number (which are addresses or nothing), and those under `invalid` (RFC 6761, 6.4) and
/// `onion` (RFC 7686). No other public name can be recognized: any may have a private address.
fn judge(host: &str) -> HostName {
    if let Ok(address) = host.parse() {
        return HostName::Known(vec![address]);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    let is = |label: &str| last.eq_ignore_ascii_case(label);
    if is("localhost") && is_name(name) {
        return HostName::Known(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]);
    }
    if !is_name(name) || is_number(last) || is("invalid") || is("onion") {
        return HostName::Known(Vec::new());
    }
    HostName::Unknown
}

/// Whether a text can be a name. Underscores are not for hosts, but some networks of containers have them.
fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_label = |label: &str| (1..=LABEL_LENGTH).contains(&label.len()) && label.bytes().all(is_allowed);
    text.len() <= NAME_LENGTH && text.split('.').all(is_label)
}

/// Whether a label is a number, decimal or hexadecimal.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    /// Time that the slow resolver of a test takes, which is more than the test does.
    const SLOW: Duration = Duration::from_secs(60);

    #[test]
    fn a_name_decides_alone_where_it_can() {
        let local = || HostName::Known(vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()]);
        for host in ["localhost", "LocalHost", "localhost.", "connector.localhost", "a.b.LOCALHOST."] {
            assert_eq!(judge(host), local(), "{host}");
        }
        for host in ["127.0.0.1", "192.0.2.1", "::1", "2001:db8::1"] {
            assert_eq!(judge(host), HostName::Known(vec![host.parse().unwrap()]), "{host}");
        }
        let (long_label, long_name) = ("a".repeat(LABEL_LENGTH + 1), "a.".repeat(NAME_LENGTH / 2) + "abc");
        let impossible =
            ["", ".", "a..b", ".a", "a b", "a@b", "a:b", "1.2.3", "127.1", "2130706433", "0x7f.1", "a.0x7F", "1.2.3.4.5"];
        let reserved = ["invalid", "connector.invalid", "Connector.INVALID.", "a.onion", "a..localhost"];
        for host in impossible.into_iter().chain(reserved).chain([&*long_label, &*long_name]) {
            assert_eq!(judge(host), HostName::Known(Vec::new()), "{host}");
        }
        for host in
            ["connector", "my_connector", "host.docker.internal", "1.a", "localhost.example.com", "xn--bcher-kva.example", "0xyz"]
        {
            assert_eq!(judge(host), HostName::Unknown, "{host}");
        }
    }

    #[tokio::test]
    async fn a_known_host_is_not_looked_up() {
        static REFUSING: Resolver = Resolver { lookups: Semaphore::const_new(0), ask: |_| panic!("a lookup") };
        assert_eq!(REFUSING.addresses("localhost", 80).await.unwrap().len(), 2);
        assert_eq!(REFUSING.addresses("192.0.2.1", 80).await.unwrap(), ["192.0.2.1:80".parse().unwrap()]);
        assert!(REFUSING.addresses("connector.invalid", 80).await.unwrap().is_empty());
    }

    #[test]
    fn few_lookups_take_place_at_once_and_none_is_waited_for() {
        static ASKED: Mutex<Vec<String>> = Mutex::new(Vec::new());
        static STUCK: Resolver = Resolver {
            lookups: Semaphore::const_new(3),
            ask: |host| {
                ASKED.lock().unwrap().push(host.to_owned());
                thread::sleep(SLOW);
                Ok(Vec::new())
            },
        };
        let started = Instant::now();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let calls = (0..100).map(|number| {
                tokio::spawn(tokio::time::timeout(Duration::from_millis(500), async move {
                    STUCK.addresses(&format!("connector-{number}.test"), 80).await
                }))
            });
            for call in calls.collect::<Vec<_>>() {
                assert!(call.await.unwrap().is_err(), "the time limit of the caller applies");
            }
            assert_eq!(STUCK.addresses("localhost", 80).await.unwrap().len(), 2, "others are not disturbed");
        });
        drop(runtime);
        assert!(started.elapsed() < SLOW / 2, "the end waits for no lookup: {:?}", started.elapsed());
        // A busy machine starts threads late.
        while ASKED.lock().unwrap().len() < 3 && started.elapsed() < SLOW / 2 {
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(ASKED.lock().unwrap().len(), 3, "callers that gave up leave their lookup in its place");
    }

    #[tokio::test]
    async fn each_caller_gets_its_answer() {
        static AT_ONCE: AtomicUsize = AtomicUsize::new(0);
        static QUICK: Resolver = Resolver {
            lookups: Semaphore::const_new(2),
            ask: |host| {
                assert!(AT_ONCE.fetch_add(1, Ordering::SeqCst) < 2);
                thread::sleep(Duration::from_millis(1));
                AT_ONCE.fetch_sub(1, Ordering::SeqCst);
                let number: u8 = host.trim_start_matches("connector-").parse().map_err(io::Error::other)?;
                Ok(vec![SocketAddr::from(([10, 0, 0, number], 0))])
            },
        };
        let calls = (0..50).map(|number| tokio::spawn(async move { QUICK.addresses(&format!("connector-{number}"), 81).await }));
        for (number, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(call.await.unwrap().unwrap(), [format!("10.0.0.{number}:81").parse().unwrap()]);
        }
        assert!(QUICK.addresses("connector-x", 81).await.is_err());
    }
}
