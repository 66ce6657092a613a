//! Replies laid out flat, and calls and answers as recordings hold them.

use redis::Value;

use super::super::{Ask, Item, Node, Told, reply::flatten};
use super::fixture::{ask, line};

#[test]
fn a_nested_reply_comes_in_reading_order_with_depths() {
    let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
    let value = Value::Array(vec![
        Value::Int(-1),
        Value::Array(vec![text("a"), Value::Nil, Value::Array(Vec::new())]),
        Value::Okay,
        Value::SimpleString("PONG".to_owned()),
    ]);
    assert_eq!(line(&Ok(flatten(value).unwrap())), "[4] >-1 >[3] >>a >>nil >>[0] >+OK >+PONG");
}

#[test]
fn what_only_resp3_has_comes_as_resp2_would_say_it() {
    let pair = |key: &str, value| (Value::SimpleString(key.to_owned()), value);
    let value = Value::Map(vec![
        pair("a", Value::Double(1.5)),
        pair("b", Value::Boolean(true)),
        pair("c", Value::Set(vec![Value::BigNumber(b"123456789012345678901234567890".to_vec())])),
    ]);
    assert_eq!(line(&Ok(flatten(value).unwrap())), "[6] >+a >1.5 >+b >1 >+c >[1] >>123456789012345678901234567890");
    assert!(flatten(Value::Push { kind: redis::PushKind::Message, data: Vec::new() }).is_err());
}

#[test]
fn calls_and_answers_come_back_from_a_recording() {
    let asked = ask(&["GET", "a\0\n\u{e4}"]);
    let json = serde_json::to_string(&asked).unwrap();
    assert_eq!(serde_json::from_str::<Ask>(&json).unwrap(), asked, "{json}");
    let items = [
        Item::Array(4),
        Item::Nil,
        Item::Status("OK".into()),
        Item::Integer(i64::MIN),
        Item::Bulk((0..=255).collect()),
    ];
    let told =
        Told::Reply(items.into_iter().enumerate().map(|(n, item)| Node { depth: n.min(1) as u8, item }).collect());
    let json = serde_json::to_string(&told).unwrap();
    assert_eq!(serde_json::from_str::<Told>(&json).unwrap(), told, "{json}");
}
