//! Where the bytes of inner steps are cut.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, Serializer};

use super::{Step, flags::is_false};
use crate::{
    quantity::Time,
    short_forms,
    yaml::short::{Form, Never, Short},
};

/// Cuts what inner steps send: one of `at`, `every`, `inside`, `random` and `by` says where.
///
/// Each frame stays a chunk and a write of its own and is cut further, unless `joined` is set. A cut
/// inside a cut of the same level adds its places; the longer `gap` counts where both cut.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Before these bytes of what the inner steps send, counted from 0 over all their frames, in
    /// order; none where the list is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Vec<u64>>,
    /// After each so many bytes, counted anew in each frame. At the level `segment` the bytes of the
    /// chunk framing count too, those of the head do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Wherever one of these is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<Inside>,
    /// Into pieces of drawn sizes, anew in each frame; at the level `segment` counted as for
    /// `every`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random: Option<Random>,
    /// One word for the above, for the axis of a `matrix`: `none`, a number of bytes, or
    /// `inside_utf8`, `inside_crlf`, `inside_bom`, `inside_field`, `inside_json_escape`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<CutBy>,
    /// Whether the inner steps' bytes are joined first, so that the cuts alone decide what leaves
    /// together; pauses between them are then left out. Marks, heads, other cuts and waits for a
    /// cause cannot stand inside. `false` where it is left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub joined: bool,
    /// What is cut; `chunk` where it is left out.
    #[serde(default)]
    pub level: CutLevel,
    /// Time at each cut; none where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Time>,
    /// The steps whose bytes are cut.
    pub steps: Vec<Step>,
}

/// What a cut separates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CutLevel {
    /// HTTP chunks.
    #[default]
    Chunk,
    /// TCP segments.
    Segment,
}

/// What a cut falls inside of, at each place where it occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Inside {
    /// Between all bytes of each character of several bytes: one of three bytes is cut twice.
    Utf8,
    /// Between CR and LF.
    Crlf,
    /// Between all bytes of a byte order mark, wherever it stands.
    Bom,
    /// In the middle of the name of a field (`da|ta: `): what stands before the colon of a line, or
    /// a whole line without colon. Comments and names of one letter are not cut.
    Field,
    /// Behind the backslash of an escape as JSON has it (`\|n`, `\|u00e9`), wherever one stands.
    JsonEscape,
}

/// Bounds of drawn sizes, in bytes, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Random {
    /// The smallest piece: 1 or more.
    pub min: u64,
    /// The largest piece.
    pub max: u64,
}

/// Where to cut, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutBy {
    /// Nowhere.
    Nothing,
    /// After each so many bytes of a frame.
    Bytes(u64),
    /// Wherever one of these is.
    Inside(Inside),
}

const INSIDES: [(&str, Inside); 5] = [
    ("inside_utf8", Inside::Utf8),
    ("inside_crlf", Inside::Crlf),
    ("inside_bom", Inside::Bom),
    ("inside_field", Inside::Field),
    ("inside_json_escape", Inside::JsonEscape),
];

impl From<Never> for CutBy {
    fn from(never: Never) -> Self {
        match never {}
    }
}

impl Short for CutBy {
    type Long = Never;
    const FORM: Form = Form::None;
    const NAME: &'static str = "CutBy";
    const WANTED: &'static str = "`none`, a number of bytes, `inside_utf8`, `inside_crlf`, \
                                  `inside_bom`, `inside_field` or `inside_json_escape`";

    fn text(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::Nothing);
        }
        let (_, inside) = INSIDES.iter().find(|(word, _)| *word == text)?;
        Some(Self::Inside(*inside))
    }

    fn number(number: u64) -> Option<Self> {
        Some(Self::Bytes(number))
    }

    fn short_schema(_: &mut SchemaGenerator) -> Vec<Schema> {
        let number = json_schema!({ "type": "integer", "minimum": 1 });
        let none = json_schema!({ "const": "none", "description": "Nowhere." });
        let insides = INSIDES.iter().map(|(word, _)| {
            let says = format!("As `inside: {}`.", word.trim_start_matches("inside_"));
            json_schema!({ "const": word, "description": says })
        });
        [number, none].into_iter().chain(insides).collect()
    }
}

impl Serialize for CutBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_str("none"),
            Self::Bytes(bytes) => serializer.serialize_u64(*bytes),
            Self::Inside(inside) => {
                let word = INSIDES.iter().find(|(_, one)| one == inside).map_or("none", |(w, _)| w);
                serializer.serialize_str(word)
            }
        }
    }
}

short_forms!(CutBy);
