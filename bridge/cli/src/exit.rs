//! What a command ends with: an exit code, and for failures a text that says what to do.

use crate::wiring::WiringError;
use bridge_admin::actions::ActionError;
use bridge_admin::receipts::ReceiptError;
use bridge_core::config_problem::Problem;
use bridge_engine::EngineError;
use bridge_queue::QueueError;
use bridge_store::StoreError;
use std::process::ExitCode;

/// How a command that did its work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done: code 0.
    Done,
    /// A check or a sync ended with trouble that was already printed: code 1.
    Failed,
    /// The configuration is bad, and that was already printed: code 2.
    Bad,
    /// Done, but something waits for a person: code 3.
    Waiting,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Bad => 2,
            Exit::Waiting => 3,
        })
    }
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration cannot be used: code 2.
    #[error("the configuration cannot be used")]
    Config(Vec<Problem>),
    /// The command was given something it cannot use: code 2.
    #[error("{0}")]
    Usage(String),
    /// Anything else: code 1.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Config(_) | Failure::Usage(_) => Exit::Bad,
            Failure::Failed(_) => Exit::Failed,
        }
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Failure::Config(problems)
    }
}

impl From<WiringError> for Failure {
    fn from(error: WiringError) -> Self {
        match error {
            WiringError::Store(error) => error.into(),
            WiringError::Secret { .. }
            | WiringError::Key(_)
            | WiringError::Oidc(_)
            | WiringError::Url(_)
            | WiringError::Account { .. }
            | WiringError::Event { .. }
            | WiringError::Token { .. }
            | WiringError::QueuePassword(_)
            | WiringError::Queue(QueueError::Settings(_)) => Failure::Usage(error.to_string()),
            WiringError::Engine(error) => error.into(),
            WiringError::Driven | WiringError::Lock { .. } | WiringError::Network(_) | WiringError::Queue(_) => {
                Failure::Failed(error.to_string())
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::WrongKey { .. } | StoreError::Address { .. } | StoreError::Key(_) => {
                Failure::Usage(error.to_string())
            }
            _ => Failure::Failed(error.to_string()),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::NotFound(_) | EngineError::NotPossible(_) => Failure::Usage(error.to_string()),
            _ => Failure::Failed(error.to_string()),
        }
    }
}

impl From<ReceiptError> for Failure {
    fn from(error: ReceiptError) -> Self {
        ActionError::Receipt(error).into()
    }
}

impl From<ActionError> for Failure {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Store(error) | ActionError::Receipt(ReceiptError::Store(error)) => error.into(),
            ActionError::Notes | ActionError::Denied | ActionError::Key | ActionError::OtherRequest => {
                Failure::Usage(error.to_string())
            }
            ActionError::Call { .. } | ActionError::Receipt(_) | ActionError::Paused(_) => {
                Failure::Failed(error.to_string())
            }
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Failed(error.to_string())
    }
}
