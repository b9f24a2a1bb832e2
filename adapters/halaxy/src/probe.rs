//! Harmless probes of an account: what works, and what a person has to do where something does not.

use crate::client::HalaxyClient;
use crate::feed::{Feed, everything};
use crate::options::HalaxyOptions;
use crate::query::Query;
use crate::stamp::SECOND;
use adapter_kit::{AdapterError, Failure, Probe};

/// Probes credentials, then each kind; nothing is written.
pub(crate) async fn run(client: &HalaxyClient, feed: &Feed, options: &HalaxyOptions, kinds: &[String]) -> Vec<Probe> {
    let mut probes = vec![user_agent(&options.user_agent)];
    let token = client.http().check_credentials().await;
    let signed_in = token.is_ok();
    probes.push(Probe {
        what: "token".into(),
        problem: token.err().map(|error| explain("token", &error)),
    });
    if !signed_in {
        return probes;
    }
    for kind in kinds {
        let read = client.search(kind, everything(kind), 1).await;
        let readable = read.is_ok();
        probes.push(Probe {
            what: format!("read {kind}"),
            problem: read.err().map(|error| explain(kind, &error)),
        });
        if readable {
            probes.push(by_change(client, feed, kind).await);
        }
    }
    probes
}

/// The vendor's form is `AppName (contact@example.org)` (halaxy-api.md section 1).
fn user_agent(text: &str) -> Probe {
    let named = text.split_once('(').is_some_and(|(name, contact)| {
        !name.trim().is_empty() && contact.contains('@') && contact.trim_end().ends_with(')')
    });
    let problem = (!named).then(|| {
        (
            "user_agent does not name an app and a contact".to_string(),
            "write user_agent = \"YourApp (you@example.org)\"; Halaxy may refuse other forms".to_string(),
        )
    });
    Probe {
        what: "user_agent".into(),
        problem,
    }
}

/// Whether changes can be asked for: nothing can have changed in the future.
async fn by_change(client: &HalaxyClient, feed: &Feed, kind: &str) -> Probe {
    let what = format!("changes of {kind}");
    let tomorrow = client.http().clock().now() + 86_400 * SECOND;
    let remedy =
        "the bridge then reads all records at every poll: raise poll_every, and ask Halaxy's support".to_string();
    let problem = match client
        .search(kind, Query::all().changed_from(tomorrow).total(false), 1)
        .await
    {
        Err(error) => Some(explain(kind, &error)),
        Ok(page) if !page.rows.is_empty() => Some(("the filter _lastUpdated is ignored".to_string(), remedy)),
        Ok(_) => {
            let ignored = feed.ignored(kind);
            (!ignored.is_empty()).then(|| (format!("ignored search parameters: {}", ignored.join(", ")), remedy))
        }
    };
    Probe { what, problem }
}

/// A failure in words, and what to do about it.
fn explain(of: &str, error: &AdapterError) -> (String, String) {
    let problem = format!("{error}");
    let remedy = match &error.failure {
        Failure::Auth => {
            "check client_id and client_secret: make a new API key in Halaxy under Settings > API keys, and check that the \
             region (au or eu) is the account's own"
                .to_string()
        }
        Failure::Scope(_) => {
            format!("tick the scopes of {of} (Retrieve, Create, Update) for this API key in Halaxy under Settings > API keys")
        }
        Failure::Throttled(_) | Failure::DayBudget(_) => {
            "the account's calls are used up for now: wait, or let other tools use fewer".to_string()
        }
        Failure::Unavailable => "Halaxy or the network does not answer: check base_url and the proxy, or try again".to_string(),
        Failure::Refused | Failure::Protocol => {
            "the address answers, but not as Halaxy does: check base_url (it ends in /main/)".to_string()
        }
    };
    (problem, remedy)
}
