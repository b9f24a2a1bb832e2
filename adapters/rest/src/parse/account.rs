//! What concerns the whole account: credentials, limits, and what answers mean.

use super::section::Section;
use super::wording::whole;
use crate::connector::{
    Answers, AuthStyle, Authorize, ErrorRule, LimitsSpec, Means, OAuthSpec, Tenants, TenantsTold, Window,
};

#[derive(Clone, Copy)]
enum Style {
    None,
    Bearer,
    Header,
    Query,
    Basic,
    ClientCredentials,
    RefreshToken,
    AuthorizationCode,
}

pub(super) fn auth(root: &mut Section<'_, '_, '_>) -> AuthStyle {
    if !root.has("auth") {
        root.note(
            0..0,
            "`[auth]` is missing",
            "Add [auth] with style = \"bearer\" (or header, query, basic, client_credentials, refresh_token, authorization_code, none).",
        );
        return AuthStyle::None;
    }
    root.section("auth", |auth| {
        let styles = [
            ("none", Style::None),
            ("bearer", Style::Bearer),
            ("header", Style::Header),
            ("query", Style::Query),
            ("basic", Style::Basic),
            ("client_credentials", Style::ClientCredentials),
            ("refresh_token", Style::RefreshToken),
            ("authorization_code", Style::AuthorizationCode),
        ];
        if !auth.has("style") {
            auth.needed_text("style");
        }
        let key =
            |auth: &mut Section<'_, '_, '_>, name: &'static str| auth.text(name).unwrap_or_else(|| name.to_string());
        match auth.word("style", &styles).unwrap_or(Style::None) {
            Style::None => AuthStyle::None,
            Style::Bearer => AuthStyle::Bearer {
                token: key(auth, "token"),
            },
            Style::Header => AuthStyle::Header {
                token: key(auth, "token"),
                header: auth.needed_text("header"),
                prefix: auth.text("prefix").unwrap_or_default(),
            },
            Style::Query => AuthStyle::Query {
                token: key(auth, "token"),
                parameter: auth.needed_text("parameter"),
            },
            Style::Basic => AuthStyle::Basic {
                user: key(auth, "user"),
                password: key(auth, "password"),
            },
            Style::ClientCredentials => AuthStyle::OAuth(oauth(auth, None)),
            Style::RefreshToken => {
                let refresh = key(auth, "refresh_token");
                AuthStyle::OAuth(oauth(auth, Some(refresh)))
            }
            Style::AuthorizationCode => {
                let authorize = Authorize {
                    url: auth.needed_text("authorize_url"),
                    scopes: auth.texts("scopes"),
                    extra: auth.dictionary("extra"),
                    redirect: auth.text("redirect"),
                    tenants: auth.section("tenants", tenants).flatten(),
                };
                let mut spec = oauth(auth, Some("refresh_token".into()));
                spec.authorize = Some(Box::new(authorize));
                AuthStyle::OAuth(spec)
            }
        }
    })
    .unwrap_or(AuthStyle::None)
}

fn tenants(tenants: &mut Section<'_, '_, '_>) -> Option<Tenants> {
    let setting = tenants.needed_text("setting");
    let (call, redirect) = (tenants.text("call"), tenants.text("redirect"));
    let told = match (call, redirect) {
        (Some(url), None) => TenantsTold::Call {
            url,
            records: tenants.place("records").unwrap_or_else(whole),
            id: tenants.needed_place("id"),
            name: tenants.needed_place("name"),
        },
        (None, Some(parameter)) => TenantsTold::Redirect(parameter),
        _ => {
            let span = tenants.span();
            tenants.note(
                span,
                "tenants need either `call` or `redirect`",
                "Say call = \"https://..\" if a call lists them, or redirect = \"realmId\" if the address that the sign-in \
                 ends at names the one.",
            );
            return None;
        }
    };
    Some(Tenants { setting, told })
}

fn oauth(auth: &mut Section<'_, '_, '_>, refresh_token: Option<String>) -> OAuthSpec {
    OAuthSpec {
        token_url: auth.needed_text("token_url"),
        client_id: auth.text("client_id").unwrap_or_else(|| "client_id".into()),
        client_secret: auth.text("client_secret").unwrap_or_else(|| "client_secret".into()),
        scope: if refresh_token.is_none() {
            auth.text("scope")
        } else {
            None
        },
        extra: if refresh_token.is_none() {
            auth.dictionary("extra")
        } else {
            Default::default()
        },
        refresh_token,
        authorize: None,
        json: auth.word("body", &[("form", false), ("json", true)]).unwrap_or(false),
        basic: auth
            .word("client", &[("body", false), ("basic", true)])
            .unwrap_or(false),
        life_cap: auth.duration("life_cap"),
    }
}

pub(super) fn limits(limits: &mut Section<'_, '_, '_>) -> LimitsSpec {
    LimitsSpec {
        windows: limits.sections("windows", |window| {
            for key in ["calls", "per"] {
                if !window.has(key) {
                    let span = window.span();
                    window.note(
                        span,
                        format!("`{key}` is missing"),
                        "Write { calls = 100, per = \"10s\" }.",
                    );
                }
            }
            Window {
                calls: window
                    .number("calls")
                    .map_or(1, |calls| u32::try_from(calls).unwrap_or(u32::MAX)),
                per: window.duration("per").unwrap_or(std::time::Duration::from_secs(1)),
                group: window.text("group"),
                limit_header: window.text("limit_header"),
                remaining_header: window.text("remaining_header"),
            }
        }),
        day: limits.number("day"),
        day_remaining_header: limits.text("day_remaining_header"),
        concurrent: limits.count("concurrent"),
    }
}

pub(super) fn answers(root: &mut Section<'_, '_, '_>) -> Answers {
    let mut answers = root
        .section("answers", |answers| {
            let codes = answers.texts("code");
            let span = answers.span();
            Answers {
                good: answers.has("good").then(|| answers.condition("good")),
                code: codes
                    .iter()
                    .filter_map(|code| answers.parsed_place(code, span.clone()))
                    .collect(),
                rules: Vec::new(),
            }
        })
        .unwrap_or_default();
    answers.rules = root.sections("errors", rule).into_iter().flatten().collect();
    answers
}

fn rule(rule: &mut Section<'_, '_, '_>) -> Option<ErrorRule> {
    let words = [
        ("throttled", Means::Throttled),
        ("day", Means::Day),
        ("expired", Means::Expired),
        ("auth", Means::Auth),
        ("scope", Means::Scope),
        ("taken", Means::Taken),
        ("invalid", Means::Invalid),
        ("forbidden", Means::Forbidden),
        ("moved", Means::Moved),
        ("gone", Means::Gone),
        ("unavailable", Means::Unavailable),
        ("not_now", Means::NotNow),
    ];
    if !rule.has("means") {
        rule.needed_text("means");
    }
    let means = rule.word("means", &words);
    let status = statuses(rule);
    let out = ErrorRule {
        body: rule.condition("where"),
        headers: rule.header_tests("headers"),
        means: means.unwrap_or(Means::Unavailable),
        wait: rule.duration("wait"),
        wait_at: rule.place("wait_at"),
        wait_header: rule.text("wait_header"),
        says: rule.text("says"),
        path: rule.text("path"),
        member: rule.place("member"),
        status,
    };
    if !rule.has("status") && out.body.tests.is_empty() && out.headers.is_empty() {
        let span = rule.span();
        rule.note(
            span,
            "this rule would match every error",
            "Say status = 409, where = { .. } or headers = { .. }.",
        );
    }
    means.map(|_| out)
}

/// `409`, `[400, 422]`, `"5xx"`.
pub(super) fn statuses(rule: &mut Section<'_, '_, '_>) -> Vec<(u16, u16)> {
    let span = rule.raw("status").map(|node| node.span()).unwrap_or_default();
    let mut ranges = Vec::new();
    for text in rule.texts("status") {
        let range = match text.strip_suffix("xx").and_then(|first| first.parse::<u16>().ok()) {
            Some(first @ 1..=9) => Some((first * 100, first * 100 + 99)),
            _ => text
                .parse::<u16>()
                .ok()
                .filter(|status| (100..600).contains(status))
                .map(|status| (status, status)),
        };
        match range {
            Some(range) => ranges.push(range),
            None => rule.note(
                span.clone(),
                format!("`{text}` is no HTTP status"),
                "Write 409, [400, 422] or \"5xx\".",
            ),
        }
    }
    ranges
}
