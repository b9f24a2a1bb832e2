//! Publishing with confirms: a whole window is sent before the first confirm is awaited, since
//! waiting for each is many times slower.

use super::{
    link::{Link, Session},
    message::Carried,
    trouble,
};
use crate::QueueError;
use futures::future::try_join_all;
use lapin::{Confirmation, options::BasicPublishOptions};
use std::time::Duration;
use tokio::time::Instant;

/// Messages on their way without a confirm.
const WINDOW: usize = 500;

/// Where a message goes.
#[derive(Debug)]
pub(crate) struct Letter {
    /// Empty: straight to the queue that `key` names.
    pub exchange: String,
    pub key: String,
    pub message: Carried,
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The broker has it on disk, in most of the queue's replicas.
    Confirmed,
    /// The queue is full.
    Full,
}

/// Publishes letters and waits until each is confirmed or refused. What was in flight when a
/// connection was lost counts as not sent and is sent again; each window has `patience` for all of it.
///
/// # Errors
/// [`QueueError::Unavailable`] when patience ends: letters may have arrived without our knowing.
pub(crate) async fn publish(link: &Link, letters: &[Letter], patience: Duration) -> Result<Vec<Fate>, QueueError> {
    let mut fates = Vec::with_capacity(letters.len());
    for window in letters.chunks(WINDOW) {
        let until = Instant::now() + patience;
        fates.extend(loop {
            let session = link.session(until - Instant::now()).await?;
            match one_window(&session, window, until).await {
                Ok(fates) => break fates,
                Err(error) => {
                    // A channel that failed is of no more use; a broker that is blocked needs no new connection.
                    if session.blocked().is_none() {
                        session.renew();
                    }
                    if !error.is_transient() || Instant::now() >= until {
                        return Err(error);
                    }
                }
            }
        });
    }
    Ok(fates)
}

async fn one_window(session: &Session, window: &[Letter], until: Instant) -> Result<Vec<Fate>, QueueError> {
    let send = async {
        if session.blocked().is_some() {
            session.unblocked().await;
        }
        let confirms = try_join_all(window.iter().map(|letter| send(session, letter))).await;
        let confirms = try_join_all(confirms.map_err(|e| trouble(&e))?).await;
        confirms.map_err(|e| trouble(&e))?.into_iter().map(fate).collect()
    };
    tokio::select! {
        sent = tokio::time::timeout_at(until, send) => sent.unwrap_or_else(|_| Err(late(session))),
        () = session.gone() => Err(QueueError::Unavailable("the connection was lost".into())),
    }
}

async fn send(session: &Session, letter: &Letter) -> lapin::Result<lapin::PublisherConfirm> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let (exchange, key) = (letter.exchange.as_str().into(), letter.key.as_str().into());
    let (body, properties) = (letter.message.wake.key.as_bytes(), letter.message.properties());
    session
        .channel
        .basic_publish(exchange, key, options, body, properties)
        .await
}

fn fate(confirmation: Confirmation) -> Result<Fate, QueueError> {
    match confirmation {
        Confirmation::Ack(None) => Ok(Fate::Confirmed),
        Confirmation::Nack(None) => Ok(Fate::Full),
        // Handed back: the queue is not there any more. The next session declares it.
        Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => {
            Err(QueueError::Unavailable("a queue was removed from the broker".into()))
        }
        Confirmation::NotRequested => Err(QueueError::Defect("published without confirms".into())),
    }
}

fn late(session: &Session) -> QueueError {
    QueueError::Unavailable(match session.blocked() {
        Some(reason) => format!("the broker takes no messages ({reason})"),
        None => "the broker did not confirm in time".into(),
    })
}
