//! From a tree to any serde type, mistake after mistake.

use std::collections::BTreeSet;

use serde::de::{DeserializeOwned, Deserializer, Error as _, Unexpected, Visitor};

use super::{
    DIAGNOSTICS_MAX, Diagnostic, Document,
    access::{Entries, Items, Word},
    error::{Error, Kind},
    scalar::{Plain, resolve},
    tree::{Entry, Id, Node, Scalar, Value},
    words,
};

/// Reads the document. What is wrong is told, left out, and the rest is read again, until nothing
/// more is wrong; so the value is there only if nothing was.
pub(super) fn read<T: DeserializeOwned>(
    document: &Document,
    wrong: &mut Vec<Diagnostic>,
) -> Option<T> {
    let mut left_out = BTreeSet::new();
    while wrong.len() < DIAGNOSTICS_MAX {
        let reader = Reader { node: &document.root, left_out: &left_out };
        let error = match T::deserialize(reader) {
            Ok(value) => return left_out.is_empty().then_some(value),
            Err(error) => error,
        };
        let at = error.at().unwrap_or(document.root.id);
        // What lacks a part that was left out is a consequence, and not told.
        let follows = left_out.iter().any(|id: &Id| document.nodes[id.0].1 == Some(at));
        if !follows {
            wrong.push(error.into_diagnostic(document, at));
        }
        if at == document.root.id || !left_out.insert(at) {
            return None;
        }
    }
    None
}

#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) node: &'a Node,
    pub(super) left_out: &'a BTreeSet<Id>,
}

impl<'a> Reader<'a> {
    fn plain(self) -> Option<Plain<'a>> {
        match &self.node.value {
            Value::Scalar(Scalar { text, plain: true }) => Some(resolve(text)),
            Value::Scalar(Scalar { text, plain: false }) => Some(Plain::Text(text)),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    fn unexpected(self) -> Unexpected<'a> {
        match (&self.node.value, self.plain()) {
            (Value::Sequence(_), _) => Unexpected::Seq,
            (Value::Mapping(_), _) | (_, None) => Unexpected::Map,
            (_, Some(Plain::Null)) => Unexpected::Unit,
            (_, Some(Plain::Bool(value))) => Unexpected::Bool(value),
            (_, Some(Plain::Unsigned(value))) => Unexpected::Unsigned(value),
            (_, Some(Plain::Signed(value))) => Unexpected::Signed(value),
            (_, Some(Plain::Float(value))) => Unexpected::Float(value),
            (_, Some(Plain::Text(value))) => Unexpected::Str(value),
        }
    }

    fn wrong<'de, V: Visitor<'de>>(self, visitor: &V) -> Error {
        self.told(Error::invalid_type(self.unexpected(), visitor))
    }

    /// A mistake in this node, unless it is known to be in a part of it.
    fn told(self, error: Error) -> Error {
        let error = match &self.node.value {
            Value::Scalar(Scalar { text, .. }) => error.quoting(text),
            Value::Sequence(_) | Value::Mapping(_) => error,
        };
        error.or_at(self.node.id)
    }

    /// Says what would have been right where the visitor cannot.
    fn wanted(self, wanted: String) -> Error {
        struct Text(String);
        impl serde::de::Expected for Text {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        self.told(Error::invalid_type(self.unexpected(), &Text(wanted)))
    }

    pub(super) fn sequence<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Value::Sequence(items) = &self.node.value else { return Err(self.wrong(&visitor)) };
        let mut items = Items { items: items.iter(), left_out: self.left_out };
        let value = visitor.visit_seq(&mut items).map_err(|error| error.or_at(self.node.id))?;
        match items.next() {
            None => Ok(value),
            Some(further) => {
                let kind = Kind::Custom("the list is too long: this is one too many".to_owned());
                Err(Error::new(further.id, kind))
            }
        }
    }

    pub(super) fn mapping<'de, V: Visitor<'de>>(
        self,
        visitor: V,
        known: &'static [&'static str],
    ) -> Result<V::Value, Error> {
        let Value::Mapping(entries) = &self.node.value else { return Err(self.wrong(&visitor)) };
        let mut entries = Entries { rest: entries.iter(), value: None, left_out: self.left_out };
        let value = visitor.visit_map(&mut entries).map_err(|error| error.or_at(self.node.id))?;
        // A type that reads one key alone, such as an enum, leaves the rest.
        match entries.next() {
            None => Ok(value),
            Some(Entry { key, .. }) => {
                Err(Error::new(key.id, Kind::SecondKey { key: key.text.clone(), known }))
            }
        }
    }
}

macro_rules! as_it_stands {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.plain() {
                Some(Plain::Bool(value)) => visitor.visit_bool(value),
                Some(Plain::Unsigned(value)) => visitor.visit_u64(value),
                Some(Plain::Signed(value)) => visitor.visit_i64(value),
                Some(Plain::Float(value)) => visitor.visit_f64(value),
                Some(Plain::Text(_) | Plain::Null) | None => Err(self.wrong(&visitor)),
            }
            .map_err(|error| self.told(error))
        }
    )*};
}

macro_rules! as_text {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let id = self.node.id;
            match self.plain() {
                Some(Plain::Text(text)) => {
                    visitor.visit_str(text).map_err(|error: Error| error.or_at(id))
                }
                _ => Err(self.wrong(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    as_it_stands! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }
    as_text! {
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let id = self.node.id;
        match (&self.node.value, self.plain()) {
            (Value::Sequence(_), _) => self.sequence(visitor),
            (Value::Mapping(_), _) | (_, None) => self.mapping(visitor, &[]),
            (_, Some(Plain::Null)) => visitor.visit_unit().map_err(|e: Error| e.or_at(id)),
            (_, Some(Plain::Text(text))) => visitor.visit_str(text).map_err(|e: Error| e.or_at(id)),
            (_, Some(_)) => self.deserialize_u64(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // A key without a value is a slip, never a way to leave it out: what is wanted says so.
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.plain() {
            Some(Plain::Null) => visitor.visit_unit(),
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let id = self.node.id;
        visitor.visit_newtype_struct(self).map_err(|error| error.or_at(id))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.sequence(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.sequence(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.sequence(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.mapping(visitor, &[])
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if !matches!(self.node.value, Value::Mapping(_)) {
            let keys = words::list(fields.iter().copied());
            return Err(self.wanted(format!("a mapping with the keys {keys}")));
        }
        self.mapping(visitor, fields)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let id = self.node.id;
        let one_of = || format!("one of {}", words::list(variants.iter().copied()));
        let word = match &self.node.value {
            Value::Scalar(scalar) if self.plain() != Some(Plain::Null) => {
                Word { text: &scalar.text, id, value: None }
            }
            Value::Scalar(_) | Value::Sequence(_) => return Err(self.wanted(one_of())),
            Value::Mapping(entries) => {
                let mut entries =
                    Entries { rest: entries.iter(), value: None, left_out: self.left_out };
                let Some(Entry { key, value }) = entries.next() else {
                    return Err(self.wanted(one_of()));
                };
                if let Some(Entry { key, .. }) = entries.next() {
                    let kind = Kind::SecondKey { key: key.text.clone(), known: variants };
                    return Err(Error::new(key.id, kind));
                }
                let value = Some(Self { node: value, ..self });
                Word { text: &key.text, id: key.id, value }
            }
        };
        visitor.visit_enum(word).map_err(|error| error.or_at(id))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}
