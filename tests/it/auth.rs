//! Authentication: who we say we are, what we insist on, and how long we wait.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use oriel::display1::auth::{AuthError, authenticate};
use standin::{Identity, Policy, Standin};

use crate::viewer::{Viewer, WAIT};

const GUID: &str = "0123456789abcdef0123456789abcdef";

/// Plays a server that answers each line in turn, and says what it was told.
fn conversation(answers: &'static [&'static str]) -> (Result<String, AuthError>, Vec<String>) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let server = thread::spawn(move || {
        let mut heard = Vec::new();
        for answer in answers {
            heard.push(line(&mut theirs));
            theirs.write_all(answer.as_bytes()).unwrap();
        }
        if answers.is_empty() {
            return heard;
        }
        // Until we close, in whichever way: a server that goes is another test.
        let _ = theirs.read_to_end(&mut Vec::new());
        heard
    });
    let greeting = authenticate(&ours, WAIT).map(|greeting| greeting.guid);
    drop(ours);
    (greeting, server.join().unwrap())
}

/// A line without its end; what there is of one where the stream ends.
fn line(socket: &mut UnixStream) -> String {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while !line.ends_with(b"\r\n") && socket.read(&mut byte).unwrap() == 1 {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

fn own_identity() -> String {
    let uid = rustix::process::geteuid().as_raw().to_string();
    uid.bytes().map(|digit| format!("{digit:02x}")).collect()
}

#[test]
fn our_own_user_is_tried_first() {
    let (greeting, heard) = conversation(&["OK 0123456789abcdef0123456789abcdef\r\n", "AGREE_UNIX_FD\r\n"]);
    assert_eq!(greeting.unwrap(), GUID);
    assert_eq!(heard, [format!("\0AUTH EXTERNAL {}", own_identity()), "NEGOTIATE_UNIX_FD".into()]);
}

#[test]
fn trap_04_an_empty_identity_is_tried_after_a_rejection() {
    let (greeting, heard) = conversation(&[
        "REJECTED EXTERNAL DBUS_COOKIE_SHA1\r\n",
        "DATA\r\n",
        "OK 0123456789abcdef0123456789abcdef\r\n",
        "AGREE_UNIX_FD\r\n",
    ]);
    assert_eq!(greeting.unwrap(), GUID);
    assert_eq!(heard[1..], ["AUTH EXTERNAL", "DATA", "NEGOTIATE_UNIX_FD"]);
}

#[test]
fn trap_04_a_socket_of_another_users_making_lets_us_in() {
    let creator = rustix::process::geteuid().as_raw() + 1;
    let viewer = Viewer::new(Standin::builder().listener_policy(Policy::CreatedBy(creator)));
    let qemu = viewer.qemu();
    let auth = &qemu.negotiation().auth;
    assert_eq!(auth.identity, Identity::Empty);
    assert_eq!(auth.rejected.len(), 1);
    let main = Viewer::new(Standin::builder().policy(Policy::CreatedBy(creator)));
    main.still_works();
}

#[test]
fn trap_03_descriptors_are_negotiated_or_the_connection_is_given_up() {
    let viewer = Viewer::new(Standin::builder());
    assert!(viewer.qemu().negotiation().auth.unix_fds);
    let (greeting, _) = conversation(&["OK 0123456789abcdef0123456789abcdef\r\n", "ERROR\r\n"]);
    assert!(matches!(greeting, Err(AuthError::NoDescriptors(words)) if words == "ERROR"));
}

#[test]
fn a_server_that_takes_nobody_says_what_it_offers() {
    let (greeting, _) = conversation(&["REJECTED DBUS_COOKIE_SHA1\r\n", "REJECTED DBUS_COOKIE_SHA1\r\n"]);
    assert!(matches!(greeting, Err(AuthError::Rejected(offers)) if offers == "DBUS_COOKIE_SHA1"));
}

#[test]
fn a_server_of_another_protocol_is_told_apart() {
    for nonsense in ["HTTP/1.1 400 Bad Request\r\n", "OK\r\n", "OK 12\r\n", "\r\n"] {
        let (greeting, _) = conversation(Vec::leak(vec![nonsense]));
        assert!(matches!(greeting, Err(AuthError::Nonsense(_))), "{nonsense:?}");
    }
    let (greeting, _) = conversation(Vec::leak(vec![&*String::leak("x".repeat(5000))]));
    assert!(matches!(greeting, Err(AuthError::Nonsense(_))), "a line without end");
}

#[test]
fn messages_before_the_end_of_authentication_are_refused() {
    let (greeting, _) =
        conversation(&["OK 0123456789abcdef0123456789abcdef\r\n", "AGREE_UNIX_FD\r\nl\u{1}\0\u{1}"]);
    assert!(matches!(greeting, Err(AuthError::Nonsense(_))));
}

#[test]
fn a_silent_server_is_given_up() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let error = authenticate(&ours, Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, AuthError::TimedOut));
}

#[test]
fn a_server_that_dribbles_is_given_up_all_the_same() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let server = thread::spawn(move || {
        while theirs.write_all(b"O").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let error = authenticate(&ours, Duration::from_millis(100)).unwrap_err();
    assert!(matches!(error, AuthError::TimedOut | AuthError::Nonsense(_)), "{error}");
    drop(ours);
    server.join().unwrap();
}

#[test]
fn a_server_that_goes_away_is_no_timeout() {
    let (greeting, _) = conversation(&[]);
    assert!(matches!(greeting, Err(AuthError::Io(_))));
}
