//! Prometheus' older text format (version 0.0.4), for scrapers that do not ask for OpenMetrics.
//!
//! Both have a sample on each line. What differs: here the family of a counter has the name that its
//! samples have, ending in `_total`; there are no units and no end marker.

/// The same metrics in the older format.
pub(crate) fn from_open_metrics(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    // HELP comes before TYPE, which says what the family is called.
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = Some(rest);
        } else if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        {
            let total = if kind == "counter" { "_total" } else { "" };
            if let Some((_, text)) = help.take().and_then(|it| it.split_once(' ')) {
                push(&mut out, &["# HELP ", name, total, " ", text]);
            }
            push(&mut out, &["# TYPE ", name, total, " ", kind]);
        } else if !line.starts_with('#') {
            push(&mut out, &[line]);
        }
    }
    out
}

fn push(out: &mut String, parts: &[&str]) {
    out.extend(parts.iter().copied());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_called_as_their_samples_are() {
        let open = "\
# HELP bgp_flaps How often.
# TYPE bgp_flaps counter
bgp_flaps_total{peer=\"192.0.2.1\"} 3
# HELP bgp_uptime_seconds How long.
# TYPE bgp_uptime_seconds gauge
# UNIT bgp_uptime_seconds seconds
bgp_uptime_seconds 7
# EOF
";
        let classic = "\
# HELP bgp_flaps_total How often.
# TYPE bgp_flaps_total counter
bgp_flaps_total{peer=\"192.0.2.1\"} 3
# HELP bgp_uptime_seconds How long.
# TYPE bgp_uptime_seconds gauge
bgp_uptime_seconds 7
";
        assert_eq!(from_open_metrics(open), classic);
    }
}
