//! The configuration: one `bridge.toml`, with the mappings and connectors beside it. What stands
//! in the folder wins over what is inside the binary. Everything that is wrong is found in one go,
//! with file, line and remedy; an unknown key is refused.

use adapter_rest::Connector;
use bridge_core::codec::Country;
use bridge_core::condition::Condition;
use bridge_core::config_problem::{Keys, Problem, Source, suggestion};
use bridge_core::laws::check_laws;
use bridge_core::mapping::{EntityFile, Mapping, check_privacy};
use bridge_core::{Class, Wins};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

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

const CLASSES: &[(&str, Class)] = &[
    ("identity", Class::Identity),
    ("contact", Class::Contact),
    ("financial", Class::Financial),
    ("appointment", Class::Appointment),
    ("clinical", Class::Clinical),
];

/// A secret by reference: never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; surrounding white space is not part of the secret.
    File(PathBuf),
}

impl SecretRef {
    /// `env:NAME` or `file:PATH`; paths are taken as they are.
    pub fn parse(text: &str) -> Option<SecretRef> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Some(SecretRef::Env(name.into())),
            Some(("file", path)) if !path.is_empty() => Some(SecretRef::File(path.into())),
            _ => None,
        }
    }

    /// The secret.
    ///
    /// # Errors
    /// What is missing and how to give it; never the secret.
    pub fn load(&self) -> Result<secrecy::SecretString, String> {
        match self {
            SecretRef::Env(name) => match std::env::var(name) {
                Ok(value) if !value.trim().is_empty() => Ok(value.trim().to_string().into()),
                _ => Err(format!("the environment variable {name} is not set")),
            },
            SecretRef::File(path) => match std::fs::read_to_string(path) {
                Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_string().into()),
                Ok(_) => Err(format!("{} is empty", path.display())),
                Err(error) => Err(format!("cannot read {}: {error}", path.display())),
            },
        }
    }
}

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
    /// Calls to private network addresses are allowed.
    pub allow_private: bool,
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
    /// Store URL.
    pub store_url: String,
    /// Where the store's key is.
    pub store_key: SecretRef,
    /// Queue URL; `embedded`.
    pub queue_url: String,
    /// Systems by name.
    pub systems: BTreeMap<String, SystemConfig>,
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

struct Reader<'s> {
    source: Source<'s>,
    files: Files<'s>,
    path: &'s Path,
    problems: Vec<Problem>,
    entity_text: String,
}

type Table<'t, 'a> = (&'t DeTable<'a>, Range<usize>);

impl<'s> Reader<'s> {
    fn note(&mut self, span: Range<usize>, message: impl Into<String>, remedy: impl Into<String>) {
        let problem = self.source.problem(span, message, remedy);
        self.problems.push(problem);
    }

    fn table<'t, 'a>(
        &mut self,
        value: Option<&'t Spanned<DeValue<'a>>>,
        name: &str,
        example: &str,
    ) -> Option<Table<'t, 'a>> {
        match value.map(|v| (v.get_ref().as_table(), v.span())) {
            Some((Some(table), span)) => Some((table, span)),
            Some((None, span)) => {
                self.note(span, format!("`{name}` must be a section"), format!("Write {example}."));
                None
            }
            None => {
                self.note(
                    0..0,
                    format!("the section [{name}] is missing"),
                    format!("Add {example}."),
                );
                None
            }
        }
    }

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
        self.problems.extend(top.finish());

        let (name, country, time_zone) = self.practice(practice?);
        let country = country?;
        let (store_url, store_key) = self.store(store?);
        let queue_url = self.queue(queue);
        let brakes = self.brakes(brakes);
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
        for (key, value) in systems?.0.iter() {
            let span = key.span();
            let Some(table) = self.table(Some(value), "systems", "[systems.NAME] with connector = \"..\"") else {
                continue;
            };
            if let Some(system) = self.system(key.get_ref(), (table.0, span), &entity, country) {
                connected.insert(system.name.clone(), system);
            }
        }
        let home = connected
            .values()
            .find(|s| s.connector == HALAXY)
            .or(connected.values().next())?
            .name
            .clone();
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
        let sync = self.sync(sync?, &connected)?;
        connected.retain(|name, _| sync.systems.contains(name));
        Some(Config {
            path: self.path.to_path_buf(),
            practice: name?,
            country,
            time_zone: time_zone?,
            store_url: store_url?,
            store_key: store_key?,
            queue_url,
            systems: connected,
            entity,
            home,
            create_in: sync.create_in,
            create_when: sync.create_when,
            poll_every: sync.poll_every,
            sweep_every: sync.sweep_every,
            keep_losers: sync.keep_losers,
            brakes,
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

    fn store(&mut self, (table, span): Table<'_, 's>) -> (Option<String>, Option<SecretRef>) {
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let url = keys.text("url");
        let key = keys.text("key");
        self.problems.extend(keys.finish());
        let url = url.and_then(|(text, span)| match text.strip_prefix("sqlite:") {
            Some(":memory:") => Some(text.to_string()),
            Some(file) => Some(format!("sqlite:{}", self.beside(file).display())),
            None => {
                self.note(
                    span,
                    "this version keeps its store in SQLite",
                    "Write url = \"sqlite:bridge.db\".",
                );
                None
            }
        });
        (url, key.and_then(|(text, span)| self.secret("key", text, span)))
    }

    fn beside(&self, file: &str) -> PathBuf {
        match self.path.parent() {
            Some(folder) if !Path::new(file).is_absolute() => folder.join(file),
            _ => PathBuf::from(file),
        }
    }

    fn queue(&mut self, table: Option<Table<'_, 's>>) -> String {
        let Some((table, span)) = table else {
            return "embedded".into();
        };
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let url = keys.text("url");
        self.problems.extend(keys.finish());
        match url {
            Some(("embedded", _)) | None => {}
            Some((_, span)) => {
                self.note(
                    span,
                    "this version has the embedded queue only",
                    "Write url = \"embedded\".",
                );
            }
        }
        "embedded".into()
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

    fn secret(&mut self, key: &str, text: &str, span: Range<usize>) -> Option<SecretRef> {
        match SecretRef::parse(text) {
            Some(SecretRef::File(path)) => Some(SecretRef::File(self.beside(&path.to_string_lossy()))),
            Some(reference) => Some(reference),
            None => {
                self.note(
                    span,
                    format!("`{key}` must name where the secret is, never hold it"),
                    format!(
                        "Write {key} = \"env:NAME\" or {key} = \"file:PATH\"; if a real secret stood here, change it."
                    ),
                );
                None
            }
        }
    }

    fn duration(&mut self, key: &str, value: Option<(&str, Range<usize>)>) -> Option<Duration> {
        let (text, span) = value?;
        let parsed = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .and_then(|at| Some((text[..at].parse::<f64>().ok()?, &text[at..])))
            .and_then(|(number, unit)| {
                let seconds = match unit.trim() {
                    "ms" => 0.001,
                    "s" => 1.0,
                    "m" | "min" => 60.0,
                    "h" => 3_600.0,
                    "d" => 86_400.0,
                    _ => return None,
                };
                Duration::try_from_secs_f64(number * seconds).ok()
            });
        if parsed.is_none() {
            self.note(
                span,
                format!("`{text}` is no length of time"),
                format!("Write {key} = \"60s\" (ms, s, m, h or d)."),
            );
        }
        parsed
    }

    fn file(&mut self, relative: &str, span: Range<usize>) -> Option<(String, String)> {
        let found = (self.files)(relative);
        if found.is_none() {
            self.note(
                span,
                format!("there is no file {relative}"),
                "Put it beside bridge.toml; `halaxy-bridge init` writes the shipped ones as a start.",
            );
        }
        found
    }

    fn system(
        &mut self,
        name: &str,
        (table, span): Table<'_, 's>,
        entity: &EntityFile,
        country: Country,
    ) -> Option<SystemConfig> {
        let source = self.source;
        let line = source.line(span.start);
        let mut keys = Keys::new(&source, table, span.clone());
        let connector = keys.text("connector");
        let base_url = keys.optional_text("base_url").map(|(t, _)| t.to_string());
        let region = keys.optional_text("region").map(|(t, _)| t.to_string());
        let user_agent = keys.optional_text("user_agent").map(|(t, _)| t.to_string());
        let may_receive = keys.optional("may_receive");
        let poll = keys.optional_text("poll_every");
        let lag = keys.optional_text("lag");
        let call_life = keys.optional_text("call_life");
        let share = keys.optional("share");
        let allow_private = keys.optional_flag("allow_private").unwrap_or(false);
        let Some((connector, connector_span)) = connector else {
            self.problems.extend(keys.finish());
            return None;
        };
        let own_file = connector.ends_with(".toml");
        let stem = Path::new(connector)
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default();
        let file = if connector == HALAXY {
            None
        } else {
            let relative = if own_file {
                connector.to_string()
            } else {
                format!("connectors/{connector}.toml")
            };
            let (file_name, text) = match (self.files)(&relative) {
                Some(found) => found,
                None => {
                    let known: Vec<&str> = [HALAXY]
                        .into_iter()
                        .chain(adapter_rest::shipped::CONNECTORS.iter().map(|(n, _)| *n))
                        .collect();
                    let near = suggestion(connector, &known);
                    self.note(
                        connector_span,
                        format!("there is no connector `{connector}`"),
                        format!(
                            "{near} Shipped are {}; or name a file of your own that ends in .toml.",
                            known.join(", ")
                        ),
                    );
                    self.problems.extend(keys.finish());
                    return None;
                }
            };
            match Connector::parse(&file_name, &text) {
                Ok(connector) => Some(connector),
                Err(problems) => {
                    self.problems.extend(problems);
                    self.problems.extend(keys.finish());
                    return None;
                }
            }
        };
        let secret_names: Vec<String> = match &file {
            None => vec!["client_id".into(), "client_secret".into()],
            Some(connector) => connector.secrets().into_iter().map(str::to_string).collect(),
        };
        let mut secrets = BTreeMap::new();
        for secret in &secret_names {
            let key: &'static str = Box::leak(secret.clone().into_boxed_str());
            if let Some((text, span)) = keys.text(key)
                && let Some(reference) = self.secret(key, text, span)
            {
                secrets.insert(secret.clone(), reference);
            }
        }
        let mut settings = BTreeMap::new();
        for setting in file.iter().flat_map(|c| c.settings.keys()) {
            let key: &'static str = Box::leak(setting.clone().into_boxed_str());
            if let Some((text, _)) = keys.text(key) {
                settings.insert(setting.clone(), text.to_string());
            }
        }
        self.problems.extend(keys.finish());
        let share = share.and_then(|value| {
            let share = value.get_ref().as_float().and_then(|f| f.as_str().parse::<f64>().ok());
            if share.is_none_or(|s| !(0.01..=1.0).contains(&s)) {
                self.note(
                    value.span(),
                    "`share` must be between 0.01 and 1",
                    "Write share = 0.5 to use half of the limits.",
                );
            }
            share
        });
        if connector == HALAXY && user_agent.is_none() {
            self.note(
                span,
                "Halaxy refuses calls without a user_agent",
                "Add user_agent = \"YourAppName (you@practice.example)\".",
            );
        }
        let may_receive = self.classes(may_receive, connector == HALAXY);
        let (poll_every, lag, call_life) = (
            self.duration("poll_every", poll),
            self.duration("lag", lag),
            self.duration("call_life", call_life),
        );
        let (mapping_name, mapping_text) = self.file(&format!("mappings/{stem}.toml"), connector_span)?;
        let mapping = match Mapping::parse(&mapping_name, &mapping_text, entity, country) {
            Ok(mapping) => mapping,
            Err(problems) => {
                self.problems.extend(problems);
                return None;
            }
        };
        Some(SystemConfig {
            name: name.into(),
            connector: if own_file { stem } else { connector.into() },
            file,
            mapping,
            mapping_text,
            base_url,
            region,
            user_agent,
            secrets,
            settings,
            may_receive,
            poll_every,
            share,
            lag,
            call_life,
            allow_private,
            line,
        })
    }

    fn classes(&mut self, value: Option<&Spanned<DeValue<'s>>>, home: bool) -> BTreeSet<Class> {
        let all = CLASSES.iter().map(|(_, c)| *c).collect();
        let Some(value) = value else {
            return if home {
                all
            } else {
                BTreeSet::from([Class::Identity, Class::Contact])
            };
        };
        let mut classes = BTreeSet::new();
        let Some(list) = value.get_ref().as_array() else {
            self.note(
                value.span(),
                "`may_receive` must be a list",
                "Write may_receive = [\"identity\", \"contact\"].",
            );
            return classes;
        };
        for item in list.iter() {
            let word = item.get_ref().as_str().unwrap_or_default();
            match CLASSES.iter().find(|(name, _)| *name == word) {
                Some((_, class)) => {
                    classes.insert(*class);
                }
                None => {
                    let known: Vec<&str> = CLASSES.iter().map(|(n, _)| *n).collect();
                    let near = suggestion(word, &known);
                    self.note(
                        item.span(),
                        format!("`{word}` is no class of units"),
                        format!("{near} Classes are {}.", known.join(", ")),
                    );
                }
            }
        }
        classes
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

    fn sync(&mut self, (table, span): Table<'_, 's>, systems: &BTreeMap<String, SystemConfig>) -> Option<Sync> {
        let source = self.source;
        let mut keys = Keys::new(&source, table, span);
        let person = keys.optional("person");
        self.problems.extend(keys.finish());
        let (table, span) = self.table(person, "sync.person", "[sync.person] with systems = [..]")?;
        let mut keys = Keys::new(&source, table, span.clone());
        let (names, create_in) = (keys.optional("systems"), keys.optional("create_in"));
        let create_when = keys.optional_text("create_when");
        let poll = keys.optional_text("poll_every");
        let sweep = keys.optional_text("sweep_every");
        let keep = keys.optional_text("keep_overruled");
        self.problems.extend(keys.finish());
        let names = match names {
            Some(value) => self.names("systems", value, systems),
            None => systems.keys().cloned().collect(),
        };
        if names.len() < 2 {
            self.note(
                span,
                "a sync needs at least two systems",
                "Name them like systems = [\"halaxy\", \"crm\"].",
            );
        }
        let create_in = create_in
            .map(|value| self.names("create_in", value, systems))
            .unwrap_or_default();
        let create_when = match create_when {
            None => Condition::always(),
            Some((text, span)) => match Condition::parse(text) {
                Ok(condition) => condition,
                Err(error) => {
                    let remedy = "Write it like create_when = \"status in ['current', 'contact']\".";
                    self.note(span, format!("the condition is not understood: {error}"), remedy);
                    Condition::always()
                }
            },
        };
        let sweep_every = match sweep {
            Some(("never", _)) => None,
            other => Some(
                self.duration("sweep_every", other)
                    .unwrap_or(Duration::from_secs(86_400)),
            ),
        };
        Some(Sync {
            systems: names,
            create_in,
            create_when,
            poll_every: self.duration("poll_every", poll).unwrap_or(Duration::from_secs(60)),
            sweep_every,
            keep_losers: self
                .duration("keep_overruled", keep)
                .unwrap_or(Duration::from_secs(400 * 86_400)),
        })
    }

    fn names(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'s>>,
        systems: &BTreeMap<String, SystemConfig>,
    ) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let Some(list) = value.get_ref().as_array() else {
            self.note(
                value.span(),
                format!("`{key}` must be a list of systems"),
                format!("Write {key} = [\"crm\"]."),
            );
            return names;
        };
        for item in list.iter() {
            let name = item.get_ref().as_str().unwrap_or_default();
            if systems.contains_key(name) {
                names.insert(name.to_string());
            } else {
                let known: Vec<&str> = systems.keys().map(String::as_str).collect();
                let near = suggestion(name, &known);
                self.note(
                    item.span(),
                    format!("there is no system `{name}`"),
                    format!(
                        "{near} Add a section [systems.{name}], or name one of {}.",
                        known.join(", ")
                    ),
                );
            }
        }
        names
    }
}

struct Sync {
    systems: BTreeSet<String>,
    create_in: BTreeSet<String>,
    create_when: Condition,
    poll_every: Duration,
    sweep_every: Option<Duration>,
    keep_losers: Duration,
}
