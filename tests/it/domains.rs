//! Definitions of many kinds: what is planned for each, and what that changes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use oriel::host::domain::{
    Abilities, Change, Definition, Edit, Facts, LineKind, Offer, VgpuFacts, Weight, apply, compare, plan,
};
use proptest::prelude::*;

/// So many kinds of definitions there are at least.
const ENOUGH: usize = 40;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/domains")
}

fn corpus() -> Vec<(String, Definition)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "xml"));
    paths.sort();
    assert!(paths.len() >= ENOUGH, "{} definitions", paths.len());
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let definition = Definition::read(fs::read_to_string(path).unwrap());
        let definition = definition.unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, definition)
    };
    paths.into_iter().map(read).collect()
}

/// What a definition's comment says of its computer: `<!-- facts: WORD... -->`, where `intel`, `size`
/// and `rom` are of the vGPU before them.
fn facts(definition: &Definition) -> Facts {
    let mut facts = Facts::default();
    let words = definition.text().split_once("<!-- facts: ").and_then(|(_, rest)| rest.split_once(" -->"));
    for word in words.map(|(words, _)| words).unwrap_or_default().split_whitespace() {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        match (name, facts.vgpus.last_mut()) {
            ("render-node", _) => facts.render_node = Some(value.to_owned()),
            ("vgpu", _) => facts.vgpus.push(VgpuFacts { uuid: value.to_owned(), ..VgpuFacts::default() }),
            ("intel", Some(vgpu)) => vgpu.intel = true,
            ("rom", Some(vgpu)) => vgpu.rom = Some(value.to_owned()),
            ("size", Some(vgpu)) => {
                let (width, height) = value.split_once('x').unwrap();
                vgpu.size = Some((width.parse().unwrap(), height.parse().unwrap()));
            }
            (other, _) => panic!("no such fact: {other}"),
        }
    }
    facts
}

fn planned(name: &str, definition: &Definition) -> Change {
    let edits = plan(definition, &facts(definition));
    apply(definition, &edits).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn each_kind_is_made_ready_as_it_was_agreed() {
    for (name, definition) in corpus() {
        let change = planned(&name, &definition);
        let mut told = String::new();
        for edit in change.edits() {
            writeln!(told, "- {edit}").unwrap();
        }
        write!(told, "{}", change.diff()).unwrap();
        insta::with_settings!({ snapshot_path => "domains", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, told);
        });
    }
}

#[test]
fn what_was_made_ready_needs_nothing_more() {
    for (name, definition) in corpus() {
        let change = planned(&name, &definition);
        let again = plan(change.after(), &facts(&definition));
        assert_eq!(again, [], "{name}");
    }
}

#[test]
fn undoing_gives_back_the_same_bytes() {
    for (name, definition) in corpus() {
        let change = planned(&name, &definition);
        assert_eq!(change.undo(change.after().text()).unwrap(), definition.text(), "{name}");
        for edit in change.edits() {
            let alone = apply(&definition, std::slice::from_ref(edit)).unwrap();
            assert_eq!(alone.undo(alone.after().text()).unwrap(), definition.text(), "{name}: {edit}");
            let without = change.without(edit).unwrap();
            assert!(without.edits().all(|other| other != edit), "{name}: {edit}");
        }
    }
}

/// What was chosen can be chosen otherwise later, as long as the definition is known that it began with.
#[test]
fn offers_begin_with_what_was_made() {
    for (name, definition) in corpus() {
        let (facts, all) = (facts(&definition), Abilities::default());
        let offer = Offer::new(definition.clone(), None, &facts, &all).unwrap();
        let chosen = |offer: &Offer| -> Vec<Edit> {
            let chosen = offer.items().iter().filter(|item| item.chosen);
            chosen.flat_map(|item| item.edits.clone()).collect()
        };
        assert!(offer.items().iter().all(|item| item.chosen == (item.weight != Weight::Extra)), "{name}");
        assert_eq!(offer.compare().unwrap().is_empty(), chosen(&offer).is_empty(), "{name}");
        let change = offer.change().unwrap();
        let made = Some((definition.clone(), chosen(&offer)));
        let again = Offer::new(change.after().clone(), made, &facts, &all).unwrap();
        assert!(again.is_settled() && again.compare().unwrap().is_empty(), "{name}");
        assert_eq!(chosen(&again), chosen(&offer), "{name}");
        // All of it taken back is what it began with.
        let mut none = again;
        (0..none.items().len()).for_each(|place| none.choose(place, false));
        assert_eq!(none.change().unwrap().after().text(), definition.text(), "{name}");
    }
}

/// A size for QEMU's own displays: written once, changed in place, and taken back to the byte.
#[test]
fn displays_of_qemus_own_are_given_a_size() {
    for (name, definition) in corpus() {
        let size = |width, height| [Edit::VideoSize { place: 0, width, height }];
        let Ok(change) = apply(&definition, &size(1920, 1080)) else {
            assert!(!definition.text().contains("<model type='v"), "{name}");
            continue;
        };
        let text = change.after().text();
        assert_eq!(text.matches("<resolution ").count(), 1, "{name}: {text}");
        assert_eq!(change.undo(text).unwrap(), definition.text(), "{name}");
        let smaller = apply(change.after(), &size(800, 600)).unwrap();
        assert!(smaller.after().text().contains("<resolution x='800' y='600'/>"), "{name}");
        assert!(apply(smaller.after(), &size(800, 600)).unwrap().is_empty(), "{name}");
    }
}

/// Every line of the one text that the diff does not show as taken away is in the other, and in order.
#[test]
fn what_is_not_concerned_stays_byte_for_byte() {
    for (name, definition) in corpus() {
        let change = planned(&name, &definition);
        for patch in change.patches() {
            for splice in patch.splices() {
                assert!(!splice.removed.contains("<!--"), "{name}: a comment went: {}", splice.removed);
                assert!(!splice.removed.contains("teleporter"), "{name}: {}", splice.removed);
            }
        }
        let comments = |text: &str| text.matches("<!--").count();
        assert_eq!(comments(definition.text()), comments(change.after().text()), "{name}");
    }
}

fn some_definition() -> impl Strategy<Value = (String, Definition)> {
    proptest::sample::select(corpus())
}

proptest! {
    /// Whichever of the edits are made, in whatever order: they can be taken back to the byte, and the
    /// last one made again changes nothing more.
    #[test]
    fn any_edits_in_any_order(
        (name, definition) in some_definition(),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 1..8),
    ) {
        let edits = plan(&definition, &facts(&definition));
        prop_assume!(!edits.is_empty());
        let chosen: Vec<_> = order.iter().map(|index| index.get(&edits).clone()).collect();
        let change = apply(&definition, &chosen).unwrap();
        prop_assert_eq!(change.undo(change.after().text()).unwrap(), definition.text());
        let again = apply(change.after(), &chosen[chosen.len() - 1..]).unwrap();
        prop_assert!(again.is_empty(), "{}: {}", name, again.diff());
    }

    /// Whatever is chosen: taken back it is the same bytes, and compared it is the same lines.
    #[test]
    fn any_choice_of_an_offer((name, definition) in some_definition(), chosen in any::<u32>()) {
        let facts = facts(&definition);
        let mut offer = Offer::new(definition.clone(), None, &facts, &Abilities::default()).unwrap();
        for place in 0..offer.items().len() {
            offer.choose(place, chosen >> (place % 32) & 1 == 1);
        }
        let change = offer.change().unwrap();
        prop_assert_eq!(change.undo(change.after().text()).unwrap(), definition.text(), "{}", name);
        let lines = compare(definition.text(), change.after().text());
        for line in lines.iter().filter(|line| line.kind != LineKind::Gap && !line.text.contains("•••")) {
            let text = if line.kind == LineKind::Gone { definition.text() } else { change.after().text() };
            prop_assert!(text.contains(&line.text), "{}: {:?}", name, line);
        }
    }

    /// A definition that was changed since is not undone.
    #[test]
    fn what_somebody_changed_since_is_not_undone((name, definition) in some_definition()) {
        let change = planned(&name, &definition);
        prop_assume!(!change.is_empty());
        let other = format!(" {}", change.after().text());
        prop_assert!(change.undo(&other).is_err());
    }

    /// Damaged definitions are refused or edited, and nothing panics.
    #[test]
    fn damaged_definitions_do_no_harm(
        (_, definition) in some_definition(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), "[<>'\"&;/a: ]{0,3}", 0_usize..12), 1..4),
    ) {
        let mut text = definition.text().to_owned();
        for (index, inserted, length) in damage {
            let at = index.index(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary((at + length).min(text.len())) {
                text.replace_range(at..(at + length).min(text.len()), &inserted);
            }
        }
        if let Ok(damaged) = Definition::read(text) {
            let edits = plan(&damaged, &facts(&definition));
            if let Ok(change) = apply(&damaged, &edits) {
                prop_assert_eq!(change.undo(change.after().text()).unwrap(), damaged.text());
            }
        }
    }
}
