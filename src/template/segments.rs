//! The map from output back to the file.

use minijinja::{OutputSpan, OutputSpanKind, Value};

use super::unit::Unit;
use super::values::print;
use super::{Rendered, Segment, SegmentKind, TemplateSource};
use crate::diagnostics::Span;

/// A text without template syntax as its own rendering.
pub(super) fn verbatim(source: &TemplateSource) -> Rendered {
    let text = source.text.to_string();
    let source = Span::new(source.file, source.offset..source.offset + text.len());
    let segments = vec![Segment { output: 0..text.len(), source, kind: SegmentKind::Verbatim }];
    Rendered { segments: if text.is_empty() { Vec::new() } else { segments }, text }
}

/// Output that is a value handed back as a whole.
pub(super) fn computed(unit: &Unit, value: &Value) -> Rendered {
    let text = print::text(value);
    let segment = Segment { output: 0..text.len(), source: unit.first_line(), kind: SegmentKind::Expression };
    Rendered { segments: if text.is_empty() { Vec::new() } else { vec![segment] }, text }
}

/// Output with its way back, from the stretches that minijinja noted.
pub(super) fn rendered(unit: &Unit, text: String, spans: &[OutputSpan]) -> Rendered {
    let mut segments = Vec::with_capacity(spans.len());
    for span in spans.iter().filter(|it| it.name() == unit.name) {
        let compiled = span.source_range();
        match span.kind() {
            OutputSpanKind::Raw if compiled.len() == span.output_range().len() => {
                for (part, source) in unit.map.copies_within(&compiled) {
                    let start = span.output_range().start + (part.start - compiled.start);
                    segments.push(Segment {
                        output: start..start + part.len(),
                        source: unit.span(source..source + part.len()),
                        kind: SegmentKind::Verbatim,
                    });
                }
            }
            _ => segments.push(Segment {
                output: span.output_range(),
                source: unit.span_of_compiled(compiled),
                kind: SegmentKind::Expression,
            }),
        }
    }
    Rendered { text, segments }
}
