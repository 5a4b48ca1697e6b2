//! A QMP socket with the commands that a viewer needs: `getfd` and `add_client`, and those around a machine's end.
//!
//! As in QEMU (monitor/qmp.c), one client at a time is served, and commands run on the main loop.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use serde_json::{Value, json};

use crate::gate::Gate;
use crate::machine::{Job, Machine, RunState, Sockets};
use crate::record::Call;
use crate::socket::Socket;
use crate::standin::{Error, Standin};

/// Something that QMP tells without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QmpEvent {
    Powerdown,
    Reset,
    Resume,
    /// The guest has ended by itself.
    GuestShutdown,
    /// It was ended by `quit`.
    Quit,
    Stop,
}

impl QmpEvent {
    fn to_json(self) -> Value {
        let (name, data) = match self {
            Self::Powerdown => ("POWERDOWN", Value::Null),
            Self::Reset => ("RESET", json!({"guest": false, "reason": "host-qmp-system-reset"})),
            Self::Resume => ("RESUME", Value::Null),
            Self::GuestShutdown => ("SHUTDOWN", json!({"guest": true, "reason": "guest-shutdown"})),
            Self::Quit => ("SHUTDOWN", json!({"guest": false, "reason": "host-qmp-quit"})),
            Self::Stop => ("STOP", Value::Null),
        };
        let now = crate::clock::now();
        let timestamp = json!({"seconds": now.as_secs(), "microseconds": now.subsec_micros()});
        let mut event = json!({"timestamp": timestamp, "event": name});
        if !data.is_null() {
            event["data"] = data;
        }
        event
    }
}

/// What a test answers to a command: its arguments in, its value or QEMU's words out.
type Answer = Box<dyn FnMut(&Value) -> Result<Value, String> + Send>;

/// The client that is served, for events, and what tests answer.
#[derive(Clone, Default)]
pub(crate) struct Client {
    socket: Arc<Mutex<Option<Socket>>>,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client").field(&self.socket).finish()
    }
}

impl Client {
    fn lock(&self) -> MutexGuard<'_, Option<Socket>> {
        self.socket.lock().expect("no code panics while it holds the QMP client")
    }

    /// What a test answers to this command, if it does.
    fn answer(&self, command: &str, arguments: &Value) -> Option<Result<Value, String>> {
        let mut answers = self.answers.lock().expect("no answer panics");
        answers.get_mut(command).map(|answer| answer(arguments))
    }

    fn say(&self, value: &Value) -> io::Result<()> {
        match &*self.lock() {
            Some(socket) => socket.write(&[format!("{value}\r\n").as_bytes()], &[]).map(drop),
            None => Ok(()),
        }
    }

    pub(crate) fn event(&self, event: QmpEvent) {
        if let Err(error) = self.say(&event.to_json()) {
            tracing::debug!(%error, "the QMP client is gone");
        }
    }
}

/// What a command comes to: its value and the event it causes.
type Outcome = Result<(Value, Option<QmpEvent>), Fault>;

struct Fault {
    class: &'static str,
    text: String,
}

fn fault(text: impl Into<String>) -> Fault {
    Fault { class: "GenericError", text: text.into() }
}

impl Standin {
    /// Serves QMP at `path`, as `-qmp unix:PATH,server=on,wait=off` does.
    pub fn serve_qmp(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let what = || format!("listening at {}", path.display());
        let listener = UnixListener::bind(path).map_err(Error::io(what()))?;
        let shared = listener.try_clone().map_err(Error::io(what()))?;
        // Adopted so that it is woken when the stand-in goes.
        let listening = self.sockets.adopt(shared.into(), &self.gate);
        let mut server = Server {
            client: self.qmp.clone(),
            jobs: self.jobs.clone(),
            sockets: self.sockets.clone(),
            gate: self.gate.clone(),
            fds: HashMap::new(),
        };
        thread::Builder::new()
            .name("standin qmp".into())
            .spawn(move || {
                while let Ok((client, _)) = listener.accept() {
                    if let Err(error) = server.serve(client.into()) {
                        tracing::debug!(%error, "the QMP client is gone");
                    }
                }
                drop(listening);
            })
            .map_err(Error::io("starting a thread"))?;
        Ok(())
    }

    /// Answers a command that the stand-in does not know, or in another way than it does: with a value,
    /// or with QEMU's words for a refusal.
    pub fn answer_qmp(
        &self,
        command: &str,
        answer: impl FnMut(&Value) -> Result<Value, String> + Send + 'static,
    ) {
        let mut answers = self.qmp.answers.lock().expect("no answer panics");
        answers.insert(command.to_owned(), Box::new(answer));
    }

    /// Tells the QMP client, if there is one.
    pub fn qmp_event(&self, event: QmpEvent) {
        self.qmp.event(event);
    }
}

struct Server {
    client: Client,
    jobs: Sender<Job>,
    sockets: Arc<Sockets>,
    gate: Arc<Gate>,
    /// Descriptors by the name that `getfd` gave them.
    fds: HashMap<String, OwnedFd>,
}

/// How far a client has come.
#[derive(PartialEq, Eq)]
enum Mode {
    Negotiating,
    Commands,
}

impl Server {
    fn serve(&mut self, client: OwnedFd) -> io::Result<()> {
        let socket = self.sockets.adopt(client, &self.gate);
        *self.client.lock() = Some(socket.clone());
        let served = self.talk(&socket);
        *self.client.lock() = None;
        socket.shutdown();
        served
    }

    fn talk(&mut self, socket: &Socket) -> io::Result<()> {
        let qemu = json!({"micro": 13, "minor": 0, "major": 10});
        let version = json!({"qemu": qemu, "package": "standin"});
        self.client.say(&json!({"QMP": {"version": version, "capabilities": ["oob"]}}))?;
        let mut mode = Mode::Negotiating;
        let mut bytes = Vec::new();
        let mut fds = VecDeque::new();
        loop {
            let mut chunk = [0; 4096];
            let got = socket.read(&mut chunk, &mut fds, None)?;
            if got == 0 {
                return Ok(());
            }
            bytes.extend_from_slice(&chunk[..got]);
            let mut commands = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
            let whole: Vec<Value> = commands.by_ref().map_while(Result::ok).collect();
            let used = commands.byte_offset();
            bytes.drain(..used);
            for command in whole {
                self.answer(&command, &mut mode, &mut fds)?;
            }
        }
    }

    fn answer(&mut self, command: &Value, mode: &mut Mode, fds: &mut VecDeque<OwnedFd>) -> io::Result<()> {
        let outcome = self.execute(command, mode, fds);
        let quits = command["execute"] == "quit" && outcome.is_ok();
        let (mut reply, event) = match outcome {
            Ok((value, event)) => (json!({"return": value}), event),
            Err(Fault { class, text }) => (json!({"error": {"class": class, "desc": text}}), None),
        };
        if let Some(id) = command.get("id") {
            reply["id"] = id.clone();
        }
        // As in QEMU, what a command causes is told before its reply.
        if let Some(event) = event {
            self.client.event(event);
        }
        self.client.say(&reply)?;
        if quits {
            self.sockets.shutdown();
        }
        Ok(())
    }

    fn execute(&mut self, command: &Value, mode: &mut Mode, fds: &mut VecDeque<OwnedFd>) -> Outcome {
        let name = command["execute"].as_str().ok_or_else(|| fault("QMP input lacks member 'execute'"))?;
        if name == "qmp_capabilities" && *mode == Mode::Negotiating {
            *mode = Mode::Commands;
            return Ok((json!({}), None));
        }
        if *mode == Mode::Negotiating {
            let text = "Expecting capabilities negotiation with 'qmp_capabilities'";
            return Err(Fault { class: "CommandNotFound", text: text.into() });
        }
        let argument = |key: &str| {
            let given = command["arguments"][key].as_str().map(str::to_owned);
            given.ok_or_else(|| fault(format!("Parameter '{key}' is missing")))
        };
        let recorded = name.to_owned();
        self.on_main(move |machine| machine.recorder.add(None, Call::Qmp(recorded)))?;
        if let Some(answer) = self.client.answer(name, &command["arguments"]) {
            return answer.map(|value| (value, None)).map_err(fault);
        }
        match name {
            "qmp_capabilities" => Err(Fault {
                class: "CommandNotFound",
                text: "Capabilities negotiation is already complete, command ignored".into(),
            }),
            "getfd" => self.get_fd(argument("fdname")?, fds),
            "closefd" => self.take_fd(&argument("fdname")?).map(|_| (json!({}), None)),
            "add_client" => self.add_client(&argument("protocol")?, &argument("fdname")?),
            "system_powerdown" => Ok((json!({}), Some(QmpEvent::Powerdown))),
            "system_reset" => Ok((json!({}), Some(QmpEvent::Reset))),
            "quit" => Ok((json!({}), Some(QmpEvent::Quit))),
            "stop" => self.set_run_state(RunState::Paused, QmpEvent::Stop),
            "cont" => self.set_run_state(RunState::Running, QmpEvent::Resume),
            "query-status" | "query-name" | "query-uuid" => self.query(name),
            _ => Err(Fault {
                class: "CommandNotFound",
                text: format!("The command {name} has not been found"),
            }),
        }
    }

    fn get_fd(&mut self, name: String, fds: &mut VecDeque<OwnedFd>) -> Outcome {
        let fd = fds.pop_front();
        let fd = fd.ok_or_else(|| fault("No file descriptor supplied via SCM_RIGHTS"))?;
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(fault("Parameter 'fdname' expects a name not starting with a digit"));
        }
        self.fds.insert(name, fd);
        Ok((json!({}), None))
    }

    fn take_fd(&mut self, name: &str) -> Result<OwnedFd, Fault> {
        let missing = || fault(format!("File descriptor named '{name}' has not been found"));
        self.fds.remove(name).ok_or_else(missing)
    }

    fn add_client(&mut self, protocol: &str, name: &str) -> Outcome {
        let fd = self.take_fd(name)?;
        if protocol != "@dbus-display" {
            return Err(fault(format!("protocol '{protocol}' is invalid")));
        }
        let added = self.on_main(move |machine| machine.add_client(fd))?;
        added.map_err(|error| fault(error.to_string()))?;
        Ok((json!({}), None))
    }

    fn set_run_state(&self, state: RunState, event: QmpEvent) -> Outcome {
        let old = self.on_main(move |machine| std::mem::replace(&mut machine.run_state, state))?;
        Ok((json!({}), (old != state).then_some(event)))
    }

    fn query(&self, name: &str) -> Outcome {
        let (state, vm_name, uuid) =
            self.on_main(|machine| (machine.run_state, machine.name.clone(), machine.uuid.clone()))?;
        let running = state == RunState::Running;
        let value = match name {
            "query-status" => {
                json!({"status": if running { "running" } else { "paused" }, "running": running})
            }
            "query-name" => json!({ "name": vm_name }),
            _ => json!({ "UUID": uuid }),
        };
        Ok((value, None))
    }

    fn on_main<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Machine) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let (done, result) = channel();
        let job = Job::Run(Box::new(move |machine| {
            // The receiver waits below.
            let _ = done.send(work(machine));
        }));
        let ended = || fault("the stand-in has ended");
        self.jobs.send(job).map_err(|_| ended())?;
        result.recv().map_err(|_| ended())
    }
}
