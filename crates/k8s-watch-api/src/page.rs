//! A page of a list, read object by object.
//!
//! As trees, the objects of a page take twenty times the memory of its text; one at a time does.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads a page, and hands over its objects in order.
///
/// # Errors
/// It is no list. A page without `items` is no empty one: whatever that answer is, nothing may be deleted by it.
pub(crate) fn read(text: &str, mut each: impl FnMut(Value)) -> Result<ListMeta, serde_json::Error> {
    let mut source = serde_json::Deserializer::from_str(text);
    let metadata = Page(&mut each).deserialize(&mut source)?;
    source.end()?;
    Ok(metadata)
}

struct Page<'f, F>(&'f mut F);

struct Items<'f, F>(&'f mut F);

impl<'de, F: FnMut(Value)> DeserializeSeed<'de> for Page<'_, F> {
    type Value = ListMeta;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<ListMeta, D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de, F: FnMut(Value)> Visitor<'de> for Page<'_, F> {
    type Value = ListMeta;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<ListMeta, A::Error> {
        let (mut metadata, mut has_items) = (ListMeta::default(), false);
        while let Some(key) = fields.next_key::<String>()? {
            match key.as_str() {
                "metadata" => metadata = fields.next_value()?,
                "items" => {
                    fields.next_value_seed(Items(&mut *self.0))?;
                    has_items = true;
                }
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        if has_items { Ok(metadata) } else { Err(A::Error::missing_field("items")) }
    }
}

impl<'de, F: FnMut(Value)> DeserializeSeed<'de> for Items<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Value)> Visitor<'de> for Items<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element_seed(Lean::Object)? {
            (self.0)(item);
        }
        Ok(())
    }
}

/// A value without who last wrote which field: that is the larger part of many objects.
#[derive(Clone, Copy)]
enum Lean {
    Object,
    Metadata,
}

impl<'de> DeserializeSeed<'de> for Lean {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lean {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            let value = match (self, key.as_str()) {
                (Self::Object, "metadata") => fields.next_value_seed(Self::Metadata)?,
                (Self::Metadata, "managedFields") => {
                    fields.next_value::<IgnoredAny>()?;
                    continue;
                }
                _ => fields.next_value()?,
            };
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(Value::Array)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_come_in_order_and_the_rest_is_told() {
        let text = r#"{"kind": "IngressList", "metadata": {"continue": "c", "resourceVersion": "7"},
                       "items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]}"#;
        let mut names = Vec::new();
        let metadata = read(text, |item| names.push(item["metadata"]["name"].to_string())).unwrap();
        assert_eq!(names, [r#""a""#, r#""b""#]);
        assert_eq!((metadata.continue_.as_deref(), metadata.resource_version.as_deref()), (Some("c"), Some("7")));
    }

    #[test]
    fn who_wrote_which_field_is_not_read() {
        let text = r#"{"items": [{"metadata": {"name": "a", "managedFields": [{"manager": "x"}], "uid": "u"},
                       "spec": {"managedFields": [1, -1, 0.5, true, null, "s"]}}, [1], 2, -2, 0.5, true, null, "s"]}"#;
        let mut items = Vec::new();
        read(text, |item| items.push(item)).unwrap();
        let first =
            json!({"metadata": {"name": "a", "uid": "u"}, "spec": {"managedFields": [1, -1, 0.5, true, null, "s"]}});
        assert_eq!(items, [first, json!([1]), json!(2), json!(-2), json!(0.5), json!(true), json!(null), json!("s")]);
    }

    #[test]
    fn an_answer_that_is_no_list_is_no_empty_list() {
        for text in ["{}", r#"{"items": null}"#, r#"{"items": {}}"#, "[]", r#"{"items": []} x"#, r#"{"items": [1"#] {
            assert!(read(text, |_| {}).is_err(), "{text}");
        }
    }
}
