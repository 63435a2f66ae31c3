//! The map from output back to the file.

use minijinja::{OutputSpan, OutputSpanKind, Value};

use super::made::{Finder, Made};
use super::unit::Unit;
use super::values::print;
use super::{Rendered, Segment, SegmentKind, TemplateSource};
use crate::diagnostics::Span;

/// A text without template syntax as its own rendering.
pub(super) fn verbatim(source: &TemplateSource) -> Rendered {
    let text = source.text.to_string();
    let source = Span::new(source.file, source.offset..source.offset + text.len());
    let calls = Vec::new();
    let segments = vec![Segment { output: 0..text.len(), source, kind: SegmentKind::Verbatim, calls }];
    Rendered { segments: if text.is_empty() { Vec::new() } else { segments }, text }
}

/// Output that is a value handed back as a whole, by a `return()` at `place`.
pub(super) fn computed(value: &Value, place: Span, made: &[Made]) -> Rendered {
    let text = print::text(value);
    Rendered { segments: Finder::new(made).segments(&text, 0, place), text }
}

/// Output with its way back, from the stretches that minijinja noted and what the template's calls made.
pub(super) fn rendered(unit: &Unit, text: String, spans: &[OutputSpan], made: &[Made]) -> Rendered {
    let mut segments = Vec::with_capacity(spans.len());
    let mut finder = Finder::new(made);
    for span in spans.iter().filter(|it| it.name() == unit.name) {
        let (compiled, output) = (span.source_range(), span.output_range());
        match span.kind() {
            OutputSpanKind::Raw if compiled.len() == output.len() => {
                for (part, source) in unit.map.copies_within(&compiled) {
                    let start = output.start + (part.start - compiled.start);
                    segments.push(Segment {
                        output: start..start + part.len(),
                        source: unit.span(source..source + part.len()),
                        kind: SegmentKind::Verbatim,
                        calls: Vec::new(),
                    });
                }
            }
            _ => {
                let place = unit.span_of_compiled(compiled);
                segments.extend(finder.segments(&text[output.clone()], output.start, place));
            }
        }
    }
    Rendered { text, segments }
}
