//! `docs/hardware-limits.md` is written from the data of the devices; `UPDATE_DOCS=1 cargo test --test hardware_limits` writes it anew.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use akida_sim::IpVersion;
use akida_sim::device::akida2::REVISIONS;
use akida_sim::device::{CHIPS, Limit, Limits};
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "# Hardware limits

Written from the data in `crates/akida-sim/src/device/`; do not edit by hand. `stated` values are in public documentation, `inferred`
ones follow from published figures, `assumed` ones stand in for what nothing public says. `Model.check` and `cnn2snn map` report every
limit that a model breaks, with these sources.
";

const AKIDA1: &str =
    "The same for all devices of Akida 1.0. Sizes are (height, width). A layer of Akida 2.0 is refused.
";
const AKIDA2: &str = "The same for all devices of Akida 2.0, as of release 2.14. Sizes are those of squares. A layer of Akida 1.0 is refused.
`Quantizer` and `Dequantizer` run on the host and obey no rule. `Add`, `InputData` and `StatefulRecurrent` have no published limit.
Outputs of more than 16 bits are accumulators, which leave the device as they are.

Nothing public tells memory, program sizes, speed, energy, or the number of channels for skip connections of an Akida 2.0 device. So the
devices above have none of these numbers, and `create_device` takes memory and channels as arguments.
";
const OLDER: &str = "Only what differs from the limits above. Such a device is called `TwoNodesIPv2@2.10` or `SixNodesIPv2@2.10`;
`create_device` has the argument `revision`.
";

fn page() -> String {
    let mut page = String::from(HEAD);
    for chip in CHIPS {
        write!(
            page,
            "\n## {}\n\n| | Value | Standing | Source |\n| --- | --- | --- | --- |\n",
            chip.name
        )
        .unwrap();
        for (what, value, standing, source) in chip.facts() {
            writeln!(
                page,
                "| {what} | {value} | {} | {source} |",
                standing.name()
            )
            .unwrap();
        }
        if let Some(timing) = chip.timing {
            writeln!(
                page,
                "\nEstimates on held-out models: latency {}, energy {} (`docs/mapping.md`).",
                timing.latency_error, timing.energy_error
            )
            .unwrap();
        }
    }
    for (generation, note) in [(IpVersion::V1, AKIDA1), (IpVersion::V2, AKIDA2)] {
        let mut chips = CHIPS.iter().filter(|c| c.limits.ip_version() == generation);
        let limits = chips.next().unwrap().limits;
        assert!(
            chips.all(|chip| chip.limits == limits),
            "one section for all chips of a generation"
        );
        write!(page, "\n## Layers of {generation}\n\n{note}").unwrap();
        write_limits(&mut page, &limits, None);
        if let Limits::Akida2(newest) = limits {
            for older in REVISIONS.iter().filter(|r| r.revision != newest.revision) {
                write!(
                    page,
                    "\n## Layers of {generation}, revision {}\n\n{OLDER}",
                    older.revision
                )
                .unwrap();
                write_limits(&mut page, &Limits::Akida2(older), Some(&limits));
            }
        }
    }
    page
}

/// Writes the tables of limits; with `but`, those limits alone that are others there.
fn write_limits(page: &mut String, limits: &Limits, but: Option<&Limits>) {
    for (layer, all) in limits.all() {
        let known = |limit: &Limit| {
            let mut other = but.into_iter().flat_map(|but| but.all());
            other.any(|(title, all)| title == layer && all.contains(&limit))
        };
        let shown: Vec<_> = all.into_iter().filter(|limit| !known(limit)).collect();
        if shown.is_empty() {
            continue;
        }
        write!(
            page,
            "\n### {layer}\n\n| Rule | Allowed | Standing | Source |\n| --- | --- | --- | --- |\n"
        )
        .unwrap();
        for limit in shown {
            let standing = limit.standing.name();
            writeln!(
                page,
                "| {} | {} | {standing} | {} |",
                limit.rule, limit.allowed, limit.source
            )
            .unwrap();
        }
    }
}

#[test]
fn the_page_on_hardware_limits_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/hardware-limits.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let held = std::fs::read_to_string(&path).unwrap();
    assert!(
        held == page,
        "run the test with UPDATE_DOCS=1 to write docs/hardware-limits.md anew"
    );
}
