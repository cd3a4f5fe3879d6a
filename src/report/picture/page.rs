//! The picture by itself, and on a page with the numbers beside it.

use std::fmt::Write as _;

use super::axis::{Scale, WIDTH};
use super::draw::{Part, STYLE, escaped, scene};
use super::film::Film;
use crate::report::markdown::{facts, host_cells};
use crate::report::{About, Account, Host, Summary, count, in_seconds, rfc3339, seconds, size, speed};

/// Hosts and failures that are shown.
const SHOWN: usize = 50;

/// What is shown of one run, or of several at different levels of concurrency.
#[derive(Debug)]
pub struct Page<'a> {
    /// The command, and when it began.
    pub about: &'a About,
    /// Each run, and what was seen of it. All have one axis of time.
    pub runs: Vec<(&'a Summary, &'a Film)>,
    /// Of a single run, who did what in it.
    pub account: Option<&'a Account>,
    /// Of several, a table with a heading: what is compared.
    pub table: Vec<Vec<String>>,
    /// What it was bound by, in words.
    pub verdict: Option<String>,
}

/// The picture alone, as an SVG file.
pub fn svg(page: &Page<'_>) -> String {
    let Part { svg, height } = page.picture();
    let title = escaped(&page.headline()).into_owned();
    let (width, total) = (WIDTH + 24.0, height + 92.0);
    let verdict = page.verdict.as_deref().map(escaped).unwrap_or_default();
    let mut legend = String::new();
    let mut x = 66.0;
    for (style, what) in page.legend() {
        let _ = write!(
            legend,
            "<rect style=\"{style}\" x=\"{x}\" y=\"0\" width=\"10\" height=\"10\" rx=\"2\"/>\
             <text x=\"{}\" y=\"9\">{what}</text>",
            x + 15.0
        );
        x += 15.0 + 5.4 * letters(what) + 16.0;
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {total:.0}\" width=\"{width}\" height=\"{total:.0}\">\n\
         <title>haul: {title}</title>\n<style>\n{STYLE}\
         svg .t{{font-size:17px;font-weight:600;fill:var(--fg)}}svg .v{{font-size:12px}}\n</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"var(--bg)\"/>\n\
         <text class=\"t\" x=\"12\" y=\"26\">{title}</text><text class=\"v\" x=\"12\" y=\"44\">{verdict}</text>\n\
         <g transform=\"translate(12 58)\">\n{svg}</g>\n\
         <g transform=\"translate(12 {:.0})\">{legend}</g>\n</svg>\n",
        height + 66.0
    )
}

fn letters(text: &str) -> f64 {
    super::series::at(text.len())
}

/// The picture on a page that needs nothing else: no script, no network.
pub fn html(page: &Page<'_>) -> String {
    let headline = escaped(&page.headline()).into_owned();
    let mut body = String::new();
    let _ = writeln!(
        body,
        "<header><p class=\"mark\">haul <span>{}</span></p>\n<h1>{headline}</h1>",
        rfc3339(page.about.started_at).replace('T', " ").replace('Z', " UTC")
    );
    if let Some(verdict) = &page.verdict {
        let _ = writeln!(
            body,
            "<p class=\"verdict\"><b>{}:</b> {}.</p>",
            if page.runs.len() > 1 {
                "The fastest"
            } else {
                "Why it took that long"
            },
            escaped(verdict)
        );
    }
    body.push_str("</header>\n");
    page.tiles(&mut body);
    page.figure(&mut body);
    page.details(&mut body);
    let _ = writeln!(
        body,
        "<footer><code>{}</code><br>haul {}. Times of connections are name lookup, TCP and TLS together.</footer>",
        escaped(&page.about.command.join(" ")),
        env!("CARGO_PKG_VERSION")
    );
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>haul: {headline}</title>\n<style>\n{STYLE}{PAGE}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

const PAGE: &str = "\
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}
main{max-width:1120px;margin:0 auto;padding:28px 24px 40px}
.mark{margin:0;color:var(--dim);font-weight:700;letter-spacing:.02em}.mark span{font-weight:400;margin-left:.6em}
h1{margin:.1em 0 .3em;font-size:28px;line-height:1.2;letter-spacing:-.01em}
h2{margin:32px 0 8px;font-size:17px}h3{margin:20px 0 2px;font-size:14px}
.verdict{margin:0 0 14px;padding:9px 14px;border-left:4px solid var(--wait);background:var(--soft);border-radius:0 6px 6px 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(118px,1fr));gap:10px;margin:18px 0 0;padding:0}
.tiles div{background:var(--soft);border-radius:8px;padding:9px 12px}
.tiles dt{color:var(--dim);font-size:12px}.tiles dd{margin:0;font-size:19px;font-weight:600;white-space:nowrap}
.bad dd{color:var(--fail)}
figure{margin:24px 0 0}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 8px;padding:0;list-style:none;color:var(--dim);font-size:13px}
.legend i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px;vertical-align:-1px}
.scroll{overflow-x:auto}svg{display:block;width:100%;min-width:700px;height:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{padding:5px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{color:var(--dim);font-weight:500}th:first-child,td:first-child,.text td,.text th{text-align:left}
.text td{white-space:normal;overflow-wrap:anywhere}.text td:first-child{white-space:nowrap;color:var(--dim);width:1%}
footer{margin-top:36px;color:var(--dim);font-size:12.5px}code{overflow-wrap:anywhere;font-size:12.5px}
@media(max-width:600px){main{padding:18px 14px 30px}h1{font-size:22px}.tiles{grid-template-columns:repeat(2,1fr)}}
@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#ccc;--soft:#f4f4f4;--on:#fff;--body:#3f83c9;--wait:#efb749;\
--connect:#8d63c4;--fail:#d43d3d;--flow:#1d9a8a}main{max-width:none;padding:0}.scroll{overflow:visible}svg{min-width:0}\
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}tr,figure,.tiles div{break-inside:avoid}}
";

impl Page<'_> {
    fn headline(&self) -> String {
        match &self.runs[..] {
            [(summary, _)] => {
                let (done, total) = (count(summary.arrived()), count(summary.files()));
                format!("{done} of {total} files in {}", seconds(summary.wall))
            }
            runs => {
                let levels: Vec<_> = runs.iter().map(|(_, film)| film.jobs().to_string()).collect();
                let files = runs.first().map_or(0, |(summary, _)| summary.files());
                format!("{} files with {} jobs", count(files), levels.join(", "))
            }
        }
    }

    /// All runs, one below the other.
    fn picture(&self) -> Part {
        let scale = Scale::of(self.runs.iter().map(|(_, film)| *film));
        let (mut svg, mut height) = (String::new(), 0.0);
        for (summary, film) in &self.runs {
            if self.runs.len() > 1 {
                let jobs = film.jobs();
                let s = if jobs == 1 { "" } else { "s" };
                let title = format!(
                    "{jobs} job{s}: {}, {}",
                    in_seconds(summary.wall),
                    speed(summary.speed())
                );
                let _ = writeln!(
                    svg,
                    "<text class=\"h\" style=\"font-size:14px\" x=\"0\" y=\"{:.1}\">{title}</text>",
                    height + 14.0
                );
                height += 26.0;
            }
            let part = scene(film, scale);
            let _ = writeln!(svg, "<g transform=\"translate(0 {height:.1})\">\n{}</g>", part.svg);
            height += part.height + if self.runs.len() > 1 { 18.0 } else { 0.0 };
        }
        Part { svg, height }
    }

    /// What the colours mean.
    fn legend(&self) -> Vec<(&'static str, &'static str)> {
        let mut legend = vec![
            ("fill:var(--connect)", "connecting"),
            ("fill:var(--wait)", "waiting for the first byte"),
            ("fill:var(--body)", "body"),
            ("fill:var(--local)", "looking at the disk"),
            ("fill:var(--fail)", "failed, or pushed back"),
        ];
        if !self.is_merged() {
            legend.push(("fill:var(--rest)", "waiting without a slot (dotted)"));
        }
        if self.runs.iter().any(|(_, film)| !film.pauses.is_empty()) {
            legend.push(("fill:var(--wait);opacity:.35", "a host asked for a pause"));
        }
        legend
    }

    /// Are there too many entries to draw each?
    fn is_merged(&self) -> bool {
        self.runs.iter().any(|(_, film)| film.raster.is_some())
    }

    fn tiles(&self, body: &mut String) {
        let [(summary, _)] = &self.runs[..] else {
            return;
        };
        let share = |name: &str, number: u64| (number > 0).then(|| (name.to_owned(), count(number)));
        let tiles = [
            Some(("received".to_owned(), size(summary.received))),
            Some(("speed".to_owned(), speed(summary.speed()))),
            Some((
                "transfers at once".to_owned(),
                format!("{:.1} of {}", summary.parallelism(), self.about.jobs),
            )),
            Some(("longest file".to_owned(), seconds(summary.longest))),
            share("already there", summary.already_there),
            share("retries", summary.retries),
            share("failed", summary.failed),
        ];
        body.push_str("<dl class=\"tiles\">\n");
        for (name, value) in tiles.into_iter().flatten() {
            let class = if name == "failed" { " class=\"bad\"" } else { "" };
            let _ = writeln!(body, "<div{class}><dt>{name}</dt><dd>{value}</dd></div>");
        }
        body.push_str("</dl>\n");
    }

    fn figure(&self, body: &mut String) {
        if !self.table.is_empty() {
            table(body, "", &self.table);
        }
        let Part { svg, height } = self.picture();
        body.push_str("<figure>\n<ul class=\"legend\">\n");
        for (style, what) in self.legend() {
            let _ = writeln!(
                body,
                "<li><i style=\"{}\"></i>{what}</li>",
                style.replace("fill", "background")
            );
        }
        if self.is_merged() {
            body.push_str("<li>many files: each pixel shows what a slot mostly did</li>\n");
        }
        let _ = writeln!(
            body,
            "</ul>\n<div class=\"scroll\">\n<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{}\">\n{svg}</svg>\n\
             </div>\n</figure>",
            escaped(&format!(
                "{}: speed, transfers at once and slots over time",
                self.headline()
            ))
        );
    }

    fn details(&self, body: &mut String) {
        /// What the tiles show.
        const SEEN: [&str; 5] = [
            "already there",
            "failed",
            "retries",
            "transfers at once",
            "longest file",
        ];
        let (Some(account), [(summary, _)]) = (self.account, &self.runs[..]) else {
            return;
        };
        hosts(body, account);
        if summary.failed > 0 {
            failures(body, summary, account);
        }
        body.push_str("<h2>The run</h2>\n<table class=\"text\">\n");
        let facts = facts(self.about, summary, account, None).into_iter();
        for (name, value) in facts.filter(|(name, _)| !SEEN.contains(name)) {
            let _ = writeln!(body, "<tr><td>{name}</td><td>{}</td></tr>", escaped(&value));
        }
        body.push_str("</table>\n");
    }
}

fn hosts(body: &mut String, account: &Account) {
    const HEAD: [&str; 10] = [
        "host",
        "files",
        "failed",
        "received",
        "connect p50",
        "p95",
        "first byte p50",
        "p95",
        "push-back",
        "pauses",
    ];
    let hosts = account.hosts.named();
    if hosts.is_empty() {
        return;
    }
    let row = |name: &str, host: &Host| host_cells(name, host).to_vec();
    let known = hosts.iter().take(SHOWN).map(|(name, host)| row(name, host));
    let mut rows = vec![HEAD.map(ToOwned::to_owned).to_vec()];
    rows.extend(known);
    rows.extend(account.hosts.others().map(|others| row("all others", others)));
    table(body, "<h2>Hosts</h2>\n", &rows);
    if hosts.len() > SHOWN {
        let _ = writeln!(body, "<p>{} more hosts</p>", hosts.len() - SHOWN);
    }
}

/// A table whose first row is its head.
fn table(body: &mut String, heading: &str, rows: &[Vec<String>]) {
    let _ = writeln!(body, "{heading}<div class=\"scroll\"><table>");
    for (number, row) in rows.iter().enumerate() {
        let cell = if number == 0 { "th" } else { "td" };
        body.push_str("<tr>");
        for value in row {
            let _ = write!(body, "<{cell}>{}</{cell}>", escaped(value));
        }
        body.push_str("</tr>\n");
    }
    body.push_str("</table></div>\n");
}

fn failures(body: &mut String, summary: &Summary, account: &Account) {
    let _ = writeln!(
        body,
        "<h2>Failed ({})</h2>\n<table class=\"text\">",
        count(summary.failed)
    );
    for failure in account.failures.iter().take(SHOWN) {
        let tries = failure.tries();
        let tries = if tries > 1 {
            format!(" ({tries} tries)")
        } else {
            String::new()
        };
        let _ = writeln!(
            body,
            "<tr><td>line {}</td><td>{}{tries}</td><td>{}</td></tr>",
            failure.line(),
            escaped(failure.why()),
            escaped(failure.shown())
        );
    }
    body.push_str("</table>\n");
    let left = summary.failed.saturating_sub(account.failures.len().min(SHOWN) as u64);
    if left > 0 {
        let _ = writeln!(body, "<p>{left} more</p>");
    }
}
