//! What the person is asked, told and can choose about the clipboard.

use std::fs;

use harness::desk::Desk;
use harness::process::{Process, wait_until};

use super::{LIMIT, showing};
use crate::desk::Scene;

/// Somebody on the desktop copies this.
fn copy(scene: &Scene, options: &str, text: &str) -> Process {
    let file = scene.sway.session().scope().join("copied");
    fs::write(&file, text).expect("a file");
    let mut command = scene.sway.command("sh");
    command.args(["-c", &format!("exec wl-copy --foreground {options} <$0")]).arg(file);
    scene.sway.spawn("copy", command).expect("an application")
}

fn wait_for_toast(scene: &mut Scene, part: &str) {
    scene.ask_until("toasts", "toasts", |toasts| toasts.contains(part));
}

#[test]
fn the_person_is_asked_once_and_told_what_stays_here() {
    let mut scene = showing("guest", 640, 480);
    let _input = scene.input();
    let mut copied = copy(&scene, "", "from the host");
    scene.play(&["sharing"]);
    assert_eq!(scene.ask("toasts", "toasts"), "toasts", "nobody is there to share it with");
    scene.play(&["agent reset"]);
    wait_for_toast(&mut scene, "Share the clipboard with “web”?");
    let nothing_yet = |asked: &str| !asked.contains("Grab");
    assert!(scene.asked.iter().all(|asked| nothing_yet(asked)), "{:?}", scene.asked);

    scene.play(&["action win.ask-clipboard"]);
    scene.wait_for_state("dialog=true");
    scene.play(&["press Share"]);
    let offered = |asked: &str| asked.contains("Grab") && asked.contains("from the host");
    // It may have been asked before the button's press was through.
    if !scene.asked.iter().any(|asked| offered(asked)) {
        scene.hear_until(offered);
    }
    scene.wait_for_state("dialog=false");
    scene.ask_until("toasts", "toasts", |toasts| !toasts.contains("Share"));
    let keyfile = scene.sway.session().scope().join("config/glib-2.0/settings/keyfile");
    wait_until("what is remembered", LIMIT, || {
        let kept = fs::read_to_string(&keyfile).unwrap_or_default();
        let both = ["clipboard-to-machine='yes'", "clipboard-from-machine='yes'"];
        Ok((kept.contains("machines/name-web") && both.iter().all(|one| kept.contains(one))).then_some(()))
    })
    .expect("what is remembered");

    drop(std::mem::replace(&mut copied, copy(&scene, "", &"long ".repeat(500_000))));
    wait_for_toast(&mut scene, "takes at most 1.0\u{a0}MB");
    drop(std::mem::replace(&mut copied, copy(&scene, "--type x-kde-passwordManagerHint", "secret")));
    wait_for_toast(&mut scene, "password was not passed on");
    let leaked = |asked: &String| asked.contains("secret") || asked.contains("long long");
    assert!(!scene.asked.iter().any(leaked), "{:?}", scene.asked);
}

#[test]
fn a_question_that_was_put_aside_comes_once_more_for_the_other_way() {
    let mut scene = showing("guest", 640, 480);
    let _input = scene.input();
    let _copied = copy(&scene, "", "from the host");
    scene.play(&["sharing", "agent reset"]);
    wait_for_toast(&mut scene, "Share the clipboard with “web”?");
    // What the person does meanwhile is answered at once, and the question is there again.
    scene.play(&["action win.copy-diagnostics"]);
    wait_for_toast(&mut scene, "Diagnostics copied");
    wait_for_toast(&mut scene, "Share the clipboard with “web”?");
    scene.play(&["close-toast"]);
    scene.ask_until("toasts", "toasts", |toasts| !toasts.contains("Share"));
    scene.play(&["guest-copies"]);
    wait_for_toast(&mut scene, "Share the clipboard with “web”?");
    assert!(!scene.asked.iter().any(|asked| asked.contains("Grab")), "{:?}", scene.asked);
}

#[test]
fn the_agents_presence_is_shown() {
    let mut scene = showing("guest", 640, 480);
    scene.play(&["action win.clipboard"]);
    scene.wait_for_state("dialog=true");
    for (line, words) in [
        ("sharing", "Not heard of"),
        ("agent reset", "|Connected|"),
        ("agent closed", "Not connected"),
        ("agent open", "|Connected|"),
    ] {
        scene.play(&[line]);
        scene.ask_until("words", "words", |all| all.contains(words));
    }
}
