//! The table of routes, asked whole: every route, by nobody and by every role.

use crate::support::{House, Page, SECRET};
use axum::http::Method;
use bridge_admin::access::role::Role;
use bridge_admin::app::routes::{Need, ROUTES, Route};

fn path(route: &Route) -> String {
    route
        .path
        .replace("{id}", "u0000000000000000")
        .replace("{token}", &"0".repeat(64))
        .replace("{month}", "2026-10")
        .replace("{days}", "2026-10-01-2026-10-31")
        .replace("{practitioner}", "DrA")
        .replace("{report}", "preview")
        .replace("{form}", "csv")
        .replace("{section}", "0")
}

/// Whether the answer is one of the page itself, and not of what stands before it.
fn taken(page: &Page) -> bool {
    !(page.to().starts_with("/sign-in") && page.status == 303 || page.status == 403)
}

#[tokio::test]
async fn every_role_gets_what_the_table_says_and_nothing_else() {
    let (house, browsers) = House::full().await;
    let mut asked = 0;
    for route in ROUTES {
        let mut all: Vec<(Option<Role>, _)> = vec![(None, house.browser())];
        all.extend(browsers.iter().map(|(role, browser)| (Some(*role), browser.clone())));
        for (role, mut browser) in all {
            // What ends sessions is tried by others, below.
            if ["/own/out", "/sign-out"].contains(&route.path) {
                continue;
            }
            let page = match route.method {
                Method::POST => browser.post(&path(route), &[("theme", "dark")]).await,
                _ => browser.get(&path(route)).await,
            };
            let wanted = match (role, route.need) {
                (_, Need::Nothing) => true,
                (None, _) | (_, Need::Half) => false,
                (Some(role), Need::Roles(roles)) => roles.contains(&role),
            };
            let half = route.need == Need::Half && role.is_some();
            let told = (
                role.map(Role::key),
                &route.method,
                route.path,
                page.status,
                page.to().to_string(),
            );
            assert_eq!(taken(&page) && !half, wanted, "{told:?}");
            assert!(!page.status.is_server_error(), "{told:?}");
            if !role.is_some_and(Role::sees_values) {
                for secret in SECRET {
                    assert!(!page.text.contains(secret), "{told:?} shows {secret}");
                }
            }
            asked += 1;
        }
    }
    assert_eq!(asked, (ROUTES.len() - 2) * 6);
}

#[tokio::test]
async fn every_route_needs_a_role_but_for_the_way_in() {
    let open: Vec<&str> = ROUTES
        .iter()
        .filter(|route| route.need == Need::Nothing)
        .map(|route| route.path)
        .collect();
    let wanted = [
        "/sign-in",
        "/sign-in",
        "/sign-in/out",
        "/sign-in/back",
        "/sign-out",
        "/invitation/{token}",
        "/invitation/{token}",
        "/theme",
    ];
    assert_eq!(open, wanted);
    for route in ROUTES.iter().filter(|route| route.path.starts_with("/people")) {
        assert_eq!(route.need, Need::Roles(&[Role::Admin]));
    }
}
