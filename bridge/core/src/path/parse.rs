//! Text to path.

use super::{Op, Path, Pick, Step, Test};

/// A path that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("in path `{path}`, column {column}: expected {expected}, found {found}")]
pub struct PathError {
    /// The path as written.
    pub path: String,
    /// Column, from 1.
    pub column: usize,
    /// What could have stood there.
    pub expected: &'static str,
    /// What stands there.
    pub found: String,
}

impl Path {
    /// Reads a path. Fails with the column and what was expected there.
    pub fn parse(text: &str) -> Result<Path, PathError> {
        let mut reader = Reader {
            text,
            chars: text.chars().collect(),
            at: 0,
        };
        let mut steps = Vec::new();
        let mut whole_list = false;
        loop {
            let start = reader.at;
            let member = reader.member()?;
            if let Some(Step {
                pick: Some(Pick::Where(tests)),
                ..
            }) = steps.last()
                && tests.iter().any(|t| t.key == member)
            {
                return Err(reader.error_at(start, "a member the conditions do not fix"));
            }
            let mut step = Step { member, pick: None };
            if reader.take('[') {
                if reader.take(']') {
                    whole_list = true;
                } else {
                    step.pick = Some(reader.pick()?);
                }
            }
            let open = matches!(step.pick, Some(Pick::Where(_)));
            steps.push(step);
            if whole_list {
                reader.end("the end of the path after `[]`")?;
                break;
            }
            if reader.take('.') {
                continue;
            }
            if open {
                return Err(reader.error("`.` and a member of the element"));
            }
            reader.end("`.`, `[` or the end of the path")?;
            break;
        }
        Ok(Path {
            text: text.to_string(),
            steps,
            whole_list,
        })
    }
}

struct Reader<'a> {
    text: &'a str,
    chars: Vec<char>,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let hit = self.peek() == Some(wanted);
        self.at += usize::from(hit);
        hit
    }

    fn need(&mut self, wanted: char, expected: &'static str) -> Result<(), PathError> {
        if self.take(wanted) {
            Ok(())
        } else {
            Err(self.error(expected))
        }
    }

    fn end(&self, expected: &'static str) -> Result<(), PathError> {
        if self.at == self.chars.len() {
            Ok(())
        } else {
            Err(self.error(expected))
        }
    }

    fn error(&self, expected: &'static str) -> PathError {
        self.error_at(self.at, expected)
    }

    fn error_at(&self, at: usize, expected: &'static str) -> PathError {
        let found = self.chars.get(at).map_or("the end".to_string(), |c| format!("`{c}`"));
        PathError {
            path: self.text.to_string(),
            column: at + 1,
            expected,
            found,
        }
    }

    fn bare(&mut self, stops: &[char]) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| !stops.contains(&c) && !c.is_whitespace()) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    /// A quoted text, if a quote stands here.
    fn quoted(&mut self) -> Result<Option<String>, PathError> {
        let Some(quote @ ('\'' | '"')) = self.peek() else {
            return Ok(None);
        };
        self.at += 1;
        let start = self.at;
        while self.peek().is_some_and(|c| c != quote) {
            self.at += 1;
        }
        let text = self.chars[start..self.at].iter().collect();
        self.need(quote, "the closing quote")?;
        Ok(Some(text))
    }

    fn member(&mut self) -> Result<String, PathError> {
        let start = self.at;
        let name = match self.quoted()? {
            Some(name) => name,
            None => self.bare(&['.', '[', ']', ',', '=', '!', '?', '\'', '"']),
        };
        if name.is_empty() {
            Err(self.error_at(start, "a member name"))
        } else {
            Ok(name)
        }
    }

    fn pick(&mut self) -> Result<Pick, PathError> {
        if self.peek().is_some_and(|c| c.is_ascii_digit()) {
            let start = self.at;
            let digits = self.bare(&[']']);
            // A longer position is surely a slip, and would make a write pad the list with thousands of nulls.
            let index = match digits.parse::<usize>() {
                Ok(index) if index < 100 => index,
                _ => return Err(self.error_at(start, "a position below 100")),
            };
            self.need(']', "`]`")?;
            return Ok(Pick::Index(index));
        }
        let mut tests = vec![self.test()?];
        while self.take(',') {
            tests.push(self.test()?);
        }
        self.need(']', "`,` or `]`")?;
        Ok(Pick::Where(tests))
    }

    fn test(&mut self) -> Result<Test, PathError> {
        while self.take(' ') {}
        let start = self.at;
        let key = match self.quoted()? {
            Some(key) => key,
            None => self.bare(&['=', '!', ':', ',', ']', '?', '.']),
        };
        if key.is_empty() {
            return Err(self.error_at(start, "a position, `]` or a condition such as use=home"));
        }
        let mut op = match self.peek() {
            Some('!') => Op::IsNot,
            Some(':') => Op::Set,
            _ => Op::Is,
        };
        self.at += usize::from(op != Op::Is);
        self.need('=', "`=`, `!=` or `:=`")?;
        let start = self.at;
        let (value, quoted) = match self.quoted()? {
            Some(value) => (value, true),
            None => (self.bare(&[',', ']', '?', '=', '\'', '"']), false),
        };
        if value.is_empty() {
            return Err(self.error_at(start, "a value"));
        }
        if op == Op::Is && self.take('?') {
            op = Op::IsOrMissing;
        }
        Ok(Test { key, op, value, quoted })
    }
}
