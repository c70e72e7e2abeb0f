//! The parts of a list, of a mapping and of an enum, as serde asks for them.

use std::collections::BTreeSet;

use serde::de::{
    DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::{
    error::{Error, Kind},
    read::Reader,
    tree::{Entry, Id, Key, Node},
};

pub(super) struct Items<'a> {
    pub(super) items: std::slice::Iter<'a, Node>,
    pub(super) left_out: &'a BTreeSet<Id>,
}

impl<'a> Items<'a> {
    pub(super) fn next(&mut self) -> Option<&'a Node> {
        self.items.find(|node| !self.left_out.contains(&node.id))
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.next() else { return Ok(None) };
        let reader = Reader { node, left_out: self.left_out };
        seed.deserialize(reader).map(Some).map_err(|error| error.or_at(node.id))
    }
}

pub(super) struct Entries<'a> {
    pub(super) rest: std::slice::Iter<'a, Entry>,
    pub(super) value: Option<&'a Node>,
    pub(super) left_out: &'a BTreeSet<Id>,
}

impl<'a> Entries<'a> {
    pub(super) fn next(&mut self) -> Option<&'a Entry> {
        self.rest.find(|Entry { key, value }| {
            !self.left_out.contains(&key.id) && !self.left_out.contains(&value.id)
        })
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some(Entry { key: Key { id, text, .. }, value }) = self.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(text.as_str().into_deserializer())
            .map(Some)
            .map_err(|error: Error| error.or_at(*id))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some(node) = self.value.take() else {
            return Err(Error::custom("a value was asked for before its key"));
        };
        let reader = Reader { node, left_out: self.left_out };
        seed.deserialize(reader).map_err(|error| error.or_at(node.id))
    }
}

/// A word of a closed list, alone or with its value.
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) id: Id,
    pub(super) value: Option<Reader<'a>>,
}

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let variant = seed
            .deserialize(self.text.into_deserializer())
            .map_err(|error: Error| error.or_at(self.id))?;
        Ok((variant, self))
    }
}

impl<'a> Word<'a> {
    fn value(self) -> Result<Reader<'a>, Error> {
        let Self { text, id, value } = self;
        value.ok_or_else(|| Error::new(id, Kind::NeedsValue(text.to_owned())))
    }
}

impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.value {
            None => Ok(()),
            Some(_) => Err(Error::new(self.id, Kind::TakesNoValue(self.text.to_owned()))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        let reader = self.value()?;
        seed.deserialize(reader).map_err(|error| error.or_at(reader.node.id))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.value()?.sequence(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value()?.mapping(visitor, fields)
    }
}
