//! The `where` and `order` of the API: the product's own expressions over what it shows (`Reference=="A" AND
//! Date>=DateTime(2026,03,01)`).

use std::cell::OnceCell;
use std::cmp::Ordering;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::Value;

use super::dates::read_iso;
use super::money::decimal;
use super::problem::Problem;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Or(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Compare(Term, &'static str, Term),
    /// Path, method, argument.
    Call(Vec<String>, String, String),
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Path(Vec<String>),
    Literal(Literal),
}

/// A value to compare with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Flag(bool),
    Number(Decimal),
    Text(String),
    /// Milliseconds since 1970.
    Time(i64),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(Decimal),
    Sign(&'static str),
}

const SIGNS: [&str; 14] = [
    "==", "!=", ">=", "<=", "&&", "||", "<>", "(", ")", ">", "<", "=", ".", ",",
];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let used = if first == '"' || first == '\'' {
            let inner = &rest[1..];
            let end = inner.find(first)?;
            found.push(Token::Text(inner[..end].to_owned()));
            end + 2
        } else if first.is_ascii_digit() || (first == '-' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let end = rest[1..]
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .map_or(rest.len(), |end| end + 1);
            found.push(Token::Number(rest[..end].trim_end_matches(['m', 'M']).parse().ok()?));
            end
        } else if first.is_alphabetic() || first == '_' {
            let end = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            found.push(Token::Word(rest[..end].to_owned()));
            end
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign))?;
            found.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[used..].trim_start();
    }
    Some(found)
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn sign(&mut self, wanted: &str) -> Option<()> {
        matches!(self.peek(), Some(Token::Sign(sign)) if *sign == wanted).then(|| self.at += 1)
    }

    fn word(&mut self, wanted: &str) -> Option<()> {
        matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(wanted)).then(|| self.at += 1)
    }

    fn any(&mut self) -> Option<Expr> {
        // Deeper than any honest query, shallower than the stack.
        self.depth += 1;
        if self.depth > 50 {
            return None;
        }
        let mut left = self.all()?;
        while self.word("OR").or_else(|| self.sign("||")).is_some() {
            left = Expr::Or(Box::new(left), Box::new(self.all()?));
        }
        self.depth -= 1;
        Some(left)
    }

    fn all(&mut self) -> Option<Expr> {
        let mut left = self.one()?;
        while self.word("AND").or_else(|| self.sign("&&")).is_some() {
            left = Expr::And(Box::new(left), Box::new(self.one()?));
        }
        Some(left)
    }

    fn one(&mut self) -> Option<Expr> {
        if self.sign("(").is_some() {
            let inner = self.any()?;
            self.sign(")")?;
            return Some(inner);
        }
        let left = self.term()?;
        if let Term::Path(path) = &left
            && self.sign("(").is_some()
        {
            let (method, path) = path.split_last()?;
            let Some(Token::Text(argument)) = self.peek().cloned() else {
                return None;
            };
            self.at += 1;
            self.sign(")")?;
            if !matches!(method.as_str(), "StartsWith" | "EndsWith" | "Contains") || path.is_empty() {
                return None;
            }
            let call = Expr::Call(path.to_vec(), method.clone(), argument);
            // `Name.Contains("x")==true` is common.
            if self.sign("==").is_some() {
                self.word("true")?;
            }
            return Some(call);
        }
        let sign = ["==", "!=", ">=", "<=", "<>", ">", "<", "="]
            .into_iter()
            .find(|sign| self.sign(sign).is_some())?;
        Some(Expr::Compare(left, sign, self.term()?))
    }

    fn term(&mut self) -> Option<Term> {
        let token = self.peek()?.clone();
        self.at += 1;
        Some(match token {
            Token::Text(text) => Term::Literal(Literal::Text(text)),
            Token::Number(number) => Term::Literal(Literal::Number(number)),
            Token::Sign(_) => return None,
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "null" => Term::Literal(Literal::Null),
                "true" => Term::Literal(Literal::Flag(true)),
                "false" => Term::Literal(Literal::Flag(false)),
                "guid" => {
                    self.sign("(")?;
                    let Some(Token::Text(text)) = self.peek().cloned() else {
                        return None;
                    };
                    self.at += 1;
                    self.sign(")")?;
                    Term::Literal(Literal::Text(text))
                }
                "datetime" => Term::Literal(Literal::Time(self.time()?)),
                _ => {
                    let mut path = vec![word];
                    while self.sign(".").is_some() {
                        let Some(Token::Word(part)) = self.peek().cloned() else {
                            return None;
                        };
                        self.at += 1;
                        path.push(part);
                    }
                    // `Reference.ToString()` says nothing new.
                    Term::Path(path)
                }
            },
        })
    }

    /// `(2026, 03, 01)`, with a time or without, or `.Parse("2026-03-01")`.
    fn time(&mut self) -> Option<i64> {
        let at: DateTime = if self.sign(".").is_some() {
            self.word("Parse")?;
            self.sign("(")?;
            let Some(Token::Text(text)) = self.peek().cloned() else {
                return None;
            };
            self.at += 1;
            text.parse().ok().or_else(|| Some(read_iso(&text)?.at(0, 0, 0, 0)))?
        } else {
            self.sign("(")?;
            let mut parts = Vec::new();
            while let Some(Token::Number(number)) = self.peek().cloned() {
                self.at += 1;
                parts.push(i16::try_from(number.mantissa()).ok()?);
                if self.sign(",").is_none() {
                    break;
                }
            }
            parts.resize(if parts.len() < 3 { return None } else { 6 }, 0);
            let small = |part: i16| i8::try_from(part).ok();
            DateTime::new(
                parts[0],
                small(parts[1])?,
                small(parts[2])?,
                small(parts[3])?,
                small(parts[4])?,
                small(parts[5])?,
                0,
            )
            .ok()?
        };
        self.sign(")")?;
        Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
    }
}

/// Reads a `where`.
pub(super) fn parse(text: &str) -> Result<Expr, Problem> {
    let read = || {
        let mut reader = Reader {
            tokens: tokens(text)?,
            at: 0,
            depth: 0,
        };
        let found = reader.any()?;
        (reader.at == reader.tokens.len()).then_some(found)
    };
    read().ok_or_else(|| Problem::query("The where expression cannot be read"))
}

fn at_path<'a>(shown: &'a Value, path: &[String]) -> &'a Value {
    path.iter().fold(shown, |value, part| &value[part.as_str()])
}

/// A shown value as something to compare.
fn literal(value: &Value) -> Literal {
    match value {
        Value::Bool(flag) => Literal::Flag(*flag),
        Value::Number(_) => decimal(value).map_or(Literal::Null, Literal::Number),
        Value::String(text) => {
            let millis = text
                .strip_prefix("/Date(")
                .and_then(|rest| rest.strip_suffix("+0000)/"));
            match millis.and_then(|millis| millis.parse().ok()) {
                Some(millis) => Literal::Time(millis),
                None => Literal::Text(text.clone()),
            }
        }
        _ => Literal::Null,
    }
}

fn order_of(one: &Literal, other: &Literal) -> Option<Ordering> {
    Some(match (one, other) {
        (Literal::Null, Literal::Null) => Ordering::Equal,
        (Literal::Flag(one), Literal::Flag(other)) => one.cmp(other),
        (Literal::Number(one), Literal::Number(other)) => one.cmp(other),
        (Literal::Time(one), Literal::Time(other)) => one.cmp(other),
        (Literal::Text(one), Literal::Text(other)) => one.to_lowercase().cmp(&other.to_lowercase()),
        _ => return None,
    })
}

/// A record as shown, of which only as much is made as is asked for.
pub(super) struct Lazy<'a> {
    /// Members that are had without making the rest.
    pub quick: &'a dyn Fn(&str) -> Option<Value>,
    pub whole: &'a dyn Fn() -> Value,
    made: OnceCell<Value>,
}

impl<'a> Lazy<'a> {
    pub fn new(quick: &'a dyn Fn(&str) -> Option<Value>, whole: &'a dyn Fn() -> Value) -> Self {
        let made = OnceCell::new();
        Self { quick, whole, made }
    }

    fn literal(&self, path: &[String]) -> Literal {
        if let [name] = path
            && let Some(value) = (self.quick)(name)
        {
            return literal(&value);
        }
        literal(at_path(self.made.get_or_init(self.whole), path))
    }
}

impl Expr {
    /// Whether a record as shown fits.
    pub fn fits(&self, shown: &Value) -> bool {
        self.fits_lazily(&Lazy::new(&|_| None, &|| shown.clone()))
    }

    /// Whether a record that is not made yet fits.
    pub fn fits_lazily(&self, shown: &Lazy<'_>) -> bool {
        match self {
            Self::Or(one, other) => one.fits_lazily(shown) || other.fits_lazily(shown),
            Self::And(one, other) => one.fits_lazily(shown) && other.fits_lazily(shown),
            Self::Call(path, method, argument) => {
                let text = match shown.literal(path) {
                    Literal::Text(text) => text.to_lowercase(),
                    _ => String::new(),
                };
                let argument = argument.to_lowercase();
                match method.as_str() {
                    "StartsWith" => text.starts_with(&argument),
                    "EndsWith" => text.ends_with(&argument),
                    _ => text.contains(&argument),
                }
            }
            Self::Compare(one, sign, other) => {
                let value = |term: &Term| match term {
                    Term::Path(path) => shown.literal(path),
                    Term::Literal(literal) => literal.clone(),
                };
                let order = order_of(&value(one), &value(other));
                match *sign {
                    "==" | "=" => order == Some(Ordering::Equal),
                    "!=" | "<>" => order != Some(Ordering::Equal),
                    ">" => order == Some(Ordering::Greater),
                    "<" => order == Some(Ordering::Less),
                    ">=" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                    _ => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                }
            }
        }
    }
}

/// Reads an `order`: a member and a direction.
pub(super) fn parse_order(text: &str) -> Result<(Vec<String>, bool), Problem> {
    let mut words = text.split_whitespace();
    let path = words.next().unwrap_or("").split('.').map(str::to_owned).collect();
    let down = match words.next().map(str::to_ascii_uppercase).as_deref() {
        None | Some("ASC") => false,
        Some("DESC") => true,
        Some(_) => return Err(Problem::query("The order is a member, then ASC or DESC")),
    };
    match words.next() {
        None => Ok((path, down)),
        Some(_) => Err(Problem::query("The order is a member, then ASC or DESC")),
    }
}

/// Sorts records by a member as shown.
pub(super) fn compare(one: &Value, other: &Value, path: &[String]) -> Ordering {
    order_of(&literal(at_path(one, path)), &literal(at_path(other, path))).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fits(text: &str) -> bool {
        let shown = json!({
            "Reference": "HX-1:p", "AmountDue": 12.5, "Date": "/Date(1772582400000+0000)/", "SentToContact": false,
            "Contact": {"ContactID": "70784A63-d24b", "Name": "O'Neil (2)"},
        });
        parse(text).unwrap().fits(&shown)
    }

    #[test]
    fn the_products_expressions_are_understood() {
        for text in [
            r#"Reference=="HX-1:p""#,
            r#"reference.Length>0 OR Reference == "hx-1:P""#,
            r#"Reference.StartsWith("HX-") AND Contact.ContactID==guid("70784a63-d24b")"#,
            r#"Date>=DateTime(2026,03,04) && Date < DateTime(2026, 03, 05)"#,
            r#"Date==DateTime.Parse("2026-03-04")"#,
            r#"AmountDue>12 AND AmountDue<=12.50 AND AmountDue!=-1"#,
            r#"(SentToContact==true OR Url==null) AND Contact.Name.Contains("O'Neil (")"#,
        ] {
            assert!(fits(text), "{text}");
        }
        for text in [
            r#"Reference=="HX-1""#,
            "Url!=null",
            "SentToContact==true",
            r#"Contact.Name.EndsWith("(1)")"#,
        ] {
            assert!(!fits(text), "{text}");
        }
        for text in [
            "Reference==",
            "Reference=\"A",
            "AND",
            "(A==1",
            "A==1 B==2",
            "Date>DateTime(2026,13,01)",
            "#",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"(".repeat(5_000)).is_err());
    }
}
