//! A value of a chip, where it comes from, and how well it is known.

/// How well a value of a chip is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Public documentation says so.
    Stated,
    /// The value follows from published figures.
    Inferred,
    /// Nothing public says it; a plausible value stands in.
    Assumed,
}

impl Standing {
    /// `"stated"`, `"inferred"` or `"assumed"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Inferred => "inferred",
            Self::Assumed => "assumed",
        }
    }
}

/// A value with where it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// How well the value is known.
    pub standing: Standing,
    /// Where the value is from, in words.
    pub source: &'static str,
}

impl<T> Fact<T> {
    pub(crate) const fn stated(value: T, source: &'static str) -> Self {
        Self {
            value,
            standing: Standing::Stated,
            source,
        }
    }

    pub(crate) const fn inferred(value: T, source: &'static str) -> Self {
        Self {
            value,
            standing: Standing::Inferred,
            source,
        }
    }

    pub(crate) const fn assumed(value: T, source: &'static str) -> Self {
        Self {
            value,
            standing: Standing::Assumed,
            source,
        }
    }
}
