use proptest::prelude::*;

use super::*;

fn document(text: &str) -> Document {
    Document::parse(text).expect("it is well-formed")
}

fn applied(document: &Document, splice: Splice) -> String {
    Patch::new([splice]).apply(document.text()).expect("it is its text")
}

fn refusal(text: &str) -> MarkupError {
    Document::parse(text).expect_err("it is refused")
}

#[test]
fn elements_say_what_they_are() {
    let text = "\u{feff}<?xml version='1.0' encoding='UTF-8'?>\n<!-- about -->\n<d xmlns:q='urn:q' a=\"1 &lt; 2\">\n\
                <b>x &amp; <![CDATA[<y>]]>&#33;</b><q:c q:k='v'/><b/></d>\n<?end?>";
    let document = document(text);
    let root = document.root();
    assert_eq!((root.name(), root.attribute("a"), root.parent()), ("d", Some("1 < 2"), None));
    assert_eq!(root.all("b").count(), 2);
    assert_eq!(root.child("b").unwrap().text(), "x & <y>!");
    let c = root.children().nth(1).unwrap();
    assert!(c.is_in("urn:q", "c") && !c.is("c"));
    assert_eq!((c.prefix_of("urn:q"), c.attribute("k")), (Some("q"), None));
    assert_eq!(&text[c.place()], "<q:c q:k='v'/>");
}

#[test]
fn edits_keep_to_the_style_around_them() {
    let doc = document("<d>\r\n\t<a x = \"1\"/>\r\n</d>");
    let fragment = Fragment::new("b").with("k", "it's").containing(Fragment::new("c"));
    let after = applied(&doc, doc.root().insert(doc.root().child("a"), &fragment));
    assert_eq!(after, "<d>\r\n\t<a x = \"1\"/>\r\n\t<b k='it&apos;s'>\r\n\t\t<c/>\r\n\t</b>\r\n</d>");
    let a = doc.root().child("a").unwrap();
    assert_eq!(applied(&doc, a.set("x", "\"2\"").unwrap()), "<d>\r\n\t<a x = \"&quot;2&quot;\"/>\r\n</d>");
    assert_eq!(applied(&doc, a.set("y", "2").unwrap()), "<d>\r\n\t<a x = \"1\" y='2'/>\r\n</d>");
    assert_eq!(a.set("x", "1"), None);
    assert_eq!(
        applied(&doc, a.insert(None, &Fragment::new("i"))),
        "<d>\r\n\t<a x = \"1\">\r\n\t\t<i/>\r\n\t</a>\r\n</d>"
    );
    assert_eq!(applied(&doc, a.remove()), "<d>\r\n</d>");
}

#[test]
fn what_stands_on_one_line_stays_on_it() {
    let doc = document("<d><a/><!-- c --><b></b></d>");
    let root = doc.root();
    let new = Fragment::new("n");
    assert_eq!(applied(&doc, root.insert(root.child("a"), &new)), "<d><a/><n/><!-- c --><b></b></d>");
    assert_eq!(applied(&doc, root.insert(None, &new)), "<d><n/><a/><!-- c --><b></b></d>");
    assert_eq!(
        applied(&doc, root.child("b").unwrap().insert(None, &new)),
        "<d><a/><!-- c --><b><n/></b></d>"
    );
    assert_eq!(applied(&doc, root.child("a").unwrap().remove()), "<d><!-- c --><b></b></d>");
    assert_eq!(applied(&doc, root.child("a").unwrap().replace(&new)), "<d><n/><!-- c --><b></b></d>");
    let beside = document("<d>\n  <a/> <!-- about a -->\n</d>");
    assert_eq!(
        applied(&beside, beside.root().child("a").unwrap().remove()),
        "<d>\n   <!-- about a -->\n</d>"
    );
}

#[test]
fn hostile_texts_are_refused_in_words() {
    let bomb = "<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><d>&b;</d>";
    assert_eq!(refusal(bomb), MarkupError::DocumentType);
    assert_eq!(refusal("<d>&b;</d>"), MarkupError::Entity("b".into()));
    assert!(matches!(refusal("<d a='&b;'/>"), MarkupError::Syntax { .. }));
    assert_eq!(refusal(&format!("{}{}", "<d>".repeat(300), "</d>".repeat(300))), MarkupError::TooDeep);
    assert_eq!(refusal(&format!("<d>{}</d>", "<a/>".repeat(MOST))), MarkupError::TooMany);
    let huge = "<d>".to_owned() + &" ".repeat(100 << 20) + "</d>";
    assert_eq!(refusal(&huge), MarkupError::TooLong(huge.len()));
    assert_eq!(Document::from_bytes(huge.clone().into_bytes()), Err(MarkupError::TooLong(huge.len())));
    assert!(matches!(refusal("<?xml version='1.0' encoding='UTF-16'?><d/>"), MarkupError::Encoding(_)));
    let wide = "\u{feff}<d/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(matches!(Document::from_bytes(wide), Err(MarkupError::Encoding(_))));
    assert!(matches!(Document::from_bytes(b"<d a='\xff'/>".to_vec()), Err(MarkupError::Encoding(_))));
    assert!(matches!(refusal("\u{feff}\u{feff}<d/>"), MarkupError::Syntax { .. }));
    assert!(matches!(refusal("<d>\0</d>"), MarkupError::Syntax { .. }));
    assert_eq!(refusal("<q:d/>"), MarkupError::Prefix("q".into()));
    assert_eq!(refusal(""), MarkupError::Empty);
    assert_eq!(refusal("<!-- nothing -->"), MarkupError::Empty);
    assert_eq!(refusal("<a/><b/>"), MarkupError::Outside);
    assert_eq!(refusal("<a/>more"), MarkupError::Outside);
    for broken in
        ["<a>", "<a></b>", "<a b></a>", "<a b='1' b='2'/>", "<a", "<a><![CDATA[", "<!-- ", "</a>", "<a b='/>"]
    {
        assert!(matches!(refusal(broken), MarkupError::Syntax { .. }), "{broken}");
    }
}

#[test]
fn a_patch_is_for_one_text_only() {
    let doc = document("<d>\n  <a/>\n</d>");
    let patch = Patch::new([doc.root().child("a").unwrap().remove()]);
    let after = patch.apply(doc.text()).unwrap();
    assert_eq!(patch.inverse().apply(&after).unwrap(), doc.text());
    assert_eq!(patch.apply("<d>\n  <b/>\n</d>"), Err(Mismatch { at: 3 }));
    assert_eq!(patch.apply(""), Err(Mismatch { at: 3 }));
}

proptest! {
    #[test]
    fn whatever_is_read_does_no_harm(text in "(<[a-c]( [xy]='[^']{0,3}')?/?>|</[a-c]>|<!--.{0,4}-->|&[a-z]{0,4};|\\PC){0,40}") {
        let _ = Document::parse(text);
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Document::from_bytes(bytes);
    }

    #[test]
    fn patches_lead_there_and_back(
        text in "[a-zä\n ]{0,60}",
        cuts in proptest::collection::vec((0_usize..60, 0_usize..5, "[xyzö]{0,6}"), 0..6),
    ) {
        let mut splices: Vec<Splice> = Vec::new();
        for (start, length, inserted) in cuts {
            let Some(removed) = text.get(start..start + length) else { continue };
            let free = splices.iter().all(|splice| start >= splice.at + splice.removed.len() && splice.at != start || start + length < splice.at);
            if free {
                splices.push(Splice { at: start, removed: removed.to_owned(), inserted });
            }
        }
        let patch = Patch::new(splices);
        let after = patch.apply(&text).unwrap();
        prop_assert_eq!(patch.inverse().apply(&after).unwrap(), text);
        prop_assert_eq!(patch.inverse().inverse(), patch);
    }
}
