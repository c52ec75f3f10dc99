//! The pooling that `pool_type`, `pool_size` and `pool_stride` describe together.

use crate::model::error::ModelError;
use crate::model::layer::{Parameter, Parameters};
use crate::model::operation::Pooling;
use crate::model::shape::Pair;
use alloc::format;

/// The sizes of a pooling without windows; as a stride of windows, it means their size.
const WHOLE: Parameter = Parameter::Pair(-1, -1);

/// The pooling of a layer with these parameters.
pub(super) fn of(parameters: &Parameters) -> Result<Pooling, ModelError> {
    #[derive(Clone, Copy)]
    enum Kind {
        None,
        Max,
        Average,
    }
    let kinds = [
        ("NoPooling", Kind::None),
        ("Max", Kind::Max),
        ("Average", Kind::Average),
    ];
    match parameters.word("pool_type", kinds)? {
        Kind::None => {
            let remedy = "for max pooling add pool_type=PoolType.Max";
            check_absent(parameters, "NoPooling", remedy)?;
            Ok(Pooling::None)
        }
        Kind::Average => {
            let remedy = "average pooling is global, over the whole map";
            check_absent(parameters, "Average", remedy)?;
            Ok(Pooling::GlobalAverage)
        }
        Kind::Max => {
            let size = window(parameters, "pool_size")?;
            let stride = match parameters.get("pool_stride") {
                Some(&WHOLE) => size,
                _ => window(parameters, "pool_stride")?,
            };
            Ok(Pooling::Max { size, stride })
        }
    }
}

/// Adds `pool_size`, `pool_type` and `pool_stride`.
pub(super) fn add_to(parameters: Parameters, pooling: Pooling) -> Parameters {
    let (kind, size, stride) = match pooling {
        Pooling::None => ("NoPooling", WHOLE, WHOLE),
        Pooling::GlobalAverage => ("Average", WHOLE, WHOLE),
        Pooling::Max { size, stride } => ("Max", size.into(), stride.into()),
    };
    parameters
        .with("pool_size", size)
        .with("pool_type", kind)
        .with("pool_stride", stride)
}

/// The sizes of a window of max pooling.
fn window(parameters: &Parameters, name: &'static str) -> Result<Pair, ModelError> {
    parameters.pair(name).map_err(|_| {
        let allowed = "two positive numbers with pool_type Max";
        refused(parameters, name, allowed)
    })
}

/// Refuses sizes that are given for a pooling without windows.
fn check_absent(
    parameters: &Parameters,
    kind: &str,
    remedy: &'static str,
) -> Result<(), ModelError> {
    for name in ["pool_size", "pool_stride"] {
        if parameters.get(name) != Some(&WHOLE) {
            let allowed = format!("(-1, -1) with pool_type {kind}");
            return Err(refused(parameters, name, &allowed).with_remedy(remedy));
        }
    }
    Ok(())
}

fn refused(parameters: &Parameters, name: &'static str, allowed: &str) -> ModelError {
    match parameters.get(name) {
        Some(received) => ModelError::parameter(name, allowed, received),
        None => ModelError::parameter(name, allowed, "nothing"),
    }
}
