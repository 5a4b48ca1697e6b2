//! A desktop with the window on it, and the script that it plays.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use harness::desk::{Desk, Find, Output, Sway, SwayConfig, Window};
use harness::input::Input;
use harness::process::{Process, wait_until};
use harness::shot::Image;

use crate::{STAGE, stage};

/// A computer that has much else to do takes its time.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Scene<D = Sway> {
    script: UnixStream,
    answers: BufReader<UnixStream>,
    /// What the window asked of the machine, but for what has been looked at.
    pub(crate) asked: Vec<String>,
    pub(crate) program: Process,
    pub(crate) sway: D,
}

impl Scene {
    /// Starts a desktop of one output, and the program on it.
    pub(crate) fn new(output: Output, locale: &str) -> Self {
        Self::on(vec![output], locale)
    }

    /// Starts a desktop of these outputs, and the program on it.
    pub(crate) fn on(outputs: Vec<Output>, locale: &str) -> Self {
        let layout = harness::desk::Layout::Floating;
        let sway = Sway::start(SwayConfig { outputs, layout, ..Default::default() }).expect("a sway");
        Self::of(sway, locale)
    }

    /// A keyboard and a pointer, which the window has the attention of.
    pub(crate) fn input(&mut self) -> Input {
        let input = Input::connect(&self.sway).expect("a keyboard and a pointer");
        self.wait_for_state("active=true");
        input
    }

    /// A keyboard and a pointer, where nobody waits for the window to notice.
    pub(crate) fn new_input(&self) -> Input {
        Input::connect(&self.sway).expect("a keyboard and a pointer")
    }

    /// Waits for a picture of which `wanted` is true.
    pub(crate) fn wait_for_picture(&self, name: &str, wanted: impl Fn(&Image) -> bool) {
        let found = self.sway.wait_for_picture(name, LIMIT, |image| wanted(image).then_some(()));
        found.unwrap_or_else(|error| panic!("{error}\n{}", self.program.log()));
    }

    /// What is seen of the window when nothing moves any more.
    pub(crate) fn picture(&self) -> Image {
        let mut last = None;
        wait_until("a picture that stands still", LIMIT, || {
            std::thread::sleep(Duration::from_millis(300));
            let image = self.sway.screenshot()?;
            let still = last.as_ref() == Some(&image);
            last = Some(image.clone());
            Ok(still.then_some(image))
        })
        .expect("a picture")
    }

    pub(crate) fn window(&self) -> Window {
        self.sway.wait_for_window(Find::Pid(self.program.id()), LIMIT).expect("a window")
    }
}

impl<D: Desk> Scene<D> {
    /// Starts the program on this desktop.
    pub(crate) fn of(sway: D, locale: &str) -> Self {
        Self::with(sway, locale, &[])
    }

    /// Starts the program on this desktop, with more in its environment.
    pub(crate) fn with(sway: D, locale: &str, more: &[(&str, &str)]) -> Self {
        let path = sway.session().scope().join("script");
        let listener = UnixListener::bind(&path).expect("a socket");
        let program = std::env::current_exe().expect("this program");
        let mut command = sway.command(program.to_str().expect("a plain path"));
        command.args(["--exact", STAGE, "--nocapture"]);
        command.env(stage::SCRIPT, &path).env("LC_ALL", if locale.is_empty() { "C.UTF-8" } else { locale });
        // Where a locale has been made that the system does not have: see localedef(1).
        command.envs(std::env::var_os("LOCPATH").map(|path| ("LOCPATH", path)));
        command.envs(more.iter().copied());
        let mut program = sway.spawn("window", command).expect("a program");
        listener.set_nonblocking(true).expect("a listener");
        let script = wait_until("the program's script", LIMIT, || {
            if !program.is_running()? {
                panic!("the program ended:\n{}", program.log());
            }
            Ok(listener.accept().ok())
        });
        let script = script.unwrap_or_else(|error| panic!("{error}\n{}", program.log())).0;
        script.set_nonblocking(false).expect("a socket");
        script.set_read_timeout(Some(LIMIT)).expect("a socket");
        let answers = BufReader::new(script.try_clone().expect("a descriptor"));
        Self { script, answers, asked: Vec::new(), program, sway }
    }

    /// Plays lines of the script, each to its end.
    pub(crate) fn play(&mut self, lines: &[&str]) {
        for line in lines {
            writeln!(self.script, "{line}").expect("a program that listens");
            let done = format!("done {line}");
            self.hear_until(|answer| answer == done);
        }
    }

    /// Sends a line of the script, and waits for nothing.
    pub(crate) fn send(&mut self, line: &str) {
        writeln!(self.script, "{line}").expect("a program that listens");
    }

    /// Waits for an answer; what was heard before it is kept in `asked`.
    #[track_caller]
    pub(crate) fn hear_until(&mut self, mut wanted: impl FnMut(&str) -> bool) -> String {
        loop {
            let mut answer = String::new();
            match self.answers.read_line(&mut answer) {
                Ok(length) if length > 0 => {}
                _ => panic!("the program is silent; it asked {:?}\n{}", self.asked, self.program.log()),
            }
            let answer = answer.trim_end().to_owned();
            if wanted(&answer) {
                return answer;
            }
            self.asked.push(answer);
        }
    }

    /// Holds that the machine was asked for this, however it goes on.
    pub(crate) fn has_asked(&self, wish: &str) {
        assert!(self.asked.iter().any(|asked| asked.starts_with(wish)), "no {wish} in {:?}", self.asked);
    }

    /// Waits until the picture in the window of this title has the keyboard.
    pub(crate) fn wait_for_focus(&mut self, title: &str) {
        let wanted = format!("focus [{title}] OrielDisplayView");
        self.ask_until("focus", "focus ", |focus| focus == wanted);
    }

    /// What the window says of itself.
    pub(crate) fn state(&mut self) -> String {
        self.ask("say", "state ")
    }

    /// Plays a line that has an answer.
    pub(crate) fn ask(&mut self, line: &str, answer: &str) -> String {
        writeln!(self.script, "{line}").expect("a program that listens");
        // One that has nothing to say is only its first word.
        self.hear_until(|heard| heard.starts_with(answer) || heard == answer.trim_end())
    }

    /// Waits until the window says this of itself.
    pub(crate) fn wait_for_state(&mut self, part: &str) {
        let deadline = std::time::Instant::now() + LIMIT;
        loop {
            let state = self.state();
            if state.contains(part) {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "no {part} in: {state}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the panel over the picture says this.
    pub(crate) fn wait_for_facts(&mut self, part: &str) {
        self.ask_until("facts", "facts ", |facts| facts.contains(part));
    }

    /// Plays a line until its answer is right.
    #[track_caller]
    pub(crate) fn ask_until(&mut self, line: &str, answer: &str, right: impl Fn(&str) -> bool) -> String {
        let deadline = std::time::Instant::now() + LIMIT;
        loop {
            let heard = self.ask(line, answer);
            if right(&heard) {
                return heard;
            }
            assert!(std::time::Instant::now() < deadline, "{heard}\n{}", self.program.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
