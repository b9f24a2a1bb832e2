//! The stand-in of a HubSpot-shaped CRM: contacts and their properties, on the older and the dated paths.

mod batch;
mod contact;
mod error;
mod meetings;
mod merge;
mod objects;
mod persons;
mod properties;
mod search;
mod store;
pub(crate) mod switches;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::http::Method;
use rand::RngExt;
use serde_json::{Value, json};

use self::error::Problem;
use self::meetings::Meetings;
use self::properties::Properties;
use self::store::Contacts;
use self::switches::HubspotSwitches;
use crate::answer::{Answer, Call, Context};
use crate::clock::SECOND;
use crate::limits::SlidingWindow;
use crate::options::Manners;

const DAY: i64 = 86_400 * SECOND;
/// An OAuth token's life (vendor-apis.md section 1).
const TOKEN_LIFE: i64 = 1_800;

/// The stand-in's state.
pub(crate) struct Hubspot {
    /// The static token of a single-account app.
    pub token: String,
    pub switches: HubspotSwitches,
    properties: Properties,
    contacts: Contacts,
    meetings: Meetings,
    /// Companies: records like contacts, behind the same door.
    pub(crate) companies: Option<Box<Hubspot>>,
    /// Companies of contacts.
    employers: BTreeMap<u64, BTreeSet<u64>>,
    /// OAuth tokens to the time they end.
    tokens: HashMap<String, i64>,
    window: SlidingWindow,
    searches: SlidingWindow,
    /// The day and the calls made in it.
    today: (i64, u64),
}

/// What a path leads to.
enum Place<'a> {
    Objects(&'a [&'a str]),
    Properties(&'a [&'a str]),
    Meetings(&'a [&'a str]),
    MeetingProperties(&'a [&'a str]),
    Companies(&'a [&'a str]),
    CompanyProperties(&'a [&'a str]),
    UnknownKind,
    Token,
    Nowhere,
}

impl Hubspot {
    /// An account with default properties and no contacts.
    pub fn new(cx: &mut Context<'_>) -> Self {
        let token = format!("pat-ap1-{}", cx.uuid());
        let companies = Self::with(String::new(), Properties::of_companies(cx.now), None, cx);
        Self::with(token, Properties::new(cx.now), Some(Box::new(companies)), cx)
    }

    fn with(token: String, properties: Properties, companies: Option<Box<Hubspot>>, cx: &Context<'_>) -> Self {
        Self {
            token,
            switches: HubspotSwitches::for_manners(cx.manners),
            properties,
            companies,
            employers: BTreeMap::new(),
            contacts: Contacts::default(),
            meetings: Meetings::new(cx.now),
            tokens: HashMap::new(),
            window: SlidingWindow::default(),
            searches: SlidingWindow::default(),
            today: (0, 0),
        }
    }

    /// Takes over other manners; switches set by hand before are lost.
    pub fn set_manners(&mut self, manners: Manners) {
        self.switches = HubspotSwitches::for_manners(manners);
        if let Some(companies) = &mut self.companies {
            companies.set_manners(manners);
        }
    }

    /// When a write made now shows in search.
    fn visible_at(&self, cx: &mut Context<'_>) -> i64 {
        let (shortest, longest) = (self.switches.index_lag_min_ms, self.switches.index_lag_max_ms);
        if longest == 0 {
            return cx.now;
        }
        let lag = cx.rng.random_range(shortest.min(longest)..=longest);
        cx.now + lag as i64 * 1_000
    }

    /// Answers an API call.
    pub fn handle(&mut self, call: &Call, cx: &mut Context<'_>) -> Answer {
        let segments = call.segments();
        let place = place_of(&segments);
        if matches!(place, Place::Token) {
            return self.give_token(call, cx);
        }
        if !self.signed_in(call, cx.now) {
            let problem = Problem::new(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.");
            return problem.answer(cx);
        }
        let searching = matches!(
            place,
            Place::Objects(["search"]) | Place::Meetings(["search"]) | Place::Companies(["search"])
        );
        let limited = match self.spend(searching, cx) {
            Ok(headers) => headers,
            Err(refusal) => return *refusal,
        };
        let done = match place {
            Place::Objects(rest) => self
                .scope(call, "crm.objects.contacts")
                .and_then(|()| self.objects(rest, call, cx)),
            Place::Properties(rest) => self
                .scope(call, "crm.schemas.contacts")
                .and_then(|()| definitions(&mut self.properties, rest, call, cx)),
            Place::Meetings(rest) => self
                .scope(call, "crm.objects.meetings")
                .and_then(|()| self.meeting_call(rest, call, cx)),
            Place::MeetingProperties(rest) => self
                .scope(call, "crm.schemas.meetings")
                .and_then(|()| definitions(&mut self.meetings.properties, rest, call, cx)),
            Place::Companies(rest) => {
                let allowed = self.scope(call, "crm.objects.companies");
                allowed.and_then(|()| match &mut self.companies {
                    Some(companies) => companies.objects(rest, call, cx),
                    None => Err(Problem::invalid("Unable to infer object type")),
                })
            }
            Place::CompanyProperties(rest) => {
                let allowed = self.scope(call, "crm.schemas.companies");
                allowed.and_then(|()| match &mut self.companies {
                    Some(companies) => definitions(&mut companies.properties, rest, call, cx),
                    None => Err(Problem::invalid("Unable to infer object type")),
                })
            }
            Place::UnknownKind => Err(Problem::invalid("Unable to infer object type")),
            Place::Token | Place::Nowhere => Err(Problem::new(404, "OBJECT_NOT_FOUND", "No such path")),
        };
        let mut answer = done.unwrap_or_else(|problem| problem.answer(cx));
        answer.headers.extend(limited);
        answer
    }

    fn signed_in(&self, call: &Call, now: i64) -> bool {
        let Some(token) = call.bearer() else {
            return false;
        };
        token == self.token || self.tokens.get(token).is_some_and(|end| now < *end)
    }

    /// Refuses what the token's scopes lack.
    fn scope(&self, call: &Call, family: &str) -> Result<(), Problem> {
        let reading =
            call.method == Method::GET || matches!(call.segments().as_slice(), [.., "search"] | [.., "batch", "read"]);
        let wanted = format!("{family}.{}", if reading { "read" } else { "write" });
        if self.switches.missing_scopes.contains(&wanted) {
            let text = "This app hasn't been granted all required scopes to make this call.";
            return Err(Problem::new(
                403,
                "MISSING_SCOPES",
                format!("{text} Required: {wanted}"),
            ));
        }
        Ok(())
    }

    /// Spends one call; gives the headers, which searches do not carry.
    fn spend(&mut self, searching: bool, cx: &mut Context<'_>) -> Result<Vec<(&'static str, String)>, Box<Answer>> {
        let day = cx.now.div_euclid(DAY);
        if self.today.0 != day {
            self.today = (day, 0);
        }
        let refuse = |policy: &str, text: &str, cx: &mut Context<'_>| {
            Box::new(Answer::json(
                429,
                json!({
                    "status": "error",
                    "message": text,
                    "errorType": "RATE_LIMIT",
                    "correlationId": cx.uuid(),
                    "policyName": policy,
                }),
            ))
        };
        if self.today.1 >= self.switches.requests_per_day {
            return Err(refuse("DAILY", "You have reached your daily limit.", cx));
        }
        if searching {
            if !self
                .searches
                .take(cx.now, self.switches.searches_per_second, SECOND)
                .allowed
            {
                return Err(refuse("SECONDLY", "You have reached your secondly limit.", cx));
            }
            self.today.1 += 1;
            return Ok(Vec::new());
        }
        let spent = self
            .window
            .take(cx.now, self.switches.requests_per_ten_seconds, 10 * SECOND);
        let mut refusal = None;
        if spent.allowed {
            self.today.1 += 1;
        } else {
            refusal = Some(refuse(
                "TEN_SECONDLY_ROLLING",
                "You have reached your ten_secondly_rolling limit.",
                cx,
            ));
        }
        let headers = vec![
            (
                "x-hubspot-ratelimit-max",
                self.switches.requests_per_ten_seconds.to_string(),
            ),
            ("x-hubspot-ratelimit-remaining", spent.remaining.to_string()),
            ("x-hubspot-ratelimit-interval-milliseconds", "10000".to_owned()),
            ("x-hubspot-ratelimit-daily", self.switches.requests_per_day.to_string()),
            (
                "x-hubspot-ratelimit-daily-remaining",
                (self.switches.requests_per_day - self.today.1).to_string(),
            ),
        ];
        match refusal {
            Some(mut answer) => {
                answer.headers.extend(headers);
                Err(answer)
            }
            None => Ok(headers),
        }
    }

    /// `POST oauth/v1/token`, form body. The stand-in has one account and takes any app's credentials.
    fn give_token(&mut self, call: &Call, cx: &mut Context<'_>) -> Answer {
        if call.method != Method::POST {
            return Answer::empty(405);
        }
        let form: HashMap<String, String> = url::form_urlencoded::parse(&call.body).into_owned().collect();
        let given = |name: &str| form.get(name).is_some_and(|value| !value.is_empty());
        let proof = match form.get("grant_type").map(String::as_str) {
            Some("refresh_token") => given("refresh_token"),
            Some("authorization_code") => given("code"),
            Some("client_credentials") => true,
            _ => false,
        };
        if !proof || !given("client_id") || !given("client_secret") {
            let problem = Problem::new(400, "VALIDATION_ERROR", "missing or invalid grant");
            return problem.answer(cx);
        }
        let token = format!("{}-{}", cx.uuid(), cx.uuid());
        self.tokens.retain(|_, end| *end > cx.now);
        self.tokens.insert(token.clone(), cx.now + TOKEN_LIFE * SECOND);
        let refresh = form.get("refresh_token").cloned().unwrap_or_else(|| cx.uuid());
        Answer::json(
            200,
            json!({"access_token": token, "refresh_token": refresh, "expires_in": TOKEN_LIFE, "token_type": "bearer"}),
        )
    }
}

/// The property endpoints.
fn definitions(
    properties: &mut Properties,
    rest: &[&str],
    call: &Call,
    cx: &mut Context<'_>,
) -> Result<Answer, Problem> {
    match (call.method.clone(), rest) {
        (Method::GET, []) => Ok(Answer::json(200, json!({"results": properties.definitions()}))),
        (Method::POST, []) => {
            let sent: Value = call.json().ok_or_else(|| Problem::invalid("Invalid input JSON"))?;
            Ok(Answer::json(201, properties.create(&sent, cx.now)?))
        }
        (Method::GET, ["groups"]) => Ok(Answer::json(200, json!({"results": properties.groups()}))),
        (Method::POST, ["groups"]) => {
            let sent: Value = call.json().ok_or_else(|| Problem::invalid("Invalid input JSON"))?;
            Ok(Answer::json(201, properties.create_group(&sent)?))
        }
        (Method::GET, [name]) => match properties.definition(name) {
            Some(definition) => Ok(Answer::json(200, definition.clone())),
            None => Err(Problem::new(
                404,
                "OBJECT_NOT_FOUND",
                format!("Property {name} does not exist"),
            )),
        },
        (Method::DELETE, [name]) => {
            properties.archive(name)?;
            Ok(Answer::empty(204))
        }
        _ => Err(Problem::new(405, "VALIDATION_ERROR", "Method not allowed")),
    }
}

/// `2026-09` and its like.
fn is_dated(segment: &str) -> bool {
    segment.len() == 7
        && segment.as_bytes()[4] == b'-'
        && segment
            .bytes()
            .enumerate()
            .all(|(place, byte)| place == 4 || byte.is_ascii_digit())
}

fn place_of<'a>(segments: &'a [&'a str]) -> Place<'a> {
    let (family, kind, rest) = match segments {
        ["oauth", _, "token"] => return Place::Token,
        ["crm", "v3", family, kind, rest @ ..] => (*family, *kind, rest),
        ["crm", family, dated, kind, rest @ ..] if is_dated(dated) => (*family, *kind, rest),
        _ => return Place::Nowhere,
    };
    match (family, kind) {
        ("objects", "contacts" | "contact" | "0-1") => Place::Objects(rest),
        ("properties", "contacts" | "contact" | "0-1") => Place::Properties(rest),
        ("objects", "meetings" | "meeting" | "0-47") => Place::Meetings(rest),
        ("properties", "meetings" | "meeting" | "0-47") => Place::MeetingProperties(rest),
        ("objects", "companies" | "company" | "0-2") => Place::Companies(rest),
        ("properties", "companies" | "company" | "0-2") => Place::CompanyProperties(rest),
        ("objects" | "properties", _) => Place::UnknownKind,
        _ => Place::Nowhere,
    }
}
