//! AS paths, prefixes and communities of every message of the corpus, beside what two other decoders read. Every difference has a
//! class that says who is right and why; one without a class fails the test.

use bgp_wire::Disposition;
use codec_bench::codecs::{Bgpkit, OursView, RoutecoreView};
use codec_bench::{Codec, Facts, Message, messages, quietly};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn two_other_decoders_read_the_same() {
    let Some(messages) = messages::corpus() else {
        println!("skipped: nothing at {}", messages::corpus_path().display());
        return;
    };
    let unexplained = quietly(|| {
        [
            compare::<Bgpkit>(&messages),
            compare::<RoutecoreView>(&messages),
        ]
    });
    assert_eq!(unexplained, [0, 0], "differences without explanation");
}

/// Prints how many messages there are of each class; how many there are without one.
fn compare<C: Codec>(messages: &[Message]) -> usize {
    let (mut ours, mut theirs) = (OursView::new(), C::new());
    let mut classes = BTreeMap::<String, usize>::new();
    let mut unexplained = 0;
    println!("bgp-wire and {}: {} UPDATEs", C::NAME, messages.len());
    for message in messages {
        let (a, b) = (read(&mut ours, message), read(&mut theirs, message));
        match class(message, a.as_ref(), b.as_ref()) {
            Some(class) => *classes.entry(class).or_default() += 1,
            None => {
                unexplained += 1;
                println!(
                    "{:02x?}\n  ours   {a:?}\n  theirs {b:?}",
                    &message.octets[19..]
                );
            }
        }
    }
    for (class, count) in &classes {
        println!("  {count:6} {class}");
    }
    println!("  {unexplained:6} without explanation");
    unexplained
}

fn read<C: Codec>(codec: &mut C, message: &Message) -> Option<Facts> {
    let read = || {
        let value = codec.decode(message)?;
        let mut facts = Facts::default();
        C::visit(&value, &mut facts)?;
        facts.sort();
        Some(facts)
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(None)
}

/// Why two readings are as they are; `None` where nobody knows.
fn class(message: &Message, ours: Option<&Facts>, theirs: Option<&Facts>) -> Option<String> {
    let codec = OursView::new();
    let view = match codec.parse(message) {
        Ok(view) => view,
        Err(error) if theirs.is_none() => return Some(format!("refused by both: {}", error.kind)),
        // The strongest disposition of RFC 7606, which the other does not ask for.
        Err(error) => return Some(format!("refused by bgp-wire alone: {}", error.kind)),
    };
    let (ours, theirs) = match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours, theirs),
        _ => return Some(refused_by_other(&view)),
    };
    if ours == theirs {
        return Some("the same".into());
    }
    // The record says that the peer sends none. bgpkit-parser takes a leading 0.0.0.0/0 for the start of a path identifier.
    let guessed = theirs
        .prefixes
        .iter()
        .any(|(.., path_id)| path_id.is_some());
    if guessed && !message.add_path {
        let mut same = theirs.clone();
        same.prefixes.clone_from(&ours.prefixes);
        return (same == *ours).then(|| "the other guesses path identifiers".into());
    }
    if view.disposition() != Disposition::None {
        // What is wrong is left out, or withdrawn; the other takes it as it is.
        let kind = view.errors().next()?.kind;
        return Some(format!("RFC 7606 {}: {kind}", view.disposition()));
    }
    let families = [
        view.mp_reach().map(|it| it.family),
        view.mp_unreach().map(|it| it.family),
    ];
    let raw = |family: &bgp_wire::Family| family.prefix_bits().is_none();
    if families.iter().flatten().any(raw) {
        let mut same = theirs.clone();
        same.prefixes.clone_from(&ours.prefixes);
        same.next_hops.clone_from(&ours.next_hops);
        return (same == *ours)
            .then(|| "prefixes of a family that bgp-wire keeps as octets".into());
    }
    None
}

/// Of which family the routes are that the other does not accept.
fn refused_by_other(view: &bgp_wire::UpdateView<'_>) -> String {
    let family = view
        .mp_reach()
        .map(|it| it.family)
        .or(view.mp_unreach().map(|it| it.family));
    match family {
        Some(family) => format!("refused by the other alone: routes of {family}"),
        None => "refused by the other alone: no multiprotocol routes".into(),
    }
}
