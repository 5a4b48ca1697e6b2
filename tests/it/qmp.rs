//! QMP sockets that are none, busy, or broken: what is said, and that nothing hangs.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use oriel::source::qmp::{Client, QmpError};
use oriel::source::{ConnectError, Source};
use standin::{Call, Standin};

const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"major": 10}}, "capabilities": []}}"#;

/// Connects to a socket at which `server` speaks with whoever comes first.
fn speak(server: impl FnOnce(UnixStream) + Send + 'static) -> Result<Client, QmpError> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("qmp");
    let listener = UnixListener::bind(&path).unwrap();
    let serve = thread::spawn(move || server(listener.accept().unwrap().0));
    let result = zruntime::block_on(Client::connect(&path));
    if result.is_err() {
        serve.join().unwrap();
    }
    result
}

/// Reads lines and answers each with what `answer` makes of it.
fn answer(stream: UnixStream, mut answer: impl FnMut(&str) -> String) {
    let mut writer = stream.try_clone().unwrap();
    writeln!(writer, "{GREETING}").unwrap();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        if writer.write_all(answer(&line).as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn a_missing_socket_is_named() {
    let source = Source::qmp("/nonexistent/qmp");
    let error = zruntime::block_on(source.connect(|_| {})).unwrap_err();
    assert!(matches!(error, ConnectError::NoSocket { .. }));
    assert!(error.to_string().contains("no QMP monitor at /nonexistent/qmp: No such file"), "{error}");
}

#[test]
fn what_is_no_monitor_is_quoted() {
    let error =
        speak(|mut stream| stream.write_all(b"QEMU 10.0.2 monitor\r\n(qemu) \r\n").unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "what answers there is not QMP: it says 'QEMU 10.0.2 monitor'");
}

#[test]
fn a_socket_that_closes_at_once_is_no_monitor() {
    let error = speak(drop).unwrap_err();
    assert_eq!(error.to_string(), "what answers there is not QMP: it closed the connection");
}

#[test]
fn a_line_without_an_end_is_not_kept() {
    let error = speak(|mut stream| {
        // The reader gives up in between.
        let _ = stream.write_all(&vec![b'{'; 4 << 20]);
    })
    .unwrap_err();
    assert!(error.to_string().contains("without an end"), "{error}");
}

/// QEMU: monitor/qmp.c. A second client is connected and hears nothing.
#[test]
fn a_monitor_that_another_client_holds_is_busy() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("qmp");
    let qemu = Standin::builder().build().unwrap();
    qemu.serve_qmp(&path).unwrap();
    zruntime::block_on(async {
        let first = Client::connect(&path).await.unwrap();
        let error = Client::connect(&path).await.unwrap_err();
        assert!(matches!(error, QmpError::Busy(_)));
        assert!(error.to_string().contains("one client at a time"), "{error}");
        drop(first);
        Client::connect(&path).await.unwrap();
    });
}

#[test]
fn replies_find_those_who_asked_among_events() {
    let client = speak(|stream| {
        answer(stream, |line| {
            let id = line.rsplit_once("\"id\":").unwrap().1.trim_end_matches('}').to_owned();
            format!(
                "{{\"event\": \"RTC_CHANGE\", \"data\": {{}}}}\r\n\
                 {{\"return\": {{}}, \"id\": 999}}\r\n\
                 not even JSON\r\n\
                 {{\"return\": {{}}, \"id\": {id}}}\r\n"
            )
        });
    })
    .unwrap();
    zruntime::block_on(async {
        let all = futures_util::future::join_all((0..10).map(|_| client.power_down())).await;
        assert!(all.into_iter().all(|result| result.is_ok()));
    });
}

#[test]
fn a_refusal_comes_in_qemus_words() {
    let client = speak(|stream| {
        let mut first = true;
        answer(stream, move |line| {
            let id = line.rsplit_once("\"id\":").unwrap().1.trim_end_matches('}').to_owned();
            if std::mem::take(&mut first) {
                return format!("{{\"return\": {{}}, \"id\": {id}}}\r\n");
            }
            format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"no way\"}}, \"id\": {id}}}\r\n")
        });
    })
    .unwrap();
    let error = zruntime::block_on(client.power_down()).unwrap_err();
    assert_eq!(error.to_string(), "QEMU refused system_powerdown: no way");
}

#[test]
fn a_monitor_that_goes_away_leaves_nobody_waiting() {
    let client = speak(|stream| {
        let mut lines = 0;
        answer(stream.try_clone().unwrap(), |_| {
            lines += 1;
            if lines == 2 {
                stream.shutdown(std::net::Shutdown::Both).unwrap();
            }
            "{\"return\": {}, \"id\": 0}\r\n".into()
        });
    })
    .unwrap();
    zruntime::block_on(async {
        assert!(matches!(client.power_down().await, Err(QmpError::Closed)));
        assert_eq!(client.ended().await, None);
        assert!(matches!(client.power_down().await, Err(QmpError::Closed)));
    });
}

/// Issue: "replies that never come".
#[test]
fn a_monitor_that_never_answers_is_given_up() {
    let client = speak(|stream| {
        let mut first = true;
        answer(stream, move |_| match std::mem::take(&mut first) {
            true => "{\"return\": {}, \"id\": 0}\r\n".into(),
            false => String::new(),
        });
    })
    .unwrap();
    let error = zruntime::block_on(client.power_down()).unwrap_err();
    assert_eq!(error.to_string(), "QEMU did not answer system_powerdown within 10 s");
}

#[test]
fn a_qemu_without_a_display_for_us_says_so() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("qmp");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        answer(listener.accept().unwrap().0, |line| {
            let id = line.rsplit_once("\"id\":").unwrap().1.trim_end_matches('}').to_owned();
            if line.contains("add_client") {
                let words = "p2p connections not accepted in bus mode";
                return format!(
                    "{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"{words}\"}}, \"id\": {id}}}\r\n"
                );
            }
            format!("{{\"return\": {{}}, \"id\": {id}}}\r\n")
        });
    });
    let error = zruntime::block_on(Source::qmp(path).connect(|_| {})).unwrap_err().to_string();
    assert!(error.contains("p2p connections not accepted in bus mode"), "{error}");
    assert!(error.contains("-display dbus,p2p=yes"), "{error}");
}

#[test]
fn the_display_is_asked_for_by_name() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("qmp");
    let qemu = Standin::builder().build().unwrap();
    qemu.serve_qmp(&path).unwrap();
    let source = Source::qmp(path);
    let link = zruntime::block_on(source.connect(|_| {})).unwrap();
    let commands: Vec<_> = qemu.calls().into_iter().filter(|call| matches!(call, Call::Qmp(_))).collect();
    assert_eq!(commands, [Call::Qmp("getfd".into()), Call::Qmp("add_client".into())]);
    drop(link);
}
