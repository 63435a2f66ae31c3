//! Templates that go very deep end in text or in an error, never in a crash, on threads with small stacks.

use std::sync::Arc;
use std::thread;

use tidemill::diagnostics::{Diagnostics, Sources};
use tidemill::template::{MacroFile, Mode, TemplateSource, Templates};

use crate::template_cases::context;

const STACK: usize = 2 * 1024 * 1024;

/// Renders on a thread of its own: the text, or the message of the error.
fn render(macros: &str, template: String) -> Result<String, String> {
    let macros = macros.to_owned();
    let work = move || {
        let mut sources = Sources::default();
        let file = sources.add("macros.sql", macros.as_str());
        let files = [MacroFile { package: "shop".to_owned(), file, text: macros.as_str().into() }];
        let templates = Templates::new(&mut Diagnostics::default(), "shop", &files);
        let text: Arc<str> = template.into();
        let file = sources.add("model.sql", Arc::clone(&text));
        let source = TemplateSource { package: "shop".to_owned(), file, text, offset: 0 };
        let rendered = templates.render(&source, &context(Mode::Execute));
        rendered.map(|it| it.text).map_err(|error| error.message)
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(work).expect("a thread");
    thread.join().expect("no panic")
}

fn nested(open: &str, middle: &str, close: &str, depth: usize) -> String {
    format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn macros_call_each_other_a_hundred_levels_deep() {
    let down = "{% macro down(n) %}{% if n > 0 %}{{ return(1 + down(n - 1)) }}{% endif %}{{ return(0) }}{% endmacro %}";
    assert_eq!(render(down, "{{ down(100) }}".to_owned()), Ok("100".to_owned()));
}

#[test]
fn endless_calls_are_an_error() {
    let message = "macros call each other more than 150 levels deep";
    let through_text = "{% macro m() %}{{ m() }}{% endmacro %}";
    assert_eq!(render(through_text, "{{ m() }}".to_owned()), Err(message.to_owned()));
    let through_blocks = "{% macro w() %}{{ caller() }}{% endmacro %}
        {% macro m() %}{% call w() %}{% call w() %}{{ m() }}{% endcall %}{% endcall %}{% endmacro %}";
    assert_eq!(render(through_blocks, "{{ m() }}".to_owned()), Err(message.to_owned()));
    let through_dispatch = "{% macro f() %}{{ return(adapter.dispatch('f')()) }}{% endmacro %}
        {% macro default__f() %}{{ return(f()) }}{% endmacro %}";
    assert_eq!(render(through_dispatch, "{{ f() }}".to_owned()), Err(message.to_owned()));
    let through_render = "{% macro m() %}{{ render('{{ m() }}') }}{% endmacro %}";
    assert!(render(through_render, "{{ m() }}".to_owned()).is_err());
}

#[test]
fn a_loop_that_calls_itself_without_an_end_is_an_error() {
    let template = "{% set l = [1] %}{% for x in l recursive %}{{ loop(l) }}{% endfor %}";
    assert!(render("", template.to_owned()).is_err());
}

#[test]
fn expressions_may_be_nested_but_not_without_bounds() {
    assert_eq!(render("", format!("{{{{ {} }}}}", nested("(", "1", ")", 60))), Ok("1".to_owned()));
    assert_eq!(render("", format!("{{{{ {} }}}}", nested("[", "1", "]", 30))), Ok(nested("[", "1", "]", 30)));
    for (open, close) in
        [("(", ")"), ("[", "]"), ("{1: ", "}"), ("not ", ""), ("- ", ""), ("f(", ")"), ("x if ", "")]
    {
        let template = format!("{{{{ {} }}}}", nested(open, "1", close, 20_000));
        assert!(render("", template).is_err(), "{open}");
    }
}

#[test]
fn tags_may_be_nested_but_not_without_bounds() {
    assert_eq!(render("", nested("{% if true %}", "a", "{% endif %}", 60)), Ok("a".to_owned()));
    for (open, close) in [
        ("{% if true %}", "{% endif %}"),
        ("{% for x in [1] %}", "{% endfor %}"),
        ("{% set x %}", "{% endset %}"),
        ("{% filter upper %}", "{% endfilter %}"),
        ("{% call w() %}", "{% endcall %}"),
    ] {
        let result = render("{% macro w() %}{{ caller() }}{% endmacro %}", nested(open, "a", close, 5_000));
        assert!(result.is_err(), "{open}");
    }
}

#[test]
fn long_chains_of_operators_are_an_error() {
    let template = format!("{{% set x = 1 %}}{{{{ x{} }}}}", " + x".repeat(100));
    assert_eq!(render("", template), Ok("101".to_owned()));
    for part in [" + x", " - x", " * x", " ~ x", "|string", ".a", "[0]"] {
        let template = format!("{{% set x = 1 %}}{{{{ x{} }}}}", part.repeat(20_000));
        assert!(render("", template).is_err(), "{part}");
    }
}

#[test]
fn values_inside_values_inside_values_can_be_printed_and_dropped() {
    let template = "{% set ns = namespace(l=[]) %}{% for i in range(2000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l|string|length }}";
    assert_eq!(render("", template.to_owned()), Ok("4002".to_owned()));
}
