//! `[queue]`: inside the process, or a broker.

use super::SecretRef;
use super::reader::{Reader, Table};
use bridge_core::config_problem::Keys;
use std::ops::Range;
use std::path::PathBuf;

/// What `[queue]` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum QueueConfig {
    /// Inside the process.
    #[default]
    Embedded,
    /// RabbitMQ.
    RabbitMq {
        /// `amqp://HOST:PORT/VHOST` or `amqps://`; holds no password.
        url: String,
        /// Whom to sign in as.
        user: Option<String>,
        /// Where the password is.
        password: Option<SecretRef>,
        /// PEM file of certificate authorities to trust beside the system's.
        ca: Option<PathBuf>,
        /// Line of the section.
        line: usize,
    },
}

impl QueueConfig {
    /// Line of the section of a broker.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Embedded => None,
            Self::RabbitMq { line, .. } => Some(*line),
        }
    }
}

impl<'s> Reader<'s> {
    pub(super) fn queue(&mut self, table: Option<Table<'_, 's>>) -> QueueConfig {
        let Some((table, span)) = table else {
            return QueueConfig::Embedded;
        };
        let source = self.source;
        let line = source.line(span.start);
        let mut keys = Keys::new(&source, table, span);
        let url = keys.text("url");
        let user = keys.optional_text("user");
        let password = keys.optional_text("password");
        let ca = keys.optional_text("ca");
        self.problems.extend(keys.finish());
        let Some((url, span)) = url else {
            return QueueConfig::Embedded;
        };
        if url == "embedded" {
            for (_, span) in [user, password, ca].into_iter().flatten() {
                self.note(
                    span,
                    "the embedded queue takes `url` only",
                    "Remove it, or write the url of a broker.",
                );
            }
            return QueueConfig::Embedded;
        }
        self.broker_url(url, span);
        QueueConfig::RabbitMq {
            url: url.to_string(),
            user: user.map(|(user, _)| user.to_string()),
            password: password.and_then(|(text, span)| self.secret("password", text, span)),
            ca: ca.map(|(path, _)| self.beside(path)),
            line,
        }
    }

    fn broker_url(&mut self, text: &str, span: Range<usize>) {
        let url = url::Url::parse(text).ok();
        match url.filter(|url| matches!(url.scheme(), "amqp" | "amqps") && url.has_host()) {
            None => self.note(
                span,
                "`url` is neither `embedded` nor the address of a broker",
                "Write url = \"embedded\" or url = \"amqps://broker.example:5671/vhost\".",
            ),
            Some(url) if url.password().is_some() || !url.username().is_empty() => self.note(
                span,
                "`url` must not say who signs in",
                "Write user = \"..\" and password = \"env:NAME\" beside it; if a real password stood here, change it.",
            ),
            Some(_) => {}
        }
    }
}
