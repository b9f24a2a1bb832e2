//! What somebody should do about an alert.

use serde::Serialize;
use std::fmt;

/// What somebody should do. As text it names commands, for whoever runs the bridge; the admin app has
/// words of its own for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The service may not run, or an account may not answer.
    LookAtAccount,
    /// An account is to be signed in to again.
    ConnectAnew,
    /// The same, before it ends.
    ConnectBefore,
    /// Fewer calls, or more of them from the vendor.
    FewerCalls,
    /// The plan is to be looked at and approved.
    ApprovePlan,
    /// A subscriber of that name is to be mended.
    MendSubscriber(String),
    /// What fails is to be found, and what is held tried once more.
    TryAgain,
    /// The broker is to be started, or its settings mended.
    StartBroker,
    /// The broker's parking queue is to be emptied.
    EmptyParking,
    /// An account of the books, or of Halaxy, is to be looked at; the proof comes again by itself.
    ProveAgain,
    /// What changed after it was posted is to be looked at.
    SeeDrift,
    /// The service may not run.
    SeeService,
    /// A part's account may not answer.
    LookAtPart,
    /// Nothing: it ends by itself when it is seen to.
    EndsByItself,
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LookAtAccount => {
                "See that `halaxy-bridge run` runs, and what `halaxy-bridge check` says of the account."
            }
            Self::ConnectAnew => "Connect the account anew, or put a valid secret where the configuration says it is.",
            Self::ConnectBefore => "Connect the account anew before.",
            Self::FewerCalls => {
                "Poll less often, or ask the vendor for more; what a person asks for still goes through."
            }
            Self::ApprovePlan => {
                "Look at `halaxy-bridge plan`; if it is right, `halaxy-bridge sync --approve DIGEST`."
            }
            Self::MendSubscriber(name) => {
                return write!(
                    f,
                    "Mend the subscriber, then `halaxy-bridge events resume {name}`. It goes on where it was as long as \
                     events are kept."
                );
            }
            Self::TryAgain => "See the log for what fails. `halaxy-bridge replay` tries what is held once more.",
            Self::StartBroker => {
                "Start the broker or mend its settings. Nothing is lost: the store keeps what is to be done."
            }
            Self::EmptyParking => {
                "The store keeps their work. See the log for what failed, then empty the parking queue."
            }
            Self::ProveAgain => "See `halaxy-bridge check`; it is tried again every night.",
            Self::SeeDrift => "See `halaxy-bridge ledger drift`.",
            Self::SeeService => "See that `halaxy-bridge run` runs.",
            Self::LookAtPart => "See what `halaxy-bridge check` says of the account.",
            Self::EndsByItself => "It ends by itself when it is seen to.",
        })
    }
}

impl Serialize for Remedy {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
