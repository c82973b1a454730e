//! `get bgppeers PEER`: one peer in full.

use std::fmt::Write as _;

use super::peers::state_style;
use super::{Shown, Table};
use crate::style::{Paint as _, columns};
use crate::table::{Cell, age, render, wrap};
use crate::view::{
    MessagesView, NotificationView, PeerConfigView, PeerDetail, SessionEventView, SessionView,
    TimersView,
};

/// Where values begin.
const VALUES: usize = 27;

impl Shown for PeerDetail {
    /// It was asked for by name.
    fn key(&self) -> String {
        String::new()
    }

    fn settled(&self) -> Self {
        Self {
            summary: self.summary.settled(),
            timers: TimersView::default(),
            messages: MessagesView::default(),
            ..self.clone()
        }
    }

    fn table(_: &[Self], _: bool) -> Option<Table> {
        None
    }

    fn text(items: &[Self], _: bool) -> String {
        items.iter().map(page).collect()
    }
}

fn page(detail: &PeerDetail) -> String {
    let mut page = Page::default();
    head(&mut page, detail);
    configuration(&mut page, &detail.configured);
    if let Some(session) = &detail.session {
        agreed(&mut page, session, &detail.timers);
        capabilities(&mut page, session);
    }
    counters(&mut page, detail);
    let sent = detail.last_notification_sent.as_ref();
    let received = detail.last_notification_received.as_ref();
    page.title("Last NOTIFICATION");
    page.value("sent", &sent.map_or_else(none, notification));
    page.value("received", &received.map_or_else(none, notification));
    history(&mut page, &detail.history);
    page.0
}

/// Titles, and lines of a name and a value.
#[derive(Default)]
struct Page(String);

impl Page {
    fn title(&mut self, title: &str) {
        let _ = writeln!(self.0, "{title}:");
    }

    fn value(&mut self, name: &str, value: &str) {
        self.painted(name, value, None);
    }

    fn painted(&mut self, name: &str, value: &str, style: Option<anstyle::Style>) {
        let width = columns().map_or(usize::MAX, |it| it.saturating_sub(VALUES).max(30));
        let mut name = format!("  {name}");
        for line in wrap(value, width) {
            let line = style.map_or_else(|| line.clone(), |style| line.paint(style));
            let text = format!("{name:VALUES$}{line}");
            self.0 += text.trim_end();
            self.0.push('\n');
            name.clear();
        }
    }

    fn table(&mut self, header: &[&str], rows: &[Vec<Cell>]) {
        let limit = columns().map(|it| it.saturating_sub(2));
        for line in render(header, rows, limit).lines() {
            let _ = writeln!(self.0, "  {line}");
        }
    }
}

fn none() -> String {
    "none".to_owned()
}

fn head(page: &mut Page, detail: &PeerDetail) {
    let summary = &detail.summary;
    let _ = writeln!(page.0, "Peer {}, AS {}", summary.peer, summary.asn);
    let since = summary.since_seconds.map(age);
    let state = match &since {
        Some(since) => format!("{} for {since}", summary.state),
        None => summary.state.clone(),
    };
    let style = state_style(&summary.state, summary.last_error.as_deref());
    page.painted("state", &state, Some(style));
    if let Some(seconds) = summary.retry_in_seconds {
        page.value("next attempt", &format!("in {}", age(seconds)));
    }
    if let Some(why) = &summary.last_error {
        page.value("last error", why);
    }
    if let Some(flaps) = summary.flaps {
        page.value("flaps", &flaps.to_string());
    }
}

fn configuration(page: &mut Page, configured: &PeerConfigView) {
    let or = |seconds: Option<u16>, default: &str| {
        seconds.map_or_else(|| default.to_owned(), |it| format!("{it} s"))
    };
    page.title("Configured");
    page.value(
        "authentication",
        match configured.authenticated {
            true => "TCP MD5, with the password of the Secret",
            false => "none",
        },
    );
    let ttl = match configured.ttl_security_enabled {
        true => format!("TTL security over {} hops (GTSM)", configured.multihop_ttl),
        false => format!("{} (external peers)", configured.multihop_ttl),
    };
    page.value("multihop TTL", &ttl);
    page.value("hold time", &format!("{} s", configured.hold_time_seconds));
    let keepalive = or(
        configured.keepalive_interval_seconds,
        "a third of the hold time",
    );
    page.value("keepalive interval", &keepalive);
    let retry = or(configured.connect_retry_seconds, "5 s with jitter");
    page.value("connect retry", &retry);
    let idle = or(
        configured.idle_hold_time_after_reset_seconds,
        "from 1 s on, doubled while resets go on",
    );
    page.value("idle after a reset", &idle);
    let restart = match configured.graceful_restart_enabled {
        true => format!("{} s", configured.graceful_restart_time_seconds),
        false => "off".to_owned(),
    };
    page.value("graceful restart", &restart);
}

fn agreed(page: &mut Page, session: &SessionView, timers: &TimersView) {
    let yes = |it: bool| if it { "yes" } else { "no" };
    page.title("Session");
    let ends = format!("{} to {}", session.local_address, session.remote_address);
    page.value("addresses", &ends);
    page.value("router ID of the peer", &session.peer_router_id);
    let kind = format!("{}, we are AS {}", session.kind, session.local_asn);
    page.value("kind", &kind);
    page.value("families", &session.families.join(", "));
    for hop in &session.next_hops {
        page.value("next hop", &format!("{} ({})", hop.next_hop, hop.family));
    }
    let expires = |left: Option<u64>| left.map_or_else(String::new, |it| format!(", {it} s left"));
    let hold = match session.hold_time_seconds {
        0 => "none: one side wants no KEEPALIVEs".to_owned(),
        time => format!(
            "{time} s (ours {} s, the peer's {} s){}",
            session.local_hold_time_seconds,
            session.peer_hold_time_seconds,
            expires(timers.hold_seconds)
        ),
    };
    page.value("hold time", &hold);
    if let Some(interval) = session.keepalive_seconds {
        let left = expires(timers.keepalive_seconds);
        page.value("keepalive", &format!("every {interval} s{left}"));
    }
    if let Some(left) = timers.send_hold_seconds {
        page.value("send hold timer", &format!("{left} s left"));
    }
    let times = session.local_restart_time_seconds;
    let restart = match times.zip(session.peer_restart_time_seconds) {
        Some((ours, theirs)) => format!(
            "yes: the peer keeps our routes for {ours} s (its own restart time is {theirs} s)"
        ),
        None => "no: not both sides have it".to_owned(),
    };
    page.value("graceful restart", &restart);
    let kept = yes(session.notification_restart);
    page.value("also on NOTIFICATIONs", &format!("{kept} (N bit)"));
    page.value("route refresh", yes(session.route_refresh));
    let enhanced = yes(session.enhanced_route_refresh);
    page.value("enhanced route refresh", enhanced);
    page.value("four-octet AS numbers", yes(session.four_octet_as));
    let longest = format!("{} octets", session.max_message_octets);
    page.value("longest message", &longest);
}

fn capabilities(page: &mut Page, session: &SessionView) {
    page.title("Capabilities");
    let side = |words: &Option<String>| Cell::from(words.as_deref().unwrap_or("no"));
    let rows: Vec<_> = session
        .capabilities
        .iter()
        .map(|it| vec![Cell::from(&it.name), side(&it.local), side(&it.peer)])
        .collect();
    page.table(&["", "OURS", "PEER'S"], &rows);
}

fn counters(page: &mut Page, detail: &PeerDetail) {
    page.title("Messages");
    let MessagesView { sent, received } = &detail.messages;
    let rows: Vec<_> = sent
        .named()
        .into_iter()
        .zip(received.named())
        .map(|((name, sent), (_, received))| vec![name.into(), sent.into(), received.into()])
        .collect();
    page.table(&["", "SENT", "RECEIVED"], &rows);
    page.value("malformed UPDATEs", &detail.malformed_updates.to_string());
    if !detail.routes.is_empty() {
        page.title("Prefixes");
        let rows: Vec<_> = detail
            .routes
            .iter()
            .map(|it| {
                vec![
                    Cell::from(&it.family),
                    it.advertised.into(),
                    it.withdrawn.into(),
                    it.received.into(),
                    it.received_withdrawn.into(),
                ]
            })
            .collect();
        let header = [
            "",
            "ADVERTISED",
            "WITHDRAWN",
            "RECEIVED",
            "RECEIVED-WITHDRAWN",
        ];
        page.table(&header, &rows);
    }
    page.title("Waiting");
    page.value("for the socket", &format!("{} octets", detail.queue_octets));
    let changes = format!("{} changes at most", detail.pending_changes);
    page.value("to be told", &changes);
    let end = if detail.end_of_rib_sent {
        "sent"
    } else {
        "not sent"
    };
    page.value("End-of-RIB", end);
}

fn notification(notification: &NotificationView) -> String {
    format!("{} at {}", notification.text, notification.at)
}

fn history(page: &mut Page, history: &[SessionEventView]) {
    page.title("History");
    if history.is_empty() {
        page.value("nothing yet", "");
        return;
    }
    let rows: Vec<_> = history
        .iter()
        .map(|event| {
            let times = match event.count {
                1 => String::new(),
                times => times.to_string(),
            };
            vec![
                Cell::from(&event.last),
                Cell::painted(&event.event, event_style(event)),
                times.into(),
                Cell::from(&event.text),
            ]
        })
        .collect();
    page.table(&["LAST", "WHAT", "TIMES", "WHY"], &rows);
}

fn event_style(event: &SessionEventView) -> anstyle::Style {
    match event.event.as_str() {
        "Established" => crate::style::GOOD,
        "Down" => crate::style::BAD,
        _ => crate::style::NOTICE,
    }
}
