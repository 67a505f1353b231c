//! One readable line per field: constructors and modifiers of [`Field`], all usable in a `static`.

use super::{Default, Field, Kind, MessageSchema};

impl Field {
    /// A field of `kind`: optional, changeable, without default.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            default: Default::Absent,
            min_nonzero: 0,
            required: false,
            immutable: false,
            sensitive: false,
            output_only: false,
            get_only: false,
        }
    }

    /// `true` or `false`.
    #[must_use]
    pub const fn bool(name: &'static str) -> Self {
        Self::new(name, Kind::Bool)
    }

    /// Integer in an inclusive range.
    #[must_use]
    pub const fn int(name: &'static str, min: i64, max: i64) -> Self {
        Self::new(name, Kind::Int { min, max })
    }

    /// 0, which is special, or an integer in an inclusive range above it.
    #[must_use]
    pub const fn zero_or_int(name: &'static str, min: i64, max: i64) -> Self {
        let mut field = Self::new(name, Kind::Int { min: 0, max });
        field.min_nonzero = min;
        field
    }

    /// Unsigned integer of 32 bits.
    #[must_use]
    pub const fn uint32(name: &'static str) -> Self {
        Self::int(name, 0, 4_294_967_295)
    }

    /// Unsigned integer; the API's 64 bits less the sign.
    #[must_use]
    pub const fn uint64(name: &'static str) -> Self {
        Self::int(name, 0, i64::MAX)
    }

    /// Floating point number.
    #[must_use]
    pub const fn float(name: &'static str) -> Self {
        Self::new(name, Kind::Float)
    }

    /// Text.
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, Kind::String)
    }

    /// One of these values.
    #[must_use]
    pub const fn one_of(name: &'static str, values: &'static [&'static str]) -> Self {
        Self::new(name, Kind::Enum(values))
    }

    /// Reference to an object of the API path `path`.
    #[must_use]
    pub const fn reference(name: &'static str, path: &'static str) -> Self {
        Self::new(name, Kind::Ref(path))
    }

    /// Nested message.
    #[must_use]
    pub const fn message(name: &'static str, message: &'static MessageSchema) -> Self {
        Self::new(name, Kind::Message(message))
    }

    /// List without limit, elements matched as whole values.
    #[must_use]
    pub const fn list(name: &'static str, of: &'static Kind) -> Self {
        Self::new(name, Kind::List { of, max: 0, key: None })
    }

    /// List of text.
    #[must_use]
    pub const fn texts(name: &'static str) -> Self {
        Self::list(name, &Kind::String)
    }

    /// Any JSON (level KEEP).
    #[must_use]
    pub const fn any(name: &'static str) -> Self {
        Self::new(name, Kind::Any)
    }

    /// Limits a list to `max` elements; nothing on other kinds.
    #[must_use]
    pub const fn at_most(mut self, max: usize) -> Self {
        if let Kind::List { of, key, .. } = self.kind {
            self.kind = Kind::List { of, max, key };
        }
        self
    }

    /// Names the natural key of a list's elements; nothing on other kinds.
    #[must_use]
    pub const fn keyed(mut self, key: &'static str) -> Self {
        if let Kind::List { of, max, .. } = self.kind {
            self.kind = Kind::List { of, max, key: Some(key) };
        }
        self
    }

    /// Default of a boolean.
    #[must_use]
    pub const fn or_bool(self, value: bool) -> Self {
        self.or(Default::Bool(value))
    }

    /// Default of an integer.
    #[must_use]
    pub const fn or_int(self, value: i64) -> Self {
        self.or(Default::Int(value))
    }

    /// Default of a text or an enum.
    #[must_use]
    pub const fn or_str(self, value: &'static str) -> Self {
        self.or(Default::Str(value))
    }

    /// Default of a reference: the object of this name.
    #[must_use]
    pub const fn or_named(self, name: &'static str) -> Self {
        self.or(Default::RefName(name))
    }

    /// Default of a nested message: itself with its own defaults.
    #[must_use]
    pub const fn or_message(self) -> Self {
        self.or(Default::Message)
    }

    /// Default of an integer: the value of a sibling.
    #[must_use]
    pub const fn or_same_as(self, sibling: &'static str) -> Self {
        self.or(Default::SameAs(sibling))
    }

    /// Required on create.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Fixed at create.
    #[must_use]
    pub const fn immutable(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// Write-only.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }

    /// Made by the controller.
    #[must_use]
    pub const fn output_only(mut self) -> Self {
        self.output_only = true;
        self
    }

    /// Shown by reads only.
    #[must_use]
    pub const fn get_only(mut self) -> Self {
        self.get_only = true;
        self
    }

    const fn or(mut self, default: Default) -> Self {
        self.default = default;
        self
    }
}

impl MessageSchema {
    /// The field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
