//! Real messages, where the corpus lies beside the checkout. Not committed, so elsewhere a visible
//! skip.

use bgp_wire::{
    AsWidth, Context, Disposition, FamilySet, Frame, MAX_EXTENDED_MESSAGE, Message, PeerKind,
    Update, UpdateView, frame,
};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

const FOUR_OCTETS: u8 = 1;
const ADD_PATH: u8 = 2;
const WIDTH_UNKNOWN: u8 = 4;

#[test]
fn every_message_decodes_or_its_error_is_right() {
    let Some(corpus) = read_corpus() else { return };
    let mut counts = BTreeMap::<String, usize>::new();
    let mut count = |what: String| *counts.entry(what).or_default() += 1;
    for (flags, octets) in records(&corpus) {
        let frame = match frame(octets, MAX_EXTENDED_MESSAGE) {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                count("cut short".into());
                continue;
            }
            Err(error) => {
                count(format!("header: {}", error.kind));
                continue;
            }
        };
        count(format!("{} messages", frame.kind()));
        match decode(&frame, flags) {
            Ok((message, _)) => {
                let mut again = Vec::new();
                message.encode(&mut again).expect("what was decoded fits");
                let same = again == frame.message();
                if let Message::Open(open) = &message {
                    // OPENs may wrap each capability for itself; what they say is the same.
                    assert_eq!(bgp_wire::Open::decode(&again).as_ref(), Ok(open));
                }
                count(format!("{} to the same bytes: {same}", frame.kind()));
            }
            Err(error) => count(format!("error: {error}")),
        }
    }
    println!("{counts:#?}");
    let total: usize = counts
        .iter()
        .filter(|(k, _)| k.ends_with(" messages"))
        .map(|(_, n)| n)
        .sum();
    let same = counts
        .get("UPDATE to the same bytes: true")
        .copied()
        .unwrap_or(0);
    assert!(
        same * 100 > total * 99,
        "{same} of {total} come out as they went in"
    );
}

/// Attributes decoded to owned values and written anew are the same octets wherever the original is
/// canonical: not with a Partial bit, not with an extended length that is not needed.
#[test]
fn attributes_rebuilt_from_values_are_the_same_bytes() {
    let Some(corpus) = read_corpus() else { return };
    let (mut same, mut not_canonical) = (0, 0);
    for (flags, octets) in records(&corpus) {
        let Ok(Some(frame)) = frame(octets, MAX_EXTENDED_MESSAGE) else {
            continue;
        };
        let Ok((Message::Update(update), context)) = decode(&frame, flags) else {
            continue;
        };
        let view = update.view().expect("decoded before");
        for attribute in view.attributes() {
            let mut again = Vec::new();
            attribute
                .to_owned()
                .encode(context.as_width, &mut again)
                .expect("it was decoded");
            if again == attribute.span().of(view.message()) {
                same += 1;
                continue;
            }
            let flags = attribute.flags();
            let needless = flags.is_extended_length() && attribute.octets().len() < 256;
            assert!(
                flags.is_partial() || needless,
                "{attribute:?} became {again:02x?}"
            );
            not_canonical += 1;
        }
    }
    println!("attributes to the same bytes: {same}; not canonical: {not_canonical}");
    assert!(same > not_canonical);
}

/// A split keeps routes and attributes: the routes of the pieces are those of the whole.
#[test]
fn splitting_keeps_all_routes() {
    let Some(corpus) = read_corpus() else { return };
    let (mut pieces_seen, mut too_long) = (0, 0);
    for (flags, octets) in records(&corpus) {
        let Ok(Some(frame)) = frame(octets, MAX_EXTENDED_MESSAGE) else {
            continue;
        };
        let Ok((Message::Update(update), context)) = decode(&frame, flags) else {
            continue;
        };
        let whole = update.view().expect("decoded before");
        if whole.disposition() != Disposition::None || frame.message().len() < 200 {
            continue;
        }
        let (mut out, max) = (Vec::new(), (frame.message().len() * 3 / 4) as u16);
        if update.split(max, &mut out).is_err() {
            too_long += 1;
            continue;
        }
        let (mut rest, mut withdrawn, mut announced) = (&out[..], Vec::new(), Vec::new());
        while let Some(piece) = bgp_wire::frame(rest, max).expect("pieces have right headers") {
            let view = UpdateView::parse(piece.message(), &context).expect("pieces are sound");
            assert_eq!(view.disposition(), Disposition::None);
            withdrawn.extend(view.withdrawn());
            announced.extend(view.announced());
            rest = &rest[piece.message().len()..];
            pieces_seen += 1;
        }
        assert!(rest.is_empty());
        assert!(whole.withdrawn().eq(withdrawn));
        let mut expected: Vec<_> = whole.announced().collect();
        expected.sort();
        announced.sort();
        assert_eq!(expected, announced);
    }
    println!("{pieces_seen} pieces; {too_long} cannot be split");
    assert!(pieces_seen > 0);
}

/// Decodes with the first of the plausible contexts that fits: dumps do not say what was
/// negotiated.
fn decode(frame: &Frame<'_>, flags: u8) -> Result<(Message, Context), String> {
    let widths: &[AsWidth] = match flags {
        f if f & WIDTH_UNKNOWN != 0 => &[AsWidth::Four, AsWidth::Two],
        f if f & FOUR_OCTETS != 0 => &[AsWidth::Four],
        _ => &[AsWidth::Two],
    };
    let add_path = if flags & ADD_PATH != 0 {
        FamilySet::ALL
    } else {
        FamilySet::EMPTY
    };
    let mut last = None;
    for width in widths {
        for kind in [PeerKind::Ebgp, PeerKind::Ibgp] {
            let context = Context::new(kind)
                .with_as_width(*width)
                .with_add_path(add_path)
                .with_max_message(MAX_EXTENDED_MESSAGE)
                .with_aigp(true)
                .with_extended_next_hop(FamilySet::ALL);
            match Message::decode(frame, &context) {
                Ok(Message::Update(update)) if is_sound(&update) => {
                    return Ok((Message::Update(update), context));
                }
                Ok(Message::Update(update)) => {
                    let view = update.view().expect("decoded before");
                    last = view
                        .errors()
                        .next()
                        .map(|e| format!("survived: {} {}", e.kind, e.disposition()));
                }
                Ok(other) => return Ok((other, context)),
                Err(error) => last = Some(short(&error)),
            }
        }
    }
    Err(last.unwrap_or_default())
}

fn short(error: &bgp_wire::MessageError) -> String {
    let text = error.to_string();
    match text.find(" (octets") {
        Some(at) => text[..at].into(),
        None => text,
    }
}

fn is_sound(update: &Update) -> bool {
    update
        .view()
        .is_ok_and(|view| view.disposition() == Disposition::None)
}

fn read_corpus() -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/messages.bgpc");
    match std::fs::read(&path) {
        Ok(corpus) => Some(corpus),
        Err(error) => {
            report_skip(&format!("no corpus at {}: {error}", path.display()));
            None
        }
    }
}

/// Past the capture of a passing test's output, and into the list that `cargo xtask test` prints.
fn report_skip(why: &str) {
    let thread = std::thread::current();
    let line = format!("skipped: {}: {why}\n", thread.name().unwrap_or("a test"));
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(file) = std::env::var_os("SKIPPED_TESTS_FILE")
        && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(file)
    {
        let _ = file.write_all(line.as_bytes());
    }
}

fn records(mut corpus: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = corpus.split_first_chunk::<5>()?;
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let (message, rest) = rest.split_at_checked(len)?;
        corpus = rest;
        Some((head[0], message))
    })
}
