//! The configuration: one `bridge.toml`, with the mappings and connectors beside it. What stands
//! in the folder wins over what is inside the binary. Everything that is wrong is found in one go,
//! with file, line and remedy; an unknown key is refused.

mod alerts;
mod api;
mod booking;
mod books;
mod care;
mod diary;
mod events;
mod export;
mod ledger;
mod mirror;
mod oidc;
mod privacy;
mod queue;
mod reader;
mod referrers;
mod secret;
mod serve;
mod sync;
mod systems;

pub use api::ApiToken;
pub use booking::BookingConfig;
pub use books::BooksConfig;
pub use care::{CareConfig, TelehealthConfig};
pub use diary::DiaryConfig;
pub use events::{EXCHANGE, EventsConfig, OutgoingConfig};
pub use export::{ExportConfig, WarehouseConfig};
pub use ledger::LedgerConfig;
pub use mirror::MirrorConfig;
pub use oidc::OidcConfig;
pub use privacy::Destination;
pub use queue::QueueConfig;
pub use referrers::ReferrersConfig;
pub use secret::{SecretRef, StoreUrl};
pub use serve::{ServeConfig, WebhookConfig};

use crate::exports;
use adapter_rest::Connector;
use bridge_core::codec::Country;
use bridge_core::condition::Condition;
use bridge_core::config_problem::{Keys, Problem, Source};
use bridge_core::laws::check_laws;
use bridge_core::mapping::{EntityFile, Mapping, check_privacy};
use bridge_core::{Class, Time, Wins};
use bridge_export::entities::kinds_for;
use bridge_export::warehouse::TOLD;
use reader::{Reader, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeTable;

/// Generated samples per mapping when its laws are checked.
const LAW_SAMPLES: usize = 64;

/// Mapping files inside the binary, by path relative to the configuration.
pub const SHIPPED_MAPPINGS: [(&str, &str); 4] = [
    (
        "mappings/entities/person.toml",
        include_str!("../../../mappings/entities/person.toml"),
    ),
    ("mappings/halaxy.toml", include_str!("../../../mappings/halaxy.toml")),
    ("mappings/hubspot.toml", include_str!("../../../mappings/hubspot.toml")),
    (
        "mappings/example-crm.toml",
        include_str!("../../../mappings/example-crm.toml"),
    ),
];

/// The name of the connector that is written in Rust.
pub const HALAXY: &str = "halaxy";

/// One `[systems.NAME]` section.
#[derive(Clone, Debug)]
pub struct SystemConfig {
    /// The system's name.
    pub name: String,
    /// Name of its connector.
    pub connector: String,
    /// The declarative connector; `None` for Halaxy.
    pub file: Option<Connector>,
    /// Where its records hold the units.
    pub mapping: Mapping,
    mapping_text: String,
    /// Instead of the connector's base URL.
    pub base_url: Option<String>,
    /// Halaxy's region, `au` or `eu`.
    pub region: Option<String>,
    /// Sent with every call.
    pub user_agent: Option<String>,
    /// Secrets by the connector's name for them.
    pub secrets: BTreeMap<String, SecretRef>,
    /// Further settings of the connector, by name.
    pub settings: BTreeMap<String, String>,
    /// Classes of units it may be sent.
    pub may_receive: BTreeSet<Class>,
    /// Instead of the sync's own.
    pub poll_every: Option<Duration>,
    /// The share of the rate limits that is ours, 0 to 1.
    pub share: Option<f64>,
    /// Instead of the connector's statement.
    pub lag: Option<Duration>,
    /// Instead of the connector's statement.
    pub call_life: Option<Duration>,
    /// A successful look may be so old; instead of what `[alerts]` says.
    pub stale_after: Option<Duration>,
    /// When its credentials end, microseconds, if the configuration says so.
    pub credentials_end: Option<Time>,
    /// Calls to private network addresses are allowed.
    pub allow_private: bool,
    /// Whether clinical notes may be written into it, as `[notes]` says.
    pub clinical_notes: bool,
    /// Its webhooks, if it sends any.
    pub webhook: Option<WebhookConfig>,
    /// Line of the section.
    pub line: usize,
}

/// A whole, valid configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// Practice name: the tenant's name in the store.
    pub practice: String,
    /// The practice's country: default region of phone numbers and addresses.
    pub country: Country,
    /// The practice's IANA time zone.
    pub time_zone: String,
    /// Where the store is.
    pub store_url: StoreUrl,
    /// Where the store's key is.
    pub store_key: SecretRef,
    /// The queue.
    pub queue: QueueConfig,
    /// What the service listens on, if anything.
    pub serve: Option<ServeConfig>,
    /// Who may make actions over HTTP.
    pub api: Vec<ApiToken>,
    /// The public stream of events, if it is told.
    pub events: Option<EventsConfig>,
    /// Systems by name.
    pub systems: BTreeMap<String, SystemConfig>,
    /// Accounting systems by name; they hold no people.
    pub books: BTreeMap<String, BooksConfig>,
    /// What goes to the books, if anything does.
    pub ledger: Option<LedgerConfig>,
    /// What a CRM is told of appointments, if it is told anything.
    pub diary: Option<DiaryConfig>,
    /// Which of Halaxy's records beside people are followed.
    pub mirror: MirrorConfig,
    /// Referrals, notes and telehealth.
    pub care: CareConfig,
    /// Which CRM holds those who refer, if one does.
    pub referrers: Option<ReferrersConfig>,
    /// How appointments are booked.
    pub booking: BookingConfig,
    /// What may leave the bridge as exports.
    pub export: ExportConfig,
    /// A database that is kept as an export would show it, if there is one.
    pub warehouse: Option<WarehouseConfig>,
    /// Units with their policies; system roles resolved to this configuration's names.
    pub entity: EntityFile,
    /// The system whose record the others refer to.
    pub home: String,
    /// Systems in which a missing record may be created.
    pub create_in: BTreeSet<String>,
    /// On what condition.
    pub create_when: Condition,
    /// How often systems are polled.
    pub poll_every: Duration,
    /// How often full listings are compared; `None`: never.
    pub sweep_every: Option<Duration>,
    /// How long overruled values are kept.
    pub keep_losers: Duration,
    /// Brakes.
    pub brakes: bridge_engine::Brakes,
    /// When somebody is told.
    pub alerts: bridge_engine::vitals::Limits,
    /// Who receives what is sent to a system, by system.
    pub destinations: BTreeMap<String, Destination>,
    /// How long what is old is kept.
    pub retention: bridge_engine::retention::Retention,
}

impl Config {
    /// Kinds of a system's records that are used: that of people, those that are mirrored of the home system, that of
    /// activities if it shows appointments, that of booking requests if they are taken from it, and those of referrers.
    pub fn kinds_of(&self, system: &SystemConfig) -> Vec<String> {
        let mirrored = self.mirror.kinds.iter().filter(|_| system.name == self.home).cloned();
        let calls = self.care.telehealth.calls_to.as_ref();
        let shows = self.diary.as_ref().is_some_and(|diary| diary.system == system.name)
            || calls.is_some_and(|(name, _)| *name == system.name);
        let activities = system.file.as_ref().and_then(|file| file.activities.as_ref());
        let activities = activities.filter(|_| shows).map(|spec| spec.kind.clone());
        let asks = self.booking.from.as_ref() == Some(&system.name);
        let requests = system.file.as_ref().and_then(|file| file.requests.as_ref());
        let requests = requests.filter(|_| asks).map(|form| form.kind.clone());
        let told = self.referrers.as_ref().filter(|told| told.system == system.name);
        let specs = system.file.iter().flat_map(|file| &file.referrers);
        let referrers = specs
            .filter(|(sort, _)| told.is_some_and(|told| told.rules.sorts.contains(sort)))
            .map(|(_, spec)| spec.kind.clone());
        std::iter::once(system.mapping.kind.clone())
            .chain(mirrored)
            .chain(activities)
            .chain(requests)
            .chain(referrers)
            .collect()
    }

    /// A command as people type it, with what names this configuration: `halaxy-bridge plan -c practice/bridge.toml`.
    pub fn command(&self, words: &str) -> String {
        let path = self.path.to_string_lossy();
        if path == "bridge.toml" {
            return format!("halaxy-bridge {words}");
        }
        let plain = |c: char| c.is_alphanumeric() || "/._-\\:".contains(c);
        if path.chars().all(plain) {
            format!("halaxy-bridge {words} -c {path}")
        } else {
            format!("halaxy-bridge {words} -c '{}'", path.replace('\'', "'\\''"))
        }
    }
}

/// Loads and checks a configuration, mappings and connectors included. Needs no network and no secret.
///
/// # Errors
/// Everything that is wrong, in the order of files and lines.
pub fn load(path: &Path) -> Result<Config, Vec<Problem>> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        vec![Problem {
            file: file.clone(),
            line: 0,
            message: format!("cannot be read: {error}"),
            remedy: "Make one with `halaxy-bridge init`, or name another one with -c.".into(),
        }]
    })?;
    let base = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
        .to_path_buf();
    parse(
        path,
        &text,
        &|relative| match std::fs::read_to_string(base.join(relative)) {
            Ok(text) => Some((base.join(relative).display().to_string(), text)),
            Err(_) => shipped(relative).map(|text| (relative.to_string(), text.to_string())),
        },
    )
}

/// A file inside the binary, by its path relative to a configuration.
pub fn shipped(relative: &str) -> Option<&'static str> {
    let mapping = SHIPPED_MAPPINGS
        .iter()
        .find(|(name, _)| *name == relative)
        .map(|(_, text)| *text);
    let connector = || adapter_rest::shipped::connector(relative.strip_prefix("connectors/")?.strip_suffix(".toml")?);
    mapping.or_else(connector)
}

fn is_shipped(text: &str) -> bool {
    SHIPPED_MAPPINGS.iter().any(|(_, shipped)| *shipped == text)
}

/// Finds a file beside the configuration, or inside the binary: display name and text.
pub type Files<'f> = &'f dyn Fn(&str) -> Option<(String, String)>;

/// As [`load`], from a text.
///
/// # Errors
/// Everything that is wrong.
pub fn parse(path: &Path, text: &str, files: Files<'_>) -> Result<Config, Vec<Problem>> {
    let file = path.display().to_string();
    let source = Source { file: &file, text };
    let root = source.parse()?;
    let mut reader = Reader {
        source,
        files,
        path,
        problems: vec![],
        entity_text: String::new(),
        reachable: false,
        accounting: BTreeSet::new(),
    };
    let config = reader.config(&root);
    let mut problems = reader.problems;
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => {
            problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
            problems.dedup();
            Err(problems)
        }
    }
}

impl<'s> Reader<'s> {
    fn config(&mut self, root: &DeTable<'s>) -> Option<Config> {
        let source = self.source;
        let mut top = Keys::new(&source, root, 0..0);
        let practice = self.table(
            top.optional("practice"),
            "practice",
            "[practice] with name, country and time_zone",
        );
        let store = self.table(top.optional("store"), "store", "[store] with url and key");
        let queue = top
            .optional("queue")
            .and_then(|v| self.table(Some(v), "queue", "[queue] with url"));
        let systems = self.table(
            top.optional("systems"),
            "systems",
            "a section [systems.NAME] for each account",
        );
        let sync = self.table(top.optional("sync"), "sync", "[sync.person] with systems");
        let brakes = top
            .optional("brakes")
            .and_then(|v| self.table(Some(v), "brakes", "[brakes] with share and floor"));
        let serve = top
            .optional("serve")
            .and_then(|v| self.table(Some(v), "serve", "[serve] with listen"));
        let events = top
            .optional("events")
            .and_then(|v| self.table(Some(v), "events", "[events], or [[events.webhook]] with url and secret"));
        let ledger = top
            .optional("ledger")
            .and_then(|v| self.table(Some(v), "ledger", "[ledger] with books and rules"));
        let api = top
            .optional("api")
            .and_then(|v| self.table(Some(v), "api", "[[api.token]] with name and secret"));
        let mirror = top
            .optional("mirror")
            .and_then(|v| self.table(Some(v), "mirror", "[mirror] with kinds"));
        let diary = top
            .optional("diary")
            .and_then(|v| self.table(Some(v), "diary", "[diary] with system"));
        let booking = top
            .optional("booking")
            .and_then(|v| self.table(Some(v), "booking", "[booking] with from = \"crm\""));
        let retention = top
            .optional("retention")
            .and_then(|v| self.table(Some(v), "retention", "[retention] with history"));
        let export = top
            .optional("export")
            .and_then(|v| self.table(Some(v), "export", "[export] with classes"));
        let warehouse = top
            .optional("warehouse")
            .and_then(|v| self.table(Some(v), "warehouse", "[warehouse] with url, schema and entities"));
        let alerts = top
            .optional("alerts")
            .and_then(|v| self.table(Some(v), "alerts", "[alerts] with stale_after"));
        let referrers = top
            .optional("referrers")
            .and_then(|v| self.table(Some(v), "referrers", "[referrers] with system"));
        let care = ["referrals", "notes", "telehealth"].map(|name| top.optional(name));
        self.problems.extend(top.finish());

        let (name, country, time_zone) = self.practice(practice?);
        let country = country?;
        let (store_url, store_key) = self.store(store?);
        let queue = self.queue(queue);
        let serve = self.serve(serve);
        let events = self.events(events, &queue);
        let api = self.api(api, serve.is_some());
        self.reachable = serve.as_ref().is_some_and(|serve| serve.public_url.is_some());
        let brakes = self.brakes(brakes);
        let care = self.care(care);
        let mut alerts = self.alerts(alerts);
        let retention = self.retention(retention);
        let (entity_name, entity_text) = self.file("mappings/entities/person.toml", 0..0)?;
        let mut entity = match EntityFile::parse(&entity_name, &entity_text) {
            Ok(entity) => entity,
            Err(problems) => {
                self.problems.extend(problems);
                return None;
            }
        };
        self.entity_text = entity_text;
        let mut connected = BTreeMap::new();
        let mut named = BTreeSet::new();
        let mut books = BTreeMap::new();
        let systems = systems?;
        for (key, value) in systems.0.iter() {
            let span = key.span();
            if let Some(table) = value.get_ref().as_table()
                && let Some(connector) = self.keeps_books(table)
            {
                self.accounting.insert(key.get_ref().to_string());
                books.extend(
                    self.books(key.get_ref(), (table, span), connector)
                        .map(|system| (system.name.clone(), system)),
                );
                continue;
            }
            named.insert(key.get_ref().to_string());
            let Some(table) = self.table(Some(value), "systems", "[systems.NAME] with connector = \"..\"") else {
                continue;
            };
            if let Some(system) = self.system(key.get_ref(), (table.0, span), &entity, country) {
                connected.insert(system.name.clone(), system);
            }
        }
        let mut destinations = self.destinations(systems.0);
        let sync = sync.and_then(|table| self.sync(table, &named));
        let ledger = self.ledger(ledger, &books);
        let mut mirror = self.mirror(mirror);
        mirror.need(&care.kinds());
        if serve.as_ref().is_some_and(|serve| serve.locations) {
            mirror.need(&bridge_engine::located::KINDS);
        }
        let booking = self.booking(booking, &connected);
        let export = self.export(export);
        let warehouse = self.warehouse(warehouse);
        let own = [
            (exports::TOLD, export.destination.clone()),
            (
                TOLD,
                warehouse.as_ref().and_then(|warehouse| warehouse.destination.clone()),
            ),
        ];
        for (name, destination) in own {
            // In the register their lines would mix.
            if let Some((key, _)) = systems.0.iter().find(|(key, _)| key.get_ref() == name) {
                let remedy = "Name the system otherwise, e.g. after the product.";
                self.note(key.span(), format!("`{name}` cannot be the name of a system"), remedy);
            }
            destinations.extend(destination.map(|destination| (name.to_string(), destination)));
        }
        if let Some(warehouse) = &warehouse {
            mirror.need(&kinds_for(warehouse.entities.iter().map(String::as_str)));
        }
        // Whatever else is found without a section that cannot be read follows from that.
        if connected.len() < named.len() {
            return None;
        }
        let home = connected
            .values()
            .find(|s| s.connector == HALAXY)
            .or(connected.values().next())?
            .name
            .clone();
        self.calls_to(&care, &connected);
        let diary = self.diary(diary, &connected, &home, time_zone.as_deref());
        let referrers = self.referrers_in(referrers, &connected, country);
        if referrers.is_some() {
            mirror.need(ReferrersConfig::kinds());
        }
        if diary.is_some() {
            mirror.need(&bridge_core::diary::KINDS);
        }
        self.roles(&mut entity, &connected);
        let names: Vec<&str> = connected.keys().map(String::as_str).collect();
        self.problems.extend(entity.check_roles(&names));
        for system in connected.values() {
            let is_home = system.name == home;
            self.problems
                .extend(check_privacy(&entity, &system.mapping, &system.may_receive, is_home));
            // What is inside the binary has been checked when it was built.
            let own = [&self.entity_text, &system.mapping_text]
                .into_iter()
                .any(|text| !is_shipped(text));
            if own {
                self.problems.extend(check_laws(&system.mapping, LAW_SAMPLES));
            }
        }
        let sync = sync?;
        connected.retain(|name, _| sync.systems.contains(name));
        for system in connected.values_mut() {
            system.clinical_notes = care.notes.is_some();
            let name = &system.name;
            alerts
                .stale_after_of
                .extend(system.stale_after.map(|after| (name.clone(), after)));
            alerts
                .credentials_end
                .extend(system.credentials_end.map(|end| (name.clone(), end)));
        }
        Some(Config {
            path: self.path.to_path_buf(),
            practice: name?,
            country,
            time_zone: time_zone?,
            store_url: store_url?,
            store_key: store_key?,
            queue,
            serve,
            api,
            events,
            systems: connected,
            books,
            ledger,
            diary,
            mirror,
            care,
            referrers,
            booking,
            export,
            warehouse,
            entity,
            home,
            create_in: sync.create_in,
            create_when: sync.create_when,
            poll_every: sync.poll_every,
            sweep_every: sync.sweep_every,
            keep_losers: sync.keep_losers,
            brakes,
            alerts,
            destinations,
            retention,
        })
    }

    fn practice(&mut self, (table, span): Table<'_, 's>) -> (Option<String>, Option<Country>, Option<String>) {
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let name = keys.text("name").map(|(t, _)| t.to_string());
        let country = keys.text("country");
        let zone = keys.text("time_zone");
        self.problems.extend(keys.finish());
        let country = country.and_then(|(text, span)| match text.parse::<Country>() {
            Ok(country) => Some(country),
            Err(error) => {
                self.note(
                    span,
                    error.to_string(),
                    "Write the two letters of the practice's country, e.g. country = \"AU\".",
                );
                None
            }
        });
        let zone = zone.and_then(|(text, span)| {
            if jiff::tz::TimeZone::get(text).is_ok() {
                return Some(text.to_string());
            }
            self.note(
                span,
                format!("`{text}` is no IANA time zone"),
                "Write it like time_zone = \"Australia/Melbourne\".",
            );
            None
        });
        (name, country, zone)
    }

    fn store(&mut self, (table, span): Table<'_, 's>) -> (Option<StoreUrl>, Option<SecretRef>) {
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let url = keys.text("url");
        let key = keys.text("key");
        self.problems.extend(keys.finish());
        let url = url.and_then(|(text, span)| match text.split_once(':') {
            Some(("sqlite", ":memory:")) => Some(StoreUrl::Plain(text.into())),
            Some(("sqlite", file)) => Some(StoreUrl::Plain(format!("sqlite:{}", self.beside(file).display()))),
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Some(StoreUrl::Plain(text.into())),
            Some(("env" | "file", _)) => self.secret("url", text, span).map(StoreUrl::Secret),
            _ => {
                self.note(
                    span,
                    "the store is kept in SQLite or PostgreSQL",
                    "Write url = \"sqlite:bridge.db\", url = \"postgres://USER@HOST/DATABASE\", or url = \"env:NAME\" for an \
                     address with a password.",
                );
                None
            }
        });
        (url, key.and_then(|(text, span)| self.secret("key", text, span)))
    }

    /// Policies may name a role, i.e. a connector; here they get the system's own name.
    fn roles(&mut self, entity: &mut EntityFile, systems: &BTreeMap<String, SystemConfig>) {
        let rename = |wins: &mut Wins| {
            if let Wins::System(role) = wins
                && !systems.contains_key(role)
                && let Some(system) = systems.values().find(|s| s.connector == *role)
            {
                role.clone_from(&system.name);
            }
        };
        for spec in &mut entity.units {
            rename(&mut spec.unit.wins);
            rename(&mut spec.unit.first_link);
        }
    }

    fn brakes(&mut self, table: Option<Table<'_, 's>>) -> bridge_engine::Brakes {
        let mut brakes = bridge_engine::Brakes::default();
        let Some((table, span)) = table else { return brakes };
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let (share, floor) = (keys.optional("share"), keys.optional("floor"));
        self.problems.extend(keys.finish());
        if let Some(value) = share {
            match value.get_ref().as_float().and_then(|f| f.as_str().parse::<f64>().ok()) {
                Some(share) if (0.0..=1.0).contains(&share) => brakes.share = share,
                _ => self.note(
                    value.span(),
                    "`share` must be between 0 and 1",
                    "Write share = 0.8 for 80 %.",
                ),
            }
        }
        if let Some(value) = floor {
            match value
                .get_ref()
                .as_integer()
                .and_then(|i| i.as_str().parse::<u64>().ok())
            {
                Some(floor) => brakes.floor = floor,
                None => self.note(
                    value.span(),
                    "`floor` must be a number of writes",
                    "Write floor = 1500.",
                ),
            }
        }
        brakes
    }
}
