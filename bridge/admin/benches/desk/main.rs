//! How long people wait for the pages of a large practice: a store with a million people and 50,000 things that wait is
//! served as the program serves it, and browsers that are signed in ask for every page. Prints the median and the 95th
//! percentile of the whole answer; judges only that every page was one.
//!
//! `cargo bench -p bridge-admin --bench desk [-- PEOPLE OPEN]`; with `--at FOLDER` the store is filled there once and kept,
//! with `--only WORD` only pages whose name has that word are asked for.
#![allow(clippy::unwrap_used)]

#[path = "../../../engine/benches/people/mod.rs"]
mod people;
mod practice;

use adapter_kit::{Clock, ManualClock};
use bridge_admin::access::chance::System;
use bridge_admin::access::password::Passwords;
use bridge_admin::access::role::Role;
use bridge_admin::access::{Access, Joining};
use bridge_admin::app::{App, AppSettings};
use bridge_admin::desk::Desk;
use bridge_admin::health::Watch;
use bridge_admin::{Listener, router};
use bridge_core::mapping::EntityFile;
use bridge_engine::vitals::Limits;
use bridge_engine::{Engine, RandomIds};
use bridge_queue::Embedded;
use bridge_store::{ItemFilter, Key, Page, Store};
use practice::{NOW, family, given};
use reqwest::{Client, RequestBuilder};
use secrecy::ExposeSecret;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// As in the program.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const UNITS: &str = include_str!("../../../../mappings/entities/person.toml");
const PASSWORD: &str = "kettle orbit plum sail";
/// Times each page is asked for.
const TIMES: usize = 60;
/// Whoever searches may do so thirty times at once.
const SEARCHERS: usize = 20;
/// Browsers that follow the counts.
const FOLLOWERS: usize = 20;

struct Asked {
    people: usize,
    open: usize,
    at: Option<PathBuf>,
    only: Option<String>,
}

fn asked() -> Asked {
    let mut args = std::env::args().skip(1);
    let (mut numbers, mut at, mut only) = (vec![], None, None);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--at" => at = args.next().map(PathBuf::from),
            "--only" => only = args.next(),
            other => numbers.extend(other.parse::<usize>().ok()),
        }
    }
    Asked {
        people: numbers.first().copied().unwrap_or(1_000_000),
        open: numbers.get(1).copied().unwrap_or(50_000),
        at,
        only,
    }
}

/// CPU time of this process so far, milliseconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // after the name in brackets: utime and stime, in hundredths of a second on Linux
    let after = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = |field: usize| after.split(' ').nth(field).and_then(|f| f.parse::<u32>().ok());
    f64::from(ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0)) * 10.0
}

/// Browsers of several people who are signed in.
struct Browsers {
    url: String,
    client: Client,
    cookies: Vec<String>,
    forms: Vec<String>,
    next: AtomicU64,
    only: Option<String>,
}

impl Browsers {
    fn get(&self, path: &str) -> RequestBuilder {
        let request = self.client.get(format!("{}{path}", self.url));
        request.header("cookie", format!("bridge={}", self.cookies[0]))
    }

    /// The search as a form of the next one's page sends it.
    fn search(&self, text: &str) -> RequestBuilder {
        let of = self.next.fetch_add(1, Ordering::Relaxed) as usize % self.cookies.len();
        let request = self.client.post(format!("{}/search", self.url));
        let request = request.header("cookie", format!("bridge={}", self.cookies[of]));
        let request = request.header("sec-fetch-site", "same-origin");
        request.form(&[("text", text), ("form", &self.forms[of])])
    }

    /// Asks for one page many times and prints how long it took.
    async fn time(&self, name: &str, times: usize, request: impl Fn(usize) -> RequestBuilder) {
        if self.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            return;
        }
        let (mut took, mut bytes) = (vec![], 0);
        for n in 0..3 {
            request(n).send().await.unwrap().bytes().await.unwrap();
        }
        let before = cpu();
        for n in 3..times + 3 {
            let begun = Instant::now();
            let answer = request(n).send().await.unwrap();
            let status = answer.status();
            let text = answer.bytes().await.unwrap();
            took.push(begun.elapsed());
            assert!(
                status.is_success(),
                "{name}: {status} {}",
                String::from_utf8_lossy(&text)
            );
            bytes = text.len();
        }
        took.sort_unstable();
        let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1e3;
        println!(
            "{name:52} median {:7.1} ms  p95 {:7.1} ms  most {:7.1} ms  CPU {:6.1} ms  {bytes:7} bytes",
            at(50),
            at(95),
            at(100),
            (cpu() - before) / times as f64
        );
    }

    async fn page(&self, name: &str, path: &str) {
        self.time(name, TIMES, |_| self.get(path)).await;
    }

    async fn pages(&self, name: &str, paths: &[String]) {
        self.time(name, TIMES, |n| self.get(&paths[n % paths.len()])).await;
    }

    async fn find(&self, name: &str, texts: impl Fn(usize) -> String) {
        self.time(name, TIMES / 2, |n| self.search(&texts(n))).await;
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let asked = asked();
    let folder = tempfile::tempdir().unwrap();
    let folder = asked.at.clone().unwrap_or_else(|| folder.path().to_path_buf());
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("bridge.db");
    let filled = file.exists();
    let url = format!("sqlite:{}", file.display());
    let store = Store::open(&url, &Key::parse(KEY).unwrap(), "clinic", NOW)
        .await
        .unwrap();
    if !filled {
        let begun = Instant::now();
        practice::fill(&store, asked.people, asked.open).await;
        let size = std::fs::metadata(&file).map_or(0, |of| of.len()) >> 20;
        println!(
            "{} people, {} open: filled in {:.0} s, {size} MB",
            asked.people,
            asked.open,
            begun.elapsed().as_secs_f64()
        );
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load of the machine before: {}", load.trim());
    measure(&store, &asked).await;
}

async fn measure(store: &Store, asked: &Asked) {
    let clock = Arc::new(ManualClock::new(NOW));
    let engine = |clock: &Arc<ManualClock>| {
        let (clock, ids) = (Arc::clone(clock) as Arc<dyn Clock>, Arc::new(RandomIds));
        Engine::attend(
            people::settings(),
            store.clone(),
            Arc::new(Embedded::default()),
            clock,
            ids,
        )
    };
    let watch = Watch::new(Limits::default());
    let settings = AppSettings {
        practice: "Sampleton Clinic".into(),
        time_zone: "Australia/Melbourne".into(),
        systems: vec!["halaxy".into(), "crm".into()],
        url: "http://127.0.0.1".into(),
        secure: false,
        behind_proxy: false,
        beside: vec![],
    };
    let passwords = Passwords::costing(64, 1);
    let app = App::new(
        settings,
        watch.clone(),
        Arc::clone(&clock) as Arc<_>,
        Arc::new(System),
        passwords,
    );
    let units = EntityFile::parse("person.toml", UNITS).unwrap();
    let desk = Desk::new(
        engine(&clock),
        units,
        "AU".parse().unwrap(),
        Arc::clone(&clock) as Arc<_>,
    );
    app.open(store.clone(), Some(desk));
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}", listener.address().unwrap());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(listener.serve(router([app.routes()]), stop.clone()));
    let access = app.access(store.clone());
    let browsers = signed_in(url, &access, &clock, asked.only.clone()).await;

    let looker = engine(&clock);
    for _ in 0..3 {
        let (begun, before) = (Instant::now(), cpu());
        watch.look(&looker).await;
        println!(
            "a look at how everything is: {:.0} ms, CPU {:.0} ms",
            begun.elapsed().as_secs_f64() * 1e3,
            cpu() - before
        );
    }
    // As in the program: somebody looks every few seconds.
    let looking = tokio::spawn(async move { watch.keep(&looker).await });
    inbox(&browsers, store).await;
    followed(&browsers).await;
    items(&browsers, store, asked).await;
    search(&browsers, asked).await;
    others(&browsers, asked).await;
    looking.abort();
    stop.cancel();
    serving.await.unwrap();
}

async fn signed_in(url: String, access: &Access, clock: &ManualClock, only: Option<String>) -> Browsers {
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let round = access.users().await.unwrap().len();
    let (mut cookies, mut forms) = (vec![], vec![]);
    for n in 0..SEARCHERS {
        let email = format!("admin{round}-{n}@practice.example");
        let name = format!("Reviewer {n}");
        let link = access.invite((&name, &email), Role::Admin, "a bench").await.unwrap();
        let (invitation, _) = access.invitation(link.expose_secret()).await.unwrap();
        let joining = Joining {
            name: String::new(),
            email,
            password: PASSWORD.into(),
            again: PASSWORD.into(),
            code: invitation.second.code_at(clock.now()),
        };
        let joined = access.accept(link.expose_secret(), &joining).await.unwrap();
        let cookie = joined.session.expose_secret().to_string();
        let page = client
            .get(format!("{url}/own"))
            .header("cookie", format!("bridge={cookie}"));
        let page = page.send().await.unwrap().text().await.unwrap();
        let form = page
            .split("name=\"form\" value=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        forms.push(form.unwrap().to_string());
        cookies.push(cookie);
    }
    Browsers {
        url,
        client,
        cookies,
        forms,
        next: AtomicU64::new(0),
        only,
    }
}

async fn inbox(browsers: &Browsers, store: &Store) {
    for (name, query) in [
        ("inbox", ""),
        ("inbox: values that differ", "?kind=conflict"),
        ("inbox: possible matches", "?kind=match"),
        ("inbox: questions", "?kind=card"),
        ("inbox: held back", "?kind=hold"),
        ("inbox: to record", "?kind=task"),
        ("inbox: risk red", "?risk=red"),
        ("inbox: risk amber", "?risk=amber"),
        ("inbox: risk grey", "?risk=grey"),
        ("inbox: one unit", "?unit=email"),
        ("inbox: one system", "?system=crm"),
        ("inbox: another system", "?system=books"),
        ("inbox: mine", "?assigned=me"),
        ("inbox: nobody's", "?assigned=nobody"),
        ("inbox: old", "?days=3"),
        ("inbox: older than all", "?days=90"),
        ("inbox: asleep", "?snoozed=yes"),
        (
            "inbox: combined",
            "?kind=conflict&unit=mobile&system=crm&assigned=nobody&days=3",
        ),
        (
            "inbox: combined, and asleep",
            "?kind=conflict&risk=red&system=halaxy&snoozed=yes",
        ),
        ("inbox: combined, mine and old", "?kind=conflict&assigned=me&days=20"),
        ("inbox: a filter with nothing", "?assigned=somebody+else"),
        ("inbox: another with nothing", "?kind=card&system=halaxy"),
    ] {
        browsers.page(name, &format!("/inbox{query}")).await;
    }
    let (mut deep, mut page) = (vec![], Page::first(1_000));
    while let Some(next) = store.items(&ItemFilter::default(), &page).await.unwrap().next {
        deep.push(format!("/inbox?after={}", next.replace(' ', "+")));
        page.after = Some(next);
    }
    browsers.pages("inbox: deep pages", &deep).await;
    let deep: Vec<String> = deep.iter().map(|path| format!("{path}&kind=hold")).collect();
    browsers.pages("inbox: deep pages of what is held", &deep).await;
}

/// The inbox and the counts while others follow them.
async fn followed(browsers: &Browsers) {
    let mut followers = vec![];
    for _ in 0..FOLLOWERS {
        let request = browsers.get("/live");
        followers.push(tokio::spawn(async move {
            let mut answer = request.send().await.unwrap();
            while let Ok(Some(_)) = answer.chunk().await {}
        }));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    browsers
        .page(&format!("inbox while {FOLLOWERS} follow the counts"), "/inbox")
        .await;
    for follower in followers {
        follower.abort();
    }
}

async fn items(browsers: &Browsers, store: &Store, asked: &Asked) {
    let some = async |topics: &[&str]| {
        let filter = ItemFilter {
            topics: Some(topics.iter().map(|topic| (*topic).into()).collect()),
            asleep: Some((false, NOW)),
            ..ItemFilter::default()
        };
        let found = store.items(&filter, &Page::first(200)).await.unwrap().rows;
        let paths = found.into_iter().map(|item| format!("/inbox/{}", item.id));
        let paths: Vec<String> = paths.collect();
        assert!(!paths.is_empty(), "{topics:?}");
        paths
    };
    let conflicts = some(&["conflict/mobile", "conflict/email", "conflict/birth_date"]).await;
    browsers.pages("item: values that differ", &conflicts).await;
    let filtered: Vec<String> = conflicts
        .iter()
        .map(|path| format!("{path}?kind=conflict&days=3"))
        .collect();
    browsers.pages("item: values that differ, in a filter", &filtered).await;
    browsers
        .pages("item: possible match", &some(&["match/pair"]).await)
        .await;
    browsers
        .pages("item: question", &some(&["card/looks_wrong"]).await)
        .await;
    browsers.pages("item: held back", &some(&["hold/record"]).await).await;
    let shared = (7..asked.open).step_by(300).filter(|n| n % 10 < 7 && (n / 10) % 8 == 0);
    let shared = shared.map(|n| bridge_store::conflict_id(&format!("entity-{n:09}"), "mobile"));
    let shared: Vec<String> = shared.map(|id| format!("/inbox/{id}")).collect();
    if !shared.is_empty() {
        browsers.pages("item: a mailbox that thousands give", &shared).await;
    }
    let alike = some(&["conflict/mobile"]).await;
    let alike: Vec<String> = alike.iter().map(|path| format!("{path}/group")).collect();
    browsers.pages("group of one pattern", &alike).await;
}

async fn search(browsers: &Browsers, asked: &Asked) {
    let cut = |name: String, letters: usize| name.chars().take(letters).collect::<String>();
    let one = |n: usize| (n * 7_919) % asked.people;
    let number = |n: usize| 900_000 + one(n);
    browsers.find("search: two letters", |n| cut(family(one(n)), 2)).await;
    browsers.find("search: four letters", |n| cut(family(one(n)), 4)).await;
    browsers.find("search: a common name", |_| "mama".into()).await;
    let two = |n: usize| format!("{} {}", cut(given(one(n)), 2), cut(family(one(n)), 3));
    browsers.find("search: two beginnings", two).await;
    let common = |n: usize| format!("ma {}", ["jo", "sa", "zz"][n % 3]);
    browsers.find("search: two common beginnings", common).await;
    let whole = |n: usize| format!("{} {}", given(one(n)), family(one(n)));
    browsers.find("search: a whole name", whole).await;
    browsers.find("search: nobody", |n| format!("zzyx{n}")).await;
    browsers
        .find("search: an e-mail address", |n| practice::email(one(n)))
        .await;
    browsers
        .find("search: a mailbox that thousands give", |_| {
            "reception@example.org".into()
        })
        .await;
    let phone = |n: usize| {
        let digits = format!("04{:08}", one(n));
        format!("{} {} {}", &digits[..4], &digits[4..7], &digits[7..])
    };
    browsers.find("search: a phone number", phone).await;
    browsers
        .find("search: a number in Halaxy", |n| number(n).to_string())
        .await;
    browsers
        .find("search: an invoice", |n| format!("INV-{:06}", n * 131 % 20_000))
        .await;
}

async fn others(browsers: &Browsers, asked: &Asked) {
    let person = |n: usize| format!("/person/entity-{:09}", (n * 7_919) % asked.people);
    let short: Vec<String> = (100..160).map(person).collect();
    browsers.pages("person: a short story", &short).await;
    browsers
        .page("person: thousands of lines", "/person/entity-000000001")
        .await;
    browsers
        .page(
            "person: thousands of lines, all of them",
            "/person/entity-000000001?all=yes",
        )
        .await;
    for (name, path) in [
        ("decisions", "/decisions"),
        ("activity: access", "/activity"),
        ("activity: everything", "/activity?of=all"),
        ("activity: one event", "/activity?of=all&event=decided"),
        ("activity: an event that never was", "/activity?of=all&event=erased"),
        ("activity: one system", "/activity?of=all&system=crm"),
        ("activity: a system with nothing", "/activity?of=all&system=halaxy"),
        ("activity: one person", "/activity?of=all&entity=entity-000000777"),
        ("activity: who", "/activity?of=all&who=nobody+at+all"),
        ("activity: access, who", "/activity?who=nobody+at+all"),
        (
            "activity: some days",
            "/activity?of=all&from=2026-11-20&until=2026-11-21",
        ),
        ("health", "/vitals"),
        ("health, a month of charts", "/vitals?charts=month"),
        ("runs", "/runs"),
        ("one run", "/runs/run-0390"),
        ("mappings", "/mappings"),
        ("people", "/people"),
    ] {
        browsers.page(name, path).await;
    }
}
