use super::*;
use serde_json::json;

fn path(text: &str) -> Path {
    Path::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

fn read(text: &str, body: &Json) -> Option<Json> {
    path(text).read(body).unwrap().map(|leaf| match leaf {
        Leaf::One(one) => one.clone(),
        Leaf::List(list) => Json::from(list.to_vec()),
    })
}

fn set(text: &str, mut body: Json, leaf: Json) -> Json {
    path(text).set(&mut body, leaf).unwrap();
    body
}

fn clear(text: &str, mut body: Json) -> Json {
    path(text).clear(&mut body).unwrap();
    body
}

#[test]
fn conditions_choose_the_element() {
    let body = json!({"t": [
        "odd", {"s": "a", "u": "w", "v": 1}, {"s": "a", "v": 2}, {"s": "b", "n": 7, "on": true, "v": 3, "deep": [{"k": "x", "v": 4}]}
    ]});
    for (text, expected) in [
        ("t[s=a].v", json!(1)),
        ("t[s=a,u!=w].v", json!(2)),
        ("t[s=a,u=h?].v", json!(2)),
        ("t[s=a,u=w?].v", json!(1)),
        ("t[n=7].v", json!(3)),
        ("t[on=true].v", json!(3)),
        ("t[s=b].deep[k=x].v", json!(4)),
        ("t[1].v", json!(1)),
        ("t[s='b',u:=z].v", json!(3)),
        ("'t'[\"s\"=b].v", json!(3)),
    ] {
        assert_eq!(read(text, &body), Some(expected), "{text}");
    }
    for text in ["t[s=c].v", "t[9].v", "x.y.z", "t[s=a].deep[k=x].v"] {
        assert_eq!(read(text, &body), None, "{text}");
    }
    assert_eq!(path("t[s=a].v.w").read(&body), Err(WrongShape));
    assert_eq!(path("t.v").read(&body), Err(WrongShape));
}

#[test]
fn an_exact_element_is_preferred_to_one_that_only_lacks_the_member() {
    let body = json!({"name": [{"family": "Loose"}, {"use": "official", "family": "Exact"}]});
    assert_eq!(read("name[use=official?].family", &body), Some(json!("Exact")));
    assert_eq!(read("name[use=usual?].family", &body), Some(json!("Loose")));
}

#[test]
fn writing_creates_what_is_missing_in_the_order_of_the_conditions() {
    let made = set("a.t[s=x,u=h?,w!=q,y:=z].d[k=1,f=true,q='1'].v", json!({}), json!("new"));
    assert_eq!(
        made.to_string(),
        r#"{"a":{"t":[{"s":"x","u":"h","y":"z","d":[{"k":1,"f":true,"q":"1","v":"new"}]}]}}"#
    );
    assert_eq!(
        set("l[2].v", json!({"l": [{"v": 0}]}), json!(2)),
        json!({"l": [{"v": 0}, null, {"v": 2}]})
    );
    assert_eq!(set("a.b", json!({"a": null}), json!(1)), json!({"a": {"b": 1}}));
}

#[test]
fn writing_keeps_order_and_neighbours() {
    let body = json!({"z": 1, "t": [{"s": "a", "v": 1, "rank": 2}, {"s": "b"}], "a": 2});
    let after = set("t[s=a].v", body, json!(9));
    assert_eq!(
        after.to_string(),
        r#"{"z":1,"t":[{"s":"a","v":9,"rank":2},{"s":"b"}],"a":2}"#
    );
}

#[test]
fn clearing_prunes_only_what_the_conditions_explain() {
    for (text, before, after) in [
        (
            "t[s=a,u:=m].v",
            json!({"t": [{"s": "a", "u": "w", "v": 1}, {"s": "b"}]}),
            json!({"t": [{"s": "b"}]}),
        ),
        ("t[s=a].v", json!({"x": 1, "t": [{"s": "a", "v": 1}]}), json!({"x": 1})),
        (
            "t[s=a].v",
            json!({"t": [{"s": "a", "v": 1, "rank": 1}]}),
            json!({"t": [{"s": "a", "rank": 1}]}),
        ),
        // The second must not take the place of the first.
        (
            "t[s=a].v",
            json!({"t": [{"s": "a", "v": 1}, {"s": "a", "v": 2}]}),
            json!({"t": [{"s": "a"}, {"s": "a", "v": 2}]}),
        ),
        (
            "t[0].v",
            json!({"t": [{"v": 1}, {"v": 2}]}),
            json!({"t": [null, {"v": 2}]}),
        ),
        ("t[1].v", json!({"t": [null, {"v": 2}]}), json!({})),
        (
            "properties.a",
            json!({"properties": {"a": 1}}),
            json!({"properties": {}}),
        ),
        ("a.b.c", json!({"a": {"b": {"c": 1}}}), json!({"a": {}})),
        ("a.b", json!({"c": 1}), json!({"c": 1})),
        (
            "given[]",
            json!({"given": ["a"], "z": 1, "y": 2}),
            json!({"z": 1, "y": 2}),
        ),
    ] {
        assert_eq!(
            clear(text, before.clone()).to_string(),
            after.to_string(),
            "{text} in {before}"
        );
    }
}

#[test]
fn overlap_is_told_from_conditions() {
    let apart = [
        ("a.b", "a.c"),
        ("t[s=a].v", "t[s=b].v"),
        ("t[s=a].v", "t[s!=a].v"),
        ("t[s=a].v", "t[s=b?].v"),
        ("t[0].v", "t[1].v"),
        ("t[s=a].v", "t[s=a].w"),
        ("t[s=a,u=h].line[]", "t[s=a,u=w].line[]"),
    ];
    let together = [
        ("a", "a.b"),
        ("t[s=a].v", "t[s=a,u=b].v"),
        ("t[s=a?].v", "t[s=b?].v"),
        ("t[s=a?].v", "t[s!=a].v"),
        ("t[0].v", "t[s=a].v"),
        ("t[]", "t[0]"),
        ("t[s=a].v", "t[u=b].s"),
    ];
    for (one, other) in apart {
        assert!(
            !path(one).overlaps(&path(other)) && !path(other).overlaps(&path(one)),
            "{one} {other}"
        );
    }
    for (one, other) in together {
        assert!(
            path(one).overlaps(&path(other)) && path(other).overlaps(&path(one)),
            "{one} {other}"
        );
    }
}

#[test]
fn errors_say_where() {
    for (text, column, expected) in [
        ("", 1, "a member name"),
        ("a.", 3, "a member name"),
        ("a b", 2, "`.`, `[` or the end of the path"),
        ("a[", 3, "a position, `]` or a condition such as use=home"),
        ("a[x]", 4, "`=`, `!=` or `:=`"),
        ("a[x=]", 5, "a value"),
        ("a[x='y].v", 10, "the closing quote"),
        ("a[].b", 4, "the end of the path after `[]`"),
        ("a[1000]", 3, "a position below 100"),
        ("a[x=1]", 7, "`.` and a member of the element"),
    ] {
        let error = Path::parse(text).unwrap_err();
        assert_eq!((error.column, error.expected), (column, expected), "{text}: {error}");
    }
}
