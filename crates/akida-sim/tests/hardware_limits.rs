//! `docs/hardware-limits.md` is written from the data of the devices; `UPDATE_DOCS=1 cargo test --test hardware_limits` writes it anew.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use akida_sim::device::CHIPS;
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "# Hardware limits

Written from the data in `crates/akida-sim/src/device/`; do not edit by hand. `stated` values are in public documentation, `inferred`
ones follow from published figures, `assumed` ones stand in for what nothing public says. `Model.check` and `cnn2snn map` report every
limit that a model breaks, with these sources.
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
    let limits = CHIPS[0].limits;
    assert!(
        CHIPS.iter().all(|chip| chip.limits == limits),
        "one section for all chips"
    );
    page.push_str(
        "\n## Layers of Akida 1.0\n\nThe same for all devices above. Sizes are (height, width).\n",
    );
    for (layer, all) in limits.all() {
        write!(
            page,
            "\n### {layer}\n\n| Rule | Allowed | Standing | Source |\n| --- | --- | --- | --- |\n"
        )
        .unwrap();
        for limit in all {
            let standing = limit.standing.name();
            writeln!(
                page,
                "| {} | {} | {standing} | {} |",
                limit.rule, limit.allowed, limit.source
            )
            .unwrap();
        }
    }
    page
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
