//! Who may call, and how often.

use crate::support::{V3, desk};
use serde_json::{Value, json};

#[tokio::test]
async fn limits_are_told_in_headers_and_searches_have_their_own() {
    let desk = desk(1).await;
    for left in (0..190).rev() {
        let answer = desk.hubspot("GET", V3, Value::Null).await;
        assert_eq!(
            (answer.status, answer.header("x-hubspot-ratelimit-remaining")),
            (200, left.to_string().as_str())
        );
    }
    let over = desk.hubspot("GET", V3, Value::Null).await;
    assert_eq!(
        (over.status, &over.body["policyName"], &over.body["errorType"]),
        (429, &json!("TEN_SECONDLY_ROLLING"), &json!("RATE_LIMIT"))
    );
    assert_eq!(
        (
            over.header("x-hubspot-ratelimit-max"),
            over.header("x-hubspot-ratelimit-interval-milliseconds")
        ),
        ("190", "10000")
    );
    assert_eq!(
        (
            over.header("x-hubspot-ratelimit-daily"),
            over.header("x-hubspot-ratelimit-daily-remaining")
        ),
        ("650000", "649810")
    );
    let path = format!("{V3}/search");
    for _ in 0..4 {
        let found = desk.hubspot("POST", &path, json!({})).await;
        assert_eq!((found.status, found.header("x-hubspot-ratelimit-remaining")), (200, ""));
    }
    let over = desk.hubspot("POST", &path, json!({})).await;
    assert_eq!((over.status, &over.body["policyName"]), (429, &json!("SECONDLY")));
    desk.advance(1_000);
    assert_eq!(desk.hubspot("POST", &path, json!({})).await.status, 200);
    desk.advance(9_000);
    assert_eq!(desk.hubspot("GET", V3, Value::Null).await.status, 200);
}

#[tokio::test]
async fn only_its_tokens_open_the_door() {
    let desk = desk(1).await;
    let path = format!("/hubspot/{V3}");
    assert_eq!(
        desk.raw("GET", &path, &[("authorization", "Bearer nope".into())], String::new())
            .await
            .status,
        401
    );
    let form = [("content-type", "application/x-www-form-urlencoded".to_owned())];
    let refused = desk
        .raw(
            "POST",
            "/hubspot/oauth/v1/token",
            &form,
            "grant_type=refresh_token".into(),
        )
        .await;
    assert_eq!(refused.status, 400);
    let body = "grant_type=refresh_token&client_id=app&client_secret=s&refresh_token=r-1".to_owned();
    let given = desk.raw("POST", "/hubspot/oauth/v1/token", &form, body).await;
    assert_eq!(
        (&given.body["expires_in"], &given.body["refresh_token"]),
        (&json!(1_800), &json!("r-1"))
    );
    let bearer = [(
        "authorization",
        format!("Bearer {}", given.body["access_token"].as_str().unwrap()),
    )];
    assert_eq!(desk.raw("GET", &path, &bearer, String::new()).await.status, 200);
    desk.advance(1_800_000);
    assert_eq!(desk.raw("GET", &path, &bearer, String::new()).await.status, 401);
}
