use std::time::Instant;

use super::*;

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).unwrap()
}

fn at(place: &str, json: &str) -> Option<String> {
    let rule = Rule::Pointer(pointer(place));
    rule.find(&Message::from(json)).map(|id| id.to_string())
}

fn is(id: &str) -> Option<String> {
    Some(format!("i:{id}"))
}

#[test]
fn a_number_keeps_its_text() {
    for number in ["18446744073709551615", "9007199254740993", "-1", "1.50", "1e3", "0"] {
        assert_eq!(at("/seq", &format!(r#"{{"a":{{"seq":7}},"seq":{number} }}"#)), is(number));
    }
}

#[test]
fn a_string_is_its_content() {
    assert_eq!(at("/id", r#"{"id":"a b"}"#), is("a b"));
    assert_eq!(at("/id", r#"{"id":"a\"\\\u00e9"}"#), is("a\"\\é"));
    assert_eq!(at("/id", r#"{"id":"12"}"#), is("12"));
}

#[test]
fn other_values_are_no_id() {
    for value in ["{}", "[1]", "null", "true", "false", r#""""#, r#""\ud800""#, ""] {
        assert_eq!(at("/id", &format!(r#"{{"id":{value}}}"#)), None, "{value}");
    }
    for json in ["", "pong", "[1,2]", "7", r#"{"other":1}"#, r#"{"other":1,"#, r#"{"id""#] {
        assert_eq!(at("/id", json), None, "{json}");
    }
}

#[test]
fn a_pointer_follows_keys_and_indexes() {
    let json = r#" {"d":[{"seq":1},{"seq":2,"x":{"":3}}],"a/b":4,"m~n":5,"\u006b":6,"d2":[]}"#;
    for (place, id) in [
        ("/d/0/seq", is("1")),
        ("/d/1/seq", is("2")),
        ("/d/1/x/", is("3")),
        ("/a~1b", is("4")),
        ("/m~0n", is("5")),
        ("/k", is("6")),
        ("/d/2/seq", None),
        ("/d/01/seq", None),
        ("/d/-", None),
        ("/d/+1/seq", None),
        ("/d/99999999999999999999/seq", None),
        ("/d2/0", None),
        ("/d/seq", None),
        ("/a~1b/c", None),
    ] {
        assert_eq!(at(place, json), id, "{place}");
        assert_eq!(pointer(place).to_string(), place);
    }
    assert_eq!(at("", "17"), is("17"));
}

#[test]
fn the_first_of_equal_keys_counts_and_the_rest_is_not_read() {
    assert_eq!(at("/id", r#"{"id":1,"id":2}"#), is("1"));
    assert_eq!(at("/id/x", r#"{"id":1,"id":{"x":2}}"#), None);
    assert_eq!(at("/id", r#"{"id":1, this is no JSON"#), is("1"));
}

#[test]
fn deep_messages_have_no_id_and_do_not_overflow_the_stack() {
    let deep = "[".repeat(1_000_000);
    assert_eq!(at("/id", &format!(r#"{{"a":{deep}"#)), None);
    assert_eq!(at(&"/0".repeat(10_000), &deep), None);
}

#[test]
fn a_text_that_is_no_pointer_is_refused_with_the_reason() {
    assert_eq!(Pointer::parse("seq"), Err(PointerError::Slash));
    assert_eq!(Pointer::parse("/a~2"), Err(PointerError::Tilde));
    assert_eq!(Pointer::parse("/a~"), Err(PointerError::Tilde));
}

#[test]
fn bytes_are_hexadecimal_and_only_of_binary_messages() {
    let rule = Rule::Bytes { from: 1, to: 3 };
    let find = |message: Message| rule.find(&message).map(|id| id.to_string());
    assert_eq!(find(Message::from([0, 0x0a, 0xff, 9])), is("0aff"));
    assert_eq!(find(Message::from([0, 1])), None);
    assert_eq!(find(Message::from("abcd")), None);
    let message = Message::from([1, 2, 3]);
    assert_eq!(Rule::Pointer(pointer("/0")).find(&message), None);
    assert_eq!(Rule::Bytes { from: 2, to: 1 }.find(&message), None);
}

#[test]
fn an_id_that_a_header_cannot_hold_is_hashed() {
    let long = "x".repeat(LONGEST + 1);
    let ids = ["a\\r\\nB: c", "\\u0007", " a", "a ", "#1", &long, "\\u0085"];
    let mut seen = Vec::new();
    for id in ids {
        let id = at("/id", &format!(r#"{{"id":"{id}"}}"#)).unwrap();
        assert_eq!(id.len(), "i:#".len() + 32, "{id}");
        assert!(id.starts_with("i:#") && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
        assert!(!seen.contains(&id), "{id}");
        seen.push(id);
    }
    let fits = "x".repeat(LONGEST);
    assert_eq!(at("/id", &format!(r#"{{"id":"{fits}"}}"#)), is(&fits));
    let binary = Message::from(vec![7; 200]);
    let hashed = Rule::Bytes { from: 0, to: 101 }.find(&binary).unwrap().to_string();
    assert!(hashed.starts_with("i:#"), "{hashed}");
    let plain = Rule::Bytes { from: 0, to: 100 }.find(&binary).unwrap().to_string();
    assert_eq!(plain, format!("i:{}", "07".repeat(100)));
}

#[test]
fn the_hash_of_a_message_covers_its_kind_and_stays_in_all_versions() {
    let find = |message: Message| Rule::Hash.find(&message).unwrap().to_string();
    assert_eq!(find("price".into()), find("price".into()));
    assert_ne!(find("price".into()), find(b"price".into()));
    assert_ne!(find("price".into()), find("prices".into()));
    // Workers of two versions must make the same hash.
    assert_eq!(find("price".into()), "h:f60b853e7fc41bbdf692075abf776bf3");
    assert_eq!(find(b"price".into()), "h:14963b16d8b600095d5d21527360066c");
    assert_eq!(Rule::None.find(&"price".into()), None);
}

/// Run with `cargo test --release -- --ignored --nocapture pointers_are_faster`.
#[test]
#[ignore = "prints times, which depend on the machine"]
fn pointers_are_faster_than_a_tree_of_the_message() {
    let levels =
        (0..10).map(|n| format!(r#"["100{n}.25","0.{n}1"]"#)).collect::<Vec<_>>().join(",");
    let first = format!(r#"{{"seq":9007199254740993,"bids":[{levels}],"asks":[{levels}]}}"#);
    let last = format!(r#"{{"bids":[{levels}],"asks":[{levels}],"seq":9007199254740993}}"#);
    let pointer = pointer("/seq");
    let tree = |json: &str| {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        value.pointer("/seq").unwrap().to_string()
    };
    let time = |of: &dyn Fn() -> String| {
        let mut times: Vec<_> = (0..5)
            .map(|_| {
                let begun = Instant::now();
                for _ in 0..20_000 {
                    assert_eq!(of().len(), 16);
                }
                begun.elapsed() / 20_000
            })
            .collect();
        times.sort();
        times[2]
    };
    for (name, json) in [("first", &first), ("last", &last)] {
        let walked = time(&|| pointer.find(json).unwrap().into_owned());
        let built = time(&|| tree(json));
        println!("{} bytes, id {name}: pointer {walked:?}, tree {built:?}", json.len());
    }
}
