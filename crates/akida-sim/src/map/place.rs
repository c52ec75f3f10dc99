//! How many NPs each layer gets, in which pass, and which NPs these are (`docs/mapping.md`, rules 5 and 6).

use super::need::Need;
use super::skips::Channels;
use crate::device::{Mesh, NpType};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// How the NPs of a device are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MapMode {
    /// As many NPs as possible with as few passes as possible.
    #[default]
    AllNps,
    /// As many NPs and as many passes as possible. The chip is reprogrammed in parts while it runs.
    HwPr,
    /// As few NPs as possible.
    Minimal,
}

impl MapMode {
    /// The documented name, e.g. `"AllNps"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AllNps => "AllNps",
            Self::HwPr => "HwPr",
            Self::Minimal => "Minimal",
        }
    }
}

/// How the layers of a run share the NPs.
pub(super) struct Choice {
    /// The largest number of filters of one NP, the same for all layers.
    pub(super) cap: usize,
    /// The passes that follow from the cap, as ranges of layers.
    pub(super) passes: Vec<Range<usize>>,
}

/// Chooses for the layers of a run, each of which fits by itself. `channels` are those that each of them occupies.
pub(super) fn choose(needs: &[Need], channels: &Channels, mesh: &Mesh, mode: MapMode) -> Choice {
    let capacity = Capacity::of(mesh);
    let minimal = Choice {
        passes: capacity.pack(needs, channels, usize::MAX),
        cap: usize::MAX,
    };
    if mode == MapMode::Minimal {
        return minimal;
    }
    // Half of the mesh runs while the other half is programmed.
    let half = mesh.nps.len() / 2;
    // With larger caps each layer takes fewer NPs: where a cap is right, larger ones are too.
    let is_right = |&cap: &usize| {
        needs.iter().all(|n| capacity.alone(n, cap))
            && match mode {
                MapMode::HwPr => {
                    let small = |n: &Need| n.nps(cap) <= half.max(n.nps(usize::MAX));
                    needs.iter().all(small)
                }
                MapMode::AllNps | MapMode::Minimal => {
                    capacity.pack(needs, channels, cap).len() <= minimal.passes.len()
                }
            }
    };
    let mut caps: Vec<usize> = needs.iter().flat_map(|n| n.caps(mesh.nps.len())).collect();
    caps.sort_unstable();
    caps.dedup();
    let first = caps.partition_point(|cap| !is_right(cap));
    for &cap in &caps[first..] {
        let passes = capacity.pack(needs, channels, cap);
        let few_alone = || fully_alone(needs, &passes) <= fully_alone(needs, &minimal.passes);
        if mode != MapMode::HwPr || few_alone() {
            return Choice { cap, passes };
        }
    }
    minimal
}

/// How many passes hold nothing but fully connected layers.
fn fully_alone(needs: &[Need], passes: &[Range<usize>]) -> usize {
    let is_fully = |need: &Need| matches!(need.kind, Some(NpType::Fnp2 | NpType::Fnp3));
    let alone = |pass: &&Range<usize>| needs[(*pass).clone()].iter().all(is_fully);
    passes.iter().filter(alone).count()
}

/// What a mesh offers to a pass: its NPs, counted by what they can do, and its channels for skip connections.
///
/// An NP runs convolutions, one kind of fully connected layer, or both. What runs convolutions on Akida 2.0 runs temporal and
/// recurrent layers too.
struct Capacity {
    /// Channels for skip connections.
    channels: usize,
    /// NPs that run convolutions.
    convolution: usize,
    /// NPs that run fully connected layers with weights in external memory.
    external: Kind,
    /// NPs that run fully connected layers with weights in their own memory.
    internal: Kind,
}

/// NPs for one kind of fully connected layer.
#[derive(Default)]
struct Kind {
    /// NPs that run nothing else.
    only: usize,
    /// NPs that run convolutions too.
    or_convolution: usize,
}

impl Kind {
    /// How many of the NPs that run convolutions too `count` fully connected layers take.
    ///
    /// The layers take NPs that run nothing else first. `None` when there are too few NPs.
    fn taken(&self, count: usize) -> Option<usize> {
        let taken = count.saturating_sub(self.only);
        (taken <= self.or_convolution).then_some(taken)
    }
}

impl Capacity {
    fn of(mesh: &Mesh) -> Self {
        let kind = |kind: NpType| {
            let able = mesh.nps.iter().filter(|np| np.types.contains(&kind));
            let or_convolution = able
                .clone()
                .filter(|np| np.types.contains(&NpType::Cnp1))
                .count();
            Kind {
                only: able.count() - or_convolution,
                or_convolution,
            }
        };
        Self {
            channels: mesh.skip_channels.unwrap_or(usize::MAX),
            convolution: mesh.count(NpType::Cnp1),
            external: kind(NpType::Fnp2),
            internal: kind(NpType::Fnp3),
        }
    }

    /// Whether a pass that takes so much fits.
    fn holds(&self, taken: &Taken) -> bool {
        let external = self.external.taken(taken.external);
        let internal = self.internal.taken(taken.internal);
        match (external, internal) {
            (Some(a), Some(b)) => {
                taken.convolution.saturating_add(a + b) <= self.convolution
                    && taken.channels <= self.channels
            }
            _ => false,
        }
    }

    /// Whether a layer fits in a pass by itself, its skip connections left out.
    fn alone(&self, need: &Need, cap: usize) -> bool {
        self.holds(&Taken::default().with(need, cap))
    }

    /// The passes of some layers. A layer joins the pass of the layer before where it fits.
    fn pack(&self, needs: &[Need], channels: &Channels, cap: usize) -> Vec<Range<usize>> {
        let mut passes: Vec<Range<usize>> = Vec::new();
        let mut taken = Taken::default();
        for (index, need) in needs.iter().enumerate() {
            let together = Taken {
                channels: taken.channels + channels.begun[index],
                ..taken.with(need, cap)
            };
            match passes.last_mut() {
                Some(pass) if self.holds(&together) => {
                    pass.end = index + 1;
                    taken = together;
                }
                _ => {
                    passes.push(index..index + 1);
                    taken = Taken {
                        channels: channels.at[index],
                        ..Taken::default().with(need, cap)
                    };
                }
            }
        }
        passes
    }
}

/// What the layers of a pass take together.
#[derive(Clone, Copy, Default)]
struct Taken {
    channels: usize,
    convolution: usize,
    external: usize,
    internal: usize,
}

impl Taken {
    /// The same with the NPs of one more layer.
    fn with(mut self, need: &Need, cap: usize) -> Self {
        let count = match need.kind {
            None | Some(NpType::Hrc) => return self,
            Some(NpType::Cnp1 | NpType::TnpB | NpType::TnpR) => &mut self.convolution,
            Some(NpType::Fnp2) => &mut self.external,
            Some(NpType::Fnp3) => &mut self.internal,
        };
        *count = count.saturating_add(need.nps(cap));
        self
    }
}

/// The NPs of each layer of a pass, as indices into the mesh.
///
/// Fully connected layers choose first, from the end of the mesh. NPs that can do less are taken before NPs that can do more.
pub(super) fn assign(needs: &[Need], mesh: &Mesh, cap: usize) -> Vec<Vec<usize>> {
    let mut free = vec![true; mesh.nps.len()];
    let mut all = vec![Vec::new(); needs.len()];
    for kind in [
        NpType::Fnp2,
        NpType::Fnp3,
        NpType::TnpR,
        NpType::TnpB,
        NpType::Cnp1,
    ] {
        let mut suitable: Vec<usize> = (0..mesh.nps.len())
            .filter(|&i| free[i] && mesh.nps[i].types.contains(&kind))
            .collect();
        suitable.sort_by_key(|&i| {
            let from_the_end = matches!(kind, NpType::Fnp2 | NpType::Fnp3);
            let place = if from_the_end { mesh.nps.len() - i } else { i };
            (mesh.nps[i].types.len(), place)
        });
        let mut suitable = suitable.into_iter();
        for (need, nps) in needs.iter().zip(&mut all) {
            if need.kind == Some(kind) {
                nps.extend(suitable.by_ref().take(need.nps(cap)));
                nps.iter().for_each(|&i| free[i] = false);
            }
        }
    }
    all
}
