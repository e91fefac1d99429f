//! The limits of a server on the resources of many clients together.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use wfi_emulator::internals::edge::server::ServerLimits;

use crate::edge::abuse::{ENTITY, PATIENCE, SOON, exchange, exchange_and, get_with, head, patch, statuses, target};
use crate::edge::abuse_http2::{END_HEADERS, END_STREAM, HEADERS, begin, frame, frames_of, literal};
use crate::edge::http::Server;

#[test]
fn idle_connections_make_room_for_others() {
    let server = Server::start_with(ServerLimits { connections: 20, ..ServerLimits::default() });
    let idle: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let started = Instant::now();
    // It waits until the idle time is over, which is shorter for a crowd.
    let seen = exchange(&server, target("/_emulator/health").into_bytes());
    assert_eq!(statuses(&seen), "200");
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    drop(idle);
}

#[test]
fn thousands_of_idle_connections_do_not_disturb_other_clients() {
    let server = Server::start_with(ServerLimits::default());
    // Descriptors of a process are limited, and each connection takes two.
    let idle: Vec<TcpStream> = (0..2_000).map_while(|_| TcpStream::connect(server.address).ok()).collect();
    assert!(idle.len() >= 300, "{} connections", idle.len());
    drop(idle);
    server.assert_answers();
}

#[test]
fn the_first_pieces_of_unfinished_bodies_count_too() {
    let server = Server::start_with(ServerLimits { bodies_bytes: 1_500_000, ..ServerLimits::default() });
    let warmed = |_| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A client that has sent much is read from in larger pieces.
        let much = [head("PATCH", "Content-Length: 1000000\r\n\r\n").into_bytes(), vec![b' '; 1_000_000]].concat();
        stream.write_all(&much).unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream
    };
    let mut waiting: Vec<TcpStream> = (0..30).map(warmed).collect();
    let start = [head("PATCH", "Content-Length: 4000000\r\n\r\n").into_bytes(), vec![b' '; 100_000]].concat();
    for stream in &mut waiting {
        stream.write_all(&start).unwrap();
    }
    let cut = waiting.iter().filter(|stream| is_cut(stream)).count();
    assert!(cut >= 10, "{cut} of 30, which want to keep 3 MB together");
    server.assert_answers();
}

/// Whether a connection has ended.
fn is_cut(stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let read = (&*stream).read(&mut [0]);
    !matches!(read, Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut))
}

#[test]
fn unread_answers_take_bounded_memory_together() {
    let server = Server::start_with(ServerLimits { answers_bytes: 20_000_000, idle: SOON.idle, ..ServerLimits::default() });
    let large = format!("{{\"displayName\":\"{}\"}}", "x".repeat(4_000_000));
    assert_eq!(statuses(&exchange(&server, patch(&large))), "200");
    // Ten streams of a connection whose client grants no flow-control window.
    let head = literal(&literal(&[0x82, 0x86], 0x04, ENTITY.as_bytes()), 0x01, b"localhost");
    let requests = (0..10).map(|number| frame(HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &head));
    let seen = exchange_and(&server, [begin(), requests.collect::<Vec<_>>().concat()].concat(), false);
    assert!(frames_of(&seen).contains("reset INTERNAL_ERROR"), "{}", frames_of(&seen));
    // After they end, there is room for others again.
    for _ in 0..10 {
        assert!(exchange(&server, target(ENTITY).into_bytes()).len() > 4_000_000);
    }
}

#[test]
fn a_head_may_be_as_large_as_its_limit() {
    let server = Server::start_with(ServerLimits { head_bytes: 1_000_000, ..ServerLimits::default() });
    let with = |size: usize| exchange(&server, get_with(&format!("x: {}\r\n", "a".repeat(size))).into_bytes());
    assert_eq!(statuses(&with(900_000)), "200");
    assert_eq!(statuses(&with(1_100_000)), "431");
    // A limit below the minimum of the library holds too.
    let server = Server::start_with(ServerLimits { head_bytes: 1_000, ..ServerLimits::default() });
    server.assert_answers();
}

#[test]
fn unfinished_bodies_take_bounded_memory_together() {
    let limits = ServerLimits { bodies_bytes: 4 * 1024 * 1024, ..ServerLimits::default() };
    let server = Server::start_with(limits);
    let begin = |piece: usize| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let announced = head("PATCH", "Content-Length: 4000000\r\n\r\n");
        let _ = stream.write_all(announced.as_bytes()).and_then(|()| stream.write_all(&vec![b' '; piece]));
        stream
    };
    let waiting: Vec<TcpStream> = (0..4).map(|_| begin(3_000_000)).collect();
    // At most one of four has room; the others are cut off.
    let cut = waiting.iter().filter(|stream| is_cut(stream));
    assert!(cut.count() >= 2);
    drop(waiting);
    server.assert_answers();
}
