//! A film as SVG: speed, transfers at once, push-back, and the slots one below the other, on one axis of time.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::axis::{Axis, LEFT, Scale};
use super::film::Film;

/// What the classes in the picture look like. The colours are variables, for light and dark.
pub(super) const STYLE: &str = "\
:root{--bg:#fff;--fg:#1b2430;--dim:#66717f;--line:#e3e8ee;--soft:#f6f8fa;--body:#3f83c9;--wait:#efb749;\
--connect:#8d63c4;--local:#9dabba;--rest:#8b98a7;--fail:#d43d3d;--flow:#1d9a8a;--on:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--fg:#e2e8ef;--dim:#93a0af;--line:#29313b;--soft:#1a2029;\
--body:#4a90d9;--wait:#d9a23a;--connect:#a583d8;--local:#66727f;--rest:#748191;--fail:#f0625f;--flow:#2fb3a2;--on:#0c1015}}
svg text{font:10px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;fill:var(--dim)}
svg .h{font-size:11px;font-weight:600;fill:var(--fg)}
svg .n{font-size:9.5px;fill:var(--on);pointer-events:none}
svg .x{fill:var(--fail)}
svg .g{stroke:var(--line);stroke-width:1;fill:none}
svg .lane{fill:var(--soft)}
svg .c{fill:var(--connect)}svg .w{fill:var(--wait)}svg .b{fill:var(--body)}svg .l{fill:var(--local)}svg .f{fill:var(--fail)}
svg .r{stroke:var(--rest);stroke-width:1.6;stroke-dasharray:2 2.4;fill:none}
svg .area{fill:var(--flow);fill-opacity:.22}svg .flow{stroke:var(--flow);stroke-width:1.5;fill:none;stroke-linejoin:round}
svg .at{fill:var(--body);fill-opacity:.18}svg .step{stroke:var(--body);stroke-width:1.2;fill:none}
svg .hold{fill:var(--wait);fill-opacity:.18}
svg .e:hover path{filter:brightness(1.18)}
";

/// Part of a picture, and how tall it is.
pub(super) struct Part {
    pub(super) svg: String,
    pub(super) height: f64,
}

/// Everything of one run.
pub(super) fn scene(film: &Film, scale: Scale) -> Part {
    let axis = Axis::of(film, scale);
    let mut svg = String::new();
    let flow = axis.flow(film, 16.0);
    let active = axis.active(film, flow.height + 46.0);
    let mut y = flow.height + active.height + 46.0 + 14.0;
    let marks = axis.marks(film, y);
    y += marks.height;
    let slots = axis.slots(film, y + 16.0);
    let bottom = y + 16.0 + slots.height;
    axis.grid(&mut svg, bottom);
    axis.pauses(&mut svg, film, bottom);
    for part in [&flow, &active, &marks, &slots] {
        svg.push_str(&part.svg);
    }
    heading(&mut svg, "speed", 10.0);
    heading(&mut svg, "transfers at once", flow.height + 38.0);
    heading(&mut svg, "slots", y + 10.0);
    axis.ticks(&mut svg, bottom);
    Part {
        svg,
        height: bottom + 20.0,
    }
}

pub(super) fn heading(svg: &mut String, text: &str, y: f64) {
    let _ = writeln!(svg, "<text class=\"h\" x=\"{LEFT}\" y=\"{y:.1}\">{text}</text>");
}

/// Text that means nothing to XML or HTML, and nothing to whoever shows it.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    let is_special = |c: char| matches!(c, '&' | '<' | '>' | '"' | '\'') || (c.is_control() && c != '\n');
    if !text.contains(is_special) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if is_special(c) => safe.push('\u{FFFD}'),
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_stays_text() {
        assert_eq!(
            escaped("<b a='x'>&\"\x1b"),
            "&lt;b a=&#39;x&#39;&gt;&amp;&quot;\u{FFFD}"
        );
        assert_eq!(escaped("plain データ"), "plain データ");
    }
}
