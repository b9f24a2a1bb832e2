//! Printing. People get text on stdout; with `--json` a command prints exactly one JSON document
//! there and everything else goes to stderr. Styles and progress bars appear on terminals only.

use crate::exit::Failure;
use crate::telemetry::LogFormat;
use bridge_core::config_problem::Problem;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Where and how a command prints.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    /// What else is said is a line of the log too.
    logged: bool,
    styled: bool,
    progress: bool,
}

impl Output {
    /// For this process: styles unless `NO_COLOR` is set, progress if stderr is a terminal that shows no JSON log.
    pub fn new(json: bool, log: LogFormat) -> Self {
        let logged = log == LogFormat::Json;
        Self {
            json,
            logged,
            styled: !json && coloured(&std::io::stdout()),
            progress: !logged && std::io::stderr().is_terminal(),
        }
    }

    /// Whether a program reads along.
    pub fn json(&self) -> bool {
        self.json
    }

    /// A line for people.
    pub fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            // A reader that went away (`| head`) is no failure.
            let _ = writeln!(std::io::stdout(), "{}", text.as_ref());
        }
    }

    /// A heading for people.
    pub fn heading(&self, text: &str) {
        self.line(self.bold(text));
    }

    /// The text in bold, where that shows.
    pub fn bold(&self, text: &str) -> String {
        if self.styled {
            format!("\u{1b}[1m{text}\u{1b}[0m")
        } else {
            text.to_string()
        }
    }

    /// A remark that is no result: always on stderr, as a log line where the log is for programs.
    pub fn remark(&self, text: impl AsRef<str>) {
        if self.logged {
            tracing::info!("{}", text.as_ref());
        } else {
            let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
        }
    }

    /// What went wrong, likewise.
    pub fn error(&self, text: impl AsRef<str>) {
        if self.logged {
            tracing::error!("{}", text.as_ref());
        } else {
            self.remark(format!("error: {}", text.as_ref()));
        }
    }

    /// A question to somebody at a terminal.
    pub fn question(&self, text: impl AsRef<str>) {
        let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
    }

    /// The one JSON document; nothing for people.
    pub fn document(&self, document: &impl Serialize) {
        if self.json
            && let Ok(text) = serde_json::to_string(document)
        {
            let _ = writeln!(std::io::stdout(), "{text}");
            let _ = std::io::stdout().flush();
        }
    }

    /// A table for people; `none` if there are no rows.
    pub fn table(&self, header: &[&str], rows: Vec<Vec<String>>, none: &str) {
        if rows.is_empty() {
            return self.line(none);
        }
        let mut table = Table::new();
        if let Some((width, _)) = terminal_size::terminal_size() {
            table
                .set_width(width.0)
                .set_content_arrangement(ContentArrangement::Dynamic);
        }
        table
            .load_style(presets::UTF8_HORIZONTAL_ONLY)
            .set_header(header.iter().copied());
        for row in rows {
            table.add_row(row);
        }
        self.line(table.trim_fmt());
    }

    /// Why a command failed: text on stderr, and with `--json` the one document too.
    pub fn failure(&self, failure: &Failure) {
        match failure {
            Failure::Config(problems) => {
                self.document(&json!({ "ok": false, "error": failure.to_string(), "problems": problems }));
                self.problems(problems);
            }
            Failure::Usage(text) | Failure::Failed(text) => {
                self.document(&json!({ "error": text }));
                self.error(text);
            }
        }
    }

    /// What is wrong with a configuration, on stderr.
    pub fn problems(&self, problems: &[Problem]) {
        for problem in problems {
            if self.logged {
                let Problem {
                    file,
                    line,
                    message,
                    remedy,
                } = problem;
                tracing::error!(file, line, remedy, "{message}");
                continue;
            }
            let place = if problem.line == 0 {
                problem.file.clone()
            } else {
                format!("{}:{}", problem.file, problem.line)
            };
            self.remark(format!("{place}: {}\n    {}", problem.message, problem.remedy));
        }
    }

    /// A spinner on stderr, for work of unknown length. Call `finish_and_clear` when done.
    pub fn spinner(&self, what: &str) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(None, self.target());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.set_message(what.to_string());
        if self.progress {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        bar
    }

    fn target(&self) -> ProgressDrawTarget {
        if self.progress {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        }
    }
}

/// Whether colours and bold type show there: on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
pub fn coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// `3 records`, `1 record`.
pub fn count(n: u64, one: &str) -> String {
    if n == 1 {
        return format!("1 {one}");
    }
    if let Some(rest) = one.strip_prefix("person") {
        return format!("{} people{rest}", thousands(n));
    }
    let many = match one.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if one.ends_with("ch") => format!("{one}es"),
        _ => format!("{one}s"),
    };
    format!("{} {many}", thousands(n))
}

/// `12,345`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{count, thousands};

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            [thousands(0), thousands(999), thousands(1_000), thousands(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [
                count(1, "entity"),
                count(2, "entity"),
                count(3_000, "record"),
                count(2, "key")
            ],
            ["1 entity", "2 entities", "3,000 records", "2 keys"]
        );
    }
}
