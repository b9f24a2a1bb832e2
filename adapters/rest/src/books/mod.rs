//! The accounting product that a connector file describes, through [`Accounting`].
//!
//! | module | what it holds |
//! |---|---|
//! | `chart` | the organisation, accounts, tax rates and tracking, and the ids behind their codes |
//! | `outgoing` | a posting as the variables of a request |
//! | `posting` | posting, making contacts, voiding, and what the answers prove |
//! | `shown` | records as the ledger knows them |
//! | `listing` | lists, look-ups, contacts |
//! | `refusal` | why the product refuses |

mod chart;
mod listing;
mod outgoing;
mod posting;
mod refusal;
mod shown;

use crate::account::{Account, RestOptions, SetupError};
use crate::connector::{BooksSpec, Connector, DocumentSpec, SourceSpec};
use crate::meaning::Rules;
use crate::place::Place;
use adapter_kit::{
    Accounting, AdapterError, Clock, Failure, Posted, Posting, Probe, ShownContact, ShownPage, TokenStore, Transport,
    Usage,
};
use async_trait::async_trait;
use bridge_core::ledger::{Books, Contact, DocumentKind, Shown};
use chart::Chart;
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

/// One organisation's books, in a product that a connector file with `[books]` describes.
pub struct RestBooks {
    account: Account,
    spec: BooksSpec,
    /// Where the product's codes stand.
    codes: Vec<Place>,
    /// The chart as last read; [`Accounting::books`] reads it anew.
    chart: RwLock<Option<Arc<Chart>>>,
}

impl RestBooks {
    /// The books of one account. `tokens` keeps the refresh token of products that change it with
    /// every use; others need none.
    ///
    /// # Errors
    /// [`SetupError`] if the connector describes no books, or the configuration lacks what it needs.
    pub fn new(
        system: &str,
        connector: Connector,
        options: RestOptions,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        tokens: Option<Arc<dyn TokenStore>>,
    ) -> Result<RestBooks, SetupError> {
        let rules = Rules::new(connector.answers.clone(), None);
        let account = Account::new(system, &connector, &options, rules, transport, clock, tokens)?;
        let mut spec = connector.books.ok_or(SetupError::NoBooks)?;
        spec.call_life = options.call_life.unwrap_or(spec.call_life);
        Ok(RestBooks {
            account,
            spec,
            codes: connector.answers.code,
            chart: RwLock::default(),
        })
    }

    /// The longest a posting can live after we gave up on it: what is not found before that may still land.
    pub fn call_life(&self) -> std::time::Duration {
        self.spec.call_life
    }

    fn document(&self, kind: DocumentKind) -> Result<&DocumentSpec, AdapterError> {
        self.spec.documents.get(&kind).ok_or_else(|| AdapterError {
            system: self.account.client.system().to_string(),
            what: kind.name().to_string(),
            code: "the product has no such documents".into(),
            failure: Failure::Refused,
            not_processed: true,
        })
    }

    fn nonsense(&self, what: &str, code: &str) -> AdapterError {
        self.account.client.nonsense(what, code)
    }
}

#[async_trait]
impl Accounting for RestBooks {
    async fn books(&self) -> Result<Books, AdapterError> {
        Ok(self.read_chart().await?.books.clone())
    }

    async fn contacts(&self, cursor: Option<&str>) -> Result<(Vec<ShownContact>, Option<String>), AdapterError> {
        self.contact_page(cursor).await
    }

    async fn add_contacts(&self, contacts: &[Contact], attempt: &str) -> Vec<Posted> {
        self.make_contacts(contacts, attempt).await
    }

    async fn post(&self, postings: &[Posting]) -> Vec<Posted> {
        self.post_all(postings).await
    }

    async fn void(&self, kind: DocumentKind, remote_id: &str, attempt: &str) -> Posted {
        self.void_one(kind, remote_id, attempt).await
    }

    async fn find(&self, kind: DocumentKind, keys: &[String]) -> Result<Vec<Shown>, AdapterError> {
        self.find_keys(kind, keys).await
    }

    async fn list(&self, kind: DocumentKind, cursor: Option<&str>) -> Result<ShownPage, AdapterError> {
        self.list_page(kind, None, cursor).await
    }

    async fn list_dated(
        &self,
        kind: DocumentKind,
        days: (Date, Date),
        cursor: Option<&str>,
    ) -> Result<ShownPage, AdapterError> {
        self.list_page(kind, Some(days), cursor).await
    }

    fn lists_by_date(&self, kind: DocumentKind) -> bool {
        let of_days = |name: &String| name.split('.').next() == Some(listing::DATED);
        let asks = |source: &SourceSpec| source.list.request.variables().iter().any(of_days);
        let spec = self.spec.documents.get(&kind).filter(|spec| !spec.lives_below());
        spec.is_some_and(|spec| !spec.lists.is_empty() && spec.lists.iter().all(asks))
    }

    fn batch(&self, kind: DocumentKind) -> usize {
        self.spec.documents.get(&kind).map_or(1, |spec| spec.post.batch)
    }

    fn keeps(&self, kind: DocumentKind) -> bool {
        self.spec.documents.contains_key(&kind)
    }

    async fn probe(&self) -> Vec<Probe> {
        let credentials = self.account.client.check_credentials().await;
        let refused = credentials.is_err();
        let mut probes = vec![Probe {
            what: "credentials".into(),
            problem: credentials.err().map(|error| trouble(&error)),
        }];
        if refused {
            return probes;
        }
        let mut tried = |what: &str, problem: Option<AdapterError>| {
            probes.push(Probe {
                what: what.into(),
                problem: problem.map(|error| trouble(&error)),
            });
        };
        tried("read the organisation and its accounts", self.books().await.err());
        let contacts = self.glance(&self.spec.contacts.list, "list contacts").await;
        tried("list contacts", contacts.err());
        // Several kinds may stand in one list: each is asked once, for one record.
        let mut seen = BTreeSet::new();
        for (kind, spec) in &self.spec.documents {
            for source in &spec.lists {
                if seen.insert(source.list.request.path.source()) {
                    let what = format!("list {}", kind.name());
                    tried(&what, self.glance(&source.list, &what).await.err());
                }
            }
        }
        probes
    }

    fn usage(&self) -> Usage {
        self.account.client.usage()
    }
}

/// A failed probe: what it was, and what to do about it.
fn trouble(error: &AdapterError) -> (String, String) {
    let remedy = match &error.failure {
        Failure::Auth => "Connect the account anew with `halaxy-bridge connect`.",
        _ => crate::setup::usual_remedy(&error.failure),
    };
    (error.to_string(), remedy.to_string())
}
