//! The value in the bucket of wishes.

use super::*;

fn one(json: &str) -> Subscription {
    Subscription::from_json(json.as_bytes()).unwrap()
}

fn wrong(json: &str) -> String {
    Subscription::from_json(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn each_subscription_of_a_file_is_the_same_in_json() {
    for subscription in Config::parse(FULL).unwrap().subscriptions {
        let json = subscription.to_json();
        assert_eq!(Subscription::from_json(&json).as_ref(), Ok(&subscription));
        // As a part of another value.
        let text = serde_json::to_string(&[&subscription]).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Subscription>>(&text).unwrap(), [subscription]);
    }
}

#[test]
fn the_json_has_the_keys_of_the_table() {
    let table = "[[subscription]]\nname = 'a'\nurl = { env = 'URL' }\nid = { bytes = [1, 9] }";
    let json = String::from_utf8(subscriptions(table)[0].to_json()).unwrap();
    assert_eq!(
        json,
        r#"{"commands":false,"headers":{},"heartbeat":{"interval":"15s","timeout":"10s"},"#
            .to_owned()
            + r#""id":{"bytes":[1,9]},"kind":"overlap","name":"a","on_full":"block","open":[],"#
            + r#""oversize":"skip","ready":"message","replicas":1,"resend":0,"subprotocols":[],"#
            + r#""url":{"env":"URL"},"without_id":"publish"}"#
    );
}

#[test]
fn keys_of_other_versions_are_ignored_and_absent_ones_have_defaults() {
    let small = one(r#"{"name":"a","url":"wss://example.org","id":"hash"}"#);
    assert_eq!((&small.kind, small.resend), (&Kind::Overlap { owners: 1 }, 0));
    let newer = r#"{"name":"a","url":"wss://example.org","id":"hash","priority":{"x":[1,null]},
        "heartbeat":{"jitter":"1s"},"resend":null}"#;
    assert_eq!(one(newer), small);
}

#[test]
fn a_value_of_the_bucket_is_checked_as_a_file_is() {
    assert_eq!(wrong("{\n\"a\""), "the subscription is no JSON (line 2, column 3)");
    assert_eq!(wrong("null"), "the subscription is no JSON (line 1, column 1)");
    assert_eq!(wrong("[]"), "the subscription is wrong: must be a table, and is a list");
    assert_eq!(
        wrong(
            r#"{"name":"a.b","url":"https://example.org/s3cret","kind":"exclusive","replicas":2}"#
        ),
        "the subscription is wrong: \
         name is no name: use letters A-Z and a-z, digits, `_` and `-`, at most 64 of them; \
         url is not valid: the URL must begin with ws:// (not http://) or wss:// (not https://); \
         replicas must be 1 unless `kind` is \"overlap\""
    );
    assert_eq!(
        wrong(r#"{"name":"a","url":"ws://a","kind":"quorum"}"#),
        "the subscription is wrong: kind must be one of overlap, resume, exclusive"
    );
    let deep = "[".repeat(100_000);
    assert!(matches!(
        Subscription::from_json(deep.as_bytes()),
        Err(SubscriptionError::Json { .. })
    ));
}

#[test]
fn a_name_in_the_bucket_fills_its_places() {
    let json = r#"{"name":"a","url":"wss://example.org/{{name}}","kind":"exclusive"}"#;
    assert_eq!(one(json).url, plain("wss://example.org/a"));
}
