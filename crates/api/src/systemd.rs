//! Messages to systemd (`Type=notify`): the service listens, it is alive, it stops. Without `NOTIFY_SOCKET` nothing is sent.

use std::convert::Infallible;
use std::future::pending;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use sd_notify::NotifyState;

/// An answer that takes longer does not prove that requests are answered.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Reports that the service listens at this address.
pub(crate) fn ready(address: SocketAddr) {
    let status = format!("Listening on http://{address}");
    notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// Reports that the service accepts no more requests, and ends what is running.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping, NotifyState::Status("Stopping")]);
}

/// Sends the heartbeat for systemd's watchdog (`WatchdogSec=`) for as long as it is polled.
///
/// Each heartbeat needs an answer of the liveness probe, over HTTP at the service's own address. So it proves that this runtime
/// and the workers of the server still run, and systemd restarts a service that hangs. The probe does not ask the database: a
/// restart mends no database.
pub(crate) async fn heartbeat(address: SocketAddr) -> Infallible {
    match heartbeat_interval() {
        Some(interval) => heartbeat_every(interval, address, || notify(&[NotifyState::Watchdog])).await,
        None => pending().await,
    }
}

/// Sends the heartbeat while the service stops and its server answers no more. `TimeoutStopSec=` limits that time.
pub(crate) async fn heartbeat_while_stopping() -> Infallible {
    let Some(interval) = heartbeat_interval() else {
        return pending().await;
    };
    loop {
        notify(&[NotifyState::Watchdog]);
        tokio::time::sleep(interval).await;
    }
}

/// The address at which this machine reaches a service that listens on all of its addresses.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.is_ipv4() {
            true => Ipv4Addr::LOCALHOST.into(),
            false => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// A third of the watchdog's time limit, so that one heartbeat may be lost. None if there is no watchdog.
fn heartbeat_interval() -> Option<Duration> {
    let interval = sd_notify::watchdog_enabled()? / 3;
    (!interval.is_zero()).then_some(interval)
}

async fn heartbeat_every(interval: Duration, address: SocketAddr, send: impl Fn()) -> Infallible {
    let probe = format!("http://{}/healthz", reachable(address));
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(ANSWER_TIMEOUT.min(interval))
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "the heartbeat for systemd's watchdog can't start");
            return pending().await;
        }
    };
    let mut interval = tokio::time::interval(interval);
    loop {
        interval.tick().await;
        match client.get(&probe).send().await {
            Ok(answer) if answer.status().is_success() => send(),
            Ok(answer) => tracing::warn!(status = answer.status().as_u16(), "the liveness probe failed"),
            Err(error) => tracing::warn!(%error, "the liveness probe was not answered"),
        }
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd was not notified");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn no_heartbeat_is_sent_while_the_service_does_not_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sent = AtomicUsize::new(0);
        let heartbeats = heartbeat_every(Duration::from_millis(50), address, || {
            sent.fetch_add(1, Ordering::Relaxed);
        });
        let server = async {
            // Connections are accepted, as by a server whose workers hang.
            let mut hanging = Vec::new();
            for _ in 0..3 {
                hanging.push(listener.accept().await.unwrap());
            }
            let sent_while_hanging = sent.load(Ordering::Relaxed);
            while sent.load(Ordering::Relaxed) < 2 {
                let (mut connection, _) = listener.accept().await.unwrap();
                let _ = connection.read(&mut [0; 1024]).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                let _ = connection.write_all(answer).await;
            }
            sent_while_hanging
        };
        tokio::select! {
            never = heartbeats => match never {},
            sent_while_hanging = server => assert_eq!(sent_while_hanging, 0),
        }
    }

    #[test]
    fn service_on_all_addresses_is_reached_on_the_local_machine() {
        for (listen, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
