//! Every route with who may take it. The router is made of this table and of nothing else, and one function stands
//! in front of all: it knows who asks, refuses what the table does not allow, and believes no form from elsewhere.
//! Beside it are the assets, which are the same for everybody and need no store.

use super::call::Call;
use super::render::Answer;
use super::review::{act, first, group, item, list, live, past, rules};
use super::{
    App, Refused, about, activity, books, door, mappings, own, people, person, render, runs, search, sign_on, vitals,
};
use crate::access::role::Role;
use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use std::pin::Pin;
use std::sync::Arc;

/// Who may take a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Anybody.
    Nothing,
    /// Whoever has taken the first step of signing in, and not the second.
    Half,
    /// Whoever is signed in with one of these roles.
    Roles(&'static [Role]),
}

impl Need {
    /// Whether that role may take it.
    pub fn lets(self, role: Role) -> bool {
        match self {
            Need::Nothing => true,
            Need::Half => false,
            Need::Roles(roles) => roles.contains(&role),
        }
    }
}

type Going<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;
type Does = for<'a> fn(&'a App, &'a Call) -> Going<'a>;

/// A route.
pub struct Route {
    /// GET or POST.
    pub method: Method,
    /// Its path; a piece in braces stands for any text.
    pub path: &'static str,
    /// Who may take it.
    pub need: Need,
}

const ALL: Need = Need::Roles(&Role::ALL);
const ADMIN: Need = Need::Roles(&[Role::Admin]);
const SEES: Need = Need::Roles(&[Role::Admin, Role::Reviewer, Role::Auditor]);
const DECIDES: Need = Need::Roles(&[Role::Admin, Role::Reviewer]);
const BOOKS: Need = Need::Roles(&[Role::Admin, Role::Bookkeeper, Role::Auditor]);
const KEEPS: Need = Need::Roles(&books::KEEPERS);
const TRIES: Need = Need::Roles(&mappings::TRIERS);
const DRIVES: Need = Need::Roles(&[Role::Admin, Role::Operator]);
const TENDS: Need = Need::Roles(&[Role::Admin, Role::Reviewer, Role::Bookkeeper, Role::Operator]);
const READS: Need = Need::Roles(&[Role::Admin, Role::Auditor]);

macro_rules! routes {
    ($($method:ident $path:literal $need:expr => $does:path;)*) => {
        /// The table.
        pub const ROUTES: &[Route] = &[$(Route {
            method: Method::$method,
            path: $path,
            need: $need,
        }),*];

        /// What each route of the table does, in its order. Pages read the table, so it cannot hold them.
        const DOES: &[Does] = &[$(|app, call| Box::pin($does(app, call))),*];
    };
}

routes! {
    GET  "/"                     ALL           => first;
    GET  "/inbox"                ALL           => list::show;
    GET  "/inbox/{id}"           SEES          => item::show;
    POST "/inbox/{id}/decide"    DECIDES       => act::decide;
    POST "/inbox/{id}/try"       DECIDES       => act::attempt;
    POST "/inbox/{id}/note"      DECIDES       => act::note;
    GET  "/inbox/{id}/group"     SEES          => group::show;
    POST "/inbox/{id}/group"     DECIDES       => group::decide;
    GET  "/inbox/{id}/rule"      SEES          => rules::of_item;
    GET  "/rules"                SEES          => rules::show;
    GET  "/decisions"            SEES          => past::show;
    POST "/decisions/{id}/undo"  DECIDES       => past::undo;
    POST "/decided/{id}/undo"    DECIDES       => past::undo_group;
    GET  "/live"                 ALL           => live::counts;
    GET  "/vitals"               ALL           => vitals::show;
    GET  "/books"                BOOKS         => books::overview;
    GET  "/books/preview"        BOOKS         => books::preview;
    GET  "/books/drift"          BOOKS         => books::drift;
    GET  "/books/proof"          BOOKS         => books::proof;
    GET  "/books/proof/{days}"   BOOKS         => books::proof;
    GET  "/books/close"          BOOKS         => books::close;
    GET  "/books/close/{month}"  BOOKS         => books::closing;
    GET  "/books/statements"     BOOKS         => books::practitioners;
    GET  "/books/statements/{practitioner}/{month}" BOOKS => books::statement;
    GET  "/books/settlements"    BOOKS         => books::settlements;
    POST "/books/settlements"    KEEPS         => books::settlement;
    GET  "/books/tasks"          BOOKS         => books::tasks;
    GET  "/books/file/{report}/{form}" BOOKS   => books::file;
    GET  "/books/rows/{report}/{section}" BOOKS => books::rows;
    GET  "/books/document"       BOOKS         => books::document;
    POST "/books/sign"           KEEPS         => books::sign;
    POST "/books/ask"            KEEPS         => books::work;
    POST "/books/act"            KEEPS         => books::act;
    GET  "/mappings"             ALL           => mappings::show;
    GET  "/mappings/rules"       ALL           => mappings::rules;
    POST "/mappings/try"         TRIES         => mappings::tried;
    POST "/vitals/seen"          TENDS         => vitals::seen;
    GET  "/activity"             READS         => activity::show;
    GET  "/activity/export"      READS         => activity::export;
    GET  "/search"               SEES          => search::show;
    POST "/search"               SEES          => search::find;
    GET  "/person/{id}"          ALL           => person::show;
    GET  "/person/{id}/steps"    ALL           => person::steps;
    POST "/person/{id}/sync"     TENDS         => person::sync;
    POST "/person/{id}/comment"  DECIDES       => person::comment;
    POST "/person/{id}/apart"    DECIDES       => person::apart;
    POST "/person/{id}/unlink"   DECIDES       => person::unlink;
    POST "/person/{id}/undo"     DECIDES       => person::undo;
    POST "/person/{id}/write"    DECIDES       => person::undo_write;
    GET  "/runs"                 ALL           => runs::show;
    POST "/runs/plan"            DRIVES        => runs::plan;
    POST "/runs/approve"         ADMIN         => runs::approve;
    POST "/runs/group"           ADMIN         => runs::group;
    POST "/runs/pause"           DRIVES        => runs::pause;
    POST "/runs/resume"          DRIVES        => runs::resume;
    GET  "/runs/{id}"            ALL           => runs::one;
    POST "/runs/{id}/stop"       DRIVES        => runs::stop;
    POST "/runs/{id}/undo"       ADMIN         => runs::undo;
    GET  "/people"               ADMIN         => people::show;
    POST "/people/invite"        ADMIN         => people::invite;
    POST "/people/{id}/role"     ADMIN         => people::role;
    POST "/people/{id}/bound"    ADMIN         => people::bind;
    POST "/people/{id}/renew"    ADMIN         => people::renew;
    POST "/people/{id}/out"      ADMIN         => people::out;
    POST "/people/{id}/end"      ADMIN         => people::end;
    GET  "/own"                  ALL           => own::show;
    POST "/own/password"         ALL           => own::password;
    POST "/own/out"              ALL           => own::out;
    GET  "/about"                ALL           => about::show;
    GET  "/sign-in"              Need::Nothing => door::sign_in;
    POST "/sign-in"              Need::Nothing => door::first_step;
    GET  "/sign-in/code"         Need::Half    => door::code;
    POST "/sign-in/code"         Need::Half    => door::second_step;
    GET  "/sign-in/out"          Need::Nothing => sign_on::out;
    GET  "/sign-in/back"         Need::Nothing => sign_on::back;
    POST "/sign-out"             Need::Nothing => door::sign_out;
    GET  "/invitation/{token}"   Need::Nothing => door::invitation;
    POST "/invitation/{token}"   Need::Nothing => door::accept;
    POST "/theme"                Need::Nothing => own::theme;
}

pub(super) fn router(app: &Arc<App>) -> Router {
    ROUTES.iter().zip(DOES).fold(render::assets(), |router, (route, does)| {
        let app = Arc::clone(app);
        let filter = match route.method {
            Method::POST => MethodFilter::POST,
            _ => MethodFilter::GET,
        };
        let answer = move |request: Request| {
            let app = Arc::clone(&app);
            async move { taken(&app, route, *does, request).await }
        };
        router.route(route.path, on(filter, answer))
    })
}

async fn taken(app: &App, route: &Route, does: Does, request: Request) -> Response {
    let call = match Call::read(app, route.path, request).await {
        Ok(call) => call,
        Err(refused) => return render::refused(app, None, refused),
    };
    let known = call.user().is_some();
    let let_in = match route.need {
        Need::Nothing => true,
        Need::Half => call.half().is_some(),
        Need::Roles(_) => call.role().is_some_and(|role| route.need.lets(role)),
    };
    if !let_in {
        return match (known, route.need) {
            (true, Need::Half) => render::to("/"),
            (true, _) => render::refused(app, Some(&call), Refused::Role),
            (false, _) => render::to(&door::way_back(route, &call)),
        };
    }
    if call.bound() && of_every_location(route.path) {
        let words = "The books are of the whole practice, and your access is bound to some of its locations.";
        let refusal = Refused::Told(StatusCode::FORBIDDEN, words.into());
        return render::refused(app, Some(&call), refusal);
    }
    if route.method == Method::POST && !call.form_is_ours() {
        return render::refused(app, Some(&call), Refused::Form);
    }
    match does(app, &call).await {
        Ok(response) => response,
        Err(refused) => render::refused(app, Some(&call), refused),
    }
}

/// Whether a route shows what cannot be divided by location: reports sum over all of them.
pub(super) fn of_every_location(path: &str) -> bool {
    path == "/books" || path.starts_with("/books/")
}

/// Whether somebody of that role may open the page of that path.
pub(super) fn lets(path: &str, role: Role) -> bool {
    let mut of = ROUTES.iter().filter(|route| route.method == Method::GET);
    of.any(|route| route.path == path && route.need.lets(role))
}

/// Whether that is the path of a page that somebody who is signed in may be sent to.
pub(super) fn is_page(path: &str) -> bool {
    ROUTES
        .iter()
        .any(|route| route.method == Method::GET && route.path == path && matches!(route.need, Need::Roles(_)))
}
