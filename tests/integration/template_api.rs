//! What `tidemill::template` offers beside rendering: maps, places, tests, docs, precedence, threads.

use std::sync::Arc;

use serde_json::json;
use tidemill::diagnostics::{Diagnostics, FileId, Sources, Span};
use tidemill::node::Relation;
use tidemill::template::{
    MacroFile, MacroKind, Mode, SegmentKind, TemplateSource, TemplateValue, Templates, builtin_files,
    docs_blocks, has_template_syntax,
};

use crate::template_cases::context;

/// Macro files by package, with the built-in ones.
fn load(sources: &mut Sources, packages: &[(&str, &str)]) -> Templates {
    let builtin = builtin_files().iter().map(|(_, text)| ("dbt", *text));
    let files: Vec<MacroFile> = builtin
        .chain(packages.iter().copied())
        .map(|(package, text)| MacroFile {
            package: package.to_owned(),
            file: sources.add(format!("{package}.sql"), text),
            text: text.into(),
        })
        .collect();
    let mut diags = Diagnostics::default();
    let templates = Templates::new(&mut diags, "shop", &files);
    assert_eq!(diags.all(), []);
    templates
}

fn model(sources: &mut Sources, text: &str) -> TemplateSource {
    let file = sources.add("model.sql", text);
    TemplateSource { package: "shop".to_owned(), file, text: text.into(), offset: 0 }
}

fn no_file() -> FileId {
    Sources::default().add("x", "")
}

#[test]
fn every_byte_of_output_leads_back_to_its_source() {
    let mut sources = Sources::default();
    let templates = load(&mut sources, &[]);
    let source =
        model(&mut sources, "select {% set l = [1] %}a, {{ l[0] }} as b\nfrom {{ ref('t') }} where x");
    let rendered = templates.render(&source, &context(Mode::Execute)).unwrap();
    assert_eq!(rendered.text, "select a, 1 as b\nfrom \"db\".\"main\".\"t\" where x");
    let place = |needle: &str| {
        let (span, kind) = rendered.source_of(rendered.text.find(needle).unwrap()).unwrap();
        (sources.place(span), kind)
    };
    assert_eq!(place("a, "), ("model.sql:1:25".to_owned(), SegmentKind::Verbatim));
    assert_eq!(place("1 as"), ("model.sql:1:31".to_owned(), SegmentKind::Expression));
    assert_eq!(place("where"), ("model.sql:2:21".to_owned(), SegmentKind::Verbatim));
    let (span, _) = rendered.source_of(rendered.text.find("main").unwrap()).unwrap();
    assert_eq!(sources.text_of(span), "ref('t')");
}

#[test]
fn places_count_from_the_start_of_the_file() {
    let mut sources = Sources::default();
    let templates = load(&mut sources, &[]);
    let whole = "name: x\nsql: select {{ nope.x }}, {{ ref('a') }}";
    let file = sources.add("models.yml", whole);
    let offset = whole.find("select").unwrap();
    let source = TemplateSource { package: "shop".to_owned(), file, text: whole[offset..].into(), offset };
    let error = templates.render(&source, &context(Mode::Execute)).unwrap_err();
    assert_eq!(sources.text_of(error.span.unwrap()), "nope.x");
    let scan = templates.scan(&source, &context(Mode::Parse)).unwrap();
    assert_eq!(sources.text_of(scan.refs[0].span), "'a'");
}

#[test]
fn line_breaks_that_are_changed_do_not_shift_places() {
    let mut sources = Sources::default();
    let templates = load(&mut sources, &[]);
    let source = model(&mut sources, "select 1,\r\n{{ 2 }},\r\n3");
    let rendered = templates.render(&source, &context(Mode::Execute)).unwrap();
    assert_eq!(rendered.text, "select 1,\n2,\n3");
    let (span, _) = rendered.source_of(rendered.text.find('3').unwrap()).unwrap();
    assert_eq!(sources.place(span), "model.sql:3:1");
}

#[test]
fn a_test_is_called_by_names_and_maps_into_its_file() {
    let mut sources = Sources::default();
    let text = "{% test over(model, column_name, least=0) %}\nselect * from {{ model }} where {{ column_name }} < {{ least }}{{ config(severity='warn') }}\n{% endtest %}";
    let templates = load(&mut sources, &[("shop", text)]);
    let model = TemplateValue::Relation(Relation::new("db", "main", "t"));
    let column = TemplateValue::Json(json!("price"));
    let kwargs = [("model".to_owned(), model), ("column_name".to_owned(), column)];
    let site = Span::new(no_file(), 0..0);
    let rendered = templates.call_test("shop", "test_over", &kwargs, &context(Mode::Execute), site).unwrap();
    assert_eq!(rendered.text, "\nselect * from \"db\".\"main\".\"t\" where price < 0\n");
    let (span, _) = rendered.source_of(rendered.text.find("where").unwrap()).unwrap();
    assert_eq!(sources.place(span), "shop.sql:2:27");
    let recorded = templates.scan_test("shop", "test_over", &kwargs, &context(Mode::Parse), site).unwrap();
    assert_eq!(recorded.config[0].1, json!("warn"));
    assert_eq!(recorded.macros, ["macro.shop.test_over"]);
}

#[test]
fn a_test_that_is_called_wrongly_is_shown_where_it_is_declared() {
    let mut sources = Sources::default();
    let templates = load(&mut sources, &[]);
    let file = sources.add("models.yml", "tests: [unique: {colum: x}]");
    let site = Span::new(file, 8..14);
    let kwargs = [("colum".to_owned(), TemplateValue::Json(json!("x")))];
    let ctx = context(Mode::Execute);
    let error = templates.call_test("shop", "test_unique", &kwargs, &ctx, site).unwrap_err();
    assert_eq!(error.message, "macro `test_unique` has no parameter `colum`");
    assert_eq!(error.span, Some(site));
    let error = templates.call_test("shop", "test_uniqe", &[], &ctx, site).unwrap_err();
    assert_eq!((error.code, error.help.as_deref()), ("unknown-macro", Some("did you mean `test_unique`?")));
}

#[test]
fn the_root_project_overrides_built_in_macros_but_a_package_keeps_its_own() {
    let mut sources = Sources::default();
    let own = "{% test unique(model) %}own{% endtest %}{% macro m() %}{% endmacro %}";
    let other = "{% macro m() %}{% endmacro %}{% macro only_here() %}{% endmacro %}";
    let templates = load(&mut sources, &[("shop", own), ("other", other)]);
    let package = |from, name| templates.find_macro(from, name).map(|it| it.package.as_str());
    assert_eq!(package("shop", "test_unique"), Some("shop"));
    assert_eq!(package("other", "test_unique"), Some("shop"));
    assert_eq!(package("shop", "test_not_null"), Some("dbt"));
    assert_eq!(package("other", "m"), Some("other"));
    assert_eq!(package("shop", "m"), Some("shop"));
    assert_eq!(package("shop", "only_here"), Some("other"));
    assert_eq!(package("shop", "nowhere"), None);
    let declared = templates.find_macro("shop", "test_unique").unwrap();
    assert_eq!((declared.kind, sources.text_of(declared.span)), (MacroKind::Test, "unique"));
    assert_eq!(declared.parameters, ["model"]);
    assert!(templates.macros().is_sorted_by_key(|it| (it.package.clone(), it.name.clone())));
}

#[test]
fn the_project_may_set_the_search_order_of_dispatch() {
    let mut sources = Sources::default();
    let a = "{% macro default__f() %}a{% endmacro %}";
    let b = "{% macro default__f() %}b{% endmacro %}";
    let templates = load(&mut sources, &[("a", a), ("b", b)]);
    let templates = templates.with_dispatch("a", &["b".to_owned(), "a".to_owned()]);
    let source = model(&mut sources, "{{ adapter.dispatch('f', 'a')() }}{{ adapter.dispatch('f', 'b')() }}");
    assert_eq!(templates.render(&source, &context(Mode::Execute)).unwrap().text, "bb");
}

#[test]
fn docs_blocks_are_read_from_any_markdown() {
    let mut sources = Sources::default();
    let text = "# {{ not closed\n{% docs a %}\n text {{ x }} {% if %}\n{% enddocs %} {# {% docs no %}{% enddocs %} #}\n{%- docs b -%}b{%- enddocs -%}";
    let file = sources.add("x.md", text);
    let mut diags = Diagnostics::default();
    let blocks = docs_blocks(&mut diags, file, text);
    let found: Vec<_> = blocks.iter().map(|it| (it.name.value.as_str(), it.contents.as_str())).collect();
    assert_eq!(found, [("a", "text {{ x }} {% if %}"), ("b", "b")]);
    assert_eq!(sources.place(blocks[0].name.span), "x.md:2:9");
    assert_eq!(diags.all(), []);
}

#[test]
fn a_docs_block_that_is_not_closed_is_shown_at_its_opener() {
    let mut sources = Sources::default();
    let text = "a\n{% docs a %}\n{% docs b-c %}x{% enddocs %} {% docs d %}";
    let file = sources.add("x.md", text);
    let mut diags = Diagnostics::default();
    let blocks = docs_blocks(&mut diags, file, text);
    let faults: Vec<_> = diags
        .all()
        .iter()
        .map(|it| (it.message.as_str(), sources.place(it.primary.as_ref().unwrap().span)))
        .collect();
    let unclosed = "`{% docs %}` is never closed";
    let bad_name = "`b-c` cannot be the name of a docs block: only letters, digits and `_` can";
    let expected = [(unclosed, "x.md:2:1"), (bad_name, "x.md:3:9"), (unclosed, "x.md:3:30")];
    assert_eq!(blocks, []);
    assert_eq!(faults, expected.map(|(message, place)| (message, place.to_owned())));
}

#[test]
fn threads_share_one_set_of_templates() {
    let mut sources = Sources::default();
    let text = "{% macro m(x) %}{% set l = [x] %}{% do l.append(x * 2) %}{{ return(l) }}{% endmacro %}";
    let templates = load(&mut sources, &[("shop", text)]);
    let source = model(&mut sources, "{{ m(var('n')) }}");
    std::thread::scope(|scope| {
        let work: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| templates.render(&source, &context(Mode::Execute)).unwrap().text))
            .collect();
        for thread in work {
            assert_eq!(thread.join().unwrap(), "[5, 10]");
        }
    });
}

#[test]
fn endless_recursion_ends_before_a_small_stack_does() {
    let mut sources = Sources::default();
    let text = "{% macro m() %}{% call w() %}{{ m() }}{% endcall %}{% endmacro %}{% macro w() %}{{ caller() }}{% endmacro %}";
    let templates = Arc::new(load(&mut sources, &[("shop", text)]));
    let source = model(&mut sources, "{{ m() }}");
    let run = move || templates.render(&source, &context(Mode::Execute)).unwrap_err();
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(run).unwrap();
    let error = thread.join().unwrap();
    assert_eq!(error.message, "macros call each other more than 150 levels deep");
    assert!(error.trace.len() <= 10);
}

#[test]
fn variables_of_one_rendering_win_over_all_others() {
    let mut sources = Sources::default();
    let templates = load(&mut sources, &[("shop", "{% macro m() %}macro{% endmacro %}")]);
    let source = model(&mut sources, "{{ m }} {{ this }}");
    let mut ctx = context(Mode::Execute);
    ctx.locals = vec![
        ("m".to_owned(), TemplateValue::Json(json!("local"))),
        ("this".to_owned(), TemplateValue::Relation(Relation::verbatim("cte"))),
    ];
    assert_eq!(templates.render(&source, &ctx).unwrap().text, "local cte");
}

#[test]
fn template_syntax_is_told_from_plain_text() {
    assert!(!has_template_syntax("select '{' || x || '}' -- 100% #"));
    assert!(has_template_syntax("a {{ b"));
    assert!(has_template_syntax("a {% b"));
    assert!(has_template_syntax("a {# b"));
}
