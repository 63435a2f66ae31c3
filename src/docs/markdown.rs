//! Markdown to a tree of known elements.
//!
//! The page builds elements from this tree and never parses a text as HTML, so nothing in a description can
//! become markup or a script: HTML in it is shown as it is written. Links lead to pages of the site or to
//! `http`, `https` and `mailto` only. Images become links: the site asks no other machine for anything.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use serde_json::{Value as Json, json};

/// Deeper nesting than this is flattened: quotes in quotes in quotes are not worth a stack.
const MAX_DEPTH: usize = 32;

/// The blocks of a text: each a text, or a list that begins with an element's name and, if it has any, its
/// attributes. `None` for a text without content.
pub(super) fn tree(text: &str) -> Option<Json> {
    if text.trim().is_empty() {
        return None;
    }
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut builder = Builder::default();
    for event in Parser::new_ext(text, options) {
        builder.take(event);
    }
    Some(Json::Array(builder.finish()))
}

/// The first paragraph as plain text, cut to so many characters.
pub(super) fn summary(text: &str, limit: usize) -> String {
    let mut summary = String::new();
    for event in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(it) | Event::Code(it) | Event::Html(it) | Event::InlineHtml(it) => {
                summary.push_str(&it);
            }
            Event::SoftBreak | Event::HardBreak => summary.push(' '),
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_)) if !summary.trim().is_empty() => break,
            _ => {}
        }
    }
    let summary = summary.trim();
    if summary.chars().count() <= limit {
        return summary.to_owned();
    }
    let cut: String = summary.chars().take(limit).collect();
    let end = cut.rfind(' ').filter(|it| *it > limit / 2).unwrap_or(cut.len());
    format!("{}…", cut[..end].trim_end_matches([',', ';', ':', '.', ' ']))
}

#[derive(Default)]
struct Builder {
    /// Elements that are open, from the outermost.
    open: Vec<Element>,
    done: Vec<Json>,
    /// Elements that were opened below [`MAX_DEPTH`].
    ignored: usize,
}

struct Element {
    name: &'static str,
    attributes: Json,
    children: Vec<Json>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(_) if self.ignored > 0 => self.ignored -= 1,
            Event::End(_) => self.end(),
            Event::Text(it)
            | Event::Html(it)
            | Event::InlineHtml(it)
            | Event::InlineMath(it)
            | Event::DisplayMath(it)
            | Event::FootnoteReference(it) => self.text(&it),
            Event::Code(it) => self.push(json!(["code", it.as_ref()])),
            Event::SoftBreak => self.text(" "),
            Event::HardBreak => self.push(json!(["br"])),
            Event::Rule => self.push(json!(["hr"])),
            Event::TaskListMarker(is_done) => self.text(if is_done { "☑ " } else { "☐ " }),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        if self.open.len() >= MAX_DEPTH {
            self.ignored += 1;
            return;
        }
        let (name, attributes) = match tag {
            Tag::Heading { level, .. } => (heading(level), Json::Null),
            Tag::BlockQuote(_) => ("blockquote", Json::Null),
            Tag::CodeBlock(CodeBlockKind::Fenced(language)) => {
                ("pre", json!({ "lang": language.split_whitespace().next().unwrap_or_default() }))
            }
            Tag::CodeBlock(CodeBlockKind::Indented) => ("pre", Json::Null),
            Tag::List(Some(first)) if first != 1 => ("ol", json!({ "start": first })),
            Tag::List(Some(_)) => ("ol", Json::Null),
            Tag::List(None) => ("ul", Json::Null),
            Tag::Item => ("li", Json::Null),
            Tag::Table(_) => ("table", Json::Null),
            Tag::TableHead => ("thead", Json::Null),
            Tag::TableRow => ("tr", Json::Null),
            Tag::TableCell => ("td", Json::Null),
            Tag::Emphasis => ("em", Json::Null),
            Tag::Strong => ("strong", Json::Null),
            Tag::Strikethrough => ("del", Json::Null),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => match safe_link(&dest_url) {
                Some(url) => ("a", json!({ "href": url })),
                None => ("span", Json::Null),
            },
            Tag::Paragraph | Tag::HtmlBlock | Tag::MetadataBlock(_) | Tag::FootnoteDefinition(_) => {
                ("p", Json::Null)
            }
            Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript => ("span", Json::Null),
        };
        self.open.push(Element { name, attributes, children: Vec::new() });
    }

    fn end(&mut self) {
        let Some(element) = self.open.pop() else { return };
        let mut list = vec![Json::from(element.name)];
        if !element.attributes.is_null() {
            list.push(element.attributes);
        }
        list.extend(element.children);
        self.push(Json::Array(list));
    }

    fn text(&mut self, text: &str) {
        let siblings = self.open.last_mut().map_or(&mut self.done, |it| &mut it.children);
        if let Some(Json::String(last)) = siblings.last_mut() {
            last.push_str(text);
        } else {
            siblings.push(Json::from(text));
        }
    }

    fn push(&mut self, element: Json) {
        self.open.last_mut().map_or(&mut self.done, |it| &mut it.children).push(element);
    }

    fn finish(mut self) -> Vec<Json> {
        while !self.open.is_empty() {
            self.end();
        }
        self.done
    }
}

fn heading(level: HeadingLevel) -> &'static str {
    match level {
        HeadingLevel::H1 => "h1",
        HeadingLevel::H2 => "h2",
        HeadingLevel::H3 => "h3",
        HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => "h4",
    }
}

/// A link that may be followed: to a page of the site (dbt's form, `#!/model/...`), the web or a mailbox.
pub(super) fn safe_link(url: &str) -> Option<&str> {
    let url = url.trim();
    let is_safe = ["http://", "https://", "mailto:", "#!/"]
        .iter()
        .any(|it| url.get(..it.len()).is_some_and(|start| start.eq_ignore_ascii_case(it)));
    (is_safe && !url.contains(char::is_control)).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_become_lists() {
        let check = |text: &str, expected: Json| assert_eq!(tree(text), Some(expected), "{text}");
        check("a *b* `c`", json!([["p", "a ", ["em", "b"], " ", ["code", "c"]]]));
        check("# A\n\n- b\n- c", json!([["h1", "A"], ["ul", ["li", "b"], ["li", "c"]]]));
        check("```sql\nselect 1\n```", json!([["pre", { "lang": "sql" }, "select 1\n"]]));
        check("|a|\n|-|\n|b|", json!([["table", ["thead", ["td", "a"]], ["tr", ["td", "b"]]]]));
        assert_eq!(tree(" \n"), None);
    }

    #[test]
    fn markup_is_text_and_scripts_are_no_links() {
        let check = |text: &str, expected: Json| assert_eq!(tree(text), Some(expected), "{text}");
        check("<img src=x onerror=alert(1)>", json!([["p", "<img src=x onerror=alert(1)>"]]));
        check("a <b>c</b>", json!([["p", "a <b>c</b>"]]));
        check("[x](javascript:alert(1))", json!([["p", ["span", "x"]]]));
        check("[x](JaVaScRiPt:alert(1))", json!([["p", ["span", "x"]]]));
        check("[x](data:text/html,y)", json!([["p", ["span", "x"]]]));
        check("[x](https://e.org)", json!([["p", ["a", { "href": "https://e.org" }, "x"]]]));
        check("![x](https://e.org/y.png)", json!([["p", ["a", { "href": "https://e.org/y.png" }, "x"]]]));
        check("[x](#!/model/model.a.b)", json!([["p", ["a", { "href": "#!/model/model.a.b" }, "x"]]]));
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = tree(&"> ".repeat(500)).is_some() | tree(&format!("{}x", "> ".repeat(500))).is_some();
        assert!(deep);
    }

    #[test]
    fn a_summary_is_the_first_paragraph_in_short() {
        assert_eq!(summary("A *short* one.\n\nMore.", 80), "A short one.");
        assert_eq!(summary("# Title\n\nMore.", 80), "Title");
        assert_eq!(summary("one two three four five", 12), "one two…");
        assert_eq!(summary("ééééééééééé", 4), "éééé…");
    }
}
