//! Diagnostics in, drawn text out.

use proptest::prelude::*;

use super::*;

/// Draws one diagnostic without colour at width 100.
fn drawn(sources: &Sources, diagnostic: Diagnostic) -> String {
    render(sources, &[diagnostic], Style { color: false, width: 100 })
}

/// The span of the first occurrence of a text.
fn span_of(sources: &Sources, file: FileId, wanted: &str) -> Span {
    let start = sources.get(file).text.find(wanted).expect("the text is in the file");
    Span::new(file, start..start + wanted.len())
}

#[test]
fn a_fault_shows_what_where_why_and_how_to_fix() {
    let mut sources = Sources::default();
    let text = format!("{}left join {{{{ ref('stg_payment') }}}} using (order_id)\n", "\n".repeat(11));
    let file = sources.add("models/orders.sql", text);
    let diagnostic = Diagnostic::error(
        "unknown-ref",
        "model `orders` refers to `stg_payment`, which is not in this project",
    )
    .at(span_of(&sources, file, "'stg_payment'"), "no model, seed or snapshot has this name")
    .note("tables loaded from outside the project are named with source(), not ref()")
    .help("did you mean `stg_payments`?");
    assert_eq!(
        drawn(&sources, diagnostic),
        "\
error[unknown-ref]: model `orders` refers to `stg_payment`, which is not in this project
  --> models/orders.sql:12:18
   |
12 | left join {{ ref('stg_payment') }} using (order_id)
   |                  ^^^^^^^^^^^^^ no model, seed or snapshot has this name
   |
note: tables loaded from outside the project are named with source(), not ref()
help: did you mean `stg_payments`?
"
    );
}

#[test]
fn a_fault_without_a_place_is_a_headline_and_advice() {
    let diagnostic = Diagnostic::error("no-project", "there is no project here")
        .note("looked for `project.yml`\nand `dbt_project.yml`")
        .help("start one with `tidemill init`");
    assert_eq!(
        drawn(&Sources::default(), diagnostic),
        "\
error[no-project]: there is no project here
note: looked for `project.yml`
      and `dbt_project.yml`
help: start one with `tidemill init`
"
    );
}

#[test]
fn near_labels_share_an_excerpt_and_far_ones_have_their_own() {
    let mut sources = Sources::default();
    let model = sources.add("models/a.sql", format!("select 1\nfrom x\n{}where y\n", "\n".repeat(20)));
    let macros = sources.add("macros/m.sql", "{% macro m() %}\n{{ nope }}\n{% endmacro %}\n");
    let diagnostic = Diagnostic::warning("odd", "something is odd")
        .at(span_of(&sources, model, "from"), "here")
        .and_at(span_of(&sources, model, "1"), "because of this")
        .and_at(span_of(&sources, macros, "nope"), "in macro `m`")
        .and_at(span_of(&sources, model, "where"), "");
    assert_eq!(
        drawn(&sources, diagnostic),
        "\
warning[odd]: something is odd
  --> models/a.sql:2:1
   |
 1 | select 1
   |        - because of this
 2 | from x
   | ^^^^ here
   |
  ::: macros/m.sql:2:4
   |
 2 | {{ nope }}
   |    ---- in macro `m`
   |
  ::: models/a.sql:23:1
   |
23 | where y
   | -----
"
    );
}

#[test]
fn a_long_line_is_cropped_around_the_caret() {
    let mut sources = Sources::default();
    let file =
        sources.add("models/wide.sql", format!("select {}oops{}", "a, ".repeat(200), ", b".repeat(200)));
    let diagnostic = Diagnostic::error("x", "y").at(span_of(&sources, file, "oops"), "not a column");
    let text = render(&sources, &[diagnostic], Style { color: false, width: 60 });
    assert_eq!(
        text,
        "\
error[x]: y
 --> models/wide.sql:1:608
  |
1 | ... a, a, a, a, a, oops, b, b, b, b, b, b, b, b, b, b...
  |                    ^^^^ not a column
"
    );
}

#[test]
fn a_span_over_several_lines_is_marked_in_its_first_line() {
    let mut sources = Sources::default();
    let file = sources.add("m.sql", "select\r\n\tfoo(\r\n1)\r\n");
    let diagnostic = Diagnostic::error("x", "y").at(span_of(&sources, file, "foo(\r\n1)"), "");
    assert_eq!(drawn(&sources, diagnostic), "error[x]: y\n --> m.sql:2:2\n  |\n2 |     foo(\n  |     ^^^^\n");
}

#[test]
fn the_end_of_a_file_can_be_pointed_at() {
    let mut sources = Sources::default();
    let file = sources.add("m.sql", "select (\n");
    let diagnostic = Diagnostic::error("x", "y").at(Span::new(file, 9..9), "a `)` is missing");
    assert_eq!(
        drawn(&sources, diagnostic),
        "error[x]: y\n --> m.sql:2:1\n  |\n2 |\n  | ^ a `)` is missing\n"
    );
}

#[test]
fn one_line_says_place_code_and_headline() {
    let mut sources = Sources::default();
    let file = sources.add("models/a.sql", "select\n  nope");
    let diagnostic = Diagnostic::error("bad-column", "no column `nope`").at(Span::new(file, 9..13), "");
    assert_eq!(concise(&sources, &diagnostic), "models/a.sql:2:3: error[bad-column]: no column `nope`");
    let placeless = Diagnostic::warning("odd", "two\nlines");
    assert_eq!(concise(&sources, &placeless), "warning[odd]: two lines");
}

#[test]
fn counts_are_in_words() {
    assert_eq!(summary(0, 0), "no errors");
    assert_eq!(summary(1, 0), "1 error");
    assert_eq!(summary(0, 2), "2 warnings");
    assert_eq!(summary(3, 1), "3 errors, 1 warning");
}

const ESCAPE: char = '\u{1b}';

proptest! {
    #[test]
    fn any_span_in_any_text_is_drawn(
        text in "(?s)([a-z \t\r\n\u{0}\u{1b}\u{200d}é漢🦀]|.){0,120}",
        spans in proptest::collection::vec((0usize..700, 0usize..700), 1..5),
        width in 0usize..200,
        color: bool,
    ) {
        let mut sources = Sources::default();
        let file = sources.add("a\u{1b}.sql", text);
        let mut diagnostic = Diagnostic::error("x", "y\u{1b}[31m\nz");
        for (index, (start, end)) in spans.into_iter().enumerate() {
            let span = Span::new(file, start..end);
            diagnostic = if index == 0 { diagnostic.at(span, "a\nb") } else { diagnostic.and_at(span, "") };
        }
        let plain = render(&sources, std::slice::from_ref(&diagnostic), Style { color: false, width });
        prop_assert!(!plain.contains(ESCAPE));
        render(&sources, &[diagnostic.clone()], Style { color, width });
        concise(&sources, &diagnostic);
    }
}
