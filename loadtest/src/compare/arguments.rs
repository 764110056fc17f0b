//! Arguments of `loadtest compare`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  loadtest compare before.json after.json
  loadtest compare before.json after.json --tolerance 2% --html compared.html
  loadtest compare a1.json b1.json --with-a a2.json a3.json --with-b b2.json b3.json

Exit codes: 0 nothing became worse · 1 something did, beyond noise and tolerance, or is no longer measured · 2 the runs cannot be compared";

/// Show what became better or worse between two runs of a scenario, and what is noise
///
/// A figure is worse when it moved in the wrong direction by more than the tolerance and by more than the noise. With several
/// runs of a side its figures are medians, and its noise is half of their range. The noise of a single run is estimated from
/// its own seconds, which cannot show what differs from run to run: measure each side three times where it matters.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Compare {
    /// The run that is the measure
    #[arg(value_name = "A.json")]
    pub(crate) a: PathBuf,
    /// The run that is held against it
    #[arg(value_name = "B.json")]
    pub(crate) b: PathBuf,
    /// Further runs of the side of A
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) with_a: Vec<PathBuf>,
    /// Further runs of the side of B
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) with_b: Vec<PathBuf>,
    /// Changes up to this part of a figure are none
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = tolerance)]
    pub(crate) tolerance: f64,
    /// Show every figure, also those that did not change
    #[arg(long)]
    pub(crate) all: bool,
    /// Write the comparison with plots: one page that needs no network
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// `5%`, `5 %` or `5`, as a part of one.
fn tolerance(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let percent = number.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.map(|percent: f64| percent / 100.0).ok_or_else(|| "expected 0% to 100%, such as 5%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::tolerance;

    #[test]
    fn a_tolerance_is_a_percentage() {
        assert_eq!(["5%", "2.5 %", "10"].map(tolerance), [Ok(0.05), Ok(0.025), Ok(0.1)]);
        assert!(["", "-1", "101%", "nan", "five"].iter().all(|text| tolerance(text).is_err()));
    }
}
