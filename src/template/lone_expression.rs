//! Texts that come down to one `{{ expression }}`: dbt keeps the type of its value.

use std::sync::{Mutex, PoisonError};

use minijinja::machinery::{Token, Tokenizer, ast, parse};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{OutputSpan, OutputSpanKind, Value};

use super::syntax::syntax_config;
use super::unit::Unit;
use super::values::print;

/// Name under which a template finds where to note the values that it writes.
pub(super) const WRITTEN: &str = "__written";

/// The last value that a template wrote.
#[derive(Debug, Default)]
pub(super) struct Written(Mutex<Value>);

impl Object for Written {
    fn repr(self: &std::sync::Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

impl Written {
    /// Notes a value.
    pub(super) fn note(&self, value: &Value) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value.clone();
    }

    /// The value, if it is all that the text consists of; constants are texts.
    pub(super) fn whole(&self, unit: &Unit, text: &str, spans: &[OutputSpan]) -> Option<Value> {
        let mut spans = spans.iter().filter(|it| !it.output_range().is_empty());
        let (Some(only), None) = (spans.next(), spans.next()) else { return None };
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let source = &unit.source[unit.map.range_to_source(only.source_range())];
        let is_value = only.kind() != OutputSpanKind::Raw
            && print::text(&value) == text
            && !is_constant(&format!("{{{{ {source} }}}}"));
        is_value.then_some(value)
    }
}

/// Whether a text is one `{{ }}` and nothing else; a last line break does not count.
pub(super) fn is_lone_expression(text: &str) -> bool {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut tokenizer = Tokenizer::new(text, "", false, syntax_config());
    let mut starts = 0;
    while let Ok(Some((token, _))) = tokenizer.next_token() {
        match token {
            Token::TemplateData(_) | Token::BlockStart => return false,
            Token::VariableStart => starts += 1,
            _ => {}
        }
    }
    starts == 1
}

/// Jinja folds constants into texts, even where it keeps the type of everything else.
pub(super) fn is_constant(text: &str) -> bool {
    let Ok(ast::Stmt::Template(template)) = parse(text, "", syntax_config()) else { return false };
    template.children.iter().any(|it| match it {
        ast::Stmt::EmitExpr(emitted) => is_constant_expr(&emitted.expr),
        _ => false,
    })
}

fn is_constant_expr(expr: &ast::Expr<'_>) -> bool {
    match expr {
        ast::Expr::Const(_) => true,
        ast::Expr::List(list) => list.items.iter().all(is_constant_expr),
        ast::Expr::Tuple(tuple) => tuple.items.iter().all(is_constant_expr),
        ast::Expr::Map(map) => map.keys.iter().chain(&map.values).all(is_constant_expr),
        ast::Expr::UnaryOp(op) => is_constant_expr(&op.expr),
        ast::Expr::BinOp(op) => is_constant_expr(&op.left) && is_constant_expr(&op.right),
        _ => false,
    }
}
