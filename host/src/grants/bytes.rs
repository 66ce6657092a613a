//! Bytes in JSON: a string where they are UTF-8, `{"base64": "…"}` where they are not.
//! For `#[serde(with = "crate::grants::bytes")]`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Text(String),
    Base64 { base64: String },
}

/// Writes bytes.
pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => Form::Base64 { base64: STANDARD.encode(bytes) }.serialize(serializer),
    }
}

/// Reads them back.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    match Form::deserialize(deserializer)? {
        Form::Text(text) => Ok(text.into_bytes()),
        Form::Base64 { base64 } => STANDARD.decode(base64).map_err(D::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Holder(#[serde(with = "super")] Vec<u8>);

    #[test]
    fn all_bytes_come_back() {
        for bytes in [b"".to_vec(), b"plain \xc3\xa4\n".to_vec(), (0..=255).collect(), b"{\"base64\":\"\"}".to_vec()] {
            let holder = Holder(bytes);
            let json = serde_json::to_string(&holder).unwrap();
            assert_eq!(serde_json::from_str::<Holder>(&json).unwrap(), holder, "{json}");
        }
    }
}
