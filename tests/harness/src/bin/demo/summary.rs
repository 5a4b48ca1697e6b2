//! What the demonstration found, in lines for a person.

use std::fmt;

use serde_json::Value;

/// What was measured and checked.
#[derive(Debug)]
pub(crate) struct Summary {
    /// What was checked, in order.
    pub(crate) checks: Vec<String>,
    /// The viewer's statistics: a report a second and a summary.
    pub(crate) stats: Vec<Value>,
    /// How many of the reports are from before the guest drew.
    pub(crate) before_guest: usize,
}

/// The latencies of the summary and what they are of.
const LATENCIES: &[(&str, &str)] = &[
    ("commit", "from QEMU's message to the compositor"),
    ("present", "from QEMU's message to the screen"),
    ("reply", "from QEMU's message to the answer"),
];

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Oriel's demonstration")?;
        let nothing = Value::Null;
        let total = self.stats.iter().rfind(|report| report["summary"] == true).unwrap_or(&nothing);
        lines(f, "path", &path(&total["path"]))?;
        lines(f, "frames", &[frames(total)])?;
        lines(f, "rate", &[self.rate()])?;
        lines(f, "latency", &latencies(total))?;
        lines(f, "checked", &self.checks)
    }
}

impl Summary {
    /// Half of the seconds had more, half had fewer frames: one slow second tells nothing.
    fn rate(&self) -> String {
        let reports = self.stats.iter().skip(self.before_guest).filter(|report| report["summary"] != true);
        let mut rates: Vec<_> = reports.filter_map(|report| report["rate"].as_f64()).collect();
        rates.sort_by(f64::total_cmp);
        match rates.get(rates.len() / 2) {
            Some(rate) => {
                format!("{rate:.1} pictures a second to the compositor (median of {} s)", rates.len())
            }
            None => "unknown: it ran for less than a second".to_owned(),
        }
    }
}

fn lines(f: &mut fmt::Formatter<'_>, label: &str, texts: &[String]) -> fmt::Result {
    for (index, text) in texts.iter().enumerate() {
        writeln!(f, "  {:<9} {text}", if index == 0 { label } else { "" })?;
    }
    Ok(())
}

fn path(path: &Value) -> Vec<String> {
    let mut words = vec![path["rung"].as_str().unwrap_or("unknown").to_owned()];
    words.extend(["format", "modifier"].iter().filter_map(|name| path[name].as_str().map(str::to_owned)));
    if let (Some(width), Some(height)) = (path["size"][0].as_u64(), path["size"][1].as_u64()) {
        words.push(format!("{width} by {height}"));
    }
    let mut lines = vec![words.join(", ")];
    lines.extend(path["reason"].as_str().map(|reason| format!("because {reason}")));
    lines
}

fn frames(total: &Value) -> String {
    let names = ["received", "committed", "presented", "overtaken", "dropped"];
    let counts = names.iter().filter_map(|name| Some(format!("{} {name}", total[name].as_u64()?)));
    counts.collect::<Vec<_>>().join(", ")
}

fn latencies(total: &Value) -> Vec<String> {
    let line = |&(name, what): &(&str, &str)| {
        let (p50, p99) = (total[name]["p50"].as_f64()?, total[name]["p99"].as_f64()?);
        Some(format!("p50 {p50:.3} ms, p99 {p99:.3} ms {what}"))
    };
    LATENCIES.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_figures_are_told_in_words() {
        let second = |rate: f64| json!({ "summary": false, "rate": rate });
        let total = json!({
            "summary": true, "rate": 12.0, "received": 90, "committed": 88, "overtaken": 2,
            "commit": { "p50": 0.0801, "p99": 0.4 }, "reply": null,
            "path": { "rung": "direct", "format": "XR24", "size": [1280, 800] },
        });
        let stats = vec![second(1.0), second(30.0), second(28.0), second(29.0), total];
        let text = Summary { checks: vec!["one".into(), "two".into()], stats, before_guest: 1 }.to_string();
        for line in [
            "path      direct, XR24, 1280 by 800",
            "frames    90 received, 88 committed, 2 overtaken",
            "rate      29.0 pictures a second to the compositor (median of 3 s)",
            "latency   p50 0.080 ms, p99 0.400 ms from QEMU's message to the compositor",
            "checked   one\n            two",
        ] {
            assert!(text.contains(line), "{line:?} is not in\n{text}");
        }
    }
}
