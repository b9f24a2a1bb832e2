//! `[serve]`: the address that health, metrics and the like are served on.

use super::reader::{Reader, Table};
use bridge_core::config_problem::Keys;
use std::net::SocketAddr;

/// What is served over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// The address to listen on.
    pub listen: SocketAddr,
}

impl<'s> Reader<'s> {
    pub(super) fn serve(&mut self, table: Option<Table<'_, 's>>) -> Option<ServeConfig> {
        let (table, span) = table?;
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let listen = keys.text("listen");
        self.problems.extend(keys.finish());
        let (text, span) = listen?;
        match text.parse() {
            Ok(listen) => Some(ServeConfig { listen }),
            Err(_) => {
                self.note(
                    span,
                    format!("`{text}` is no address to listen on"),
                    "Write an IP address and a port: listen = \"127.0.0.1:8600\".",
                );
                None
            }
        }
    }
}
