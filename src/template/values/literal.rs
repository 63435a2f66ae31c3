//! Python literals in texts: what `ast.literal_eval` reads.

use serde_json::{Map, Number, Value as Json};

/// The value of a text that is a Python literal; `None` for any other text.
pub(crate) fn literal_eval(text: &str) -> Option<Json> {
    let text = text.trim_start_matches([' ', '\t']);
    let mut reader = Reader { rest: text, depth: 0 };
    let value = reader.value()?;
    reader.skip_blank();
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn skip_blank(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, text: &str) -> bool {
        self.skip_blank();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Option<Json> {
        self.skip_blank();
        self.depth += 1;
        if self.depth > 100 {
            return None;
        }
        let value = match self.rest.chars().next()? {
            '[' => self.items("[", "]").map(Json::Array),
            '(' => self.tuple(),
            '{' => self.dict(),
            '\'' | '"' => self.text().map(Json::String),
            '-' | '+' | '.' | '0'..='9' => self.number(),
            _ => self.word(),
        };
        self.depth -= 1;
        value
    }

    fn items(&mut self, open: &str, close: &str) -> Option<Vec<Json>> {
        self.eat(open);
        let mut items = Vec::new();
        while !self.eat(close) {
            if !items.is_empty() && !self.eat(",") {
                return None;
            }
            if !items.is_empty() && self.eat(close) {
                break;
            }
            items.push(self.value()?);
        }
        Some(items)
    }

    fn tuple(&mut self) -> Option<Json> {
        let inner = self.rest;
        let items = self.items("(", ")")?;
        let read = &inner[..inner.len() - self.rest.len()];
        let has_comma = read[..read.len() - 1].trim_end().ends_with(',');
        match <[Json; 1]>::try_from(items) {
            Ok([item]) if !has_comma => Some(item),
            Ok([item]) => Some(Json::Array(vec![item])),
            Err(items) => Some(Json::Array(items)),
        }
    }

    fn dict(&mut self) -> Option<Json> {
        self.eat("{");
        let mut entries = Map::new();
        while !self.eat("}") {
            if !entries.is_empty() && !self.eat(",") {
                return None;
            }
            if !entries.is_empty() && self.eat("}") {
                break;
            }
            let key = match self.value()? {
                Json::String(text) => text,
                other => other.to_string(),
            };
            if !self.eat(":") {
                return None;
            }
            let value = self.value()?;
            entries.insert(key, value);
        }
        Some(Json::Object(entries))
    }

    fn text(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let mut chars = self.rest[1..].char_indices();
        let mut text = String::new();
        while let Some((index, char)) = chars.next() {
            match char {
                _ if char == quote => {
                    self.rest = &self.rest[1 + index + 1..];
                    return Some(text);
                }
                '\n' => return None,
                '\\' => text.push(match chars.next()?.1 {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                }),
                _ => text.push(char),
            }
        }
        None
    }

    fn number(&mut self) -> Option<Json> {
        let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '+' | '-');
        let end = self.rest.find(|char| !is_part(char)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        let plain = text.replace('_', "");
        let unsigned = plain.trim_start_matches(['-', '+']);
        let has_leading_zero = unsigned.len() > 1
            && unsigned.starts_with('0')
            && unsigned.chars().all(|it| it.is_ascii_digit())
            && unsigned.chars().any(|it| it != '0');
        if has_leading_zero || text.contains("__") || text.ends_with('_') {
            return None;
        }
        self.rest = rest;
        if let Ok(integer) = plain.parse::<i64>() {
            return Some(Json::from(integer));
        }
        let is_float = unsigned.starts_with(|it: char| it.is_ascii_digit() || it == '.');
        is_float.then(|| plain.parse::<f64>().ok().and_then(Number::from_f64).map(Json::Number))?
    }

    fn word(&mut self) -> Option<Json> {
        let end = self.rest.find(|char: char| !char.is_alphanumeric()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let value = match word {
            "True" => Json::Bool(true),
            "False" => Json::Bool(false),
            "None" => Json::Null,
            _ => return None,
        };
        self.rest = rest;
        Some(value)
    }
}
