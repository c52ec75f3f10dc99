use crate::model::{Shape, Weights};
use alloc::vec::Vec;

/// Potentials of a fully connected layer; the input is flattened with the first axis fastest (C6).
pub(super) fn fully_connected(map: &[u8], shape: Shape, weights: &Weights) -> Vec<i64> {
    let [_, _, _, units] = weights.shape();
    let mut potentials = Vec::new();
    for u in 0..units {
        let mut sum = 0i64;
        for i in 0..shape.x {
            for j in 0..shape.y {
                for c in 0..shape.c {
                    let x = map[(i * shape.y + j) * shape.c + c];
                    let row = c * shape.positions() + j * shape.x + i;
                    sum += i64::from(x) * i64::from(weights.at(0, 0, row, u));
                }
            }
        }
        potentials.push(sum);
    }
    potentials
}
