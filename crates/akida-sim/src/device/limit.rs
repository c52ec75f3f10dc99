//! A limit: what is allowed, and who says so.

use super::fact::Standing;
use crate::{Padding, Pair};
use core::fmt;

/// The largest number of filters of a layer with a given kernel and number of image channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterLimit {
    /// The height and the width of the kernel, which are the same.
    pub kernel: usize,
    /// The number of image channels.
    pub channels: usize,
    /// The largest number of filters.
    pub filters: usize,
}

/// The values that a limit allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Allowed {
    /// One of these numbers.
    OneOf(&'static [usize]),
    /// From the first to the second, both allowed.
    Range(usize, usize),
    /// This number or more.
    AtLeast(usize),
    /// This number or less.
    AtMost(usize),
    /// One of these sizes: (height, width).
    Sizes(&'static [Pair]),
    /// One of these paddings.
    Paddings(&'static [Padding]),
    /// At most so many filters, by kernel and channels.
    Filters(&'static [FilterLimit]),
    /// One of these layer types, these words or this property.
    Words(&'static [&'static str]),
    /// A signed integer of so many bits.
    Signed(u32),
    /// An unsigned fixed-point number: its number of bits, and how many of them stand after the point.
    Unsigned(u32, u32),
}

/// A limit of a chip with its source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// The stable name of the rule: the parameter or property that the limit rules, e.g. `"kernel_size"`.
    pub rule: &'static str,
    /// What is allowed.
    pub allowed: Allowed,
    /// How well the limit is known.
    pub standing: Standing,
    /// Where the limit is from. Where revisions of a page disagree, the source says which revision.
    pub source: &'static str,
}

impl Limit {
    pub(super) const fn stated(rule: &'static str, allowed: Allowed, source: &'static str) -> Self {
        Self {
            rule,
            allowed,
            standing: Standing::Stated,
            source,
        }
    }

    pub(super) const fn inferred(
        rule: &'static str,
        allowed: Allowed,
        source: &'static str,
    ) -> Self {
        Self {
            rule,
            allowed,
            standing: Standing::Inferred,
            source,
        }
    }
}

impl Allowed {
    /// The allowed number nearest to `received`, the smaller of two. An allowed number is nearest to itself.
    ///
    /// `None` for limits on other things than numbers.
    #[must_use]
    pub fn nearest(&self, received: usize) -> Option<usize> {
        match *self {
            Self::OneOf(values) => values
                .iter()
                .copied()
                .min_by_key(|&v| (v.abs_diff(received), v)),
            Self::Range(min, max) => Some(received.clamp(min, max)),
            Self::AtLeast(min) => Some(received.max(min)),
            Self::AtMost(max) => Some(received.min(max)),
            _ => None,
        }
    }

    /// The allowed size nearest to `received`, the smaller of two.
    #[must_use]
    pub fn nearest_size(&self, received: Pair) -> Option<Pair> {
        let Self::Sizes(sizes) = *self else {
            return None;
        };
        let distance = |s: &Pair| s.x.abs_diff(received.x) + s.y.abs_diff(received.y);
        sizes
            .iter()
            .copied()
            .min_by_key(|s| (distance(s), s.cells()))
    }

    /// The largest number of filters for a kernel and a number of channels; `None` where the limit says none.
    #[must_use]
    pub fn filters(&self, kernel: Pair, channels: usize) -> Option<usize> {
        let Self::Filters(table) = *self else {
            return None;
        };
        let row = |r: &&FilterLimit| Pair::square(r.kernel) == kernel && r.channels == channels;
        table.iter().find(row).map(|r| r.filters)
    }
}

/// Values separated by commas.
fn list<T>(
    f: &mut fmt::Formatter<'_>,
    values: &[T],
    show: impl Fn(&T, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    if values.len() > 1 {
        f.write_str("one of ")?;
    }
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        show(value, f)?;
    }
    Ok(())
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OneOf(values) => list(f, values, |v, f| write!(f, "{v}")),
            Self::Range(min, max) => write!(f, "in {min}..={max}"),
            Self::AtLeast(min) => write!(f, "at least {min}"),
            Self::AtMost(max) => write!(f, "at most {max}"),
            Self::Sizes(sizes) => list(f, sizes, |s, f| write!(f, "{s}")),
            Self::Paddings(paddings) => list(f, paddings, |p, f| write!(f, "{p:?}")),
            Self::Words(words) => list(f, words, |w, f| f.write_str(w)),
            Self::Signed(bits) => write!(f, "a {bits}-bit signed integer"),
            Self::Unsigned(bits, 0) => write!(f, "a {bits}-bit unsigned integer"),
            Self::Unsigned(bits, fraction) => {
                write!(
                    f,
                    "a {bits}-bit unsigned integer when multiplied by {}",
                    1u64 << fraction
                )
            }
            Self::Filters(rows) => {
                f.write_str("at most ")?;
                for (i, r) in rows.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    let (k, plural) = (r.kernel, if r.channels == 1 { "" } else { "s" });
                    write!(f, "{} ({k}x{k}, {} channel{plural})", r.filters, r.channels)?;
                }
                Ok(())
            }
        }
    }
}
