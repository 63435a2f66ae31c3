//! Texts that are one `{{ expression }}`: dbt keeps the type of its value.

use minijinja::machinery::{Token, Tokenizer, ast, parse};

use super::syntax::syntax_config;

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
