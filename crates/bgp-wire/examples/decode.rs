//! Prints BGP messages: from hexadecimal on the command line, or a raw stream on standard input.
//!
//! ```text
//! cargo run -p bgp-wire --example decode -- ffffffffffffffffffffffffffffffff001302...
//! cargo run -p bgp-wire --example decode -- --json < capture.bin
//! ```
//!
//! `--two` reads AS numbers of two octets, `--add-path` path identifiers, `--ibgp` as from a peer
//! of the own AS.

use bgp_wire::{
    AsWidth, AttributeValue, AttributeView, Context, FamilySet, Frame, MAX_EXTENDED_MESSAGE,
    Message, MessageType, PeerKind, UpdateView, frame,
};
use std::io::Read;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut context = Context::new(PeerKind::Ebgp)
        .with_as_width(AsWidth::Four)
        .with_extended_next_hop(FamilySet::ALL);
    let (mut json, mut hex) = (false, String::new());
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--json" => json = true,
            "--two" => context = context.with_as_width(AsWidth::Two),
            "--add-path" => context = context.with_add_path(FamilySet::ALL),
            "--ibgp" => context.peer_kind = PeerKind::Ibgp,
            digits => hex.push_str(digits),
        }
    }
    let mut stream = Vec::new();
    if hex.is_empty() {
        std::io::stdin().read_to_end(&mut stream)?;
    } else {
        stream = octets(&hex).ok_or("not hexadecimal")?;
    }
    let mut rest = &stream[..];
    while let Some(frame) = frame(rest, MAX_EXTENDED_MESSAGE)? {
        let lines = describe(&frame, &context);
        println!(
            "{}",
            if json {
                to_json(&frame, &lines)
            } else {
                to_text(&frame, &lines)
            }
        );
        rest = &rest[frame.message().len()..];
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(format!("{} octets are left", rest.len()).into())
    }
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex
        .bytes()
        .filter(|c| !c.is_ascii_whitespace() && *c != b':')
        .collect();
    let pairs = digits.chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// What a message says, as names and values.
fn describe(frame: &Frame<'_>, context: &Context) -> Vec<(String, String)> {
    if frame.kind() == MessageType::UPDATE {
        return match UpdateView::parse(frame.message(), context) {
            Ok(update) => describe_update(&update),
            Err(error) => vec![("error".into(), error.to_string())],
        };
    }
    let value = match Message::decode(frame, context) {
        Ok(Message::Notification(it)) => ("error code".into(), it.to_string()),
        Ok(message) => ("content".into(), format!("{message:?}")),
        Err(error) => ("error".into(), error.to_string()),
    };
    vec![value]
}

fn describe_update(update: &UpdateView<'_>) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut add = |name: &str, value: String| lines.push((name.into(), value));
    if let Some(family) = update.end_of_rib() {
        add("End-of-RIB", family.to_string());
    }
    update
        .errors()
        .for_each(|error| add("error", error.to_string()));
    update
        .withdrawn()
        .for_each(|nlri| add("withdrawn", nlri.to_string()));
    update
        .announced()
        .for_each(|nlri| add("announced", nlri.to_string()));
    for attribute in update.attributes() {
        add(
            &attribute.kind().to_string(),
            describe_attribute(&attribute),
        );
    }
    lines
}

fn describe_attribute(attribute: &AttributeView<'_>) -> String {
    fn list<T: std::fmt::Display>(items: impl Iterator<Item = T>) -> String {
        items
            .map(|item| item.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    }
    match attribute.value() {
        AttributeValue::Origin(origin) => origin.to_string(),
        AttributeValue::AsPath(path) | AttributeValue::As4Path(path) => path.to_string(),
        AttributeValue::NextHop(address) | AttributeValue::OriginatorId(address) => {
            address.to_string()
        }
        AttributeValue::MultiExitDisc(value) | AttributeValue::LocalPref(value) => {
            value.to_string()
        }
        AttributeValue::Communities(it) => list(it.iter()),
        AttributeValue::ExtendedCommunities(it) => list(it.iter()),
        AttributeValue::LargeCommunities(it) => list(it.iter()),
        AttributeValue::ClusterList(it) => list(it.iter()),
        AttributeValue::MpReach(it) => {
            let next_hop = it.next_hop().map_or("raw".into(), |hop| hop.to_string());
            format!("{} by {next_hop}", it.family)
        }
        AttributeValue::MpUnreach(it) => it.family.to_string(),
        AttributeValue::Unknown(octets) => {
            let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
            format!("flags {:02x}, {hex}", attribute.flags().0)
        }
        other => format!("{other:?}"),
    }
}

fn to_text(frame: &Frame<'_>, lines: &[(String, String)]) -> String {
    let mut text = format!("{} of {} octets", frame.kind(), frame.message().len());
    for (name, value) in lines {
        text.push_str(&format!("\n  {name}: {value}"));
    }
    text
}

/// One line of JSON; every value is a list, as a name may come more than once.
fn to_json(frame: &Frame<'_>, lines: &[(String, String)]) -> String {
    let mut text = format!(
        r#"{{"type":{},"length":{}"#,
        quoted(&frame.kind().to_string()),
        frame.message().len()
    );
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in lines {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in names {
        let values = lines
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, value)| quoted(value));
        let values: Vec<_> = values.collect();
        text.push_str(&format!(",{}:[{}]", quoted(name), values.join(",")));
    }
    text + "}"
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}
