//! Reaching machines: which one on a bus, and words for those that are not there.

use std::time::Duration;

use oriel::display1::Machine;
use oriel::source::{ConnectError, Link, Source, Stage};
use standin::bus::PrivateBus;
use standin::{Hang, Standin};

fn connect(source: &Source) -> Result<Link, ConnectError> {
    zruntime::block_on(source.connect(|_: Stage| {}))
}

fn failure(source: &Source) -> String {
    connect(source).expect_err("nothing can be reached").to_string()
}

fn on_bus(bus: &PrivateBus, machine: Option<&str>) -> Source {
    Source::Bus { address: Some(bus.address().to_owned()), machine: machine.map(str::to_owned) }
}

#[test]
fn a_bus_without_machines_says_what_to_do() {
    let bus = PrivateBus::start().unwrap();
    let words = failure(&on_bus(&bus, None));
    assert!(words.contains("no machine on the bus at unix:"), "{words}");
    assert!(words.contains("-display dbus"), "{words}");
}

#[test]
fn a_machine_that_is_not_there_shows_those_that_are() {
    let bus = PrivateBus::start().unwrap();
    let web = Standin::builder().name("web").build().unwrap();
    let joined = web.join(bus.address()).unwrap();
    let words = failure(&on_bus(&bus, Some("mail")));
    assert!(words.contains("no machine 'mail'"), "{words}");
    assert!(words.contains(&format!("web (no UUID, {})", joined.unique_name)), "{words}");
}

#[test]
fn a_name_that_several_machines_have_is_not_enough() {
    let bus = PrivateBus::start().unwrap();
    let machines = [(); 2].map(|()| Standin::builder().name("web").build().unwrap());
    let names = machines.each_ref().map(|machine| machine.join(bus.address()).unwrap().unique_name);
    let words = failure(&on_bus(&bus, Some("web")));
    assert!(words.contains("several machines"), "{words}");
    assert!(names.iter().all(|name| words.contains(name)), "{words}");
    assert!(connect(&on_bus(&bus, Some(&names[1]))).is_ok());
}

#[test]
fn a_machine_that_hangs_does_not_hide_another() {
    let bus = PrivateBus::start().unwrap();
    let hung = Standin::builder().name("hung").build().unwrap();
    let well = Standin::builder().name("well").build().unwrap();
    let silent = hung.join(bus.address()).unwrap().unique_name;
    let answering = well.join(bus.address()).unwrap().unique_name;
    hung.hang(Hang::MainLoop);
    let link = connect(&on_bus(&bus, None)).unwrap();
    assert_eq!(link.peer.owner().unwrap().as_str(), answering);
    let words = failure(&on_bus(&bus, Some(&silent)));
    assert!(words.contains("did not answer within 3 s"), "{words}");
}

#[test]
fn a_bus_that_is_not_there_is_named() {
    let bus = Source::Bus { address: Some("unix:path=/nonexistent/bus".into()), machine: None };
    let words = failure(&bus);
    assert!(words.contains("cannot reach the bus at unix:path=/nonexistent/bus"), "{words}");
    let nonsense = Source::Bus { address: Some("nonsense".into()), machine: None };
    assert!(failure(&nonsense).contains("nonsense"));
}

#[test]
fn a_bus_that_is_silent_is_given_up() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("bus");
    let _silent = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let source = Source::Bus { address: Some(format!("unix:path={}", path.display())), machine: None };
    let words = failure(&source);
    assert!(words.contains("did not answer within 5 s"), "{words}");
}

#[test]
fn a_machine_says_when_it_is_there() {
    let bus = PrivateBus::start().unwrap();
    let source = on_bus(&bus, Some("web"));
    zruntime::block_on(async {
        let runtime = zruntime::SharedRuntime::current().unwrap();
        let early = runtime.timeout(Duration::from_millis(50), source.returned()).await;
        assert!(early.is_err(), "nobody is there yet");
    });
    let mail = Standin::builder().name("mail").build().unwrap();
    mail.join(bus.address()).unwrap();
    let web = Standin::builder().name("web").build().unwrap();
    web.join(bus.address()).unwrap();
    zruntime::block_on(source.returned()).unwrap();
}

/// Whoever shows all machines on a bus hears of them now, and whenever others are there.
#[test]
fn machines_are_told_of_as_they_come_and_go() {
    let bus = PrivateBus::start().unwrap();
    let web = Standin::builder().name("web").build().unwrap();
    web.join(bus.address()).unwrap();
    let told = oriel::source::bus::follow(Some(bus.address().to_owned()));
    let hear = |wanted: &[&str]| {
        let heard = async {
            loop {
                let found = told.recv().await.expect("it goes on as long as somebody listens");
                let names = found.into_iter().filter_map(|found| found.machine).map(|machine| machine.name);
                let names: Vec<String> = names.collect();
                if names == wanted {
                    return;
                }
            }
        };
        zruntime::block_on(async {
            let runtime = zruntime::SharedRuntime::current().unwrap();
            runtime
                .timeout(Duration::from_secs(60), heard)
                .await
                .unwrap_or_else(|_| panic!("not {wanted:?}"));
        });
    };
    hear(&["web"]);
    let mail = Standin::builder().name("mail").build().unwrap();
    let joined = mail.join(bus.address()).unwrap();
    hear(&["web", "mail"]);
    drop(joined);
    drop(mail);
    hear(&["web"]);
}

#[test]
fn a_machine_is_held_on_to_by_what_it_keeps() {
    let pinned = |asked: Option<&str>, name: &str, uuid: Option<&str>| {
        let mut source = Source::Bus { address: None, machine: asked.map(str::to_owned) };
        let uuid = uuid.map(str::to_owned);
        source.pin(&Machine { name: name.to_owned(), uuid, consoles: vec![0] });
        match source {
            Source::Bus { machine, .. } => machine,
            _ => unreachable!(),
        }
    };
    assert_eq!(pinned(None, "web", Some("5f0e")).as_deref(), Some("5f0e"));
    assert_eq!(pinned(Some(":1.7"), "web", None).as_deref(), Some("web"));
    assert_eq!(pinned(None, "QEMU 10.0.13", None), None, "the next QEMU may be another version");
}
